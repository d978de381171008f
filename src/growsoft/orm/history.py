"""The history of a record, as far as whoever asks may see the record and its fields (PostgreSQL decides: audit.sql)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from growsoft.errors import ValidationError
from growsoft.postgres.sql import sql

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.fields import AnyField
    from growsoft.orm.registry import ModelInfo

Kind = Literal["create", "write", "unlink"]

MOST: Final = 1000
# Several statements of one transaction are one change to people; these are read to find where the last one begins.
_SPARE: Final = 20


@dataclass(frozen=True, slots=True)
class Change:
    """One field: its value before and after, as the column holds it; a link is an id, and unset is None.

    Of a list of links it is ids: ``before`` those that went, ``after`` those that came.
    """

    field: str
    before: object
    after: object


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody did to a record in one transaction; ``reason`` is elevated code's, ``actor`` a staff member."""

    at: datetime
    kind: Kind
    user_id: int
    actor: int
    reason: str
    request: str
    changes: tuple[Change, ...]


class _Row(NamedTuple):
    transaction: tuple[int, str, int, int, str]
    at: datetime
    kind: Kind
    request: str
    links: bool
    details: Mapping[str, Any]


def entries(env: Env, info: ModelInfo, record_id: int, limit: int) -> list[Entry]:
    """Give the newest entries of a record; elevated code sees those of a deleted one, too."""
    if not 0 < limit <= MOST:
        raise ValidationError(f"Ask for 1 to {MOST} entries of a history.")
    env.flush()
    rows = [_row(values) for values in env.execute(_ROWS.rebind((info.table, record_id, limit + _SPARE))).all()]
    groups = [list(group) for _key, group in groupby(rows, key=lambda row: row.transaction)]
    return [_entry(info, group) for group in groups[:limit]]


def _row(values: tuple[Any, ...]) -> _Row:
    era, xid, at, kind, user, actor, reason, request, relation, details = values
    parsed = json.loads(details, parse_float=Decimal)
    return _Row((era, xid, user, actor, reason), at.astimezone(UTC), kind, request, relation != "", parsed)


def _entry(info: ModelInfo, newest_first: list[_Row]) -> Entry:
    """Make one entry of the rows of a transaction: from the first value before to the last one after."""
    rows = newest_first[::-1]
    changes: dict[str, Change] = {}
    for row in rows:
        for name, told in row.details.items():
            change = _change(info.fields.get(name), name, row, told)
            first = changes.get(name)
            changes[name] = change if first is None else _joined(first, change, links=row.links)
    _era, _xid, user, actor, reason = rows[0].transaction
    others: list[Kind] = [row.kind for row in rows if row.kind != "write"]
    kind: Kind = others[0] if others else "write"
    left = (change for change in changes.values() if change.before != change.after)
    return Entry(rows[-1].at, kind, user, actor, reason, rows[0].request, tuple(left))


def _change(field: AnyField | None, name: str, row: _Row, told: Any) -> Change:  # noqa: ANN401  JSON has no type
    if row.links:
        return Change(name, tuple(told.get("removed", ())), tuple(told.get("added", ())))
    if row.kind == "create":
        return Change(name, None, _value(field, told))
    if row.kind == "unlink":
        return Change(name, _value(field, told), None)
    return Change(name, _value(field, told[0]), _value(field, told[1]))


def _joined(first: Change, then: Change, *, links: bool) -> Change:
    if not links:
        return replace(first, after=then.after)
    gone, came = _ids(first.before, then.before), _ids(first.after, then.after)
    both = set(gone) & set(came)
    return replace(
        first, before=tuple(i for i in gone if i not in both), after=tuple(i for i in came if i not in both)
    )  # fmt: skip


def _ids(one: object, other: object) -> tuple[int, ...]:
    found: list[int] = []
    for ids in (one, other):
        if isinstance(ids, tuple):
            found += [i for i in ids if isinstance(i, int)]  # pyright: ignore[reportUnknownVariableType]  of whatever
    return tuple(found)


def _value(field: AnyField | None, told: object) -> object:
    """Turn JSON into what the column holds; moments are kept in UTC."""
    kind = None if field is None else field.column
    if not isinstance(told, str):
        return Decimal(told) if kind == "numeric" and isinstance(told, int) else told
    if kind == "date":
        return _date(told)
    return _moment(told) if kind == "timestamptz" else told


def _date(text: str) -> object:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return text  # infinity, or a day that Python's calendar does not have


def _moment(text: str) -> object:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return text


_ROWS: Final = sql(
    "SELECT h.era, h.xid::text, h.at, h.kind, h.user_id, h.actor, h.reason, h.request, h.relation, h.details::text"
    " FROM gs.history h WHERE h.table_name = {table}::text AND h.record_id = {record}::bigint"
    " ORDER BY h.id DESC LIMIT {limit}",
    table="", record=0, limit=0,
)  # fmt: skip
