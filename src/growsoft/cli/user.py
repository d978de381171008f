"""`growsoft user`: who signs in to a database."""

from __future__ import annotations

import sys

import click

from growsoft.apps.base.models import Users
from growsoft.cli.databases import add_user_to, link_for
from growsoft.cli.errors import UsageError
from growsoft.cli.instance import open_instance
from growsoft.cli.output import print_json, print_rows

# What people say for the group that every database has.
SHORT_NAMES = {"admin": "base.admin", "user": "base.user"}


@click.group()
def user() -> None:
    """Add and list the users of a database, and make sign-in links."""


@user.command()
@click.argument("db")
@click.argument("login")
@click.option(
    "--group", "groups", multiple=True, default=("base.user",), help="`admin`, or app.group; can be repeated."
)
@click.option("--password", help="A password; others on this machine may see it while the command runs.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--json", "as_json", is_flag=True, help="Print id, login and link as JSON.")
def add(
    db: str, login: str, groups: tuple[str, ...], password: str | None, *, password_stdin: bool, as_json: bool
) -> None:
    """Add a user. Without a password the answer has a one-time link to choose one."""
    if password is not None and password_stdin:
        raise UsageError("Give --password or --password-stdin, not both.")
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
        if not password:
            raise UsageError("There was no password on standard input.")
    with open_instance() as instance:
        told = add_user_to(instance, db, login, [SHORT_NAMES.get(group, group) for group in groups], password)
    if as_json:
        print_json(told)
        return
    click.echo(f"{login} can sign in at {told['url']}.")
    if "link" in told:
        click.echo(f"One-time link, good for 24 hours: {told['link']}")


@user.command("list")
@click.argument("db")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_(db: str, *, as_json: bool) -> None:
    """List the users of a database."""
    with open_instance() as instance, instance.env(instance.find(db), "the command line lists users") as env:
        rows = [
            {
                "id": one.id,
                "login": one.login,
                "name": one.name,
                "active": one.active,
                "groups": sorted(group.key or group.name for group in one.groups_id),
            }
            for one in env[Users].search(~Users.login.like("__"), order="login")
        ]
    print_rows(rows, ("id", "login", "name", "active", "groups"), as_json=as_json)


@user.command("reset-link")
@click.argument("db")
@click.argument("login")
@click.option("--json", "as_json", is_flag=True, help="Print the link as JSON.")
def reset_link(db: str, login: str, *, as_json: bool) -> None:
    """Make a one-time link with which a user signs in and chooses a new password."""
    with open_instance() as instance:
        link = link_for(instance, db, login)
    if as_json:
        print_json({"login": login, "link": link})
    else:
        click.echo(link)
