"""`python -m growsoft.cli.setup`: what an instance needs before it serves: control database, demo, first backup, links.

Runs as the keeper's user at every start; what is there already is left as it is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Final

import click

from growsoft.apps.instance.directory import Located, customer_apps
from growsoft.auth.passwords import create_link
from growsoft.cli.databases import ADMIN_LOGIN, create_database, first_administrator, link_address
from growsoft.cli.instance import Instance, open_instance
from growsoft.errors import GrowsoftError
from growsoft.orm import Env

DEMO: Final = "demo"

# What other distributions do at a start, after the databases are there: the cloud takes the first backup.
HOOKS: Final = "growsoft.setup"

Say = Callable[[str], None]


def set_up(instance: Instance, say: Say) -> dict[str, str]:
    """Bring the instance to where it can serve; give the one-time link of each administrator."""
    links = {"control": _control(instance, say)}
    demo = _demo(instance, say)
    if demo:
        links[DEMO] = demo
    for entry in entry_points(group=HOOKS):
        hook: Callable[[Instance, Say], None] = entry.load()
        hook(instance, say)
    return links


def _control(instance: Instance, say: Say) -> str:
    control = instance.facts.control
    with instance.keeper() as keeper:
        if not keeper.create_database(control.pg_name, control.uuid, control.apps).new:
            keeper.apply_declarations(control.pg_name)  # a home of another version says so here, in one sentence
            return _link(instance, control)
        say("Made the control database.")
        return first_administrator(instance, keeper, control)


def _demo(instance: Instance, say: Say) -> str:
    if not instance.settings.demo or "sale" not in customer_apps():
        return ""
    with instance.env(instance.facts.control, "the demo database is looked for") as env:
        rows = env["instance.database"].search_read([["name", "=", DEMO]], ["state"])
    if not rows:
        say("Filling the demo database with Northwind ...")
        made = create_database(instance, DEMO, "trial", fill=_northwind)
        say(f"Made the demo database in {made.seconds:.1f} s.")
        return made.admin_link
    if any(row["state"] == "active" for row in rows):
        return _link(instance, instance.find(DEMO))
    return ""


def _northwind(env: Env) -> object:
    from growsoft.apps.sale.demo import load_northwind

    return load_northwind(env)


def _link(instance: Instance, where: Located) -> str:
    """Make a fresh link for an administrator: until a password was chosen, and for a start on one's own machine."""
    with instance.env(where, "a start prints a one-time sign-in link") as env:
        users = env["res.users"].search([["login", "=", ADMIN_LOGIN], ["active", "=", True]])
        if not users:
            return ""
        token = create_link(env, users.id)
    return link_address(instance, where.name, token)


def main() -> int:
    """Set up; progress goes to standard error, the links as JSON to standard output."""
    try:
        with open_instance() as instance:
            links = set_up(instance, lambda text: click.echo(text, err=True))
    except GrowsoftError as error:
        click.echo(f"Error: {error.message}", err=True)
        return 1
    json.dump(links, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
