"""Queries: what a list shows, as its address says it: words, facets, filters, groups, order, page and kind of view."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeGuard, get_args
from urllib.parse import urlencode

from growsoft.orm.domain import EVERYTHING, Condition, Every, Leaf, Some, names_in
from growsoft.views.facets import Facet, NotSearchable, Reach, built, facets_condition
from growsoft.views.fields import ModelView
from growsoft.views.manner import PLAIN, Manner
from growsoft.views.spans import UNITS
from growsoft.views.values import Search

__all__ = ["PAGE_SIZE", "Facet", "NotSearchable", "Query", "condition_of", "order_of", "query_of"]

PAGE_SIZE: Final = 80
MOST_FACETS: Final = 20
MOST_GROUPS: Final = 4
MOST_OPEN: Final = 20
ARCHIVED: Final = "active"
COUNT: Final = "__count"

_WORD = re.compile(r'(?P<field>[\w.]+):(?:"(?P<quoted>[^"]*)"|(?P<plain>\S+))', re.ASCII)
Kind = Literal["list", "kanban", "chart", "pivot", "calendar"]
KINDS: Final = frozenset[str](get_args(Kind))


@dataclass(frozen=True, slots=True)
class Query:
    """What a list shows: words, facets, filters and groups, then order and page.

    `opened` are the groups whose records are shown, each by the values that lead to it; `view` is how all of it is
    drawn; `measure`, `across` and `drawn` belong to charts and pivots: what is added up, the second key, bars or lines.
    """

    words: str = ""
    facets: tuple[Facet, ...] = ()
    filters: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()
    sort: str = ""
    page: int = 1
    view: Kind = "list"
    measure: str = ""
    across: str = ""
    drawn: str = ""
    archived: bool = False

    def without(self, facet: Facet) -> Query:
        """Return the query with one facet taken off."""
        return replace(self, facets=tuple(other for other in self.facets if other != facet), page=1)

    def also(self, facet: Facet) -> Query:
        """Return the query with one facet more."""
        return replace(self, facets=tuple(dict.fromkeys((*self.facets, facet))), page=1)

    def toggled(self, name: str) -> Query:
        """Return the query with a filter switched on or off."""
        return replace(self, filters=_toggled(self.filters, name), page=1)

    def grouped_by(self, key: str) -> Query:
        """Return the query with a group taken on or off; groups that were open are folded."""
        return replace(self, groups=_toggled(self.groups, key)[-MOST_GROUPS:], opened=(), page=1)

    def folded(self, path: str) -> Query:
        """Return the query with a group opened or closed."""
        inner = f"{path}/"
        if path in self.opened:
            return replace(self, opened=tuple(one for one in self.opened if one != path and not one.startswith(inner)))
        return replace(self, opened=(*self.opened, path)[-MOST_OPEN:])

    def sorted_by(self, field: str) -> Query:
        """Return the query in the order of a field; asked for twice, in the opposite order."""
        return replace(self, sort=f"-{field}" if self.sort == field else field, page=1)

    def at(self, page: int) -> Query:
        """Return the query at another page."""
        return replace(self, page=page)

    def drawn_as(self, view: Kind) -> Query:
        """Return the same records in another kind of view."""
        return replace(self, view=view, page=1, opened=())

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Return the fields of the address that says all this."""
        return (
            *((("q", self.words),) if self.words else ()),
            *(("f", str(facet)) for facet in self.facets),
            *(("filter", name) for name in self.filters),
            *((("archived", "1"),) if self.archived else ()),
            *(("group", key) for key in self.groups),
            *(("open", path) for path in self.opened),
            *((("sort", self.sort),) if self.sort else ()),
            *((("view", self.view),) if self.view != "list" else ()),
            *((name, value) for name, value in self._drawing if value),
            *((("page", str(self.page)),) if self.page > 1 else ()),
        )

    @property
    def _drawing(self) -> tuple[tuple[str, str], ...]:
        return (("measure", self.measure), ("across", self.across), ("drawn", self.drawn))

    def address(self, path: str) -> str:
        """Return the address of this query at a path; one that asks for nothing says so, and is not the first visit."""
        return f"{path}?{urlencode(self.pairs() or (('q', ''),))}"

    @property
    def empty(self) -> bool:
        """Whether nothing is searched for."""
        return not (self.words or self.facets or self.filters)

    @property
    def kept(self) -> Query:
        """What a saved search keeps: all but the page, and the groups that are open."""
        return replace(self, page=1, opened=())


def _toggled(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(other for other in names if other != name) if name in names else (*names, name)


def query_of(model: ModelView, search: Search, pairs: Iterable[tuple[str, str]], reach: Reach | None = None) -> Query:
    """Read the query that an address says; what the model does not have is left out.

    `field:value` among the words becomes a facet, when there is such a field. `reach` finds fields along links, too.
    """
    reach = reach or model.fields.get
    query = Query()
    sent = tuple(pairs)
    for name, value in sent:
        query = _with(query, name, value, search)
    typed = tuple(_typed_facets(query.words, reach))
    facets = (*query.facets, *typed, *_built(sent))
    known = tuple(facet for facet in facets if searchable(reach, facet.field) and facet.text)
    words = _WORD.sub(lambda found: "" if searchable(reach, found["field"]) else found[0], query.words)
    keys = (_key(reach, key) for key in (*query.groups, *_grouped(sent)))
    return replace(
        query,
        words=" ".join(words.split()),
        facets=tuple(dict.fromkeys(known))[:MOST_FACETS],
        groups=tuple(dict.fromkeys(key for key in keys if key))[:MOST_GROUPS],
        sort=query.sort if sortable(reach, query.sort) else "",
        measure=query.measure if query.measure == COUNT or measurable(reach, query.measure) else "",
        across=_key(reach, query.across),
        archived=query.archived and ARCHIVED in model.fields,
    )


def _with(query: Query, name: str, value: str, search: Search) -> Query:  # noqa: PLR0911  one of each name
    """Add one field of an address."""
    match name:
        case "q":
            return replace(query, words=value[:500])
        case "f" if ":" in value:
            field, _, text = value.partition(":")
            return replace(query, facets=(*query.facets, Facet(field, text[:200])))
        case "filter" if any(known.name == value for known in search.filters):
            return replace(query, filters=tuple(dict.fromkeys((*query.filters, value))))
        case "archived":
            return replace(query, archived=value == "1")
        case "group":
            return replace(query, groups=(*query.groups, value)[: 2 * MOST_GROUPS])
        case "open":
            return replace(query, opened=tuple(dict.fromkeys((*query.opened, value[:1000])))[:MOST_OPEN])
        case "sort" | "measure" | "across" | "drawn":
            return _drawn(query, name, value)
        case "view" if is_kind(value):
            return replace(query, view=value)
        case "page" if value.isascii() and value.isdigit() and len(value) < 8:
            return replace(query, page=max(1, int(value)))
        case _:
            return query


def _drawn(query: Query, name: str, value: str) -> Query:
    match name:
        case "sort":
            return replace(query, sort=value)
        case "measure":
            return replace(query, measure=value)
        case "across":
            return replace(query, across=value)
        case _:
            return replace(query, drawn=value if value in {"bar", "line", "pie"} else "")


def is_kind(value: str) -> TypeGuard[Kind]:
    """Say whether there is such a kind of view."""
    return value in KINDS


def _typed_facets(words: str, reach: Reach) -> Iterator[Facet]:
    """Return the facets that were typed."""
    for found in _WORD.finditer(words):
        if searchable(reach, found["field"]):
            yield Facet(found["field"], found["quoted"] if found["quoted"] is not None else found["plain"])


def _built(pairs: tuple[tuple[str, str], ...]) -> tuple[Facet, ...]:
    """Return the facet of the builder of conditions: a field, a sign and a value of their own in the address."""
    sent = dict(pairs)
    facet = built(sent.get("by", ""), sent.get("sign", ""), sent.get("value", "")[:200])
    return () if facet is None else (facet,)


def _grouped(pairs: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Return the key of the builder of groups: a field and a unit of their own in the address."""
    sent = dict(pairs)
    return (f"{sent['key']}:{sent.get('unit', '')}",) if sent.get("key") else ()


# -- what may be asked -------------------------------------------------------------------------------------------------


def searchable(reach: Reach, name: str) -> bool:
    """Say whether a list can be searched by this field."""
    field = reach(name)
    return field is not None and field.searchable


def sortable(reach: Reach, sort: str) -> bool:
    """Say whether a list can be put in this order."""
    field = reach(sort.removeprefix("-"))
    return field is not None and field.sortable


def measurable(reach: Reach, name: str) -> bool:
    """Say whether this field can be added up: the aggregates of a query are of its own model."""
    field = reach(name) if "." not in name else None
    return field is not None and field.stored and field.numeric


def groupable(reach: Reach, name: str) -> bool:
    """Say whether a list can be grouped by this field."""
    field = reach(name)
    return field is not None and field.groupable


def _key(reach: Reach, key: str) -> str:
    """Return a key as it is asked for: a date has a unit, nothing else has; nothing for what is no key."""
    name, _colon, unit = key.partition(":")
    field = reach(name)
    if field is None or not field.groupable:
        return ""
    if field.kind not in {"date", "datetime"}:
        return name
    return f"{name}:{unit if unit in UNITS else 'month'}"


def order_of(query: Query, default: str) -> str:
    """Return the order in the words of the data layer; equal rows keep a steady order by their id."""
    if not query.sort:
        return default
    return f"{query.sort[1:]} desc, id desc" if query.sort.startswith("-") else f"{query.sort}, id"


# -- the condition -----------------------------------------------------------------------------------------------------


def condition_of(
    model: ModelView, search: Search, query: Query, manner: Manner = PLAIN, reach: Reach | None = None
) -> Condition:
    """Return the condition of a query: every word in some searched field, every facet, every filter.

    Facets of one field are alternatives: two cities mean either. Archived records are left out until somebody asks for
    them. Raises `NotSearchable`.
    """
    parts: list[Condition] = [_word(model, search, word) for word in query.words.split()[:10]]
    parts.extend(facets_condition(query.facets, reach or model.fields.get, manner))
    parts.extend(known.condition for known in search.filters if known.name in query.filters)
    if hides_archived(model, parts) and not query.archived:
        parts.append(Leaf((ARCHIVED,), "=", True))
    return Every(tuple(parts)) if parts else EVERYTHING


def hides_archived(model: ModelView, parts: Iterable[Condition] = ()) -> bool:
    """Say whether archived records are left out: where there are any, and no condition asks about that."""
    field = model.fields.get(ARCHIVED)
    asked = (name for part in parts for name in names_in(part))
    return field is not None and field.kind == "boolean" and field.stored and ARCHIVED not in asked


def _word(model: ModelView, search: Search, word: str) -> Condition:
    """Look for a word in each of the searched fields."""
    fields = model.known(search.fields) or model.known((model.rec_name,))
    return Some(tuple(Leaf((field.name,), "ilike", word) for field in fields))
