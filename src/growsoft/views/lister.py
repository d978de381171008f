"""Lister: looks up what a list shows: its rows, or its groups and the rows of those that are open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final
from urllib.parse import quote

from growsoft.errors import MissingError, UserError
from growsoft.orm.domain import Condition
from growsoft.orm.env import Env
from growsoft.views.boarding import board_of
from growsoft.views.charting import figure_of
from growsoft.views.facets import Facet, Reach, spoken
from growsoft.views.fields import TECHNICAL, FieldView, ModelView
from growsoft.views.formats import shown
from growsoft.views.listing import Chip, Choices, Column, Head, Line, ListScreen, Rest, Toggle, only
from growsoft.views.manner import PLAIN, Manner
from growsoft.views.pivoting import pivot_of
from growsoft.views.query import PAGE_SIZE, Kind, Query, condition_of, hides_archived, measurable, order_of, query_of
from growsoft.views.reaching import reach_of
from growsoft.views.records import Records
from growsoft.views.screens import Row, cells
from growsoft.views.spans import UNITS
from growsoft.views.summing import Bucket, Summing, Sums
from growsoft.views.values import Views
from growsoft.words import Words, _

# An offset costs as much as all rows before it: whoever wants row 800,000 searches.
LAST_PAGE: Final = 10_000
MOST_KEYS: Final = 30
KIND_TITLES: Final[dict[Kind, Words]] = {
    "list": _("List"), "kanban": _("Board"), "chart": _("Chart"), "pivot": _("Pivot"), "calendar": _("Calendar"),
}  # fmt: skip
UNIT_TITLES: Final[dict[str, Words]] = {
    "year": _("Year"), "quarter": _("Quarter"), "month": _("Month"), "week": _("Week"), "day": _("Day"),
}  # fmt: skip


@dataclass(frozen=True)
class Lister:
    """A list of one model for one person. `path` is its address, `pairs` are what the address asks for."""

    env: Env
    records: Records
    model: ModelView
    views: Views
    path: str
    pairs: tuple[tuple[str, str], ...]
    manner: Manner = PLAIN

    @cached_property
    def reach(self) -> Reach:
        """What finds fields, along links too."""
        return reach_of(self.model, self.records.model)

    @cached_property
    def query(self) -> Query:
        """What is asked for."""
        query = query_of(self.model, self.views.search, self.pairs, self.reach)
        return replace(query, page=min(query.page, LAST_PAGE))

    @cached_property
    def condition(self) -> Condition:
        """What the records meet. Raises `NotSearchable`."""
        return condition_of(self.model, self.views.search, self.query, self.manner, self.reach)

    @cached_property
    def fields(self) -> tuple[FieldView, ...]:
        """The columns."""
        return self.model.known(self.views.list.columns)

    @property
    def order(self) -> str:
        """How the records are sorted."""
        return order_of(self.query, self.views.list.order)

    @cached_property
    def summing(self) -> Summing:
        """What adds up."""
        return Summing(self.env, self.model, self.reach, self.manner)

    @property
    def summed(self) -> tuple[str, ...]:
        """The fields whose columns are added up."""
        return tuple(field.name for field in self.model.known(self.views.list.totals) if field.stored and field.numeric)

    def screen(self) -> ListScreen:
        """Look the list up; a search that is not understood shows none, and says why."""
        try:
            match self.kind:
                case "chart":
                    return replace(self._screen((), 0, {}), figure=figure_of(self))
                case "pivot":
                    return replace(self._screen((), 0, {}), pivot=pivot_of(self))
                case "kanban":
                    return replace(self._screen((), 0, {}), board=board_of(self))
                case _:
                    return self._grouped() if self.query.groups else self._flat()
        except UserError as error:
            return replace(self._screen((), 0, {}), problem=error.words)

    @property
    def kind(self) -> Kind:
        """How the records are drawn: as is asked for where there is such a view, else as a list."""
        return self.query.view if self.query.view in _other_kinds(self.views) else "list"

    # -- rows --------------------------------------------------------------------------------------------------------

    def _flat(self) -> ListScreen:
        totals = self.summing.totals(self.condition, self.summed)
        page = self.records.page(
            self.model, self.views.list.columns, self.condition,
            order=self.order, offset=(self.query.page - 1) * PAGE_SIZE, limit=PAGE_SIZE, count=totals.count,
        )  # fmt: skip
        rows = tuple(Row(record.id, record.name, cells(self.fields, record, self.manner)) for record in page.records)
        return self._screen(rows, page.total, totals.sums)

    def _rows(self, condition: Condition) -> tuple[Row, ...]:
        """Return the first rows of a group."""
        page = self.records.page(
            self.model, self.views.list.columns, condition, order=self.order, offset=0, limit=PAGE_SIZE, count=0
        )
        return tuple(Row(record.id, record.name, cells(self.fields, record, self.manner)) for record in page.records)

    # -- groups ------------------------------------------------------------------------------------------------------

    def _grouped(self) -> ListScreen:
        totals = self.summing.totals(self.condition, self.summed)
        offset = (self.query.page - 1) * PAGE_SIZE
        found = self._buckets(self.condition, self.query.groups[0], offset)
        shown_now, more = found[:PAGE_SIZE], len(found) > PAGE_SIZE
        total = totals.count if totals.count is not None else self._counted(found, more=more)
        lines = tuple(line for bucket in shown_now for line in self._group(bucket, (), 0))
        return replace(self._screen(lines, total, totals.sums), groups=len(shown_now), more=more)

    def _counted(self, found: Sequence[Bucket], *, more: bool) -> int:
        """Return how many records there are: what their groups count, when all of them are there and none is twice."""
        field = self.reach(self.query.groups[0].partition(":")[0])
        if more or self.query.page > 1 or field is None or field.kind == "many2many":
            return self.records.count(self.model, self.condition)
        return sum(bucket.count for bucket in found)

    def _buckets(self, condition: Condition, key: str, offset: int = 0) -> tuple[Bucket, ...]:
        return self.summing.buckets(
            condition, key, self.summed, limit=PAGE_SIZE + 1, offset=offset, order=group_order(self.query, key)
        )

    def _group(self, bucket: Bucket, above: tuple[Facet, ...], level: int) -> Iterator[Line]:
        """Give a group, and what is in it when it is open."""
        facets = (*above, bucket.facet)
        path = "/".join(quote(str(facet), safe="") for facet in facets)
        is_open = path in self.query.opened
        leads = only(self.query, facets, self.path)
        address = self.query.folded(path).address(self.path)
        yield Head(level, bucket.label, bucket.count, self._sums(bucket.sums), address, is_open, leads)
        if not is_open:
            return
        if level + 1 < len(self.query.groups):
            for inner in self._buckets(bucket.condition, self.query.groups[level + 1])[:PAGE_SIZE]:
                yield from self._group(inner, facets, level + 1)
            return
        yield from self._rows(bucket.condition)
        if bucket.count > PAGE_SIZE:
            yield Rest(level + 1, bucket.count - PAGE_SIZE, leads)

    def _sums(self, sums: Sums) -> tuple[str, ...]:
        """Return what stands below or beside each column."""
        return tuple(
            " · ".join(shown(field, value, self.manner) for value in sums.get(field.name, ())) for field in self.fields
        )

    # -- around it ---------------------------------------------------------------------------------------------------

    def _screen(self, lines: tuple[Line, ...], total: int, sums: Sums) -> ListScreen:
        added = self._sums(sums)
        return ListScreen(
            model=self.model,
            path=self.path,
            query=self.query,
            columns=tuple(map(self._column, self.fields, added)),
            lines=lines,
            chips=(*map(self._chip, self.query.facets), *map(self._group_chip, self.query.groups)),
            choices=self.choices(),
            kinds=self.kinds(),
            total=total,
        )

    def _column(self, field: FieldView, total: str) -> Column:
        sort = {field.name: "ascending", f"-{field.name}": "descending"}.get(self.query.sort, "")
        address = self.query.sorted_by(field.name).address(self.path) if field.sortable else ""
        return Column(field, address, sort, total)

    def _chip(self, facet: Facet) -> Chip:
        field = self.reach(facet.field)
        without = self.query.without(facet).address(self.path)
        if field is None:
            return Chip(facet.field, facet.text, without)
        return Chip(field.label, spoken(field, facet, self._name(field, facet), self.manner), without)

    def _name(self, field: FieldView, facet: Facet) -> str:
        """Return the name of the record that a facet leads to by its id, as far as this person may see it."""
        if facet.sign not in {"#", "!#"} or not facet.value.isdigit():
            return ""
        try:
            other = self.records.model(field.relation)
            return self.records.read(other, int(facet.value[:18]), ()).name or facet.text
        except MissingError:
            return facet.text

    def _group_chip(self, key: str) -> Chip:
        without = self.query.grouped_by(key).address(self.path)
        return Chip(self.manner.say(_("Group by")), key_label(key, self.reach, self.manner), without)

    def choices(self) -> Choices:
        """Return what people can search and group by."""
        fields = sorted(self.model.fields.values(), key=lambda field: field.name in TECHNICAL)
        query, path, search = self.query, self.path, self.views.search
        filters = [
            Toggle(known.title, known.name in query.filters, query.toggled(known.name).address(path))
            for known in search.filters
        ]
        declared = [group for group in search.groups if self.may_group(group.key)]
        return Choices(
            fields=tuple(field for field in fields if field.searchable),
            keys=tuple(field for field in fields if field.groupable)[:MOST_KEYS],
            filters=(*filters, *self._archived()),
            measures=tuple(field for field in fields if field.stored and field.numeric and field.name != "id"),
            groups=tuple(
                Toggle(group.title, group.key in query.groups, query.grouped_by(group.key).address(path))
                for group in declared
            ),
        )

    @property
    def any_field(self) -> FieldView:
        """A field, to write an amount that belongs to none."""
        return FieldView("", "", "monetary")

    def may_sum(self, name: str) -> bool:
        """Say whether this field is one that this person can add up."""
        return bool(name) and measurable(self.reach, name)

    def key_words(self, key: str) -> str:
        """Return what groups are made by, in words."""
        return key_label(key, self.reach, self.manner)

    def measure_words(self, measure: str) -> str:
        """Return what is added up, in words."""
        field = self.reach(measure) if measure else None
        return self.manner.say(_("Number")) if field is None else field.label

    def may_group(self, key: str) -> bool:
        """Say whether this is a key that this person can group by."""
        field = self.reach(key.partition(":")[0])
        return field is not None and field.groupable

    def _archived(self) -> tuple[Toggle, ...]:
        """Return what shows archived records, too, where such are left out."""
        if not hides_archived(self.model, (known.condition for known in self.views.search.filters)):
            return ()
        on = self.query.archived
        address = replace(self.query, archived=not on, page=1).address(self.path)
        return (Toggle(self.manner.say(_("Archived, too")), on, address),)

    def kinds(self) -> tuple[Toggle, ...]:
        """Return the kinds of view of these records, none when there is only the list."""
        there: list[Kind] = ["list", *_other_kinds(self.views)]
        if len(there) == 1:
            return ()
        return tuple(
            Toggle(self.manner.say(KIND_TITLES[kind]), kind == self.query.view, self._drawn_as(kind), kind)
            for kind in there
        )

    def _drawn_as(self, kind: Kind) -> str:
        return self.query.drawn_as(kind).address(self.path)


def _other_kinds(views: Views) -> Iterator[Kind]:
    if views.kanban is not None:
        yield "kanban"
    if views.chart is not None:
        yield "chart"
    if views.pivot is not None:
        yield "pivot"
    if views.calendar is not None:
        yield "calendar"


def group_order(query: Query, key: str) -> str:
    """Return the order of groups: that of the list where it is sorted by what they are grouped by."""
    return f"{key} desc" if query.sort == f"-{key.partition(':')[0]}" else ""


def key_label(key: str, reach: Reach, manner: Manner) -> str:
    """Return what groups are made by, in words: `Order date: Month`."""
    name, _colon, unit = key.partition(":")
    field = reach(name)
    label = name if field is None else field.label
    return f"{label}: {manner.say(UNIT_TITLES[unit])}" if unit in UNITS else label


def unit_choices(manner: Manner) -> Sequence[tuple[str, str]]:
    """Return the lengths of spans with their words."""
    return tuple((unit, manner.say(UNIT_TITLES[unit])) for unit in UNITS)
