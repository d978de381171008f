"""`python -m growsoft.cli.setup`: what an instance needs before it serves: control database, demo, first backup, links.

Runs as the keeper's user at every start; what is there already is left as it is.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Final

import msgspec

from growsoft.apps.instance.directory import customer_apps
from growsoft.apps.instance.models import CustomerDatabase, Plan, State
from growsoft.cli.databases import DEMO, create_database, finish_interrupted
from growsoft.cli.instance import Instance, open_instance
from growsoft.cli.lifecycle import finish_upgrades
from growsoft.cli.setup_unit import Told
from growsoft.cli.setup_upgrades import upgrade_control, upgrade_demo
from growsoft.cli.users import administrator_link
from growsoft.errors import GrowsoftError
from growsoft.orm import Env

# What other distributions do at a start, after the databases are there: the cloud takes the first backup.
HOOKS: Final = "growsoft.setup"

Say = Callable[[str], None]


def set_up(instance: Instance, say: Say) -> dict[str, str]:
    """Bring the instance to where it can serve; give the one-time link of each administrator."""
    links = {"control": _control(instance, say)}
    for line in (*finish_interrupted(instance), *finish_upgrades(instance)):
        say(line)
    upgrade_demo(instance, say)
    links.update(_demo(instance, say))
    for entry in entry_points(group=HOOKS):
        hook: Callable[[Instance, Say], None] = entry.load()
        hook(instance, say)
    return links


def _control(instance: Instance, say: Say) -> str:
    control = instance.facts.control
    with instance.keeper() as keeper:
        if control.pg_name in {database.name for database in keeper.list_cluster().databases}:
            upgrade_control(instance, keeper, say)
        elif keeper.create_database(control.pg_name, control.uuid, control.apps).new:
            say("Made the control database.")
        keeper.apply_declarations(control.pg_name)
        return administrator_link(instance, keeper, control)


def _demo(instance: Instance, say: Say) -> Iterator[tuple[str, str]]:
    """Make the demo database once; one that was dropped stays away."""
    with instance.env(instance.facts.control, "the demo database is looked for") as env:
        states = env[CustomerDatabase].search(CustomerDatabase.name == DEMO).mapped(CustomerDatabase.state)
    if State.ACTIVE in states:
        yield DEMO, _demo_link(instance, say)
    elif not states and instance.settings.demo and "sale" in customer_apps():
        say("Filling the demo database with Northwind ...")
        made = create_database(instance, DEMO, Plan.TRIAL.value, fill=_northwind)
        with instance.keeper() as keeper:
            keeper.install_apps(made.where.pg_name, made.where.apps, demo=True)
        say(f"Made the demo database in {made.seconds:.1f} s.")
        yield DEMO, made.admin_link


def _demo_link(instance: Instance, say: Say) -> str:
    """Give a link to the demo database; a start does not fail because of it."""
    where = instance.find(DEMO)
    try:
        with instance.keeper() as keeper:
            keeper.apply_declarations(where.pg_name)
            return administrator_link(instance, keeper, where)
    except GrowsoftError as error:
        say(f"No link to {DEMO}: {error.message}")
        return ""


def _northwind(env: Env) -> object:
    from growsoft.apps.sale.demo import load_northwind

    return load_northwind(env)


def main() -> int:
    """Set up; each line of standard output is a `Told`."""
    try:
        with open_instance() as instance:
            links = set_up(instance, lambda text: _tell(Told(step=text)))
    except GrowsoftError as error:
        _tell(Told(error=error.message))
        return 1
    except Exception as error:  # noqa: BLE001 - whoever started us reads a sentence, not a traceback
        traceback.print_exc()
        short = f"{type(error).__name__}: {error}".partition("\n")[0]
        _tell(Told(error=f"The instance could not be set up ({short}); log/setup.log in the home has the traceback."))
        return 1
    _tell(Told(links=links))
    return 0


def _tell(told: Told) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
