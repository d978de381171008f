"""Listing: what a list shows, as values ready for a template that decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from growsoft.views.facets import Facet
from growsoft.views.fields import FieldView, ModelView
from growsoft.views.query import PAGE_SIZE, Query
from growsoft.views.screens import Row

if TYPE_CHECKING:
    from growsoft.views.boarding import Board
    from growsoft.views.charting import Figure
    from growsoft.views.pivoting import PivotTable


@dataclass(frozen=True, slots=True)
class Chip:
    """A facet or a group that is on, in words, and the address without it."""

    label: str
    text: str
    without: str


@dataclass(frozen=True, slots=True)
class Toggle:
    """A ready filter, group or kind of view: whether it is on, and the address with it switched."""

    title: str
    on: bool
    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """The head of a column: its field, the address that sorts by it, how it is sorted now, and what it adds up to."""

    field: FieldView
    address: str
    sorted: str
    total: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """A group in a list: how deep it lies, what its records are called, how many they are and what they add up to.

    `address` opens or closes it, `only` shows its records as a list of their own.
    """

    level: int
    label: str
    count: int
    sums: tuple[str, ...]
    address: str
    open: bool
    only: str = ""


@dataclass(frozen=True, slots=True)
class Rest:
    """Some records of an open group that are not shown here, and where they all are."""

    level: int
    count: int
    only: str


Line = Head | Row | Rest


@dataclass(frozen=True, slots=True)
class Choices:
    """What people can search and group by: fields by their names, and ready filters and groups."""

    fields: tuple[FieldView, ...]
    keys: tuple[FieldView, ...]
    filters: tuple[Toggle, ...]
    measures: tuple[FieldView, ...]
    groups: tuple[Toggle, ...]


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved search: its name, its address, whether it is one's own, shared, and opened first."""

    id: int
    name: str
    address: str
    mine: bool
    shared: bool
    default: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """Something that can be done with chosen rows: its name in forms, its title, and whether it cannot be undone."""

    name: str
    title: str
    danger: bool = False


@dataclass(frozen=True, slots=True)
class ListScreen:
    """A page of a list: rows, or groups with the rows of those that are open."""

    model: ModelView
    path: str
    query: Query
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    chips: tuple[Chip, ...]
    choices: Choices
    kinds: tuple[Toggle, ...]
    total: int
    groups: int = 0
    more: bool = False
    problem: str = ""
    saved: tuple[Saved, ...] = ()
    offers: tuple[Offer, ...] = ()
    figure: Figure | None = None
    pivot: PivotTable | None = None
    board: Board | None = None

    @property
    def rows(self) -> tuple[Row, ...]:
        """The records that are shown."""
        return tuple(line for line in self.lines if isinstance(line, Row))

    @property
    def toggles(self) -> tuple[Toggle, ...]:
        """The ready filters."""
        return self.choices.filters

    @property
    def kept(self) -> tuple[tuple[str, str], ...]:
        """What another search keeps: everything but its words and the page."""
        return tuple((name, value) for name, value in self.query.pairs() if name not in {"q", "page"})

    @property
    def asked(self) -> tuple[tuple[str, str], ...]:
        """All that the search says, for forms that send it on."""
        return self.query.kept.pairs()

    @property
    def everything(self) -> str:
        """The address that shows everything."""
        return Query().address(self.path)

    @property
    def grouped(self) -> bool:
        """Whether groups are shown."""
        return bool(self.query.groups)

    @property
    def totals(self) -> bool:
        """Whether some column is added up."""
        return any(column.total for column in self.columns)

    @property
    def first(self) -> int:
        """The number of the first row on this page, counted from one."""
        return min((self.query.page - 1) * PAGE_SIZE + 1, self.total)

    @property
    def last(self) -> int:
        """The number of the last row on this page."""
        return self.first + len(self.rows) - 1 if self.rows else self.first

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max(1, -(-self.total // PAGE_SIZE))

    @property
    def previous(self) -> str:
        """The address of the page before, empty on the first."""
        last = self.query.page if self.grouped else self.pages
        return self.query.at(min(self.query.page - 1, last)).address(self.path) if self.query.page > 1 else ""

    @property
    def following(self) -> str:
        """The address of the next page, empty on the last."""
        further = self.more if self.grouped else self.query.page < self.pages
        return self.query.at(self.query.page + 1).address(self.path) if further else ""


def kept_pairs(query: Query, without: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return what a form of its own sends on of a query."""
    return tuple((name, value) for name, value in query.pairs() if name not in without)


def only(query: Query, facets: Sequence[Facet], path: str) -> str:
    """Return the address that lists the records of a group, empty where a facet of its field is on already.

    Two facets of one field are alternatives, so one more would not narrow the search.
    """
    taken = {facet.field for facet in query.facets}
    if any(facet.field in taken for facet in facets) or len({facet.field for facet in facets}) < len(facets):
        return ""
    found = query
    for facet in facets:
        found = found.also(facet)
    return Query.address(_ungrouped(found), path)


def _ungrouped(query: Query) -> Query:
    return Query(query.words, query.facets, query.filters, sort=query.sort, archived=query.archived)
