"""Groups: records counted and added up by the values of some fields, in one query under the rules of whoever asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from growsoft.orm.domain import EVERYTHING, Condition, DomainError, names_in, to_wire
from growsoft.orm.fields import AnyField
from growsoft.orm.fields.base import Field
from growsoft.orm.groups import Group, group_by
from growsoft.orm.measures import COUNT, Measure, having, measure
from growsoft.orm.narrow import is_sequence
from growsoft.orm.search import natural
from growsoft.postgres.sql import Sql, ident, join, sql

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.registry import ModelInfo

MAX_KEYS: Final = 20  # groups, and aggregates

GroupRow = dict[str, Any]
Cells = tuple[Any, ...]


def read_group(  # noqa: PLR0913  the parts of a SELECT
    env: Env,
    info: ModelInfo,
    domain: Condition,
    groupby: Sequence[str | AnyField],
    aggregates: Sequence[str],
    *,
    conditions: object,
    order: str,
    offset: int,
    limit: int | None,
    subtotals: bool,
) -> list[GroupRow]:
    """Give one row for each group that has records; without groups one row for all records."""
    plan = _plan(env, info, _keys(groupby), _keys(aggregates), order, subtotals=subtotals)
    env.work.prepare(env, (*names_in(domain), *plan.names))
    where = sql("true") if domain == EVERYTHING else env.compiler().where(info, domain)
    limits: list[Sql] = []
    if limit is not None:
        limits.append(sql("LIMIT {limit}::bigint", limit=natural(limit)))
    if offset:
        limits.append(sql("OFFSET {offset}::bigint", offset=natural(offset)))
    kept = having(conditions, plan.measures) if conditions else sql("true")
    base = [] if domain == EVERYTHING else to_wire(domain)
    return [plan.row(cells, base) for cells in env.execute(plan.statement(where, kept, join(" ", limits))).rows]


class GroupPlan:
    """How a model is grouped: three nested selects, worked out once for a set of keys.

    The innermost one has the rows with what they are grouped by, the next one groups them, and the outermost one names
    the linked records, once per group instead of once per row, and sorts.
    """

    def __init__(
        self, info: ModelInfo, groups: Sequence[Group], measures: Sequence[Measure], order: str, *, subtotals: bool
    ) -> None:
        """Take the keys; ``order`` names some of them."""
        self.measures = {one.key: one for one in measures}
        self.names = (*(name for group in groups for name in group.path), *(one.name for one in measures))
        self._groups = tuple(groups)
        self._rolled = subtotals and bool(groups)
        table = ident(info.table)
        self._rows = sql(
            "SELECT {rows} FROM {t} {joins}",
            rows=join(", ", _rows(table, groups, measures)), t=table,
            joins=join(" ", [piece for group in groups for piece in group.joins]),
        )  # fmt: skip
        self._grouped = join(", ", self._columns(measures))
        self._shown = join(", ", self._outer(measures))
        self._by = self._group_by()
        self._naming = join(" ", [piece for group in groups for piece in group.naming])
        self._order = self._ordered(order)

    def statement(self, where: Sql, having: Sql, limits: Sql) -> Sql:
        """Give the whole statement."""
        return sql(
            "SELECT {shown} FROM (SELECT {grouped} FROM ({rows} WHERE {where}) q__ {by}) g__ {naming} WHERE {having}"
            " {order} {limits}",
            shown=self._shown, grouped=self._grouped, rows=self._rows, where=where, by=self._by, naming=self._naming,
            having=having, order=self._order, limits=limits,
        )  # fmt: skip

    def row(self, cells: Cells, base: list[object]) -> GroupRow:
        """Turn one row of the result into what goes to the wire; ``base`` is what was searched for.

        A subtotal has no value of what it adds up, nor of what is grouped below that.
        """
        found: GroupRow = {}
        terms: list[object] = list(base)
        spans: dict[str, object] = {}
        place, rolled = 0, cells[len(cells) - len(self._groups) :] if self._rolled else ()
        for number, group in enumerate(self._groups):
            part = cells[place : place + len(group.shown)]
            place += len(group.shown)
            if not rolled or not rolled[number]:
                found[group.key] = group.value(part)
                terms += group.terms(part)
                spans |= group.span_of(part)
        for key, value in zip((COUNT, *self.measures), cells[place:], strict=False):
            found[key] = value
        found["__domain"] = terms
        return found | {"__range": spans} if spans else found

    def _columns(self, measures: Sequence[Measure]) -> Iterator[Sql]:
        yield from (group.column for group in self._groups)
        yield sql("count(*) AS count__")
        yield from (sql("{a} AS {c}", a=one.aggregated, c=one.column) for one in measures)
        if self._rolled:
            yield from (sql("GROUPING({g}) AS {z}", g=group.column, z=group.rolled) for group in self._groups)

    def _outer(self, measures: Sequence[Measure]) -> Iterator[Sql]:
        yield from (column for group in self._groups for column in group.shown)
        yield sql("g__.count__")
        yield from (sql("g__.{c}", c=one.column) for one in measures)
        if self._rolled:
            yield from (sql("g__.{z}", z=group.rolled) for group in self._groups)

    def _group_by(self) -> Sql:
        keys = join(", ", [group.column for group in self._groups])
        if not self._groups:
            return sql("")
        return sql("GROUP BY ROLLUP ({keys})", keys=keys) if self._rolled else sql("GROUP BY {keys}", keys=keys)

    def _ordered(self, order: str) -> Sql:
        parts = (
            [part.split() for part in order.split(",")] if order.strip() else [[group.key] for group in self._groups]
        )
        terms = [term for part in parts for term in self._term(part)]
        named = {part[0] for part in parts}
        terms += [term for group in self._groups if group.key not in named for term in self._term([group.key])]
        return sql("ORDER BY {terms}", terms=join(", ", terms)) if terms else sql("")

    def _term(self, part: list[str]) -> Iterator[Sql]:
        key, *direction = part or [""]
        words = " ".join(direction).lower()
        group = next((group for group in self._groups if group.key == key), None)
        if words not in ("", "asc", "desc") or (group is None and key != COUNT and key not in self.measures):
            raise DomainError(
                f"Groups cannot be sorted by {' '.join(part)[:60]!r}: write what they are grouped by, an aggregate that"
                f" was asked for, or {COUNT}, then asc or desc."
            )
        way = sql(" DESC") if words == "desc" else sql("")
        if group is None:
            column = sql("count__") if key == COUNT else self.measures[key].column
            yield sql("g__.{c}{way}", c=column, way=way)
            return
        if self._rolled:  # what adds a group up stands behind it
            yield sql("g__.{z}", z=group.rolled)
        yield from (sql("{s}{way}", s=piece, way=way) for piece in group.sort)


def _rows(table: Sql, groups: Sequence[Group], measures: Sequence[Measure]) -> Iterator[Sql]:
    yield sql("{t}.id AS id__", t=table)
    yield from (sql("{e} AS {g}", e=group.expression, g=group.column) for group in groups)
    yield from (sql("{e} AS {c}", e=one.expression, c=one.source) for one in measures)


def _plan(
    env: Env, info: ModelInfo, groupby: tuple[str, ...], aggregates: tuple[str, ...], order: str, *, subtotals: bool
) -> GroupPlan:
    if not isinstance(order, str) or order.count(",") >= 2 * MAX_KEYS:
        raise DomainError("An order of groups is text: keys, each with asc or desc behind it.")
    key = (info.name, groupby, aggregates, order, subtotals, env.context.profile, env.lang, env.tz)
    found = env.registry.groupings.get(key)
    if found is None:  # what may not be read is refused before a plan is kept
        env.refuse_unreadable(info, info.fields["id"])
        groups = [group_by(env, info, one, place) for place, one in enumerate(groupby)]
        if subtotals and any(group.kind == "links" for group in groups):
            raise DomainError("A record with several links is in several groups, so these have no subtotals.")
        measures = [measure(env, info, one, place) for place, one in enumerate(aggregates) if one != COUNT]
        found = env.registry.groupings.put(key, GroupPlan(info, groups, measures, order, subtotals=subtotals))
    return found


def _keys(names: Sequence[str | AnyField]) -> tuple[str, ...]:
    given: list[str] = []
    for name in names if is_sequence(names) else [None]:
        text = name.name if isinstance(name, Field) else name
        if not isinstance(text, str) or len(given) >= MAX_KEYS:
            raise DomainError(f"What to group by and to sum up is given as lists of names, {MAX_KEYS} at most.")
        given.append(text)
    return tuple(dict.fromkeys(given))
