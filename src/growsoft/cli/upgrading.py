"""Upgrades by the command line: of one database, of all that wait for theirs, and rehearsed on a copy."""

from __future__ import annotations

import click
import msgspec

from growsoft.cli.app import difference, show
from growsoft.cli.instance import Instance
from growsoft.cli.lifecycle import Changed, change_apps, outdated, steps
from growsoft.cli.output import print_json, print_rows
from growsoft.errors import GrowsoftError
from growsoft.keeper.verbs import Rehearsed


class NotAllUpgraded(GrowsoftError):
    """Some databases could not be upgraded; they are as they were."""


class Failure(msgspec.Struct):
    """A database that was not upgraded."""

    database: str
    error: str


class Rehearsal(msgspec.Struct):
    """What an upgrade would do: the versions, the rows of tables that would have others, and how long it would take."""

    database: str
    before: dict[str, str]
    apps: dict[str, str]
    rows: dict[str, tuple[int, int]]
    statements: tuple[str, ...]
    notes: tuple[str, ...]
    copy_seconds: float
    upgrade_seconds: float


def upgraded(instance: Instance, name: str, *, without_backup: bool) -> Changed:
    """Upgrade one database, also the control database."""
    where = instance.find(name)
    return change_apps(
        instance, where, lambda keeper, pg_name: keeper.upgrade_apps(pg_name),
        purpose="upgrade", without_backup=without_backup,
    )  # fmt: skip


def upgrade_all(instance: Instance, *, without_backup: bool, as_json: bool) -> None:
    """Upgrade what waits for it, one after the other; one that fails holds no other up."""
    told: list[Changed | Failure] = []
    for name in outdated(instance):
        try:
            done = upgraded(instance, name, without_backup=without_backup)
        except GrowsoftError as error:
            told.append(Failure(name, error.message))
            click.echo(f"{name}: {error.message}", err=True)
        else:
            told.append(done)
            if not as_json:
                show(done, as_json=False)
    if as_json:
        print_json(told)
    elif not told:
        click.echo("No database waits for an upgrade.")
    if failed := [one.database for one in told if isinstance(one, Failure)]:
        raise NotAllUpgraded(f"{', '.join(failed)}: not upgraded, and as before. Then: growsoft db upgrade --all")


def rehearsed(instance: Instance, name: str) -> Rehearsal:
    """Rehearse the upgrade of one database on a copy."""
    where = instance.find(name)
    with steps() as tell, instance.keeper(tell) as keeper:
        return _told(name, keeper.rehearse_upgrade(where.pg_name))


def show_rehearsal(told: Rehearsal, *, as_json: bool) -> None:
    """Tell what an upgrade would do."""
    if as_json:
        print_json(told)
        return
    click.echo(f"{told.database}: {difference(told.before, told.apps)}.", err=True)
    for note in (*told.statements, *told.notes):
        click.echo(f"  {note}", err=True)
    rows = [{"table": table, "before": old, "after": new} for table, (old, new) in told.rows.items()]
    print_rows(rows, ("table", "before", "after"), as_json=False)
    click.echo(
        f"The copy took {told.copy_seconds:.1f} s and is gone, its upgrade {told.upgrade_seconds:.1f} s."
        f" To do it: growsoft db upgrade {told.database}",
        err=True,
    )


def _told(name: str, done: Rehearsed) -> Rehearsal:
    upgrade = done.upgrade
    return Rehearsal(
        name, upgrade.before, upgrade.apps, done.rows, upgrade.statements, upgrade.notes, done.copy_seconds,
        done.upgrade_seconds,
    )  # fmt: skip
