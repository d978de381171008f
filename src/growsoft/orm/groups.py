"""What records are grouped by: a field, a path of links, a date by its month; and the way back to the records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from growsoft.orm.compile import value_of
from growsoft.orm.domain import MAX_STEPS, DomainError
from growsoft.orm.fields import AnyField, Many2many, Many2one
from growsoft.postgres.sql import Sql, ident, sql

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.registry import ModelInfo

# How long each part of time is, and its name for date_trunc(). A week begins on Monday (ISO 8601).
_UNITS: Final[dict[str, tuple[Sql, Sql]]] = {
    "hour": (sql("'hour'"), sql("interval '1 hour'")),
    "day": (sql("'day'"), sql("interval '1 day'")),
    "week": (sql("'week'"), sql("interval '1 week'")),
    "month": (sql("'month'"), sql("interval '1 month'")),
    "quarter": (sql("'quarter'"), sql("interval '3 months'")),
    "year": (sql("'year'"), sql("interval '1 year'")),
}
_GROUPED: Final = frozenset(
    ("bigint", "integer", "text", "boolean", "numeric", "date", "timestamptz", "double precision")
)

Terms = list[object]
Kind = Literal["value", "link", "links"]


@dataclass(frozen=True, slots=True)
class Group:
    """One key: ``expression`` and ``joins`` belong to the rows, ``shown``, ``naming`` and ``sort`` to the groups.

    ``column`` is the key in a group, ``rolled`` says that a group adds up all values of it.
    """

    key: str
    path: tuple[str, ...]
    kind: Kind
    nullable: bool
    span: str
    column: Sql
    rolled: Sql
    expression: Sql
    joins: tuple[Sql, ...]
    shown: tuple[Sql, ...]
    naming: tuple[Sql, ...]
    sort: tuple[Sql, ...]

    def value(self, cells: Sequence[Any]) -> object:
        """Give what the group is called on the wire, from its columns in ``shown``."""
        if cells[0] is None:
            return None
        if self.kind != "value":
            return cells[0], cells[1] or ""
        return cells[-1] if self.span == "days" else cells[0]

    def terms(self, cells: Sequence[Any]) -> Terms:
        """Give the condition that leads back to the records of the group, as a domain list."""
        path, value = ".".join(self.path), cells[0]
        if value is None:
            return self._unset(path)
        if self.span:
            until: Terms = [] if cells[1] is None else [[path, "<", cells[1]]]
            return [[path, ">=", value], *until]
        return [[path, "in", [value]]] if self.kind == "links" else [[path, "=", value]]

    def span_of(self, cells: Sequence[Any]) -> dict[str, object]:
        """Give by its key where a part of time begins and where it ends; the end is no part of it."""
        return {self.key: {"from": cells[0], "to": cells[1]}} if self.span and cells[0] is not None else {}

    def _unset(self, path: str) -> Terms:
        if len(self.path) == 1:
            return [[path, "=", None]]
        # Nothing is there at the end of the way, or the way itself ends before.
        return ["!", [path if self.nullable else ".".join((*self.path[:-1], "id")), "!=", None]]


@dataclass(frozen=True, slots=True)
class _Way:
    """A key on its way to a group: what is known of it so far."""

    env: Env
    key: str
    place: int
    path: tuple[str, ...]
    unit: str
    joins: list[Sql]

    @property
    def column(self) -> Sql:
        return ident(f"g{self.place}__")

    @property
    def grouped(self) -> Sql:
        return sql("g__.{g}", g=self.column)

    def group(
        self, field: AnyField, expression: Sql, shown: tuple[Sql, ...], *, span: str = "",
        naming: tuple[Sql, ...] = (), sort: tuple[Sql, ...] = (),
    ) -> Group:  # fmt: skip
        kind: Kind = "links" if field.column is None else "link" if isinstance(field, Many2one) else "value"
        return Group(
            self.key, self.path, kind, field.column is None or field.unset is None, span, self.column,
            ident(f"z{self.place}__"), expression, tuple(self.joins), shown, naming, sort or (self.grouped,),
        )  # fmt: skip


def group_by(env: Env, info: ModelInfo, key: str, place: int) -> Group:
    """Read ``field``, ``link.field`` or ``date:month`` as the key at a place.

    Raises ``DomainError`` for what is no such key, ``AccessError`` for a field on the way that the user may not read.
    """
    path, _colon, unit = key.partition(":")
    way = _Way(env, key, place, tuple(path.split(".")), unit, [])
    if len(way.path) > MAX_STEPS:
        raise DomainError(f"{key[:60]!r} is too long a way to group by.")
    here, table = _led(way, info)
    field = _readable(env, here, way.path[-1])
    if isinstance(field, Many2many):
        return _by_links(way, here, field, table)
    if not field.stored or field.column not in _GROUPED:
        raise DomainError(f"Records cannot be grouped by {field.label}.")
    value = value_of(field, sql("{t}.{c}", t=table, c=ident(field.name)), env.lang)
    if field.column in ("date", "timestamptz"):
        return _by_time(way, field, value)
    if unit:
        raise DomainError(f"{field.label} is no date, so it has no {unit[:20]!r}.")
    if isinstance(field, Many2one):
        return _named(way, env.registry.models[field.comodel], field, value)
    sort = (sql("lower({g})", g=way.grouped), way.grouped) if field.column == "text" else ()
    return way.group(field, value, (way.grouped,), sort=sort)


def _led(way: _Way, info: ModelInfo) -> tuple[ModelInfo, Sql]:
    """Join the links of a path; give the model and the table at its end."""
    here, table = info, ident(info.table)
    for depth, name in enumerate(way.path[:-1]):
        link = _readable(way.env, here, name)
        if not isinstance(link, Many2one) or not link.stored:
            raise DomainError(f"{link.label} of {here.description} is no link to one record, so no way leads on.")
        here, alias = way.env.registry.models[link.comodel], ident(f"p{way.place}_{depth}__")
        way.env.refuse_unreadable(here, here.fields["id"])
        value = value_of(link, sql("{t}.{link}", t=table, link=ident(name)), way.env.lang)
        way.joins.append(sql("LEFT JOIN {target} {a} ON {a}.id = {v}", target=ident(here.table), a=alias, v=value))
        table = alias
    return here, table


def _readable(env: Env, info: ModelInfo, name: str) -> AnyField:
    field = info.field(name)
    env.refuse_unreadable(info, field)
    return field


def _by_links(way: _Way, info: ModelInfo, field: Many2many[Any], table: Sql) -> Group:
    target = way.env.registry.models[field.comodel]
    way.env.refuse_unreadable(target, target.fields["id"])
    links, other = ident(f"r{way.place}__"), ident(f"m{way.place}__")
    # Links to records that are hidden from whoever asks are not there for him.
    joined = sql(
        "LEFT JOIN ({rel} {r} JOIN {target} {m} ON {m}.id = {r}.target_id) ON {r}.source_id = {t}.id",
        rel=ident(field.relation(info.table)), target=ident(target.table), r=links, m=other, t=table,
    )  # fmt: skip
    way.joins.append(joined)
    return _named(way, target, field, sql("{r}.target_id", r=links))


def _named(way: _Way, target: ModelInfo, field: AnyField, value: Sql) -> Group:
    grouped = way.grouped
    if not way.env.sees(target, target.fields[target.rec_name]):
        return way.group(field, value, (grouped, sql("''")))
    alias = ident(f"n{way.place}__")
    called = value_of(target.fields[target.rec_name], sql("{a}.{c}", a=alias, c=ident(target.rec_name)), way.env.lang)
    name = sql("({called})::text", called=called)
    naming = sql("LEFT JOIN {t} {a} ON {a}.id = {g}", t=ident(target.table), a=alias, g=grouped)
    sort = (sql("lower({name})", name=name), grouped)
    return way.group(field, value, (grouped, name), naming=(naming,), sort=sort)


def _by_time(way: _Way, field: AnyField, value: Sql) -> Group:
    unit = way.unit or "month"
    if unit not in _UNITS or (unit == "hour" and field.column == "date"):
        known = " ".join(name for name in _UNITS if name != "hour" or field.column != "date")
        raise DomainError(f"{field.label} can be grouped by {known}, not by {unit[:20]!r}.")
    name, length = _UNITS[unit]
    start, zone = way.grouped, sql("{zone}::text", zone=way.env.tz)
    if field.column == "date":
        day = sql("date_trunc({unit}, {v}::timestamp)::date", unit=name, v=value)
        end = sql("({start} + {length})::date", start=start, length=length)
        return way.group(field, day, (start, _before_the_end(end, sql("date"))), span="dates")
    moment = sql("date_trunc({unit}, {v}, {zone})", unit=name, v=value, zone=zone)
    if unit == "hour":
        end = sql("{start} + {length}", start=start, length=length)
        return way.group(field, moment, (start, _before_the_end(end, sql("timestamptz"))), span="moments")
    local = sql("({start} AT TIME ZONE {zone})", start=start, zone=zone)
    end = sql("({local} + {length}) AT TIME ZONE {zone}", local=local, length=length, zone=zone)
    shown = (start, _before_the_end(end, sql("timestamptz")), sql("{local}::date", local=local))
    return way.group(field, moment, shown, span="days")


def _before_the_end(moment: Sql, kind: Sql) -> Sql:
    """Give NULL for what is after the last year that Python knows: nothing is later."""
    return sql("CASE WHEN {m} < {kind} '9999-12-30' THEN {m} END", m=moment, kind=kind)
