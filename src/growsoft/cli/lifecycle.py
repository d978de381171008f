"""What commands do with the apps of a database: a backup first, then the keeper's verb while nobody is served."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import entry_points
from typing import Final

import click
import msgspec

from growsoft.apps.instance.directory import REMEMBER, Located
from growsoft.apps.instance.models import CustomerDatabase, State
from growsoft.cli.errors import NotFound, UsageError
from growsoft.cli.instance import Instance
from growsoft.errors import GrowsoftError
from growsoft.keeper.port import Port
from growsoft.keeper.verbs import AppsChanged, Progress
from growsoft.orm.lint import Finding, lint

# By this group whoever keeps backups takes one of a database before it is changed. Each gives the backup's name, and
# raises when there is none that is complete.
HOOKS: Final = "growsoft.backup_before"
PATIENCE: Final = 2.0

BackupHook = Callable[[Instance, str, str], str]
Ask = Callable[[Port, str], AppsChanged]


class NoBackup(GrowsoftError):
    """No backup could be taken, so nothing was changed."""


class Changed(msgspec.Struct):
    """What became of the apps of one database; `backup` names the one that was taken before.

    `findings` are what is odd about its rules now, as `growsoft access lint` tells it.
    """

    database: str
    changed: bool
    before: dict[str, str]
    apps: dict[str, str]
    backup: str
    notes: tuple[str, ...]
    seconds: float
    findings: tuple[Finding, ...] = ()


def change_apps(
    instance: Instance, where: Located, ask: Ask, *, purpose: str, without_backup: bool = False, served: bool = True
) -> Changed:
    """Back a database up, then change its apps while it shows a page that says so; it is served again afterwards.

    Whatever fails, it is served as it was before. Raises `NoBackup` when none can be taken and nobody waived it.
    Where nothing is `served` yet, workers need no time to notice.
    """
    backup = "" if without_backup else backup_before(instance, where.name, purpose)
    with steps() as tell, _unserved(instance, where, REMEMBER if served else 0), instance.keeper(tell) as keeper:
        done = ask(keeper, where.pg_name)
        if where != instance.facts.control:
            note_apps(instance, where, done.apps)
    # An app that went has no tables any more.
    findings = linted(instance, replace(where, apps=tuple(done.apps))) if done.changed else ()
    return Changed(where.name, done.changed, done.before, done.apps, backup, done.notes, done.seconds, findings)


def linted(instance: Instance, where: Located) -> tuple[Finding, ...]:
    """Look at the rules that a database has now: whoever brings an app is there to read what is odd about them."""
    with instance.env(where, "the rules of apps that were changed are looked at") as env:
        return tuple(lint(env))


def backup_before(instance: Instance, name: str, purpose: str) -> str:
    """Have a backup taken; give its name."""
    hooks = list(entry_points(group=HOOKS))
    if not hooks:
        raise NoBackup(
            "Nothing here takes backups, so nothing was changed; say --without-backup to do it all the same."
        )
    hook: BackupHook = hooks[0].load()
    try:
        return hook(instance, name, purpose)
    except GrowsoftError as error:
        raise NoBackup(
            f"{NoBackup.default_message()} {error.message} Mend that, or say --without-backup to do it all the same."
        ) from error


def outdated(instance: Instance, patience: float | None = None) -> list[str]:
    """Name the databases that belong to other versions of their apps than are installed.

    Raises ``KeeperUnavailable`` when the keeper is silent for ``patience`` seconds.
    """
    with instance.keeper(patience=patience) as keeper:
        waiting = {entry.name for entry in keeper.list_cluster().databases if entry.outdated}
    with instance.env(instance.facts.control, "databases that wait for an upgrade are looked for") as env:
        found = env[CustomerDatabase].search(CustomerDatabase.state.in_([State.ACTIVE, State.UPGRADING]), order="name")
        names = [one.name for one in found if one.pg_name in waiting]
    return ["control", *names] if instance.facts.control.pg_name in waiting else names


def finish_upgrades(instance: Instance) -> Iterator[str]:
    """Let databases be served again whose upgrade was interrupted: the keeper knows whether it came to its end."""
    with instance.env(instance.facts.control, "interrupted upgrades are looked for") as env:
        found = env[CustomerDatabase].search(CustomerDatabase.state == State.UPGRADING)
        places = [(one.name, one.pg_name) for one in found]
    for name, pg_name in places:
        with instance.keeper() as keeper:
            apps = keeper.list_apps(pg_name).apps
        with instance.env(instance.facts.control, "an interrupted upgrade is over") as env:
            rows = env[CustomerDatabase].search(CustomerDatabase.pg_name == pg_name)
            rows.write({"apps": ",".join(apps), "state": State.ACTIVE})
        yield f"The upgrade of {name} was interrupted; it is served as it is."


def note_apps(instance: Instance, where: Located, apps: Iterable[str]) -> None:
    """Write into the registry which apps a database has."""
    with instance.env(instance.facts.control, "the apps of a database were changed") as env:
        rows = env[CustomerDatabase].search(CustomerDatabase.uuid == str(where.uuid))
        rows.write({"apps": ",".join(apps)})


def customer_database(instance: Instance, name: str) -> Located:
    """Look a customer's database up; the control database has the apps that the instance needs, no more and no less."""
    if name == "control":
        raise UsageError("The control database has exactly the apps of the instance; `growsoft up` upgrades it.")
    return instance.find(name)


@contextmanager
def steps() -> Generator[Callable[[Progress], None]]:
    """Tell on a terminal at which step a long job is."""
    began = time.monotonic()

    def tell(progress: Progress) -> None:
        if sys.stderr.isatty() and time.monotonic() - began > PATIENCE:
            click.echo(f"  {progress.seconds:6.1f} s  {progress.step}", err=True)

    yield tell


@contextmanager
def _unserved(instance: Instance, where: Located, seconds: float) -> Generator[None]:
    """Take a database out of service for as long as the block runs; workers know it after some seconds."""
    if where == instance.facts.control:
        yield
        return
    _state(instance, where, State.ACTIVE, State.UPGRADING)
    try:
        time.sleep(seconds)
        yield
    finally:
        _state(instance, where, State.UPGRADING, State.ACTIVE)


def _state(instance: Instance, where: Located, before: State, after: State) -> None:
    with instance.env(instance.facts.control, "a database is upgraded") as env:
        row = env[CustomerDatabase].search(CustomerDatabase.uuid == str(where.uuid)).lock()
        if not row or row.state not in (before, State.UPGRADING):
            raise NotFound(f"{where.name} is not served just now; see `growsoft db list --all`.")
        row.write({"state": after})
