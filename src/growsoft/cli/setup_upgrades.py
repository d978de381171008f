"""What a start upgrades by itself: the control database, without which nothing works, and the demo; others wait."""

from __future__ import annotations

from collections.abc import Callable

from growsoft.cli.databases import DEMO
from growsoft.cli.instance import Instance
from growsoft.cli.lifecycle import NoBackup, backup_before, change_apps, outdated
from growsoft.errors import GrowsoftError
from growsoft.keeper.port import Port

Say = Callable[[str], None]


def upgrade_control(instance: Instance, keeper: Port, say: Say) -> None:
    """Bring the control database to the installed apps, after a backup.

    Backups are recorded in the control database itself, which the new code may not be able to do before its upgrade:
    then a rehearsal on a copy has to pass, and the backup is taken afterwards.
    """
    control = instance.facts.control
    told = keeper.list_apps(control.pg_name)
    missing = sorted(set(control.apps) - set(told.apps))
    if not told.outdated and not missing:
        return
    try:
        say(f"Upgrading the control database, after backup {backup_before(instance, control.name, 'upgrade')} ...")
        is_late = False
    except NoBackup as error:
        say(f"Rehearsing the upgrade of the control database on a copy, because: {error.message}")
        keeper.rehearse_upgrade(control.pg_name)
        is_late = True
    keeper.upgrade_apps(control.pg_name)
    if missing:
        keeper.install_apps(control.pg_name, missing)
    say("The control database is up to date.")
    if is_late:
        _back_up_late(instance, control.name, say)


def upgrade_demo(instance: Instance, say: Say) -> None:
    """Upgrade the demo database; say which others are not served before somebody upgrades them."""
    waiting = outdated(instance)
    if DEMO in waiting:
        waiting.remove(DEMO)
        try:
            change_apps(
                instance, instance.find(DEMO), lambda keeper, name: keeper.upgrade_apps(name),
                purpose="upgrade", served=False,
            )  # fmt: skip
            say("Upgraded the demo database.")
        except GrowsoftError as error:
            say(f"The demo database is not served: {error.message}")
    if waiting:
        say(f"Not served before their upgrade: {', '.join(waiting[:20])}. Type: growsoft db upgrade --all")


def _back_up_late(instance: Instance, name: str, say: Say) -> None:
    try:
        say(f"Backed up {name}: {backup_before(instance, name, 'upgrade')}.")
    except NoBackup as error:
        say(f"No backup of {name} yet: {error.message}")
