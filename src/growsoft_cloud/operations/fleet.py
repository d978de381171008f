"""The fleet as operations see it: who is to be backed up, what was done, and where it is noted."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from growsoft.apps.instance.data import MAIN_CLUSTER
from growsoft.apps.instance.models import State
from growsoft.cli.databases import set_state
from growsoft.cli.instance import Instance
from growsoft.keeper.client import KeeperClient
from growsoft.orm import Env
from growsoft_cloud.backup.clocks import DAILY, MIDDAY
from growsoft_cloud.backup.manifest import Subject
from growsoft_cloud.backup.purge import end
from growsoft_cloud.backup.service import BackupService
from growsoft_cloud.backup.swap import outlived
from growsoft_cloud.desk import InstanceDesk, desk_of
from growsoft_cloud.fleet import Retention, models
from growsoft_cloud.fleet.models.operations import RunState
from growsoft_cloud.fleet.models.plans import SPREAD
from growsoft_cloud.fleet.sites import AFTER_A_DROP, retention_of
from growsoft_cloud.operations.due import History, Subscriber
from growsoft_cloud.pitr.instance import status_of
from growsoft_cloud.pitr.judging import covers

# What is older says nothing about what is due: a database without a backup in this time needs one anyway.
RECENT: Final = timedelta(days=3)
CONTROL: Final = "control"


class Fleet(Protocol):
    """All databases of an instance, and the notes about the work on their backups."""

    @property
    def service(self) -> BackupService:
        """What makes and keeps the backups."""
        ...

    def subscribers(self) -> list[Subscriber]:
        """Return every database that is to be backed up now, the control database among them."""
        ...

    def histories(self, now: datetime, /) -> Mapping[UUID, History]:
        """Return what was done lately, by database."""
        ...

    def ended(self, now: datetime, /) -> list[UUID]:
        """Return the databases that were dropped so long ago that nothing of them is kept any more."""
        ...

    def let_go(self, database: UUID, /) -> None:
        """Destroy the keys of such a database, and every copy of its backups."""
        ...

    def drop_outlived(self, now: datetime, /) -> None:
        """Drop the databases that were replaced so long ago that it cannot be undone any more."""
        ...

    def subject(self, subscriber: Subscriber, /) -> Subject:
        """Return a database as its manifest names it."""
        ...

    def retention(self, plan: str, /) -> Retention:
        """Return what is kept of the databases of a plan."""
        ...

    def at_once(self, cluster: str, /) -> int:
        """Return how many databases of a cluster may be backed up at once."""
        ...

    def begin(self, kind: str, subscriber: Subscriber | None, now: datetime, /) -> int:
        """Note that a piece of work begins; returns its number."""
        ...

    def end(self, run: int, now: datetime, /, *, backup: str = "", trouble: str = "") -> None:
        """Note how a piece of work ended: well, or with some trouble."""
        ...

    def interrupted(self, now: datetime, /) -> int:
        """Note that what a dead worker had begun is over; returns how many pieces that were."""
        ...


@dataclass(frozen=True, slots=True)
class InstanceFleet:
    """The ``Fleet`` of an instance: its control database."""

    instance: Instance
    desk: InstanceDesk

    @property
    def service(self) -> BackupService:
        """What makes and keeps the backups."""
        return self.desk.service

    def subscribers(self) -> list[Subscriber]:
        """Return the databases that are in use."""
        control = self.instance.facts.control
        with self._env("databases are looked up for their backups") as env:
            born = env[models.Land].search([], limit=1).create_date
            rows = env[models.CustomerDatabase].search(
                models.CustomerDatabase.state.in_([State.ACTIVE, State.UPGRADING])
            )
            customers = [
                Subscriber(
                    UUID(row.uuid), row.name, row.cluster_id.name, row.plan.value, row.quiet_hour, row.create_date
                )
                for row in rows
            ]
        return [Subscriber(control.uuid, CONTROL, MAIN_CLUSTER, "paid", SPREAD, born), *customers]

    def histories(self, now: datetime, /) -> dict[UUID, History]:
        """Return what was done within some days."""
        with self._env("the newest backups are looked up") as env:
            backups = env[models.Backup].search_read(
                [["taken_at", ">=", now - RECENT], ["expired", "=", False], ["copies", ">", 0]],
                ["database_uuid", "purpose", "taken_at"],
                order="taken_at",
            )
            runs = env[models.Run].search_read(
                [["started_at", ">=", now - RECENT], ["kind", "in", [DAILY, MIDDAY]]],
                ["database_uuid", "state", "started_at"],
                order="started_at",
            )
            newest_customer = env[models.CustomerDatabase].search([], order="create_date desc", limit=1).create_date
            base_at = env[models.Cluster].search(models.Cluster.name == MAIN_CLUSTER).base_at
        covered = covers(status_of(self.instance), base_at, now)
        found: dict[UUID, History] = {}
        for row in backups:
            database = UUID(row["database_uuid"])
            known = found.get(database, History())
            daily = row["taken_at"] if row["purpose"] == DAILY else known.newest_daily
            found[database] = History(daily, row["taken_at"], covered=covered)
        for row in runs:
            database = UUID(row["database_uuid"])
            found[database] = _after(found.get(database, History()), str(row["state"]), row["started_at"])
        # The registry holds the keys of new customers: without a newer copy of it their backups could not be opened.
        control = self.instance.facts.control.uuid
        found[control] = _wanted(found.get(control, History()), newest_customer)
        return found

    def ended(self, now: datetime, /) -> list[UUID]:
        """Return the databases that were dropped more than 92 days ago, and the purged ones that still have backups."""
        with self._env("databases are looked for whose time is over") as env:
            dropped = env[models.CustomerDatabase].search_read(
                [["state", "=", "dropped"], ["dropped_at", "<", now - AFTER_A_DROP]], ["uuid"]
            )
            purged = env[models.CustomerDatabase].search_read([["state", "=", "purged"]], ["uuid"])
            over = [str(row["uuid"]) for row in purged]
            left = env[models.Backup].search_read([["database_uuid", "in", over]], ["database_uuid"])
        return sorted({*(UUID(row["uuid"]) for row in dropped), *(UUID(row["database_uuid"]) for row in left)})

    def let_go(self, database: UUID, /) -> None:
        """Destroy the keys first: from then on no copy opens, whatever a site does."""
        end(self.instance, self.service, database)

    def drop_outlived(self, now: datetime, /) -> None:
        """Drop replaced databases at the end of their days; like any dropped one they are in their backups then."""
        keeper = KeeperClient(self.instance.state.keeper_socket)
        for where in outlived(self.instance, now):
            set_state(self.instance, where, State.DROPPED)
            keeper.drop_database(where.pg_name)

    def subject(self, subscriber: Subscriber, /) -> Subject:
        """Look a database up by its name; it may have been dropped meanwhile."""
        return self.desk.subject(subscriber.name)

    def retention(self, plan: str, /) -> Retention:
        """Return what is kept of the databases of a plan."""
        with self._env("the retention of a plan is looked up") as env:
            return retention_of(env, plan)

    def at_once(self, cluster: str, /) -> int:
        """Return how many databases of a cluster may be backed up at once."""
        with self._env("the limits of a cluster are looked up") as env:
            return env[models.Cluster].search(models.Cluster.name == cluster).backups_at_once or 1

    def begin(self, kind: str, subscriber: Subscriber | None, now: datetime, /) -> int:
        """Note that a piece of work begins."""
        values: dict[str, object] = {"kind": kind, "started_at": now}
        if subscriber is not None:
            values |= {"database_uuid": str(subscriber.uuid), "database_name": subscriber.name}
        with self._env("the operations worker notes what it does") as env:
            return env[models.Run].create(values).id

    def end(self, run: int, now: datetime, /, *, backup: str = "", trouble: str = "") -> None:
        """Note how a piece of work ended."""
        state = RunState.FAILED if trouble else RunState.DONE
        with self._env("the operations worker notes what it did") as env:
            env[models.Run].browse(run).write(
                {"state": state, "ended_at": now, "backup": backup, "message": trouble[:10_000]}
            )

    def interrupted(self, now: datetime, /) -> int:
        """Note what a dead worker had begun, and forget runs that are older than any backup."""
        with self._env("the operations worker notes what was interrupted") as env:
            running = env[models.Run].search(models.Run.state == RunState.RUNNING)
            running.write({"state": RunState.INTERRUPTED, "ended_at": now})
            env[models.Run].search(models.Run.started_at < now - AFTER_A_DROP).unlink()
            return len(running)

    def _env(self, reason: str) -> AbstractContextManager[Env]:
        return self.instance.env(self.instance.facts.control, reason)


@contextmanager
def open_fleet(instance: Instance) -> Generator[InstanceFleet]:
    """Open the fleet of an instance. Its keeper is the one that runs: the operations worker never becomes it."""
    with desk_of(instance, KeeperClient(instance.state.keeper_socket)) as desk:
        yield InstanceFleet(instance, desk)


def _after(known: History, state: str, started: datetime) -> History:
    """Add one attempt to what is known: failures count since the last success."""
    if state == RunState.FAILED.value:
        return replace(known, failures=known.failures + 1, last_failure=started)
    if state == RunState.DONE.value:
        return replace(known, failures=0, last_failure=None)
    return known


def _wanted(known: History, since: datetime | None) -> History:
    return replace(known, wanted_since=since)
