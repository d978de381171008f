"""`growsoft app`: the apps of a customer's database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import click
import msgspec

from growsoft.apps.instance.directory import control_apps
from growsoft.cli.app_docs import docs
from growsoft.cli.app_new import new
from growsoft.cli.errors import NeedsConfirmation, NotFound
from growsoft.cli.instance import open_instance
from growsoft.cli.lifecycle import Changed, change_apps, customer_database
from growsoft.cli.output import print_json, print_rows
from growsoft.cli.terminal import printable
from growsoft.keeper.verbs import AppsListed
from growsoft.orm import App
from growsoft.orm.registry import installed_apps

COLUMNS: Final = ("name", "state", "version", "available", "category", "summary")

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_without = click.option("--without-backup", is_flag=True, help="Go on when no backup can be taken; not undone later.")


class Row(msgspec.Struct):
    """An app as `app list` shows it; `version` is the database's, `available` the one that is installed here."""

    name: str
    state: str
    version: str
    available: str
    category: str
    summary: str
    depends: list[str]


@click.group()
def app() -> None:
    """Install, upgrade and uninstall the apps of a database."""


app.add_command(new)
app.add_command(docs)


@app.command("list")
@click.argument("database")
@_json
def list_(database: str, *, as_json: bool) -> None:
    """List the apps that DATABASE has or could have."""
    with open_instance() as instance:
        where = instance.find(database)
        with instance.keeper() as keeper:
            told = keeper.list_apps(where.pg_name)
    rows = _rows(told, installed_apps(), control=where == instance.facts.control)
    print_rows([msgspec.structs.asdict(row) for row in rows], COLUMNS, as_json=as_json)


@app.command()
@click.argument("database")
@click.argument("app_name", metavar="APP")
@click.option("--demo", is_flag=True, help="Take the apps' demo records too: the database becomes a demo database.")
@_without
@_json
def install(database: str, app_name: str, *, demo: bool, without_backup: bool, as_json: bool) -> None:
    """Install APP in DATABASE with all it depends on, after a backup."""
    _refuse_unknown(app_name)
    with open_instance() as instance:
        where = customer_database(instance, database)
        done = change_apps(
            instance, where, lambda keeper, name: keeper.install_apps(name, [app_name], demo=demo),
            purpose="install", without_backup=without_backup,
        )  # fmt: skip
    show(done, as_json=as_json)


@app.command()
@click.argument("database")
@click.argument("app_name", metavar="[APP]", default="")
@_without
@_json
def upgrade(database: str, app_name: str, *, without_backup: bool, as_json: bool) -> None:
    """Bring DATABASE to the installed versions of its apps, after a backup; load the files of APP in any case."""
    with open_instance() as instance:
        where = customer_database(instance, database)
        done = change_apps(
            instance, where, lambda keeper, name: keeper.upgrade_apps(name, [app_name] if app_name else []),
            purpose="upgrade", without_backup=without_backup,
        )  # fmt: skip
    show(done, as_json=as_json)


@app.command()
@click.argument("database")
@click.argument("app_name", metavar="APP")
@click.option("--confirm", default="", metavar="APP", help="The app once more: what its tables hold goes at once.")
@_without
@_json
def uninstall(database: str, app_name: str, confirm: str, *, without_backup: bool, as_json: bool) -> None:
    """Uninstall APP from DATABASE with all that its tables and fields hold, after a backup."""
    with open_instance() as instance:
        where = customer_database(instance, database)
        if confirm != app_name:
            raise NeedsConfirmation(
                f"This deletes everything that {app_name} holds in {database}."
                f" Type: growsoft app uninstall {database} {app_name} --confirm {app_name}"
            )
        done = change_apps(
            instance, where, lambda keeper, name: keeper.uninstall_apps(name, [app_name]),
            purpose="uninstall", without_backup=without_backup,
        )  # fmt: skip
    show(done, as_json=as_json)


def show(done: Changed, *, as_json: bool) -> None:
    """Tell what became of the apps of a database."""
    if as_json:
        print_json(done)
        return
    if not done.changed:
        click.echo(f"{done.database} has its apps already; nothing was changed.")
        return
    backup = f", backup {done.backup}" if done.backup else ", without a backup"
    click.echo(f"{done.database}: {difference(done.before, done.apps)} ({done.seconds:.1f} s{backup}).")
    for note in done.notes:
        click.echo(f"  {note}", err=True)
    for finding in done.findings:
        click.echo(printable(f"  {finding.model}: {finding.kind}: {finding.text}"), err=True)


def difference(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Say in words what two sets of apps with versions differ in."""
    parts = [f"{name} {version} installed" for name, version in after.items() if name not in before]
    parts += [f"{name} {old} to {after[name]}" for name, old in before.items() if after.get(name, old) != old]
    parts += [f"{name} uninstalled" for name in before if name not in after]
    return ", ".join(parts) or "the same apps, brought up to date"


def _rows(told: AppsListed, available: Mapping[str, App], *, control: bool) -> list[Row]:
    hidden = () if control else control_apps()
    offered = {name: app for name, app in available.items() if name in told.apps or not (control or name in hidden)}
    return [_row(name, told.apps.get(name, ""), offered.get(name)) for name in sorted({*told.apps, *offered})]


def _row(name: str, version: str, found: App | None) -> Row:
    if found is None:
        return Row(name, "code is missing", version, "", "", "", [])
    state = "available" if not version else "installed" if version == found.version else "to be upgraded"
    return Row(name, state, version, found.version, found.category, found.summary, list(found.depends))


def _refuse_unknown(name: str) -> None:
    offered = sorted(set(installed_apps()) - set(control_apps()))
    if name not in offered:
        raise NotFound(f"There is no app {name[:60]!r}; there are: {', '.join(offered)}.")
