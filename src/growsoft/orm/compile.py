"""From conditions to SQL: for a search with bound values, and for policies and checks with constants."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from growsoft.orm.domain import Condition, ContextValue, DomainError, Every, Leaf, Negation, Operator, Some
from growsoft.orm.fields import AnyField, Many2many, Many2one, One2many
from growsoft.orm.narrow import is_collection
from growsoft.postgres.schema import ColumnType
from growsoft.postgres.sql import Sql, ident, join, literal, sql

if TYPE_CHECKING:
    from growsoft.orm.registry import ModelInfo, Registry

MAX_PATTERN: Final = 512  # bytes: what gs.pattern accepts

_COMPARISONS: Final[dict[str, Sql]] = {
    "=": sql("="), "!=": sql("<>"), "<": sql("<"), "<=": sql("<="), ">": sql(">"), ">=": sql(">="),
}  # fmt: skip
_CASTS: Final[dict[ColumnType, tuple[Sql, Sql]]] = {
    "bigint": (sql("::bigint"), sql("::bigint[]")),
    "integer": (sql("::integer"), sql("::integer[]")),
    "text": (sql("::text"), sql("::text[]")),
    "boolean": (sql("::boolean"), sql("::boolean[]")),
    "numeric": (sql("::numeric"), sql("::numeric[]")),
    "date": (sql("::date"), sql("::date[]")),
    "timestamptz": (sql("::timestamptz"), sql("::timestamptz[]")),
    "jsonb": (sql("::jsonb"), sql("::jsonb[]")),
    "bytea": (sql("::bytea"), sql("::bytea[]")),
    "double precision": (sql("::double precision"), sql("::double precision[]")),
}


class Binder(Protocol):
    """How values come into the SQL."""

    def value(self, value: object, kind: ColumnType) -> Sql:
        """Write one value, cast to the column's type: a parameter of another type never uses its index."""
        ...

    def values(self, values: Collection[object], kind: ColumnType) -> Sql:
        """Write an array."""
        ...

    def pattern(self, text: str) -> Sql:
        """Write a pattern for gs.like and gs.ilike."""
        ...

    def user(self) -> Sql:
        """Write the id of the one who asks."""
        ...

    def companies(self) -> Sql:
        """Write the array of his companies."""
        ...


@dataclass(frozen=True, slots=True)
class Bound:
    """For a search: values are bound, and who asks is known."""

    user_id: int
    company_ids: tuple[int, ...]

    def value(self, value: object, kind: ColumnType) -> Sql:
        """Bind it."""
        return sql("{value}{cast}", value=value, cast=_CASTS[kind][0])

    def values(self, values: Collection[object], kind: ColumnType) -> Sql:
        """Bind an array."""
        return sql("{values}{cast}", values=list(values), cast=_CASTS[kind][1])

    def pattern(self, text: str) -> Sql:
        """Bind it: an inline constant would lose the index or the estimate."""
        return sql("{text}::gs.pattern", text=text)

    def user(self) -> Sql:
        """Bind the user."""
        return self.value(self.user_id, "bigint")

    def companies(self) -> Sql:
        """Bind the companies."""
        return self.values(self.company_ids, "bigint")


class Declared:
    """For policies and checks: constants, and the signed context asked once per statement (hence the sub-selects)."""

    def value(self, value: object, kind: ColumnType) -> Sql:
        """Write a constant."""
        return sql("{value}{cast}", value=literal(_constant(value)), cast=_CASTS[kind][0])

    def values(self, values: Collection[object], kind: ColumnType) -> Sql:
        """Write an array of constants."""
        items = join(", ", (literal(_constant(value)) for value in values))
        return sql("ARRAY[{items}]{cast}", items=items, cast=_CASTS[kind][1])

    def pattern(self, text: str) -> Sql:
        """Write a constant pattern."""
        return sql("{text}::gs.pattern", text=literal(text))

    def user(self) -> Sql:
        """Ask the context."""
        return sql("(SELECT gs.user_id())")

    def companies(self) -> Sql:
        """Ask the context."""
        return sql("(SELECT gs.companies())::bigint[]")


@dataclass(frozen=True, slots=True)
class Compiler:
    """Compiles conditions of any model of a registry. Raises ``DomainError`` for what the models do not have."""

    registry: Registry
    binder: Binder

    def where(self, info: ModelInfo, condition: Condition, alias: Sql | None = None, depth: int = 0) -> Sql:
        """Give the SQL of a condition over ``alias`` (the table itself when not given)."""
        table = ident(info.table) if alias is None else alias
        match condition:
            case Every(parts):
                return self._joined(info, parts, table, depth, all_of=True)
            case Some(parts):
                return self._joined(info, parts, table, depth, all_of=False)
            case Negation(part):
                return sql("({part}) IS NOT TRUE", part=self.where(info, part, table, depth))
            case Leaf():
                return self._leaf(info, condition, table, depth)
            case _:
                raise TypeError(f"no condition: {condition!r}")

    def _joined(self, info: ModelInfo, parts: Iterable[Condition], table: Sql, depth: int, *, all_of: bool) -> Sql:
        compiled = [self.where(info, part, table, depth) for part in parts]
        if not compiled:
            return sql("true") if all_of else sql("false")
        if len(compiled) == 1:
            return compiled[0]
        pieces = [sql("({part})", part=part) for part in compiled]
        return join(" AND ", pieces) if all_of else join(" OR ", pieces)

    def _leaf(self, info: ModelInfo, leaf: Leaf, table: Sql, depth: int) -> Sql:
        first, *rest = leaf.names
        field = info.field(first)
        if rest:
            return self._related(info, field, Leaf(tuple(rest), leaf.operator, leaf.value), table, depth, negated=False)
        match field:
            case One2many() | Many2many():
                return self._to_many(info, field, leaf, table, depth)
            case Many2one():
                return self._many2one(info, field, leaf, table, depth)
            case _:
                return self._scalar(field, leaf.operator, leaf.value, table)

    # -- columns -----------------------------------------------------------------------------------------------------

    def _scalar(self, field: AnyField, operator: Operator, value: object, table: Sql) -> Sql:
        if field.column is None:
            raise DomainError(f"{field.label} is not stored and cannot be searched.")
        column = sql("{table}.{column}", table=table, column=ident(field.name))
        if operator in ("in", "not in"):
            return self._membership(column, field, value, negated=operator == "not in")
        if "like" in operator:
            return self._pattern(column, field, operator, value)
        if operator not in _COMPARISONS:
            raise DomainError(f"{operator} does not work on {field.label}.")
        return self._comparison(column, field, operator, value)

    def _comparison(self, column: Sql, field: AnyField, operator: str, value: object) -> Sql:
        raw = self._raw(field, value)
        if raw is None:
            if operator not in ("=", "!="):
                raise DomainError(f"{field.label} {operator} needs a value.")
            return sql("{c} IS NULL", c=column) if operator == "=" else sql("{c} IS NOT NULL", c=column)
        kind = _column_type(field)
        compared = sql("{c} {op} {v}", c=column, op=_COMPARISONS[operator], v=self.binder.value(raw, kind))
        if operator == "!=" and field.unset is None:
            return sql("({compared} OR {c} IS NULL)", compared=compared, c=column)
        return compared

    def _membership(self, column: Sql, field: AnyField, value: object, *, negated: bool) -> Sql:
        raws = [self._raw(field, item) for item in _collection(field, value)]
        known = [raw for raw in raws if raw is not None]
        values = self.binder.values(known, _column_type(field))
        return _null_aware(
            column, values, unset_in=len(known) < len(raws), negated=negated, nullable=field.unset is None
        )

    def _pattern(self, column: Sql, field: AnyField, operator: str, value: object) -> Sql:
        if field.column != "text" or not isinstance(value, str):
            raise DomainError(f"{operator} compares text; {field.label} or the value is none.")
        pattern = value if operator.startswith("=") else "%" + escaped(value) + "%"
        if len(pattern.encode()) > MAX_PATTERN or "\0" in pattern:
            raise DomainError(f"The text to search {field.label} for is too long.")
        if operator.startswith("=") and (len(pattern) - len(pattern.rstrip("\\"))) % 2:
            raise DomainError("A pattern cannot end with a single backslash.")
        case = sql("OPERATOR(gs.~~*?)") if "ilike" in operator else sql("OPERATOR(gs.~~?)")
        found = sql("{c} {op} {p}", c=column, op=case, p=self.binder.pattern(pattern))
        return sql("NOT ({found})", found=found) if operator.startswith("not") else found

    @staticmethod
    def _raw(field: AnyField, value: object) -> object:
        if isinstance(value, ContextValue):
            raise DomainError(f"{field.label} is no link; it cannot be compared with the current {value.name}.")
        if field.kind in ("char", "text") and isinstance(value, str) and "\0" not in value:
            return value  # longer than the field may be: nothing has it, which is an answer and no mistake
        return field.unset if value is None or (value is False and field.kind != "boolean") else field.to_raw(value)

    # -- links -------------------------------------------------------------------------------------------------------

    def _many2one(self, info: ModelInfo, field: Many2one[Any], leaf: Leaf, table: Sql, depth: int) -> Sql:
        column = sql("{table}.{column}", table=table, column=ident(field.name))
        value = leaf.value
        match leaf.operator:
            case "any" | "not any":
                return self._related(info, field, value, table, depth, negated=leaf.operator == "not any")
            case "=" | "!=" if isinstance(value, ContextValue):
                equal = sql("{c} = {user}", c=column, user=self._one(value))
                return equal if leaf.operator == "=" else sql("({equal}) IS NOT TRUE", equal=equal)
            case "in" | "not in" if isinstance(value, ContextValue):
                return _null_aware(
                    column, self._many(value), unset_in=False, negated=leaf.operator == "not in", nullable=True
                )
            case "in" | "not in":
                return self._membership(column, field, _ids(value), negated=leaf.operator == "not in")
            case "=" | "!=":
                return self._comparison(column, field, leaf.operator, value)
            case "<" | ">" | "<=" | ">=":
                raise DomainError(f"{leaf.operator} does not work on the link {field.label}.")
            case _:  # like and its kin: by the name of the linked record
                name = self.registry.models[field.comodel].rec_name
                return self._related(info, field, Leaf((name,), leaf.operator, value), table, depth, negated=False)

    def _to_many(
        self, info: ModelInfo, field: One2many[Any] | Many2many[Any], leaf: Leaf, table: Sql, depth: int
    ) -> Sql:
        negated = leaf.operator in ("!=", "not in", "not any")
        match leaf.operator:
            case "any" | "not any":
                inner = leaf.value
            case "=" | "!=" if leaf.value is None or leaf.value is False:
                inner, negated = Every(()), not negated
            case "=" | "!=" | "in" | "not in":
                inner = Leaf(("id",), "in", _ids(leaf.value))
            case "like" | "ilike" | "not like" | "not ilike" | "=like" | "=ilike":
                inner = Leaf((self.registry.models[field.comodel].rec_name,), leaf.operator, leaf.value)
            case _:
                raise DomainError(f"{leaf.operator} does not work on {field.label}.")
        return self._related(info, field, inner, table, depth, negated=negated)

    def _related(
        self, info: ModelInfo, field: AnyField, inner: object, table: Sql, depth: int, *, negated: bool
    ) -> Sql:
        if not isinstance(inner, Condition) or not isinstance(field, Many2one | One2many | Many2many):
            raise DomainError(f"{field.label} is no link, or what is asked of the linked records is no condition.")
        comodel = self.registry.models[field.comodel]
        alias = sql("{alias}", alias=ident(f"t{depth}"))
        where = self.where(comodel, inner, alias, depth + 1)
        target = sql("{table} {alias}", table=ident(comodel.table), alias=alias)
        match field:
            case Many2one():
                key = sql("{table}.{column}", table=table, column=ident(field.name))
                found = sql("SELECT {a}.id FROM {target} WHERE {where}", a=alias, target=target, where=where)
            case One2many():
                key = sql("{table}.id", table=table)
                found = sql(
                    "SELECT {a}.{inverse} FROM {target} WHERE {a}.{inverse} IS NOT NULL AND {where}",
                    a=alias, inverse=ident(field.inverse), target=target, where=where,
                )  # fmt: skip
            case _:
                key = sql("{table}.id", table=table)
                found = sql(
                    "SELECT r.source_id FROM {rel} r JOIN {target} ON {a}.id = r.target_id WHERE {where}",
                    rel=ident(field.relation(info.table)), target=target, a=alias, where=where,
                )  # fmt: skip
        inside = sql("{key} IN ({found})", key=key, found=found)
        return sql("({inside}) IS NOT TRUE", inside=inside) if negated else inside

    def _one(self, value: ContextValue) -> Sql:
        if value.name != "user":
            raise DomainError("compare with the companies by in_(current.companies)")
        return self.binder.user()

    def _many(self, value: ContextValue) -> Sql:
        if value.name != "companies":
            raise DomainError("compare with the user by == current.user")
        return self.binder.companies()


def escaped(text: str) -> str:
    """Take the meaning of wildcards from text that a person typed."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def array_cast(kind: ColumnType) -> Sql:
    """Give the cast of an array parameter."""
    return _CASTS[kind][1]


def scalar_cast(kind: ColumnType) -> Sql:
    """Give the cast of a parameter."""
    return _CASTS[kind][0]


def _null_aware(column: Sql, values: Sql, *, unset_in: bool, negated: bool, nullable: bool) -> Sql:
    if not negated:
        inside = sql("{c} = ANY ({v})", c=column, v=values)
        return sql("({inside} OR {c} IS NULL)", inside=inside, c=column) if unset_in else inside
    outside = sql("{c} <> ALL ({v})", c=column, v=values)
    if unset_in or not nullable:
        return outside
    return sql("({outside} OR {c} IS NULL)", outside=outside, c=column)


def _column_type(field: AnyField) -> ColumnType:
    if field.column is None:
        raise DomainError(f"{field.label} is not stored and cannot be searched.")
    return field.column


def _collection(field: AnyField, value: object) -> Collection[object]:
    if is_collection(value):
        return value
    raise DomainError(f"{field.label} in needs a list of values.")


def _ids(value: object) -> tuple[object, ...]:
    from growsoft.orm.model import Model

    if isinstance(value, Model):
        return value.ids
    if isinstance(value, int) and not isinstance(value, bool):
        return (value,)
    if is_collection(value):
        return tuple(value)
    raise DomainError("A link is compared with an id, a list of ids or records.")


def _constant(value: object) -> Any:  # noqa: ANN401  literal() refuses what it does not know
    return value.isoformat() if isinstance(value, date | datetime) else value
