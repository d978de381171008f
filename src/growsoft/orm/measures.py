"""What groups are measured by: sums, averages, counts and the like, and conditions on these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Final

from growsoft.orm.compile import array_cast, scalar_cast, value_of
from growsoft.orm.domain import NEGATIVES, Condition, DomainError, Every, Leaf, Negation, Some, from_wire
from growsoft.orm.narrow import is_collection
from growsoft.postgres.schema import ColumnType
from growsoft.postgres.sql import Sql, ident, join, sql

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.registry import ModelInfo

COUNT: Final = "__count"
_NUMBERS: Final = frozenset[str](("integer", "numeric", "double precision"))
_ORDERED: Final = _NUMBERS | {"text", "date", "timestamptz"}
_PLAIN: Final = _ORDERED | {"bigint", "boolean"}
_TAKEN: Final[dict[str, frozenset[str]]] = {
    "sum": _NUMBERS, "avg": _NUMBERS, "min": _ORDERED, "max": _ORDERED, "count": _PLAIN, "count_distinct": _PLAIN,
    "bool_and": frozenset(("boolean",)), "bool_or": frozenset(("boolean",)), "array_agg": _PLAIN,
}  # fmt: skip
_COMPARED: Final[dict[str, Sql]] = {
    "=": sql("="), "<": sql("<"), "<=": sql("<="), ">": sql(">"), ">=": sql(">="),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measure:
    """One aggregate: ``expression`` is a column of the rows, ``aggregated`` what is made of it for each group.

    ``kind`` is the type of the result, as a condition on it compares, None for lists; ``operand`` reads what it is
    compared with.
    """

    key: str
    name: str
    source: Sql
    column: Sql
    expression: Sql
    aggregated: Sql
    kind: ColumnType | None
    operand: Callable[[object], object]


def measure(env: Env, info: ModelInfo, key: str, place: int) -> Measure:
    """Read ``field:function``; a number without a function is added up.

    Raises ``DomainError`` for what is no aggregate, ``AccessError`` for a field that the user may not read.
    """
    name, _colon, function = key.partition(":")
    field = info.field(name)
    env.refuse_unreadable(info, field)
    function = function or "sum"
    kind = field.column
    if function not in _TAKEN or kind is None or not field.stored or kind not in _TAKEN[function]:
        known = " ".join(name for name, kinds in _TAKEN.items() if kind in kinds) or "nothing"
        raise DomainError(f"{field.label} can be summed up by {known}, not by {function[:20]!r}.")
    source, column = ident(f"c{place}__"), ident(f"a{place}__")
    expression = value_of(field, sql("{t}.{c}", t=ident(info.table), c=ident(name)), env.lang)
    result = _result(function, kind)
    operand = partial(_number, key, result) if result in ("numeric", "bigint", "integer") else field.to_operand
    return Measure(key, name, source, column, expression, _aggregated(function, source), result, operand)


def _aggregated(function: str, c: Sql) -> Sql:
    made = {
        "sum": sql("coalesce(sum({c}), 0)", c=c),
        "avg": sql("avg({c})", c=c),
        "min": sql("min({c})", c=c),
        "max": sql("max({c})", c=c),
        "count": sql("count({c})", c=c),
        "count_distinct": sql("count(DISTINCT {c})", c=c),
        "bool_and": sql("bool_and({c})", c=c),
        "bool_or": sql("bool_or({c})", c=c),
        "array_agg": sql("array_agg({c} ORDER BY id__)", c=c),
    }
    return made[function]


def _result(function: str, kind: ColumnType) -> ColumnType | None:
    if function in ("count", "count_distinct"):
        return "bigint"
    if function in ("sum", "avg"):
        return "numeric"
    return None if function == "array_agg" else kind


# -- conditions on them ------------------------------------------------------------------------------------------------


def having(condition: object, measures: Mapping[str, Measure]) -> Sql:
    """Compile a condition on aggregates that were asked for, and on ``__count``. Raises ``DomainError``."""
    return _having(condition if isinstance(condition, Condition) else from_wire(condition), measures)


def _having(condition: Condition, measures: Mapping[str, Measure]) -> Sql:
    match condition:
        case Every(parts):
            return join(" AND ", [sql("({p})", p=_having(part, measures)) for part in parts] or [sql("true")])
        case Some(parts):
            return join(" OR ", [sql("({p})", p=_having(part, measures)) for part in parts] or [sql("false")])
        case Negation(part):
            return sql("({p}) IS NOT TRUE", p=_having(part, measures))
        case Leaf() if condition.operator in NEGATIVES:
            opposite = Leaf(condition.path, NEGATIVES[condition.operator], condition.value)
            return sql("({p}) IS NOT TRUE", p=_having(opposite, measures))
        case Leaf():
            return _compared(condition, measures)
        case _:
            raise TypeError(f"no condition: {condition!r}")


def _compared(leaf: Leaf, measures: Mapping[str, Measure]) -> Sql:
    key = ".".join(leaf.names)
    found = _COUNTED if key == COUNT else measures.get(key)
    if found is None or found.kind is None:
        raise DomainError(f"{key[:60]!r} is none of the aggregates that were asked for and can be compared.")
    column, kind = sql("g__.{c}", c=found.column), found.kind
    if leaf.operator == "in" and is_collection(leaf.value):
        values = [_operand(found, value) for value in leaf.value]
        return sql("{c} = ANY ({v}{cast})", c=column, v=values, cast=array_cast(kind))
    if leaf.operator not in _COMPARED:
        raise DomainError(f"{key[:60]} is compared by {' '.join(_COMPARED)} != in, not in.")
    value = _operand(found, leaf.value)
    return sql("{c} {op} {v}{cast}", c=column, op=_COMPARED[leaf.operator], v=value, cast=scalar_cast(kind))


def _operand(found: Measure, value: object) -> object:
    if value is None:
        raise DomainError(f"{found.key[:60]} is compared with a value.")
    return found.operand(value)


def _number(key: str, kind: ColumnType, value: object) -> object:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole and (kind != "numeric" or not isinstance(value, float | Decimal)):
        raise DomainError(f"{key[:60]} is compared with a number.")
    return value


_COUNTED: Final = Measure(
    COUNT,
    "id",
    ident("id__"),
    ident("count__"),
    sql("id__"),
    sql("count(*)"),
    "bigint",
    partial(_number, COUNT, "bigint"),
)
