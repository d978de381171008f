"""`growsoft user`: who signs in to a database."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Final

import click

from growsoft.apps.base.models import Users
from growsoft.auth.keys import DAYS, Scope, create_key, drop_key, keys_of
from growsoft.cli.errors import NotFound, UsageError
from growsoft.cli.instance import open_instance
from growsoft.cli.output import print_json, print_rows
from growsoft.cli.users import ADMIN_GROUP, PEOPLE, add_user_to, link_for
from growsoft.orm import Env

# What people say for the groups that every database has.
SHORT_NAMES: Final = {"admin": ADMIN_GROUP, "user": "base.user"}
COLUMNS: Final = ("id", "login", "name", "active", "groups")


@click.group()
def user() -> None:
    """Add and list the users of a database, and make sign-in links."""


@user.command()
@click.argument("db")
@click.argument("login")
@click.option("--group", "groups", multiple=True, default=("base.user",), show_default=True,
              help="`admin`, `user` or app.group; can be repeated.")  # fmt: skip
@click.option("--password", help="A password; others on this machine may see it while the command runs.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--json", "as_json", is_flag=True, help="Print id, login, groups, url and link as JSON.")
def add(
    db: str, login: str, groups: tuple[str, ...], password: str | None, *, password_stdin: bool, as_json: bool
) -> None:
    """Add a user. Without a password the answer has a one-time link to choose one."""
    given = _password(password, stdin=password_stdin)
    with open_instance() as instance:
        added = add_user_to(instance, db, login, [SHORT_NAMES.get(group, group) for group in groups], given)
    if as_json:
        print_json(added)
        return
    click.echo(f"{login} can sign in at {added.url}.")
    if added.link:
        click.echo(f"One-time link, good for 24 hours: {added.link}")


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
            for one in env[Users].search(PEOPLE, order="login")
        ]
    print_rows(rows, COLUMNS, as_json=as_json)


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


@user.group()
def key() -> None:
    """Make, list and drop the keys with which a user's software signs in."""


@key.command("add")
@click.argument("db")
@click.argument("login")
@click.option("--name", required=True, help="What the key is for.")
@click.option("--days", type=click.IntRange(1, 366), default=DAYS, show_default=True, help="How long it is good for.")
@click.option("--model", "models", multiple=True, metavar="MODEL", help="Only records of this model; can be repeated.")
@click.option("--read-only", is_flag=True, help="Only for reading.")
@click.option("--network", "networks", multiple=True, help="Only from this network, such as 192.0.2.0/24.")
@click.option("--json", "as_json", is_flag=True, help="Print id, name and key as JSON.")
def key_add(
    db: str,
    login: str,
    name: str,
    days: int,
    models: tuple[str, ...],
    networks: tuple[str, ...],
    *,
    read_only: bool,
    as_json: bool,
) -> None:
    """Make a key. It is shown now and never again."""
    with _elevated(db, "the command line makes a key for somebody") as env:
        number, made = create_key(env, _user_id(env, login), name, days, Scope(models, read_only, networks))
    if as_json:
        print_json({"id": number, "name": name, "key": made})
    else:
        click.echo(made)


@key.command("list")
@click.argument("db")
@click.argument("login")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def key_list(db: str, login: str, *, as_json: bool) -> None:
    """List the keys of a user, and when each was last used."""
    with _elevated(db, "the command line lists keys") as env:
        rows = [asdict(one) for one in keys_of(env, _user_id(env, login))]
    print_rows(rows, ("id", "name", "created_at", "expires_at", "used_at", "scope", "networks"), as_json=as_json)


@key.command("drop")
@click.argument("db")
@click.argument("login")
@click.argument("number", type=int)
@click.option("--json", "as_json", is_flag=True, help="Print the id of the key as JSON.")
def key_drop(db: str, login: str, number: int, *, as_json: bool) -> None:
    """Drop a key: whatever uses it is refused from now on."""
    with _elevated(db, "the command line drops a key") as env:
        drop_key(env, _user_id(env, login), number)
    if as_json:
        print_json({"id": number})
    else:
        click.echo(f"Key {number} of {login} is gone.")


@contextmanager
def _elevated(db: str, reason: str) -> Generator[Env]:
    with open_instance() as instance, instance.env(instance.find(db), reason) as env:
        yield env


def _user_id(env: Env, login: str) -> int:
    found = env[Users].search(Users.login == login)
    if not found:
        raise NotFound(f"There is no user {login}; `growsoft user list` shows who is there.")
    return found.id


def _password(given: str | None, *, stdin: bool) -> str | None:
    """Return the password that was given in one way or the other."""
    if not stdin:
        return given
    if given is not None:
        raise UsageError("Give --password or --password-stdin, not both.")
    try:
        read = sys.stdin.readline().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise UsageError("The password on standard input is no UTF-8 text.") from error
    if not read:
        raise UsageError("There was no password on standard input.")
    return read
