"""Work: what the operations worker does in each round, one kind of it after the other, whatever fails."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from growsoft.errors import GrowsoftError
from growsoft_cloud.backup.cluster import Cluster
from growsoft_cloud.backup.entropy import Mended, mend
from growsoft_cloud.backup.guard import AlreadyWorking
from growsoft_cloud.backup.pruning import Pruned, prune
from growsoft_cloud.backup.records import BackupRecord, Proof
from growsoft_cloud.backup.restore import new_target, restore
from growsoft_cloud.operations.due import Due, Subscriber, due, proofs_due
from growsoft_cloud.operations.fleet import Fleet

log: Final = logging.getLogger("growsoft.operations")

MEND: Final = "copies"
PROVE: Final = "trial restore"
PRUNE: Final = "retention"

Clock = Callable[[], datetime]
Scratch = Callable[[], AbstractContextManager[Cluster]]


@dataclass
class Work:
    """The pieces of work on a fleet's backups. Each is noted, and none stops another."""

    fleet: Fleet
    clock: Clock
    scratch: Scratch
    _busy: dict[UUID, Future[None]] = field(default_factory=dict[UUID, "Future[None]"])
    _pools: dict[str, ThreadPoolExecutor] = field(default_factory=dict[str, ThreadPoolExecutor])

    def back_up_due(self) -> list[Future[None]]:
        """Begin every backup that is due, so many at once as each cluster allows; returns those that were begun."""
        self._busy = {uuid: future for uuid, future in self._busy.items() if not future.done()}
        now = self.clock()
        begun: list[Future[None]] = []
        for one in due(self.fleet.subscribers(), self.fleet.histories(now), now):
            if one.subscriber.uuid not in self._busy:
                future = self._pool(one.subscriber.cluster).submit(self._back_up, one)
                self._busy[one.subscriber.uuid] = future
                begun.append(future)
        return begun

    def mend(self) -> Mended | None:
        """Look at every site, and make all backups whole again."""
        done: list[Mended] = []

        def work() -> str:
            done.append(mend(self.fleet.service, self.clock()))
            return " ".join(failure.reason for failure in (*done[0].lost, *done[0].failed))

        self._noted(MEND, None, work)
        return done[0] if done else None

    def prune(self) -> None:
        """Delete what retention lets go, of every database that is in use, and all of those whose time is over."""
        for subscriber in self.fleet.subscribers():
            with suppress(AlreadyWorking):
                self._quietly(PRUNE, subscriber, partial(self._prune, subscriber))
        self.end_of_life()

    def end_of_life(self) -> None:
        """Drop what was replaced seven days ago, and destroy what was dropped 92 days ago: keys first, then copies."""
        now = self.clock()
        with suppress(GrowsoftError):  # as below, it is tried again in an hour
            self.fleet.drop_outlived(now)
        for uuid in self.fleet.ended(now):
            with suppress(GrowsoftError):
                self.fleet.let_go(uuid)

    def prove_due(self) -> list[Proof]:
        """Restore a sample of the newest backups on trial, so that every database has its turn within a month."""
        newest = dict(_newest(self.fleet.service.list()))
        now = self.clock()
        proofs = [record.proof for record in self.fleet.service.list() if record.proof is not None]
        last_day = sum((now - proof.at).total_seconds() < 20 * 3600 for proof in proofs)
        alive = {subscriber.uuid: subscriber for subscriber in self.fleet.subscribers()}
        proved = {uuid: self._proved_at(uuid) for uuid in newest if uuid in alive}
        chosen = proofs_due(proved, last_day, now)
        if not chosen:
            return []
        with self.scratch() as cluster:
            return [self._prove(newest[uuid], alive[uuid], cluster) for uuid in chosen]

    def close(self) -> None:
        """Begin nothing more, and wait for what is being done."""
        for pool in self._pools.values():
            pool.shutdown(wait=True, cancel_futures=True)

    def _pool(self, cluster: str) -> ThreadPoolExecutor:
        if cluster not in self._pools:
            self._pools[cluster] = ThreadPoolExecutor(self.fleet.at_once(cluster), f"backups of {cluster}")
        return self._pools[cluster]

    def _back_up(self, one: Due) -> None:
        """Make a backup that was due when it was begun; meanwhile somebody may have made it by hand."""
        subscriber = one.subscriber
        now = self.clock()
        if not due([subscriber], self.fleet.histories(now), now):
            return
        run = self.fleet.begin(one.purpose, subscriber, now)
        try:
            record = self.fleet.service.backup_now(self.fleet.subject(subscriber), one.purpose, wait=0)
        except AlreadyWorking:
            self.fleet.end(run, self.clock())  # somebody makes one by hand
        except GrowsoftError as error:
            self.fleet.end(run, self.clock(), trouble=error.message)
        except Exception as error:  # a failure that nobody foresaw is noted like any other, and tried again
            log.exception("backup of %s", subscriber.uuid)
            self.fleet.end(run, self.clock(), trouble=f"{type(error).__name__}; the log of operations says more.")
        else:
            missing = [failure.reason for failure in record.failures if record.manifest.missing_files]
            self.fleet.end(run, self.clock(), backup=record.id, trouble=" ".join(missing))
            if record.complete:
                self._quietly(PRUNE, subscriber, partial(self._prune, subscriber))

    def _prune(self, subscriber: Subscriber) -> str:
        done: Pruned = prune(self.fleet.service, subscriber.uuid, self.fleet.retention(subscriber.plan), self.clock())
        return " ".join(failure.reason for failure in done.waiting)

    def _prove(self, record: BackupRecord, subscriber: Subscriber, cluster: Cluster) -> Proof:
        """Restore one backup, and remember what came of it; that it could not run is a failure like any other."""
        proofs: list[Proof] = []

        def work() -> str:
            proofs.append(prove(self.fleet, record, cluster, self.clock))
            return proofs[0].trouble

        self._noted(PROVE, subscriber, work, backup=record.id)
        return proofs[0] if proofs else Proof(at=self.clock(), seconds=0.0, trouble="It could not run.")

    def _proved_at(self, uuid: UUID) -> datetime | None:
        moments = [record.proof.at for record in self.fleet.service.list(uuid) if record.proof is not None]
        return max(moments, default=None)

    def _noted(self, kind: str, subscriber: Subscriber | None, work: Callable[[], str], backup: str = "") -> None:
        """Do some work and note its end; it returns what was wrong."""
        run = self.fleet.begin(kind, subscriber, self.clock())
        trouble = _trouble(kind, work)
        self.fleet.end(run, self.clock(), backup=backup, trouble=trouble)

    def _quietly(self, kind: str, subscriber: Subscriber, work: Callable[[], str]) -> None:
        """Do some work that is only worth a note when it went wrong."""
        trouble = _trouble(kind, work)
        if trouble:
            now = self.clock()
            self.fleet.end(self.fleet.begin(kind, subscriber, now), now, trouble=trouble)


def prove(fleet: Fleet, record: BackupRecord, cluster: Cluster, clock: Clock) -> Proof:
    """Restore a backup into a cluster of its own, check it, and remember how long it took and what was wrong."""
    began = clock()
    target = new_target()
    try:
        done = restore(replace(fleet.service, cluster=cluster, files=None), str(record.manifest.id), target)
        cluster.drop(target.name)
    except GrowsoftError as error:
        proof = Proof(at=began, seconds=(clock() - began).total_seconds(), trouble=error.message)
    else:
        proof = Proof(at=began, seconds=done.seconds, site=done.site)
    fleet.service.proved(str(record.manifest.id), proof)
    return proof


def _newest(records: Sequence[BackupRecord]) -> Iterator[tuple[UUID, BackupRecord]]:
    """Give the newest complete backup of each database; `records` come newest first."""
    seen: set[UUID] = set()
    for record in records:
        uuid = record.manifest.database.uuid
        if record.complete and uuid not in seen:
            seen.add(uuid)
            yield uuid, record


def _trouble(kind: str, work: Callable[[], str]) -> str:
    try:
        return work()
    except GrowsoftError as error:
        return error.message
    except Exception as error:  # as above: noted, told, and tried again in the next round
        log.exception("%s", kind)
        return f"{type(error).__name__}; the log of operations says more."
