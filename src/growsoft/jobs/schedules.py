"""Schedules: what apps declare becomes rows, and rows that are due become jobs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

from growsoft.jobs.queue import queue_door
from growsoft.orm import ModelInfo, Registry
from growsoft.orm.later import JOB, JobOptions, options_of
from growsoft.orm.timing import timing
from growsoft.postgres.database import Database
from growsoft.postgres.sql import Sql, sql
from growsoft.postgres.transaction import Transaction


def scheduled(registry: Registry) -> Iterator[tuple[ModelInfo, str, JobOptions]]:
    """Give the methods that run by themselves."""
    for info in registry.models.values():
        for name in sorted(
            {name for cls in info.cls.__mro__ for name, found in vars(cls).items() if hasattr(found, JOB)}
        ):
            options = options_of(info.cls, name)
            if options is not None and options.schedule:
                yield info, name, options


def ensure_schedules(database: Database, registry: Registry) -> None:
    """Write down the schedules that a database does not know yet; those it knows keep what people made of them."""
    with database.transaction(queue_door(database), "read") as transaction:
        known = set(transaction.execute(_KNOWN).column(str))
    missing = [
        (info, name, options) for info, name, options in scheduled(registry) if f"{info.name}.{name}" not in known
    ]
    if missing:
        door = database.elevated("the schedules that apps declare are written down", caller=__name__)
        with database.transaction(door, "counting") as transaction:
            for info, name, options in missing:
                values = (f"{info.name}.{name}", info.name, name, options.schedule, options.zone)
                transaction.execute(_ADD.rebind(values))


def enqueue_due(database: Database, registry: Registry, now: datetime | None = None) -> int:
    """Enqueue the schedules that are due, each once however often it was missed; give their number.

    None is enqueued while its last run waits or runs. The next time is worked out from now.
    """
    moment = datetime.now(UTC) if now is None else now
    with database.transaction(queue_door(database), "counting") as transaction:
        rows = transaction.execute(_DUE.rebind((moment,))).all()
        return sum(_enqueue(transaction, registry, moment, _Row(*row)) for row in rows)


def enqueue_now(database: Database, name: str) -> bool:
    """Enqueue one schedule at once, whatever its time; False when there is none of this name."""
    with database.transaction(queue_door(database), "counting") as transaction:
        return transaction.execute(_ENQUEUE.rebind((name,))).rowcount == 1


class _Row(NamedTuple):
    id: int
    name: str
    model: str
    method: str
    timing: str
    tz: str
    planned: datetime | None


def _enqueue(transaction: Transaction, registry: Registry, now: datetime, row: _Row) -> bool:
    info = registry.models.get(row.model)
    options = None if info is None else options_of(info.cls, row.method)
    declared = options is not None and bool(options.schedule)
    # A new row, or one whose timing was changed, has no time yet: it waits for its first one.
    run = declared and row.planned is not None and not transaction.execute(_UNDER_WAY.rebind((row.name,))).all()
    if run:
        transaction.execute(_ENQUEUE.rebind((row.name,)))
    transaction.execute(_PLAN.rebind((timing(row.timing, row.tz).after(now), now if run else None, row.id)))
    return run


_KNOWN: Final[Sql] = sql("SELECT name FROM ir_cron")
_ADD: Final[Sql] = sql(
    "INSERT INTO ir_cron (name, model_name, method_name, timing, tz) VALUES ({name}::text, {model}::text,"
    " {method}::text, {timing}::text, {zone}::text) ON CONFLICT DO NOTHING",
    name="", model="", method="", timing="", zone="",
)  # fmt: skip
_DUE: Final[Sql] = sql(
    "SELECT id, name, model_name, method_name, timing, tz, nextcall FROM ir_cron"
    " WHERE active AND (nextcall IS NULL OR nextcall <= {now}::timestamptz) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED",
    now=None,
)  # fmt: skip
_UNDER_WAY: Final[Sql] = sql(
    "SELECT FROM ir_job WHERE create_uid = 0 AND schedule = {name}::text AND state IN ('waiting', 'running') LIMIT 1",
    name="",
)  # fmt: skip
_ENQUEUE: Final[Sql] = sql(
    "INSERT INTO ir_job (name, model_name, method_name, eta, schedule)"
    " SELECT name, model_name, method_name, now(), name FROM ir_cron WHERE name = {name}::text",
    name="",
)  # fmt: skip
_PLAN: Final[Sql] = sql(
    "UPDATE ir_cron SET nextcall = {next}::timestamptz, lastcall = coalesce({last}::timestamptz, lastcall),"
    " write_uid = (SELECT gs.user_id()), write_date = now(), version = version + 1 WHERE id = {id}::bigint",
    next=None, last=None, id=0,
)  # fmt: skip
