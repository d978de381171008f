"""Preview: what a swap to a restored moment would take back, told before anybody swaps."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec

from growsoft.apps.instance.directory import Located
from growsoft.cli.instance import Instance
from growsoft.postgres.sql import sql

# So many of the newest changes are shown one by one.
NEWEST: Final = 20


_Counted = tuple[str, int, int, int, datetime]
_Changed = tuple[datetime, str, int, str, int]


class Count(msgspec.Struct, frozen=True):
    """How many records a model has now, and had then."""

    model: str
    now: int
    then: int


class Lost(msgspec.Struct, frozen=True):
    """What happened to the records of a model since then, and would be lost with a swap."""

    model: str
    created: int
    written: int
    deleted: int
    newest: datetime


class Change(msgspec.Struct, frozen=True):
    """One change since then: of which record, by which user (his id)."""

    at: datetime
    model: str
    record: int
    kind: str
    user_id: int


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """The live database beside one restored to a moment: models whose counts differ, and what would be lost."""

    live: str
    restored: str
    moment: datetime
    counts: tuple[Count, ...]
    lost: tuple[Lost, ...]
    newest: tuple[Change, ...]


def preview(instance: Instance, live: Located, restored: Located, moment: datetime) -> Preview:
    """Compare two databases of a customer; what changed is told by the history of the live one."""
    then = _counts(instance, restored)
    now = _counts(instance, live)
    with instance.env(live, "an operator looks at what a swap to a moment would take back") as env:
        models = {info.table: name for name, info in env.registry.models.items()}
        rows: list[_Counted] = env.execute(_LOST.rebind((moment,))).all()
        newest: list[_Changed] = env.execute(_NEWEST.rebind((moment, NEWEST))).all()
    return Preview(
        live=live.name,
        restored=restored.name,
        moment=moment,
        counts=tuple(
            Count(model, now.get(model, 0), then.get(model, 0))
            for model in sorted({*now, *then})
            if now.get(model, 0) != then.get(model, 0)
        ),
        lost=tuple(
            Lost(models.get(table, table), created, written, deleted, at.astimezone(UTC))
            for table, created, written, deleted, at in rows
        ),
        newest=tuple(
            Change(at.astimezone(UTC), models.get(table, table), record, kind, user)
            for at, table, record, kind, user in newest
        ),
    )


def _counts(instance: Instance, where: Located) -> dict[str, int]:
    """Count the records of every lasting model."""
    with instance.env(where, "an operator compares a database with one of another moment") as env:
        return {name: env[name].search_count([]) for name, info in env.registry.models.items() if not info.transient}


_LOST = sql(
    "SELECT table_name, count(*) FILTER (WHERE kind = 'create'), count(*) FILTER (WHERE kind = 'write'),"
    " count(*) FILTER (WHERE kind = 'unlink'), max(at) FROM gs.history WHERE at > {moment} GROUP BY table_name"
    " ORDER BY max(at) DESC",
    moment=datetime.min.replace(tzinfo=UTC),
)

_NEWEST = sql(
    "SELECT at, table_name, record_id, kind, user_id FROM gs.history WHERE at > {moment} ORDER BY at DESC, id DESC"
    " LIMIT {limit}",
    moment=datetime.min.replace(tzinfo=UTC), limit=NEWEST,
)  # fmt: skip
