"""From conditions to SQL: for a search with bound values, and for policies and checks with constants."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Protocol

from growsoft.errors import AccessError
from growsoft.orm.columns import in_language
from growsoft.orm.domain import (
    HIERARCHIES,
    Condition,
    ContextValue,
    DomainError,
    Every,
    Leaf,
    Negation,
    Operator,
    Some,
)
from growsoft.orm.fields import AnyField, Computed, Many2many, Many2one, One2many, Relation
from growsoft.orm.fields.scalar import checked_text
from growsoft.orm.fulltext import searched_words, word_condition
from growsoft.orm.meaning import linked_ids, meaning
from growsoft.orm.narrow import is_collection
from growsoft.postgres.schema import ColumnType
from growsoft.postgres.sql import Sql, ident, join, literal, sql
from growsoft.postgres.tree import Direction, in_tree
from growsoft.words import SOURCE, _

if TYPE_CHECKING:
    from growsoft.orm.registry import ModelInfo, Registry

MAX_PATTERN: Final = 512  # bytes: what gs.pattern accepts

_COMPARISONS: Final[dict[str, Sql]] = {
    "=": sql("="), "<": sql("<"), "<=": sql("<="), ">": sql(">"), ">=": sql(">="),
}  # fmt: skip
_COMPANY: Final = sql("(SELECT (gs.companies())[1]::text)")
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
    "gs.file": (sql("::gs.file"), sql("::gs.file[]")),
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
        return sql("{value}{cast}", value=constant(value), cast=_CASTS[kind][0])

    def values(self, values: Collection[object], kind: ColumnType) -> Sql:
        """Write an array of constants."""
        items = join(", ", map(constant, values))
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
    """Compiles conditions of any model of a registry. Raises ``DomainError`` for what the models do not have.

    ``sees`` says which fields whoever asks may read: a condition on any other would tell what is in it. ``None`` is for
    rules and checks, which developers write. ``lang`` is the language in which translated texts are compared;
    ``resolve`` asks the method by which a field that is not stored is found.
    """

    registry: Registry
    binder: Binder
    sees: Callable[[ModelInfo, AnyField], bool] | None = None
    lang: str = SOURCE
    resolve: Callable[[ModelInfo, Computed[Any], Leaf], Condition] | None = None

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
                simpler = meaning(self.registry, info, condition)
                if simpler is not condition:
                    return self.where(info, simpler, table, depth)
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
        if leaf.operator == "@@":
            return self._words(info, leaf, table)
        field = info.field(leaf.names[0])
        self._refuse_unreadable(info, field)
        if leaf.operator == "any":
            return self._any(info, field, leaf.value, table, depth)
        kind = field.column
        if kind is None:
            return self.where(info, self._resolved(info, field, leaf), table, depth)
        if field.translate and isinstance(self.binder, Declared):
            raise DomainError(f"{field.label} is translated: what holds must not depend on anybody's language.")
        column = value_of(field, sql("{table}.{column}", table=table, column=ident(field.name)), self.lang)
        if leaf.operator == "in":
            return self._membership(column, kind, field, leaf.value)
        if leaf.operator in _COMPARISONS:
            return self._comparison(column, kind, field, leaf)
        if leaf.operator in HIERARCHIES:
            return self._in_hierarchy(info, field, leaf, column)
        return self._pattern(column, field, leaf.operator, leaf.value)

    def _resolved(self, info: ModelInfo, field: AnyField, leaf: Leaf) -> Condition:
        if self.resolve is None or not isinstance(field, Computed) or not field.search_name:
            raise DomainError(f"{field.label} is not stored and cannot be searched.")
        return self.resolve(info, field, leaf)

    def _refuse_unreadable(self, info: ModelInfo, field: AnyField) -> None:
        if self.sees is not None and not self.sees(info, field):
            raise AccessError(_("You may not read {label} of {model}.", label=field.label, model=info.description))

    # -- columns -----------------------------------------------------------------------------------------------------

    def _comparison(self, column: Sql, kind: ColumnType, field: AnyField, leaf: Leaf) -> Sql:
        if isinstance(leaf.value, ContextValue):
            return sql("{c} = {user}", c=column, user=self._user(field, leaf))
        raw = operand(field, leaf.value)
        if raw is not None:
            value = self.binder.value(raw, kind)
            return sql("{c} {op} {v}", c=column, op=_COMPARISONS[leaf.operator], v=value)
        if leaf.operator != "=":
            raise DomainError(f"{field.label} {leaf.operator} needs a value.")
        return sql("{c} IS NULL", c=column)

    def _membership(self, column: Sql, kind: ColumnType, field: AnyField, value: object) -> Sql:
        if isinstance(value, ContextValue):
            return sql("{c} = ANY ({v})", c=column, v=self._companies(field, value))
        raws = [operand(field, item) for item in operands(field, value)]
        known = [raw for raw in raws if raw is not None]
        if len(known) == 1:
            inside = sql("{c} = {v}", c=column, v=self.binder.value(known[0], kind))
        else:
            inside = sql("{c} = ANY ({v})", c=column, v=self.binder.values(known, kind))
        return inside if len(known) == len(raws) else sql("({inside} OR {c} IS NULL)", inside=inside, c=column)

    def _pattern(self, column: Sql, field: AnyField, operator: Operator, value: object) -> Sql:
        pattern = self.binder.pattern(like_pattern(field, operator, value))
        case = sql("OPERATOR(gs.~~*?)") if operator.endswith("ilike") else sql("OPERATOR(gs.~~?)")
        return sql("{c} {op} {p}", c=column, op=case, p=pattern)

    def _user(self, field: AnyField, leaf: Leaf) -> Sql:
        if leaf.value != ContextValue("user") or leaf.operator != "=" or not _holds_id(field):
            raise DomainError(f"{field.label} {leaf.operator}: a link is compared by == current.user.")
        return self.binder.user()

    def _companies(self, field: AnyField, value: ContextValue) -> Sql:
        if value.name != "companies" or not _holds_id(field):
            raise DomainError(f"{field.label} in: a link is compared by in_(current.companies).")
        return self.binder.companies()

    def _words(self, info: ModelInfo, leaf: Leaf, table: Sql) -> Sql:
        fulltext, text = searched_words(info, leaf)
        if isinstance(self.binder, Declared):
            raise DomainError(f"{fulltext.name}: words are searched for by people, a rule compares fields.")
        for field in fulltext.fields:
            self._refuse_unreadable(info, info.field(field.name))
        return word_condition(table, fulltext, self.binder.value(text, "text"))

    def _in_hierarchy(self, info: ModelInfo, field: AnyField, leaf: Leaf, column: Sql) -> Sql:
        tree = hierarchy_of(self.registry, info, field)
        self._refuse_unreadable(tree, tree.field(tree.parent_name))
        if isinstance(leaf.value, ContextValue):
            ids = self._companies(field, leaf.value)
        else:
            ids = self.binder.values(tree_ids(field, leaf.value), "bigint")
        way: Direction = "below" if leaf.operator == "child_of" else "above"
        return in_tree(column, way, tree.table, tree.parent_name, ids)

    # -- links -------------------------------------------------------------------------------------------------------

    def _any(self, info: ModelInfo, field: AnyField, inner: object, table: Sql, depth: int) -> Sql:
        if not isinstance(inner, Condition) or not isinstance(field, Relation):
            raise DomainError(f"{field.label} is no link, or what is asked of the linked records is no condition.")
        comodel = self.registry.models[field.comodel]
        self._refuse_unreadable(comodel, comodel.field("id"))
        alias = sql("{alias}", alias=ident(f"t{depth}__"))
        where = self.where(comodel, inner, alias, depth + 1)
        parts = {"t": table, "a": alias, "target": ident(comodel.table), "where": where}
        match field:
            case One2many():
                return sql(
                    "{t}.id IN (SELECT {a}.{link} FROM {target} {a} WHERE {a}.{link} IS NOT NULL AND ({where}))",
                    link=ident(field.inverse), **parts,
                )  # fmt: skip
            case Many2many():
                return sql(
                    "{t}.id IN (SELECT r__.source_id FROM {rel} r__ JOIN {target} {a} ON {a}.id = r__.target_id"
                    " WHERE {where})",
                    rel=ident(field.relation(info.table)), **parts,
                )  # fmt: skip
            case _:
                del parts["t"]
                link = value_of(field, sql("{t}.{link}", t=table, link=ident(field.name)), self.lang)
                return sql("{link} IN (SELECT {a}.id FROM {target} {a} WHERE {where})", link=link, **parts)


def operand(field: AnyField, value: object) -> object:
    """Give what a column is compared with; None asks for unset ones where the column holds NULL."""
    if isinstance(value, ContextValue | Condition):
        raise DomainError(f"{field.label} is compared with a value.")
    unset = value is None or (value is False and field.kind != "boolean")
    return field.unset if unset else field.to_operand(value)


def operands(field: AnyField, value: object) -> Collection[object]:
    """Give the values of a list; records are a list of ids."""
    if isinstance(field, Relation):
        return linked_ids(field, value)
    if is_collection(value):
        return value
    raise DomainError(f"{field.label} in: a list of values is needed.")


def like_pattern(field: AnyField, operator: Operator, value: object) -> str:
    """Give the pattern of a text comparison; ``like`` and ``ilike`` look for a part, ``=like`` takes a pattern."""
    if field.column != "text" or not isinstance(value, str):
        raise DomainError(f"{operator} compares text; {field.label} or the value is none.")
    checked_text(field, value)
    pattern = value if operator.startswith("=") else "%" + escaped(value) + "%"
    if len(pattern.encode()) > MAX_PATTERN:
        raise DomainError(f"The text to search {field.label} for is too long.")
    if (len(pattern) - len(pattern.rstrip("\\"))) % 2:
        raise DomainError("A pattern cannot end with a single backslash.")
    return pattern


def hierarchy_of(registry: Registry, info: ModelInfo, field: AnyField) -> ModelInfo:
    """Give the model whose hierarchy a field leads into, its own for an id. Raises ``DomainError`` for none."""
    found = registry.models[field.comodel] if isinstance(field, Many2one) else info
    if not found.parent_name or not _holds_id(field):
        raise DomainError(f"{field.label} is no link into a hierarchy: {found.description} has no _parent_name.")
    return found


def tree_ids(field: AnyField, value: object) -> list[object]:
    """Give the ids from which a hierarchy is followed; none for no record."""
    ids = linked_ids(field, value) if isinstance(field, Relation) else value if is_collection(value) else (value,)
    return [field.to_operand(one) for one in ids if one is not None and one is not False]


def escaped(text: str) -> str:
    """Take the meaning of wildcards from text that a person typed."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def value_of(field: AnyField, column: Sql, lang: str) -> Sql:
    """Give the value of a field out of its column: where each company has its own, that of the current one.

    Where each language has a text of its own, it is the one in ``lang``.

    Which company that is says the signed context, so one text serves all of them.
    """
    kind = field.column
    if field.translate:
        return in_language(column, lang)
    if not field.company_dependent or kind is None:
        return column
    own = sql("({c} ->> {company}){cast}", c=column, company=_COMPANY, cast=_CASTS[kind][0])
    fallback = field.fallback
    if fallback is None:
        return own
    shared = sql("{value}{cast}", value=constant(fallback), cast=_CASTS[kind][0])
    if field.unset is not None:
        return sql("coalesce({own}, {shared})", own=own, shared=shared)
    # A company may have unset the value for itself: that is no reason to give it the one of all.
    return sql(
        "CASE WHEN {c} ? {company} THEN {own} ELSE {shared} END", c=column, company=_COMPANY, own=own, shared=shared
    )


def among(column: Sql, ids: Sequence[int]) -> Sql:
    """Hold for some ids. One is compared by ``=``, whose plan PostgreSQL keeps; with an array it plans each time."""
    if len(ids) == 1:
        return sql("{c} = {id}::bigint", c=column, id=ids[0])
    return sql("{c} = ANY ({ids}::bigint[])", c=column, ids=list(ids))


def array_cast(kind: ColumnType) -> Sql:
    """Give the cast of an array parameter."""
    return _CASTS[kind][1]


def scalar_cast(kind: ColumnType) -> Sql:
    """Give the cast of a parameter."""
    return _CASTS[kind][0]


def _holds_id(field: AnyField) -> bool:
    return isinstance(field, Many2one) or field.name in ("id", "create_uid", "write_uid")


def constant(value: object) -> Sql:
    """Write what a column holds as a constant."""
    match value:
        case date() | datetime():
            return literal(value.isoformat())
        case None | str() | int() | Decimal() | bytes():
            return literal(value)
        case _:
            raise TypeError(f"a {type(value).__name__} is no constant of PostgreSQL")
