"""Editing: a record's form from its first input to its last conflict."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from growsoft.errors import MissingError, ValidationError
from growsoft.views.entering import Read, Reader, Submitted, editable, entry_for, standing
from growsoft.views.fields import FieldView, ModelView
from growsoft.views.following import Command, Typed, changed_names, following
from growsoft.views.manner import PLAIN, Manner
from growsoft.views.records import SEQUENCE, Record, Records, Stale
from growsoft.views.screens import Entry, EntryLine, EntryScreen, EntrySection, EntryTable
from growsoft.views.values import Form, Group, Lines, Views
from growsoft.words import _

MOST_LINES: Final = 200
STEP: Final = 10
NOT_SAVED: Final = _("Nothing was saved yet: correct the marked fields.")


SOMEBODY: Final = _("Somebody else")


class NotSaved(Exception):
    """What was entered cannot be saved; the screen says why, and everything typed is still in it."""

    def __init__(self, screen: EntryScreen, *, conflict: bool = False) -> None:
        """Carry the screen that is shown instead."""
        super().__init__("not saved")
        self.screen = screen
        self.conflict = conflict


@dataclass(frozen=True, slots=True)
class Editor:
    """The form of one model for one person. `path` is the address of the model's list."""

    records: Records
    model: ModelView
    form: Form
    views_of: Callable[[ModelView], Views]
    path: str
    manner: Manner = PLAIN

    # -- screens -----------------------------------------------------------------------------------------------------

    def new(self) -> EntryScreen:
        """Return the form of a record that is not there yet."""
        names = [field.name for field in self._fields()]
        values = self.records.defaults(self.model, names)
        follows = following(self.records, self.model, 0, Typed({}, {}), names, ()).values
        entries = self._entries(Record(0, "", {**values, **follows}))
        return self._screen(0, entries, tuple(self._table(part, ()) for part in self._lines()))

    def copy(self, record: int) -> EntryScreen:
        """Return the form of a new record that begins as a copy of another, its lines too; nothing is made yet."""
        copied = self.records.copied(self.model)
        found = self._read(record)
        values = {name: value for name, value in found.values.items() if name in copied}
        defaults = self.records.defaults(self.model, [f.name for f in self._fields() if f.name not in copied])
        tables = tuple(self._copied_table(part, record) for part in self._lines())
        return self._screen(0, self._entries(Record(0, "", {**defaults, **values})), tables)

    def _copied_table(self, part: Lines, record: int) -> EntryTable:
        """Return the lines of a record as new ones."""
        lines = [Record(0, "", line.values) for line in self._line_records(record, part)[:MOST_LINES]]
        table = self._table(part, lines)
        columns, field = table.columns, table.field
        return replace(
            table, lines=tuple(self._line(field, columns, line, f"n{place}") for place, line in enumerate(lines))
        )

    def open(self, record: int) -> EntryScreen:
        """Return the form of a record as it is now."""
        found = self._read(record)
        entries = self._entries(found)
        tables = tuple(self._table(part, self._line_records(record, part)) for part in self._lines())
        return self._screen(record, entries, tables, version=found.version, title=found.name)

    def with_line(self, record: int, submitted: Submitted, field: str) -> EntryScreen:
        """Return the form with everything that was typed, and one more empty line: for browsers without scripts."""
        reads, tables = self._submitted(record, submitted)
        grown = tuple(
            replace(table, lines=(*table.lines, self._blank(table, len(table.lines))))
            if table.field.name == field and len(table.lines) < MOST_LINES
            else table
            for table in (found.table for found in tables)
        )
        entries = {name: read.entry for name, read in reads.items()}
        return self._screen(record, entries, grown, version=_number(submitted.text("version")))

    def following(self, record: int, submitted: Submitted) -> tuple[Entry, ...]:
        """Return what follows from what stands in the form by now: only the inputs and values that change."""
        reads, tables = self._submitted(record, submitted)
        typed = Typed(_given(reads, all_of=not record), {table.table.field.name: table.commands() for table in tables})
        names = [field.name for field in self._fields()]
        names += [f"{table.table.field.name}.{field.name}" for table in tables for field in table.table.columns]
        prefixes = {found.table.field.name: [line.entry.prefix for line in found.lines] for found in tables}
        changed = changed_names(submitted.text("changed").split()[:MOST_LINES], prefixes)
        found = following(self.records, self.model, record, typed, names, changed)
        entries = [entry_for(self.model.fields[name], value, self.manner) for name, value in found.values.items()]
        for table in tables:
            for prefix, values in zip(
                prefixes[table.table.field.name], found.lines[table.table.field.name], strict=True
            ):
                fields = table.table.model.fields
                entries += [entry_for(fields[name], value, self.manner, prefix) for name, value in values.items()]
        return tuple(entries)

    # -- saving ------------------------------------------------------------------------------------------------------

    def save(self, record: int, submitted: Submitted) -> int:
        """Store what was entered in a record, or in a new one for 0, and return its id.

        Raises `NotSaved` with the screen to show; then nothing was stored.
        """
        reads, tables = self._submitted(record, submitted)
        version = _number(submitted.text("version"))
        entries = {name: read.entry for name, read in reads.items()}
        screen = self._screen(record, entries, tuple(found.table for found in tables), version=version)
        if screen.problems:
            raise NotSaved(replace(screen, problem=NOT_SAVED))
        try:
            with self.records.savepoint():
                return self._store(record, reads, tables, version)
        except Stale as stale:
            raise NotSaved(self._conflict(record, reads, tables, stale), conflict=True) from None
        except ValidationError as error:
            raise NotSaved(_blamed(screen, self.manner.say(error.words))) from error

    def _store(self, record: int, reads: Mapping[str, Read], tables: Sequence[SubmittedTable], version: int) -> int:
        """Store the record itself, then its lines."""
        values = {name: read.value for name, read in reads.items() if not record or read.changed}
        if not record:
            record = self.records.create(self.model, values)
        elif values or any(table.touched for table in tables):
            self.records.write(self.model, record, values, version=version)
        else:
            self.records.read(self.model, record, ())
        for table in tables:
            table.store(self.records, record)
        return record

    def _conflict(
        self, record: int, reads: Mapping[str, Read], tables: Sequence[SubmittedTable], stale: Stale
    ) -> EntryScreen:
        """Return the form after somebody else was faster: what we typed stays, what he changed is named."""
        now = self._read(record)
        current = self._entries(now)
        entries: dict[str, Entry] = {}
        for name, read in reads.items():
            theirs = current[name]
            entries[name] = _merged(read, theirs, now.changed_by)
        of_line = next((table.table.field.label for table in tables if table.table.model.name == stale.model), "")
        own = stale.model == self.model.name or not of_line
        changed = stale.labels if own else tuple(f"{of_line}: {label}" for label in stale.labels)
        problem = conflict_sentence(stale, changed, self.manner)
        kept = tuple(self._refreshed(record, part, found) for part, found in zip(self._lines(), tables, strict=True))
        return replace(self._screen(record, entries, kept, version=now.version, title=now.name), problem=problem)

    def _refreshed(self, record: int, part: Lines, submitted: SubmittedTable) -> EntryTable:
        """Return lines as they were typed, with the versions of now; one that somebody deleted is left out."""
        now = {line.record: line for line in self._table(part, self._line_records(record, part)).lines}
        lines = (line.entry for line in submitted.lines if not line.record or line.record in now)
        return replace(
            submitted.table,
            lines=tuple(replace(line, version=now[line.record].version) if line.record else line for line in lines),
        )

    # -- parts -------------------------------------------------------------------------------------------------------

    def _fields(self) -> tuple[FieldView, ...]:
        """Return the fields of the form; the steps above it only show where its record is."""
        shown = tuple(name for part in self.form.parts if isinstance(part, Group) for name in part.fields)
        return tuple(field for field in self.model.known(shown) if editable(field) or standing(field))

    def _lines(self) -> tuple[Lines, ...]:
        """Return the tables of lines whose records this person may change."""
        lines = (part for part in self.form.parts if isinstance(part, Lines) and part.field in self.model.fields)
        return tuple(part for part in lines if self._line_model(part) is not None)

    def _line_model(self, part: Lines) -> ModelView | None:
        """Return the model of some lines, when this person may change them at all."""
        field = self.model.fields[part.field]
        try:
            model = self.records.model(field.relation)
        except MissingError:
            return None
        return model if not field.readonly and (model.may("write") or model.may("create")) else None

    def _line_columns(self, part: Lines, model: ModelView) -> tuple[FieldView, ...]:
        """Return the columns of lines; the link back to this record is none of them."""
        inverse = self.model.fields[part.field].inverse
        names = part.columns or self.views_of(model).list.columns
        known = (field for field in model.known(names) if field.name != inverse)
        return tuple(field for field in known if editable(field) or standing(field))

    def _read(self, record: int) -> Record:
        """Return a record with all that the form holds."""
        return self.records.read(self.model, record, [field.name for field in self._fields()])

    def _entries(self, record: Record) -> dict[str, Entry]:
        """Return the inputs for the values of a record."""
        return {field.name: entry_for(field, record.values.get(field.name), self.manner) for field in self._fields()}

    def _line_records(self, record: int, part: Lines) -> Sequence[Record]:
        """Return the lines of a record."""
        model = self._line_model(part)
        columns = [field.name for field in self._line_columns(part, model)] if model is not None else []
        return self.records.lines(self.model, record, part.field, columns)

    def _table(self, part: Lines, lines: Sequence[Record]) -> EntryTable:
        """Return the inputs of a table of lines."""
        field = self.model.fields[part.field]
        model = self.records.model(field.relation)
        columns = self._line_columns(part, model)
        values = self.records.defaults(model, [column.name for column in columns])
        blank = self._line(field, columns, Record(0, "", values), "new")
        filled = tuple(self._line(field, columns, line, str(number)) for number, line in enumerate(lines))
        return EntryTable(field, model, columns, filled, blank, ordered=_ordered(model, columns))

    def _line(self, field: FieldView, columns: Sequence[FieldView], record: Record, key: str) -> EntryLine:
        """Return the inputs of one line."""
        prefix = line_prefix(field, key)
        entries = (entry_for(column, record.values.get(column.name), self.manner, prefix) for column in columns)
        return EntryLine(prefix, record.id, record.version, tuple(entries))

    def _blank(self, table: EntryTable, number: int) -> EntryLine:
        """Return an empty line with a number of its own."""
        prefix = line_prefix(table.field, f"n{number}")
        return replace(
            table.blank, prefix=prefix, entries=tuple(replace(entry, prefix=prefix) for entry in table.blank.entries)
        )

    def _submitted(self, record: int, submitted: Submitted) -> tuple[dict[str, Read], tuple[SubmittedTable, ...]]:
        """Read the inputs of the record and of its lines."""
        was = _was(submitted.text("was"))
        reads = Reader(self.records, submitted, self.manner).read_all(self._fields(), was)
        return reads, tuple(self._submitted_table(record, part, submitted) for part in self._lines())

    def _submitted_table(self, record: int, part: Lines, submitted: Submitted) -> SubmittedTable:
        """Read the lines of one table; a line of another record, or one that is gone, is left out."""
        own = {line.id: line for line in self._line_records(record, part)} if record else dict[int, Record]()
        table = self._table(part, ())
        keys = [key for key in dict.fromkeys(submitted.every(f"l.{part.field}")) if key.isalnum() and key != "new"]
        lines = tuple(self._submitted_line(table, key, submitted, own) for key in keys[:MOST_LINES])
        kept = tuple(line for line in lines if (line.record in own if line.record else not line.empty))
        stored = {line.id: whole(line.values.get(SEQUENCE)) for line in own.values()} if table.ordered else {}
        return SubmittedTable(replace(table, lines=tuple(line.entry for line in kept)), kept, stored)

    def _submitted_line(
        self, table: EntryTable, key: str, submitted: Submitted, own: Mapping[int, Record]
    ) -> SubmittedLine:
        """Read one line; an untouched new line asks for nothing and is left out."""
        prefix = line_prefix(table.field, key)
        was = _was(submitted.text(f"{prefix}was"))
        record = _number(submitted.text(f"{prefix}record"))
        reads = Reader(self.records, submitted, self.manner, prefix).read_all(table.columns, was)
        blank = {entry.field.name: entry.was for entry in table.blank.entries}
        delete = submitted.text(f"{prefix}delete") == "1"
        stored = self._line(table.field, table.columns, own.get(record, Record(0, "", {})), key).entries
        entries = tuple(
            reads[entry.field.name].entry if entry.field.name in reads else entry
            for entry in stored
            if entry.fixed or entry.field.name in reads
        )
        entry = EntryLine(prefix, record, _number(submitted.text(f"{prefix}version")), entries, delete=delete)
        empty = all(
            not replace(read, entry=replace(read.entry, was=blank[name])).changed for name, read in reads.items()
        )
        return SubmittedLine(entry if not delete else _unblamed(entry), reads, empty=empty or (delete and not record))

    def _screen(
        self,
        record: int,
        entries: Mapping[str, Entry],
        tables: tuple[EntryTable, ...],
        *,
        version: int = 0,
        title: str = "",
    ) -> EntryScreen:
        """Put the form together; what only follows from its inputs is shown as it was saved."""
        if record and any(field.name not in entries for field in self._fields() if not editable(field)):
            saved = self._entries(self._read(record))
            entries = {**{name: entry for name, entry in saved.items() if entry.fixed}, **entries}
        was = {name: entry.was for name, entry in entries.items() if not entry.fixed}
        return EntryScreen(
            model=self.model,
            title=title or (self.model.title if record else self._untitled()),
            action=f"{self.path}/{record}/edit" if record else f"{self.path}/new",
            back=f"{self.path}/{record}" if record else self.path,
            parts=tuple(_parts(self.form, entries, {table.field.name: table for table in tables})),
            version=version,
            was=msgspec.json.encode(was).decode() if record else "",
        )

    def _untitled(self) -> str:
        """Return what a record is called that is not there yet."""
        return self.manner.say(_("New {title}", title=self.manner.within(self.model.title)))


@dataclass(frozen=True, slots=True)
class SubmittedLine:
    """One line as it was entered."""

    entry: EntryLine
    reads: Mapping[str, Read]
    empty: bool

    @property
    def record(self) -> int:
        """The record that the line shows, 0 for a new one."""
        return self.entry.record

    @property
    def touched(self) -> bool:
        """Whether the line asks for a change."""
        return self.entry.delete or not self.record or any(read.changed for read in self.reads.values())


@dataclass(frozen=True, slots=True)
class SubmittedTable:
    """The lines of a record as they were entered."""

    table: EntryTable
    lines: tuple[SubmittedLine, ...]
    stored: Mapping[int, int] = field(default_factory=dict[int, int])

    @property
    def touched(self) -> bool:
        """Whether any line asks for a change."""
        return any(line.touched for line in self.lines) or bool(self._places())

    def _places(self) -> dict[int, int]:
        """Return the places that lines take, by where they stand: nothing as long as all are in their order."""
        kept = [line for line in self.lines if not line.entry.delete]
        if not self.table.ordered:
            return {}
        records = [line.record for line in kept]
        old = [record for record in records if record]
        if records[: len(old)] == old == [record for record in self.stored if record in set(old)]:
            last = max(self.stored.values(), default=STEP)
            return {place: last for place, record in enumerate(records) if not record and old}
        before = [self.stored.get(record, 0) for record in records]
        return {place: at for place, was in enumerate(before) if was != (at := STEP * (place + 1))}

    def commands(self) -> list[Command]:
        """Return the lines as changes of what is stored, one for each."""
        return [
            (2, line.record, None)
            if line.entry.delete
            else (1 if line.record else 0, line.record, _given(line.reads, all_of=not line.record))
            for line in self.lines
        ]

    def store(self, records: Records, owner: int) -> None:
        """Delete, change and add lines, in this order: a line may take the place of a deleted one."""
        model = self.table.model
        for line in self.lines:
            if line.entry.delete and line.record:
                records.delete(model, line.record)
        places = self._places()
        for place, line in enumerate(line for line in self.lines if not line.entry.delete):
            if not line.touched and place not in places:
                continue
            changes = {name: read.value for name, read in line.reads.items() if not line.record or read.changed}
            changes |= {SEQUENCE: places[place]} if place in places else {}
            if line.record:
                records.write(model, line.record, changes, version=line.entry.version)
            else:
                records.create(model, {**changes, self.table.field.inverse: owner})


def _given(reads: Mapping[str, Read], *, all_of: bool) -> dict[str, object]:
    """Return the values that can be read, all of them or what differs from what is stored."""
    return {name: read.value for name, read in reads.items() if not read.entry.problem and (all_of or read.changed)}


def _ordered(model: ModelView, columns: Iterable[FieldView]) -> bool:
    """Say whether people put lines in their order by moving them: not where they write the number themselves."""
    sequence = model.fields.get(SEQUENCE)
    shown = any(column.name == SEQUENCE for column in columns)
    return sequence is not None and sequence.kind == "integer" and not sequence.readonly and not shown


def whole(value: object) -> int:
    """Return a whole number, 0 for anything else."""
    return value if isinstance(value, int) else 0


def line_prefix(field: FieldView, key: str) -> str:
    """Return what the names of a line's inputs begin with."""
    return f"l.{field.name}.{key}."


def conflict_sentence(stale: Stale, changed: Iterable[str], manner: Manner) -> str:
    """Say who changed what, and what to do now."""
    who = stale.who or manner.say(SOMEBODY)
    when = manner.moment(stale.moment) if stale.moment is not None else "?"
    what = _listed(list(changed), manner) or manner.say(_("this record or its lines"))
    return manner.say(
        _(
            "{who} changed {what} on {moment}, after you opened this page, so nothing was saved yet. What you typed is"
            " still here: look at the marked fields, then save again.",
            who=who, what=what, moment=when,
        )
    )  # fmt: skip


def _listed(names: list[str], manner: Manner) -> str:
    """Return names as a part of a sentence."""
    if len(names) < 2:
        return "".join(names)
    return manner.say(_("{names} and {last}", names=", ".join(names[:-1]), last=names[-1]))


def _merged(read: Read, theirs: Entry, who: str) -> Entry:
    """Return the input of one field after a conflict: ours where we changed it, theirs where we did not."""
    if theirs.was == read.entry.was or not read.changed:
        return theirs if not read.changed else replace(read.entry, was=theirs.was)
    shown: str = theirs.text or ", ".join(link.name for link in theirs.picked) or _("nothing")
    problem = _("{who} made this “{value}” meanwhile.", who=who or SOMEBODY, value=shown)
    return replace(read.entry, was=theirs.was, problem=problem)


def _parts(
    form: Form, entries: Mapping[str, Entry], tables: Mapping[str, EntryTable]
) -> Iterator[EntrySection | EntryTable]:
    """Return inputs and tables in the order of the form; a heading without an input below it is left out."""
    for tab, part in form.placed:
        match part:
            case Group():
                found = tuple(entries[name] for name in part.fields if name in entries)
                if found:
                    yield EntrySection(part.title, found, tab)
            case Lines() if part.field in tables:
                yield replace(tables[part.field], tab=tab)
            case Lines():
                pass


def _blamed(screen: EntryScreen, message: str) -> EntryScreen:
    """Put a message at the input whose label it begins with, and else above the form."""
    blamed = replace(screen, parts=tuple(_blamed_part(part, message) for part in screen.parts))
    return replace(blamed, problem=NOT_SAVED if blamed.problems else message)


def _blamed_part(part: EntrySection | EntryTable, message: str) -> EntrySection | EntryTable:
    """Put a message at an input of a section."""
    if isinstance(part, EntryTable):
        return part
    return replace(part, entries=tuple(_with_blame(entry, message) for entry in part.entries))


def _with_blame(entry: Entry, message: str) -> Entry:
    """Mark an input when a message is about it."""
    label, colon, rest = message.partition(": ")
    return replace(entry, problem=rest) if colon and label == entry.field.label else entry


def _unblamed(line: EntryLine) -> EntryLine:
    """Return a line without its problems: it will be deleted, whatever stands in it."""
    return replace(line, entries=tuple(replace(entry, problem="", candidates=()) for entry in line.entries))


def _was(text: str) -> dict[str, str]:
    """Read what the fields held when the form was opened."""
    try:
        return msgspec.json.decode(text or "{}", type=dict[str, str])
    except msgspec.DecodeError:
        return {}


def _number(text: str) -> int:
    """Read a number that the form itself wrote; 0 for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
