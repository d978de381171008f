"""Screens as values: what a record or an entry form shows, ready for a template that decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import msgspec

from growsoft.views.fields import FieldView, Link, ModelView, Value
from growsoft.views.formats import shown
from growsoft.views.manner import PLAIN, Manner
from growsoft.views.records import Record
from growsoft.views.values import Form, Group, Lines


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of one record: its field, its text, and where a link leads."""

    field: FieldView
    value: Value
    text: str

    @property
    def links(self) -> tuple[Link, ...]:
        """The records that the value leads to."""
        if isinstance(self.value, Link):
            return (self.value,)
        return self.value if isinstance(self.value, tuple) else ()


@dataclass(frozen=True, slots=True)
class Row:
    """One record in a list."""

    id: int
    name: str
    cells: tuple[Cell, ...]


def cells(fields: Sequence[FieldView], record: Record, manner: Manner = PLAIN) -> tuple[Cell, ...]:
    """Return the values of a record as cells, one for each field."""
    return tuple(
        Cell(field, record.values.get(field.name), shown(field, record.values.get(field.name), manner))
        for field in fields
    )


@dataclass(frozen=True, slots=True)
class Table:
    """The lines of a record."""

    field: FieldView
    model: ModelView
    columns: tuple[FieldView, ...]
    rows: tuple[Row, ...]


def line_table(
    field: FieldView, model: ModelView, columns: Sequence[FieldView], records: Sequence[Record], manner: Manner = PLAIN
) -> Table:
    """Put the lines of a record together."""
    rows = (Row(record.id, record.name, cells(columns, record, manner)) for record in records)
    return Table(field, model, tuple(columns), tuple(rows))


@dataclass(frozen=True, slots=True)
class Section:
    """Some values of a record under one heading, or its lines."""

    title: str
    cells: tuple[Cell, ...] = ()
    table: Table | None = None
    tab: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One state that a record can be in, and whether it is the present one."""

    label: str
    current: bool


@dataclass(frozen=True, slots=True)
class Tabbed:
    """What stands one below the other, or in one tab; sections of a page or of a form."""

    title: str
    parts: tuple[Section | EntrySection | EntryTable, ...]


def tabbed(parts: Sequence[Section | EntrySection | EntryTable]) -> tuple[Tabbed, ...]:
    """Put neighbours of the same tab together."""
    return tuple(Tabbed(title, tuple(found)) for title, found in groupby(parts, key=lambda part: part.tab))


@dataclass(frozen=True, slots=True)
class RecordScreen:
    """One record to look at."""

    model: ModelView
    record: Record
    sections: tuple[Section, ...]
    steps: tuple[Step, ...]


def record_screen(
    model: ModelView, view: Form, record: Record, tables: Mapping[str, Table], manner: Manner = PLAIN
) -> RecordScreen:
    """Put a record's page together; a heading without anything below it is left out."""
    sections: list[Section] = []
    for tab, part in view.placed:
        match part:
            case Group():
                fields = tuple(field for field in model.known(part.fields) if field.name not in tables)
                sections.append(Section(part.title, cells(fields, record, manner), tab=tab))
            case Lines() if part.field in tables:
                table = tables[part.field]
                sections.append(Section(table.field.label, table=table, tab=tab))
            case Lines():
                pass
    kept = tuple(section for section in sections if section.cells or section.table)
    return RecordScreen(model, record, kept, _steps(model, view, record))


def _steps(model: ModelView, view: Form, record: Record) -> tuple[Step, ...]:
    """Return the states of a record in their order."""
    field = model.fields.get(view.status)
    if field is None:
        return ()
    return tuple(Step(label, record.values.get(field.name) == value) for value, label in field.choices)


@dataclass(frozen=True, slots=True)
class Entry:
    """One input: its text, the records picked in it, what is wrong with it, and what it held before.

    A `fixed` one is none: it shows what follows from the inputs.
    """

    field: FieldView
    text: str
    picked: tuple[Link, ...] = ()
    problem: str = ""
    candidates: tuple[Link, ...] = ()
    was: str = ""
    prefix: str = ""
    fixed: bool = False

    @property
    def id(self) -> str:
        """The id of the input in its page, without the dots that selectors would misread."""
        return f"{self.prefix}f-{self.field.name}".replace(".", "-")

    @property
    def name(self) -> str:
        """The name of the input."""
        return f"{self.prefix}v.{self.field.name}"

    @property
    def picked_name(self) -> str:
        """The name of what holds the ids of the picked records."""
        return f"{self.prefix}id.{self.field.name}"

    @property
    def candidate_name(self) -> str:
        """The name of the choice among candidates."""
        return f"{self.prefix}pick.{self.field.name}"

    @property
    def picked_ids(self) -> str:
        """The ids of the picked records."""
        return " ".join(str(link.id) for link in self.picked)


@dataclass(frozen=True, slots=True)
class EntrySection:
    """Some inputs under one heading."""

    title: str
    entries: tuple[Entry, ...]
    tab: str = ""


@dataclass(frozen=True, slots=True)
class EntryLine:
    """One line to fill in; `prefix` tells its inputs from those of other lines, `record` is 0 for a new one."""

    prefix: str
    record: int
    version: int
    entries: tuple[Entry, ...]
    delete: bool = False

    @property
    def key(self) -> str:
        """What tells this line from the others of its table."""
        return self.prefix.split(".")[2]

    @property
    def was(self) -> str:
        """What its fields held when the form was opened."""
        return msgspec.json.encode({entry.field.name: entry.was for entry in self.entries if not entry.fixed}).decode()


@dataclass(frozen=True, slots=True)
class EntryTable:
    """The lines of a record to fill in."""

    field: FieldView
    model: ModelView
    columns: tuple[FieldView, ...]
    lines: tuple[EntryLine, ...]
    blank: EntryLine
    tab: str = ""
    ordered: bool = False

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The inputs of all lines."""
        return tuple(entry for line in self.lines for entry in line.entries)


@dataclass(frozen=True, slots=True)
class EntryScreen:
    """A form to fill in, for a new record or for one that had this version when it was opened."""

    model: ModelView
    title: str
    action: str
    back: str
    parts: tuple[EntrySection | EntryTable, ...]
    version: int = 0
    was: str = ""
    problem: str = ""

    @property
    def following(self) -> str:
        """The address that tells what follows from what was typed."""
        return f"{self.action.removesuffix('/edit')}/following"

    @property
    def problems(self) -> tuple[Entry, ...]:
        """The inputs that something is wrong with, those of lines included."""
        return tuple(entry for part in self.parts for entry in part.entries if entry.problem)
