"""Requests: the operations worker goes to each customer's database that has news, and reads there what is asked for.

A database announces news by its line among those with jobs to do, which web and job workers raise anyway and which is
raised for each of them every ten minutes; so nobody has to ask a thousand databases, and nothing is lost for long.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, Final
from uuid import UUID

from growsoft.apps.base.models import Users
from growsoft.apps.instance.directory import Located, located
from growsoft.apps.instance.models import CustomerDatabase, State
from growsoft.cli.errors import NotFound
from growsoft.cli.instance import Instance
from growsoft.errors import GrowsoftError
from growsoft.orm import Env
from growsoft_cloud.backup.progress import Progress as Bytes
from growsoft_cloud.customer.errors import AskedTooOften, CameTooLate, Interrupted
from growsoft_cloud.customer.models import Kind, Progress, Request, Work, link_id
from growsoft_cloud.operations.asked import Outcome, Wish, fulfil
from growsoft_cloud.operations.fleet import open_fleet
from growsoft_cloud.operations.mirror import reflect
from growsoft_cloud.operations.own import own

log: Final = logging.getLogger("growsoft.operations")

# A database that is older than this app is not asked.
APP: Final = "backups"
# Customers' requests at a time, and of one database's people within an hour.
AT_ONCE: Final = 2
PER_HOUR: Final = 12
# What nobody came to do for so long is not done any more: whoever asked has forgotten it.
STALE: Final = timedelta(hours=1)
MOST_WAITING: Final = 20
TELL_EVERY: Final = 1.0  # seconds between two notes of progress
# Clocks of a server and a worker, and transactions that were long in committing.
OVERLAP: Final = timedelta(seconds=30)


@dataclass
class Requests:
    """Serves the databases with news, each by one thread at a time."""

    instance: Instance
    since: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(days=1))
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(AT_ONCE, "requests"))
    _busy: dict[UUID, Future[None]] = field(default_factory=dict[UUID, "Future[None]"])
    _visiting: Lock = field(default_factory=Lock)
    _seen: dict[UUID, datetime] = field(default_factory=dict[UUID, datetime])

    def round(self) -> None:
        """Look which databases have news, and go to them."""
        began = datetime.now(UTC)
        for where, written in self._with_news():
            if self._seen.get(where.uuid) != written:
                self._visit(where)
                self._seen[where.uuid] = written
        self.since = began - OVERLAP

    def close(self) -> None:
        """Begin nothing more, and wait for what is being done."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _with_news(self) -> list[tuple[Located, datetime]]:
        with self.instance.env(self.instance.facts.control, "databases with requests of their people are found") as env:
            lines = env["instance.due"].search_read([["write_date", ">=", self.since]], ["database_id", "write_date"])
            written = {link_id(line["database_id"]): line["write_date"] for line in lines}
            rows = env[CustomerDatabase].search_read(
                [["id", "in", list(written)], ["state", "=", State.ACTIVE.value]],
                ["name", "uuid", "pg_name", "key_id", "apps"],
            )
            return [(located(row), written[row["id"]]) for row in rows]

    def _visit(self, where: Located) -> None:
        """Write the lists, and begin the oldest request that waits; the next one follows it."""
        with self._visiting:
            self._visited(where)

    def _visited(self, where: Located) -> None:
        busy = self._busy.get(where.uuid)
        if APP not in where.apps or (busy is not None and not busy.done()):
            return
        with suppress(NotFound), open_fleet(self.instance) as fleet:
            mine = own(fleet.desk, where)
            with self.instance.env(where, "the hosting shows a database its own backups") as env:
                reflect(env, mine)
                _end_downloads(env)
                waiting = _waiting(env, where.uuid)
                work = _begun(env, waiting[0]) if waiting else None
            if work is not None:
                self._busy[where.uuid] = self._pool.submit(self._serve, where, waiting[0], work)

    def _serve(self, where: Located, wish: Wish, work: int) -> None:
        """Do one request to its end, and go on with the next."""
        telling = _Telling(self.instance, where, work)
        moved = False
        try:
            with open_fleet(self.instance) as fleet:
                outcome = fulfil(own(fleet.desk, where), wish, telling)
            moved = outcome.moved
            telling.end(Progress.DONE, outcome)
        except GrowsoftError as error:
            telling.end(Progress.FAILED, Outcome(error.message))
        except Exception as error:
            log.exception("request of %s", where.uuid)
            telling.end(Progress.FAILED, Outcome(f"{type(error).__name__}; the hosting has been told."))
        finally:
            self._busy.pop(where.uuid, None)  # or it was over before it was noted
        with suppress(GrowsoftError):
            self._visit(self.instance.find(where.name) if moved else where)


@dataclass
class _Telling:
    """Writes how far a piece of work is into the database whose people wait for it."""

    instance: Instance
    where: Located
    work: int
    told: float = 0.0

    def __call__(self, progress: Bytes) -> None:
        """Hear of some bytes."""
        now = time.monotonic()
        if now - self.told < TELL_EVERY:
            return
        self.told = now
        share = 0 if not progress.total else min(100 * progress.done // progress.total, 100)
        with suppress(GrowsoftError):  # the work goes on, whoever can be told
            self._write({"step": progress.step.name.lower(), "share": share})

    def end(self, state: Progress, outcome: Outcome) -> None:
        """Write what came of it; where another database has the name now, there too."""
        values = {"state": state, "ended_at": datetime.now(UTC), "message": outcome.message[:2000], **outcome.values}
        self._write(values)
        if outcome.moved:
            with self.instance.env(self.where, "the people of a database read what they asked for") as env:
                fields = ["kind", "asked_by", "started_at", "backup", "database", "state", "ended_at", "message"]
                (row,) = env[Work].search_read([["id", "=", self.work]], fields)
            with self.instance.env(self.instance.find(self.where.name), "they read it where they are now") as env:
                env[Work].create({name: row[name] for name in fields})

    def _write(self, values: dict[str, object]) -> None:
        with self.instance.env(self.where, "the hosting notes how far a request is") as env:
            env[Work].browse(self.work).write(values)


def _waiting(env: Env, uuid: UUID) -> Sequence[_Asked]:
    """Give the requests that nobody has begun, the oldest first, and note those that nobody will."""
    newest = env[Request].search_read([["for_uuid", "=", str(uuid)]], _READ, limit=MOST_WAITING, order="id desc")
    begun = env[Work].search_read([["request_id", "in", [row["id"] for row in newest]]], ["request_id"])
    known = {link_id(row["request_id"]) for row in begun}
    found = [_asked(env, row) for row in reversed(newest) if row["id"] not in known]
    now = datetime.now(UTC)
    for one in (one for one in found if now - one.asked_at > STALE):
        _refused(env, one, CameTooLate.default_message())
    for work in env[Work].search((Work.state == Progress.RUNNING) & (Work.ended_at == None)):  # noqa: E711 - a condition
        work.write({"state": Progress.FAILED, "ended_at": now, "message": Interrupted.default_message()})
    return [one for one in found if now - one.asked_at <= STALE]


def _begun(env: Env, asked: _Asked) -> int | None:
    """Note that a request is begun, unless its database asks too often."""
    since = datetime.now(UTC) - timedelta(hours=1)
    if env[Work].search_count([["started_at", ">=", since]]) >= PER_HOUR:
        _refused(env, asked, AskedTooOften.default_message())
        return None
    return env[Work].create(_line(asked)).id


def _refused(env: Env, asked: _Asked, message: str) -> None:
    values = {"state": Progress.FAILED, "ended_at": datetime.now(UTC), "message": message}
    env[Work].create({**_line(asked), **values})


def _end_downloads(env: Env) -> None:
    """Delete downloads whose time is over."""
    over = env[Work].search((Work.address != "") & (Work.expires_at < datetime.now(UTC)))
    for work in over:
        if env.database.files is not None:
            env.database.files.forget(work.address)
        work.write({"address": "", "message": f"{work.message} Its time is over."})


@dataclass(frozen=True, slots=True)
class _Asked(Wish):
    """A request with its number and the moment in which it was made."""

    id: int
    asked_at: datetime


_READ: Final = ("id", "kind", "backup", "database", "confirm", "create_uid", "create_date")


def _asked(env: Env, row: dict[str, Any]) -> _Asked:
    # PostgreSQL noted who that was, not the request itself.
    login = env[Users].search(Users.id == link_id(row["create_uid"])).login
    return _Asked(
        Kind(row["kind"]), row["backup"], row["database"], row["confirm"], login, row["id"], row["create_date"]
    )


def _line(asked: _Asked) -> dict[str, object]:
    return {
        "request_id": asked.id, "kind": asked.kind, "asked_by": asked.asked_by, "started_at": datetime.now(UTC),
        "backup": asked.backup, "database": asked.database,
    }  # fmt: skip
