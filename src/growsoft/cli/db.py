"""`growsoft db`: customers' databases."""

from __future__ import annotations

from datetime import datetime
from importlib.metadata import entry_points
from typing import Final

import click
import msgspec

from growsoft.apps.instance.models import PRESENT, CustomerDatabase, Plan, State
from growsoft.cli.app import show
from growsoft.cli.copying import copy_database
from growsoft.cli.databases import create_database, drop_database
from growsoft.cli.errors import NeedsConfirmation, UsageError
from growsoft.cli.instance import Instance, open_instance
from growsoft.cli.lifecycle import backup_before, outdated
from growsoft.cli.output import print_json, print_rows
from growsoft.cli.upgrading import rehearsed, show_rehearsal, upgrade_all, upgraded
from growsoft.postgres.keeper import KeeperUnavailable

GROUP: Final = "growsoft.db_commands"
KEEPER_SECONDS: Final = 10.0
COLUMNS: Final = ("name", "uuid", "plan", "state", "url", "apps", "created", "dropped", "upgrade")


class Row(msgspec.Struct):
    """A database as `db list` shows it."""

    name: str
    uuid: str
    plan: str
    state: str
    url: str
    apps: list[str]
    created: datetime | None
    dropped: datetime | None
    # What to type when it is not served, because its apps are older than the installed ones.
    upgrade: str


class Verbs(click.Group):
    """The commands here, and those that other distributions bring by the entry points ``growsoft.db_commands``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give all names."""
        return sorted({*super().list_commands(ctx), *(entry.name for entry in entry_points(group=GROUP))})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Give one command; what is brought is imported only now."""
        own = super().get_command(ctx, cmd_name)
        found = [entry for entry in entry_points(group=GROUP) if entry.name == cmd_name]
        if own is not None or not found:
            return own
        brought = found[0].load()
        if not isinstance(brought, click.Command):
            raise TypeError(f"{found[0].value} is no command")
        return brought


@click.group(cls=Verbs)
def db() -> None:
    """Create, list, copy, upgrade and drop customers' databases."""


@db.command()
@click.argument("name")
@click.option("--plan", type=click.Choice([plan.value for plan in Plan]), default=Plan.PAID.value, show_default=True,
              help="What the customer has taken.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print name, url, admin_link and seconds as JSON.")
def create(name: str, plan: str, *, as_json: bool) -> None:
    """Create a database, served at https://NAME.localhost:PORT."""
    with open_instance() as instance:
        made = create_database(instance, name, plan)
    seconds = round(made.seconds, 3)
    if as_json:
        print_json({"name": made.where.name, "url": made.url, "admin_link": made.admin_link, "seconds": seconds})
    else:
        click.echo(f"{made.where.name} is ready at {made.url} ({seconds:.2f} s).")
        click.echo(f"Sign in as its administrator once, within 24 hours: {made.admin_link}")


@db.command("list")
@click.option("--all", "everything", is_flag=True, help="Dropped databases too.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_(*, everything: bool, as_json: bool) -> None:
    """List databases."""
    with open_instance() as instance:
        rows = _rows(instance, everything=everything)
    print_rows([msgspec.structs.asdict(row) for row in rows], COLUMNS, as_json=as_json)


@db.command()
@click.argument("name")
@click.option("--confirm", default="", metavar="NAME", help="The name once more: a drop takes effect at once.")
@click.option("--without-backup", is_flag=True, help="Drop it also when no backup can be taken.")
@click.option("--json", "as_json", is_flag=True, help="Print what was dropped as JSON.")
def drop(name: str, confirm: str, *, without_backup: bool, as_json: bool) -> None:
    """Drop a database and its login, after a last backup; record, key and backups stay for 92 days."""
    with open_instance() as instance:
        if instance.find(name) == instance.facts.control:
            raise UsageError("The control database is the registry of all others; it cannot be dropped.")
        if confirm != name:
            raise NeedsConfirmation(
                f"This drops the database {name} at once; its backups stay for 92 days."
                f" Type: growsoft db drop {name} --confirm {name}"
            )
        backup = "" if without_backup else backup_before(instance, name, "drop")
        drop_database(instance, name)
    if as_json:
        print_json({"name": name, "state": State.DROPPED.value, "backup": backup})
    else:
        click.echo(f"{name} was dropped. What can be restored for 92 days: growsoft backup list {name}")


@db.command()
@click.argument("source")
@click.argument("name")
@click.option("--staging", is_flag=True, help="For tests: schedules off, waiting jobs cancelled, TEST on every page.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def copy(source: str, name: str, *, staging: bool, as_json: bool) -> None:
    """Copy the database SOURCE with its files into the new database NAME, while SOURCE is in use."""
    with open_instance() as instance:
        done = copy_database(instance, source, name, staging=staging)
    seconds = round(done.seconds, 3)
    if as_json:
        counts = {"files": done.files, "schedules": done.schedules, "jobs": done.jobs, "seconds": seconds}
        print_json({"name": name, "uuid": str(done.where.uuid), "url": done.url, "staging": staging, **counts})
        return
    click.echo(f"{name} is a copy of {source} at {done.url}, with {done.files} files ({seconds:.2f} s).")
    if staging:
        click.echo(f"{done.schedules} schedules are off in it, and {done.jobs} waiting jobs cancelled.")


@db.command()
@click.argument("name", default="")
@click.option("--all", "everything", is_flag=True, help="Every database that waits for its upgrade.")
@click.option("--rehearse", is_flag=True, help="Upgrade a copy, say what came of it, and drop the copy.")
@click.option("--without-backup", is_flag=True, help="Go on when no backup can be taken; not undone later.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; with --all an array.")
def upgrade(name: str, *, everything: bool, rehearse: bool, without_backup: bool, as_json: bool) -> None:
    """Bring a database to the installed versions of its apps, after a backup."""
    if everything == bool(name) or (everything and rehearse):
        raise UsageError("Name one database, or say --all: growsoft db upgrade NAME [--rehearse]")
    with open_instance() as instance:
        if rehearse:
            show_rehearsal(rehearsed(instance, name), as_json=as_json)
        elif everything:
            upgrade_all(instance, without_backup=without_backup, as_json=as_json)
        else:
            show(upgraded(instance, name, without_backup=without_backup), as_json=as_json)


@db.command()
@click.argument("name")
@click.option("--role", type=click.Choice(["app"]), default="app", help="The application's own login.")
@click.option("--json", "as_json", is_flag=True, help="Print the parts as JSON.")
def dsn(name: str, role: str, *, as_json: bool) -> None:
    """Print the connection string of a database's login, for an inspection of the wall. It holds a password."""
    with open_instance() as instance:
        endpoint = instance.database(instance.find(name)).endpoint
    if as_json:
        print_json({"role": role, "host": endpoint.host, "port": endpoint.port, "dbname": endpoint.dbname,
                    "user": endpoint.user, "password": endpoint.password, "dsn": endpoint.dsn()})  # fmt: skip
    else:
        click.echo(endpoint.dsn())


def _waiting(instance: Instance) -> set[str]:
    """Name the databases that wait for an upgrade; none where the keeper, who alone knows, is at a loss."""
    try:
        return set(outdated(instance, KEEPER_SECONDS))
    except KeeperUnavailable as error:
        click.echo(f"Which databases wait for an upgrade is not known: {error.message}", err=True)
        return set()


def _rows(instance: Instance, *, everything: bool) -> list[Row]:
    wanted = list(State) if everything else list(PRESENT)
    waiting = _waiting(instance)
    with instance.env(instance.facts.control, "the command line lists databases") as env:
        found = env[CustomerDatabase].search(CustomerDatabase.state.in_(wanted), order="name, id")
        return [
            Row(
                one.name,
                one.uuid,
                one.plan.value,
                one.state.value,
                instance.url(one.name),
                one.apps.split(","),
                one.create_date,
                one.dropped_at,
                f"growsoft db upgrade {one.name}" if one.name in waiting and one.state in PRESENT else "",
            )
            for one in found
        ]
