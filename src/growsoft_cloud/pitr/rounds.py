"""Rounds: what the operations worker does for the archive again and again, beside the stream of WAL itself."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from growsoft.apps.instance.data import MAIN_CLUSTER
from growsoft.cli.instance import Instance
from growsoft.errors import GrowsoftError
from growsoft.postgres.users import decide
from growsoft_cloud.backup.copies import Failure
from growsoft_cloud.backup.guard import AlreadyWorking
from growsoft_cloud.fleet import models
from growsoft_cloud.operations.fleet import Fleet
from growsoft_cloud.pitr.bases import Wanted, due
from growsoft_cloud.pitr.instance import backups_of, status_of, window_of
from growsoft_cloud.pitr.keeping import join, mend, prune
from growsoft_cloud.pitr.restoring import alone, clean
from growsoft_cloud.pitr.taking import BaseBackups

log: Final = logging.getLogger("growsoft.archive")

BASE: Final = "base backup"
KEEP: Final = "archive"
# Moments are kept for a week at least; somebody may have set more.
SHORTEST: Final = timedelta(days=7)


def look_after(instance: Instance, fleet: Fleet, now: datetime) -> None:
    """Take what is due, make missing copies again, let go what no moment needs, and note the window."""
    if clean(instance.state, decide().database):
        log.warning("What a restore to a moment left whose process was killed is gone.")
    backups = backups_of(instance)
    status = status_of(instance)
    gap_at = status.gaps[-1].before if status is not None and status.gaps else None
    wanted = due(backups.list(), gap_at, now)
    if wanted is not None:
        _take(backups, wanted, fleet, now)
    failed: list[Failure] = []
    with suppress(AlreadyWorking), alone(instance.state):  # a restore reads what it planned to read
        for kept in (mend(backups, now), join(backups, now), prune(backups, now - _days(instance))):
            failed += kept.failed
    if failed:
        fleet.end(fleet.begin(KEEP, None, now), now, trouble=_reasons(failed))
    _note(instance, backups)


def _take(backups: BaseBackups, wanted: Wanted, fleet: Fleet, now: datetime) -> None:
    run = fleet.begin(BASE, None, now)
    try:
        base, failures = backups.take(wanted.parent)
    except GrowsoftError as error:
        fleet.end(run, now, trouble=error.message)
        return
    fleet.end(run, base.taken, backup=base.id, trouble=_reasons(failures))


def _days(instance: Instance) -> timedelta:
    with instance.env(instance.facts.control, "how far back moments are kept is looked up") as env:
        return max(
            timedelta(days=env[models.Cluster].search(models.Cluster.name == MAIN_CLUSTER).moment_days), SHORTEST
        )


def _note(instance: Instance, backups: BaseBackups) -> None:
    """Let operators see which moments there are; what has not changed is not written."""
    reach = window_of(instance)
    newest = max((base.taken for base in backups.list()), default=None)
    with instance.env(instance.facts.control, "the archive notes which moments can be restored") as env:
        env[models.Cluster].search(models.Cluster.name == MAIN_CLUSTER).write(
            {"restorable_from": None if reach is None else reach.since, "base_at": newest}
        )


def _reasons(failures: list[Failure] | tuple[Failure, ...]) -> str:
    return " ".join(failure.reason for failure in failures)
