"""Queries: what a search box says, as facets that can be taken off one by one and as one condition."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, Literal
from urllib.parse import urlencode

from growsoft.errors import ValidationError
from growsoft.orm.domain import EVERYTHING, Condition, Every, Leaf, Some
from growsoft.views.fields import NUMBERS, TEXTS, FieldView, ModelView
from growsoft.views.manner import PLAIN, Manner
from growsoft.views.parsing import parsed
from growsoft.views.values import Search
from growsoft.words import _

PAGE_SIZE: Final = 80
MOST_FACETS: Final = 20

_WORD = re.compile(r'(?P<field>[\w.]+):(?:"(?P<quoted>[^"]*)"|(?P<plain>\S+))', re.ASCII)
_COMPARED = re.compile(r"(?P<operator><=|>=|<|>|=)?(?P<value>.*)", re.DOTALL)
Comparison = Literal["<", "<=", ">", ">=", "="]


class NotSearchable(ValidationError):
    """The search box has a condition that is not understood; take it off or correct it."""


@dataclass(frozen=True, slots=True)
class Facet:
    """One picked condition: a field and what it should hold, as people typed it."""

    field: str
    text: str

    def __str__(self) -> str:
        """The form that addresses carry: `city:Berlin`."""
        return f"{self.field}:{self.text}"


@dataclass(frozen=True, slots=True)
class Query:
    """What a list shows: words, facets and filters, then order and page."""

    words: str = ""
    facets: tuple[Facet, ...] = ()
    filters: tuple[str, ...] = ()
    sort: str = ""
    page: int = 1

    def without(self, facet: Facet) -> Query:
        """Return the query with one facet taken off."""
        return replace(self, facets=tuple(other for other in self.facets if other != facet), page=1)

    def toggled(self, name: str) -> Query:
        """Return the query with a filter switched on or off."""
        on = name in self.filters
        filters = tuple(other for other in self.filters if other != name) if on else (*self.filters, name)
        return replace(self, filters=filters, page=1)

    def sorted_by(self, field: str) -> Query:
        """Return the query in the order of a field; asked for twice, in the opposite order."""
        return replace(self, sort=f"-{field}" if self.sort == field else field, page=1)

    def at(self, page: int) -> Query:
        """Return the query at another page."""
        return replace(self, page=page)

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Return the fields of the address that says all this."""
        return (
            *((("q", self.words),) if self.words else ()),
            *(("f", str(facet)) for facet in self.facets),
            *(("filter", name) for name in self.filters),
            *((("sort", self.sort),) if self.sort else ()),
            *((("page", str(self.page)),) if self.page > 1 else ()),
        )

    def address(self, path: str) -> str:
        """Return the address of this query at a path."""
        return f"{path}?{urlencode(self.pairs())}" if self.pairs() else path

    @property
    def empty(self) -> bool:
        """Whether nothing is searched for."""
        return not (self.words or self.facets or self.filters)


def query_of(model: ModelView, search: Search, pairs: Iterable[tuple[str, str]]) -> Query:
    """Read the query that an address says; what the model does not have is left out.

    `field:value` among the words becomes a facet, when there is such a field.
    """
    query = Query()
    for name, value in pairs:
        query = _with(query, name, value, search)
    typed = tuple(_typed_facets(model, query.words))
    facets = tuple(facet for facet in (*query.facets, *typed) if searchable(model, facet.field) and facet.text)
    words = _WORD.sub(lambda found: "" if searchable(model, found["field"]) else found[0], query.words)
    sort = query.sort if sortable(model, query.sort) else ""
    return replace(query, words=" ".join(words.split()), facets=tuple(dict.fromkeys(facets))[:MOST_FACETS], sort=sort)


def _with(query: Query, name: str, value: str, search: Search) -> Query:
    """Add one field of an address."""
    match name:
        case "q":
            return replace(query, words=value[:500])
        case "f" if ":" in value:
            field, _, text = value.partition(":")
            return replace(query, facets=(*query.facets, Facet(field, text[:200])))
        case "filter" if any(known.name == value for known in search.filters):
            return replace(query, filters=tuple(dict.fromkeys((*query.filters, value))))
        case "sort":
            return replace(query, sort=value)
        case "page" if value.isascii() and value.isdigit() and len(value) < 8:
            return replace(query, page=max(1, int(value)))
        case _:
            return query


def _typed_facets(model: ModelView, words: str) -> Iterator[Facet]:
    """Return the facets that were typed."""
    for found in _WORD.finditer(words):
        if searchable(model, found["field"]):
            yield Facet(found["field"], found["quoted"] if found["quoted"] is not None else found["plain"])


def searchable(model: ModelView, name: str) -> bool:
    """Say whether a list of the model can be searched by this field."""
    return name in model.fields and model.fields[name].searchable


def sortable(model: ModelView, sort: str) -> bool:
    """Say whether a list of the model can be put in this order."""
    field = model.fields.get(sort.removeprefix("-"))
    return field is not None and field.sortable


def order_of(query: Query, default: str) -> str:
    """Return the order in the words of the data layer; equal rows keep a steady order by their id."""
    if not query.sort:
        return default
    return f"{query.sort[1:]} desc, id desc" if query.sort.startswith("-") else f"{query.sort}, id"


def condition_of(model: ModelView, search: Search, query: Query, manner: Manner = PLAIN) -> Condition:
    """Return the condition of a query: every word in some searched field, every facet, every filter.

    Facets of one field are alternatives: two cities mean either. Raises `NotSearchable`.
    """
    parts: list[Condition] = [_word(model, search, word) for word in query.words.split()[:10]]
    by_field: dict[str, list[Condition]] = {}
    for facet in query.facets:
        by_field.setdefault(facet.field, []).append(_facet(model.fields[facet.field], facet.text, manner))
    parts.extend(Some(tuple(found)) for found in by_field.values())
    parts.extend(known.condition for known in search.filters if known.name in query.filters)
    return Every(tuple(parts)) if parts else EVERYTHING


def _word(model: ModelView, search: Search, word: str) -> Condition:
    """Look for a word in each of the searched fields."""
    fields = model.known(search.fields) or model.known((model.rec_name,))
    return Some(tuple(Leaf((field.name,), "ilike", word) for field in fields))


def _facet(field: FieldView, text: str, manner: Manner) -> Condition:
    """Return the condition of one facet, by the kind of its field."""
    if field.kind in TEXTS or field.kind == "html" or field.relation:
        return Leaf((field.name,), "ilike", text)
    try:
        return _compared(field, text, manner)
    except ValidationError as error:
        raise NotSearchable(_("{label}: {problem}", label=field.label, problem=error.words)) from error


def _compared(field: FieldView, text: str, manner: Manner) -> Condition:
    """Return the condition of a facet that compares: `>=100`, `2024-05`, `yes`, a choice."""
    found = _COMPARED.fullmatch(text.strip())
    sign = found["operator"] if found else None
    value = found["value"].strip() if found else ""
    if not value:
        raise NotSearchable(_("Write what to compare with, such as >=100."))
    if field.kind in {"date", "datetime"}:
        return _in_time(field, sign, value, manner)
    if field.kind in NUMBERS and sign is not None:
        return Leaf((field.name,), _comparison(sign), parsed(field, value, manner))
    return Leaf((field.name,), "=", parsed(field, text, manner))


def _comparison(sign: str) -> Comparison:
    """Return a sign as an operator."""
    signs: dict[str, Comparison] = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "=": "="}
    return signs[sign]


def _in_time(field: FieldView, sign: str | None, text: str, manner: Manner) -> Condition:
    """Return the condition of a facet about a year, a month or a day: in it, before it or after it."""
    first, after = _span(text)
    start: date | datetime = first
    end: date | datetime = after
    if field.kind == "datetime":
        start, end = _midnight(first, manner.zone), _midnight(after, manner.zone)
    match sign:
        case "<":
            return Leaf((field.name,), "<", start)
        case "<=":
            return Leaf((field.name,), "<", end)
        case ">":
            return Leaf((field.name,), ">=", end)
        case ">=":
            return Leaf((field.name,), ">=", start)
        case _:
            return Every((Leaf((field.name,), ">=", start), Leaf((field.name,), "<", end)))


def _midnight(day: date, zone: tzinfo) -> datetime:
    """Return the moment at which a day begins on the reader's clock; the very first day begins nowhere earlier."""
    start = datetime.combine(day, time(), zone)
    try:
        return start.astimezone(UTC)
    except OverflowError:
        return start.replace(tzinfo=UTC)


def _span(text: str) -> tuple[date, date]:
    """Return the first day of a year, month or day, and the first day after it."""
    try:
        match [int(part) for part in text.split("-")]:
            case [year]:
                return date(year, 1, 1), date(year + 1, 1, 1)
            case [year, month]:
                return date(year, month, 1), date(year + month // 12, month % 12 + 1, 1)
            case [year, month, day]:
                return date(year, month, day), date(year, month, day) + timedelta(days=1)
            case _:
                pass
    except (ValueError, OverflowError):
        pass
    raise NotSearchable(_("Write a year, a month or a day, such as 2024, 2024-05 or 2024-05-17."))
