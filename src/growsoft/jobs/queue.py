"""The queue of one database: how a job is taken, kept, given back and finished, each in one statement.

A job that runs is held twice. Its row says so with a lease, which bridges the moment between taking it and beginning;
from then on the transaction in which it runs holds a lock on the row until its end. A worker that dies lets go of the
lock, so the job is taken again when the lease is over: no two ever run it at once, and what it did was undone.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from growsoft.orm.later import QUEUE_PROFILE
from growsoft.postgres.context import Context, SignedDoor
from growsoft.postgres.database import Database
from growsoft.postgres.sql import Sql, sql
from growsoft.postgres.transaction import Transaction

LEASE: Final = timedelta(seconds=20)
# Runs that end with their worker are no failures of the job, but one that takes its worker with it must not go on.
MOST_LOST: Final = 20
# Waiting time after the first failure; it grows fourfold with each.
FIRST_PAUSE: Final = timedelta(seconds=10)
LONGEST_PAUSE: Final = timedelta(hours=1)

NOBODY: Final = 0


@dataclass(frozen=True, slots=True)
class Taken:
    """A job that was taken: whose it is as PostgreSQL noted it, what to call, and which run of it this is."""

    id: int
    run: int
    enqueued_by: int
    model: str
    method: str
    record_ids: tuple[int, ...]
    arguments: str
    companies: tuple[int, ...]
    actor: int
    scope: str
    lang: str
    tz: str
    schedule: str
    failures: int

    @property
    def name(self) -> str:
        """Model and method."""
        return f"{self.model}.{self.method}"


def queue_door(database: Database) -> SignedDoor:
    """Vouch for the queue itself: nobody's user id, and the one group that may write it."""
    return database.signed(Context(NOBODY, QUEUE_PROFILE))


def take(database: Database, worker: str, per_user: int, lease: timedelta = LEASE) -> Taken | None:
    """Take the next job that is due.

    Those of users who have less than ``per_user`` running; of these users' first jobs the one with the smallest
    priority, then the oldest. However much somebody has enqueued, others' jobs are found at once.
    """
    with database.transaction(queue_door(database), "counting", profile=QUEUE_PROFILE) as transaction:
        transaction.execute(_GIVE_UP_LOST.rebind((MOST_LOST,)))
        transaction.execute(_TAKE_BACK_LOST)
        found = transaction.execute(_TAKE.rebind((per_user, worker, lease))).all()
    return _taken(found[0]) if found else None


def hold(transaction: Transaction, job: Taken) -> bool:
    """Lock a job for as long as its transaction lasts; False when somebody else has it by now."""
    return bool(transaction.execute(_HOLD.rebind((job.id, job.run))).all())


def finish(transaction: Transaction, job: Taken) -> None:
    """Note in the job's own transaction that it is done: both are committed, or neither."""
    if transaction.execute(_FINISH.rebind((job.id, job.run))).rowcount != 1:
        raise LookupError(f"job {job.id} was held and is gone")


def give_up(database: Database, job: Taken, message: str, *, cancelled: bool = False) -> None:
    """Note that a job failed for good, or was cancelled while it ran."""
    state = "cancelled" if cancelled else "failed"
    with database.transaction(queue_door(database), "counting", profile=QUEUE_PROFILE) as transaction:
        transaction.execute(_GIVE_UP.rebind((state, message, cancelled, job.id, job.run)))


def try_again(database: Database, job: Taken, message: str, pause: timedelta) -> None:
    """Note that a job failed, and let it wait for its next attempt."""
    with database.transaction(queue_door(database), "counting", profile=QUEUE_PROFILE) as transaction:
        transaction.execute(_TRY_AGAIN.rebind((message, pause, job.id, job.run)))


def give_back(database: Database, job: Taken) -> None:
    """Let a job wait again that could not begin, without any fault of its own."""
    with database.transaction(queue_door(database), "counting", profile=QUEUE_PROFILE) as transaction:
        transaction.execute(_GIVE_BACK.rebind((job.id, job.run)))


def pause_after(failures: int) -> timedelta:
    """How long to wait after so many failures; with jitter, so that what failed together does not return together."""
    growth: int = 4 ** min(failures - 1, 10)
    return min(FIRST_PAUSE * growth, LONGEST_PAUSE) * random.uniform(0.8, 1.2)  # noqa: S311  jitter, no secret


def next_due(database: Database) -> datetime | None:
    """When there is something to do next: a job, a schedule, or a run whose worker may have died."""
    with database.transaction(queue_door(database), "read", profile=QUEUE_PROFILE) as transaction:
        found: datetime | None = transaction.execute(_NEXT_DUE).scalar()
    return found


def _taken(row: tuple[object, ...]) -> Taken:
    (key, run, user, model, method, ids, arguments, companies, actor, scope, lang, tz, schedule, failures) = row
    return Taken(
        int(str(key)), int(str(run)), int(str(user)), str(model), str(method),
        tuple(int(one) for one in str(ids).split(",") if one), str(arguments),
        tuple(int(one) for one in str(companies).split("_") if one), int(str(actor)), str(scope), str(lang), str(tz),
        str(schedule), int(str(failures)),
    )  # fmt: skip


_STAMP: Final = sql("write_uid = (SELECT gs.user_id()), write_date = now(), version = version + 1")

_LOST: Final = sql(
    "id IN (SELECT id FROM ir_job WHERE state = 'running' AND lease_until < now() FOR NO KEY UPDATE SKIP LOCKED)"
)
_GIVE_UP_LOST: Final[Sql] = sql(
    "UPDATE ir_job SET state = 'failed', finished_at = now(), message = 'The worker that ran it has ended again and"
    " again.', {stamp} WHERE {lost} AND lost >= {most}::integer",
    stamp=_STAMP, lost=_LOST, most=0,
)  # fmt: skip
_TAKE_BACK_LOST: Final[Sql] = sql(
    "UPDATE ir_job SET state = 'waiting', lost = lost + 1, {stamp} WHERE {lost}", stamp=_STAMP, lost=_LOST
)
# A loose scan over those who have jobs waiting: its cost grows with the number of users, not of jobs.
_TAKE: Final[Sql] = sql(
    "WITH RECURSIVE who(id) AS ("
    "  (SELECT create_uid FROM ir_job WHERE state = 'waiting' ORDER BY create_uid LIMIT 1)"
    "  UNION ALL SELECT (SELECT j.create_uid FROM ir_job j WHERE j.state = 'waiting' AND j.create_uid > who.id"
    "    ORDER BY j.create_uid LIMIT 1) FROM who WHERE who.id IS NOT NULL"
    "), busy AS MATERIALIZED ("
    "  SELECT create_uid FROM ir_job WHERE state = 'running' GROUP BY create_uid HAVING count(*) >= {per_user}::integer"
    "), first AS MATERIALIZED ("
    "  SELECT f.id FROM who CROSS JOIN LATERAL (SELECT j.id FROM ir_job j WHERE j.state = 'waiting'"
    "    AND j.create_uid = who.id AND j.eta <= now() ORDER BY j.priority, j.eta, j.id LIMIT 1) f"
    "  WHERE who.id IS NOT NULL AND NOT EXISTS (SELECT FROM busy b WHERE b.create_uid = who.id)"
    ") UPDATE ir_job SET state = 'running', run = run + 1, started_at = clock_timestamp(), worker = {worker}::text,"
    "  lease_until = clock_timestamp() + {lease}::interval, {stamp}"
    " WHERE id = (SELECT j.id FROM ir_job j WHERE j.id IN (SELECT first.id FROM first) AND j.state = 'waiting'"
    "  ORDER BY j.priority, j.eta, j.id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)"
    " RETURNING id, run, create_uid, model_name, method_name, record_ids, arguments, companies, actor, scope, lang, tz,"
    " schedule, failures",
    per_user=0, worker="", lease=None, stamp=_STAMP,
)  # fmt: skip
_HOLD: Final[Sql] = sql(
    "SELECT id FROM ir_job WHERE id = {id}::bigint AND state = 'running' AND run = {run}::integer"
    " FOR NO KEY UPDATE SKIP LOCKED",
    id=0, run=0,
)  # fmt: skip
_THIS: Final = sql("WHERE id = {id}::bigint AND state = 'running' AND run = {run}::integer", id=0, run=0)
_FINISH: Final[Sql] = sql(
    "UPDATE ir_job SET state = 'done', finished_at = clock_timestamp(), message = '', {stamp} {this}",
    stamp=_STAMP, this=_THIS,
)  # fmt: skip
_GIVE_UP: Final[Sql] = sql(
    "UPDATE ir_job SET state = {state}::text, finished_at = clock_timestamp(), message = {message}::text,"
    " identity_key = CASE WHEN {cancelled}::boolean THEN '' ELSE identity_key END, failures = failures + 1, {stamp}"
    " {this}",
    state="", message="", cancelled=False, stamp=_STAMP, this=_THIS,
)  # fmt: skip
_TRY_AGAIN: Final[Sql] = sql(
    "UPDATE ir_job SET state = 'waiting', failures = failures + 1, message = {message}::text,"
    " eta = clock_timestamp() + {pause}::interval, {stamp} {this}",
    message="", pause=None, stamp=_STAMP, this=_THIS,
)  # fmt: skip
_GIVE_BACK: Final[Sql] = sql(
    "UPDATE ir_job SET state = 'waiting', eta = clock_timestamp() + interval '1 s', {stamp} {this}",
    stamp=_STAMP, this=_THIS,
)  # fmt: skip
_NEXT_DUE: Final[Sql] = sql(
    "SELECT least((SELECT min(eta) FROM ir_job WHERE state = 'waiting'),"
    " (SELECT min(lease_until) FROM ir_job WHERE state = 'running'),"
    " (SELECT min(coalesce(nextcall, now())) FROM ir_cron WHERE active))"
)
