"""Orders: ``partner_id.country_id desc, date_order, id`` compiled once, with all the fields that it looks at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from growsoft.orm.compile import value_of
from growsoft.orm.domain import MAX_STEPS, DomainError
from growsoft.orm.fields import AnyField, Many2one
from growsoft.postgres.sql import Sql, ident, join, sql
from growsoft.words import SOURCE

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.registry import ModelInfo, Registry

MAX_ORDER: Final = 10  # terms


class Term(NamedTuple):
    """What an order compares, and which way."""

    value: Sql
    way: Sql


Order = tuple[tuple[Term, ...], tuple[tuple["ModelInfo", AnyField], ...]]


def order_by(env: Env, info: ModelInfo, order: str) -> Sql:
    """Compile an order, as it stands behind ORDER BY. Raises what ``order_terms`` raises."""
    return joined(order_terms(env, info, order))


def joined(terms: Iterable[Term]) -> Sql:
    """Write the terms of an order one behind the other."""
    return join(", ", [sql("{v}{way}", v=term.value, way=term.way) for term in terms])


def order_terms(env: Env, info: ModelInfo, order: str) -> tuple[Term, ...]:
    """Compile an order; text is sorted without regard to case, a link by the name of the linked record.

    A path leads through links to one record. Raises ``DomainError`` for what is no order, ``AccessError`` for a field
    on the way that the user may not read: an order by what one may not read would tell it.
    """
    if not isinstance(order, str) or order.count(",") >= MAX_ORDER:
        raise DomainError(f"An order is text of {MAX_ORDER} fields at most, each with asc or desc behind it.")
    key = (info.name, order, env.lang)
    found = env.registry.orders.get(key)
    if found is None:
        found = env.registry.orders.put(key, compiled_order(env.registry, info, order, env.lang))
    compiled, fields = found
    for where, field in fields:
        env.refuse_unreadable(where, field)
    return compiled


def order_names(order: str) -> Iterable[str]:
    """Give the names of the fields in an order."""
    parts = order.split(",") if isinstance(order, str) else ()
    return (name for part in parts if part.strip() for name in part.split()[0].split("."))


def compiled_order(registry: Registry, info: ModelInfo, order: str, lang: str = SOURCE) -> Order:
    """Compile an order and say which fields it looks at. Raises ``DomainError``."""
    terms: list[Term] = []
    fields: list[tuple[ModelInfo, AnyField]] = []
    for part in (order or info.order).split(","):
        fields.extend(_term(registry, info, part, lang, terms))
    if not any(field.name == "id" and where is info for where, field in fields):
        terms.append(Term(sql("{t}.id", t=ident(info.table)), sql("")))
    return tuple(terms), tuple(fields)


def _term(
    registry: Registry, info: ModelInfo, part: str, lang: str, terms: list[Term]
) -> Iterator[tuple[ModelInfo, AnyField]]:
    path, *direction = part.split() or [""]
    words = " ".join(direction).lower()
    steps = path.split(".")
    if words not in ("", "asc", "desc") or len(steps) > MAX_STEPS:
        raise _refusal(part)
    here = info
    column = ident(info.table)
    for place, name in enumerate(steps):
        field = here.field(name)
        last = place == len(steps) - 1
        if not field.stored or field.kind == "json" or not (last or isinstance(field, Many2one)):
            raise _refusal(part)
        yield here, field
        own = place == 0
        column = (
            value_of(field, sql("{t}.{c}", t=column, c=ident(name)), lang) if own else linked(here, field, column, lang)
        )
        if isinstance(field, Many2one):
            here = registry.models[field.comodel]
        if last:
            terms.extend(_sorted(here, field, column, lang, down=words == "desc"))
            if isinstance(field, Many2one):
                yield here, here.fields[here.rec_name]
                yield here, here.fields["id"]


def _sorted(here: ModelInfo, field: AnyField, column: Sql, lang: str, *, down: bool) -> Iterator[Term]:
    way = sql(" DESC") if down else sql("")
    if isinstance(field, Many2one):
        yield Term(sql("lower({named}::text)", named=linked(here, here.fields[here.rec_name], column, lang)), way)
    elif field.column == "text":
        yield Term(sql("lower({c})", c=column), way)
    yield Term(column, way)


def linked(comodel: ModelInfo, field: AnyField, link: Sql, lang: str) -> Sql:
    """Give a value of the record that a link leads to; NULL where that is hidden from whoever asks."""
    value = value_of(field, sql("o__.{name}", name=ident(field.name)), lang)
    return sql("(SELECT {value} FROM {t} o__ WHERE o__.id = {link})", value=value, t=ident(comodel.table), link=link)


def _refusal(part: str) -> DomainError:
    return DomainError(
        f"Cannot sort by {part.strip()[:60]!r}: write a stored field, or a path of links to one record that leads to"
        " one, then asc or desc."
    )
