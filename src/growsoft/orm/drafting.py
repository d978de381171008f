"""The records of a form that is not saved yet: in memory alone, seen through the eyes of whoever fills it in."""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import TYPE_CHECKING, Any, Final

from growsoft.errors import AccessError, MissingError, UserError, ValidationError
from growsoft.orm.commands import Command, commands_of
from growsoft.orm.fields import AnyField, Binary, Many2many, Many2one, One2many, Reference
from growsoft.orm.fields.reference import split
from growsoft.orm.fields.stamps import STAMPS
from growsoft.orm.narrow import is_id, is_mapping, is_sequence
from growsoft.orm.statements import refuse_unseen

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.model import Model
    from growsoft.orm.registry import ModelInfo

MOST_LINES: Final = 2000  # of all lists of a form together

ToMany = One2many[Any] | Many2many[Any]
Values = Mapping[str, object]


class _Together:
    """The stored records of one model on a form: what is read of one is read of all."""

    def __init__(self) -> None:
        self._ids: list[int] = []

    def add(self, record_id: int) -> None:
        if record_id > 0:
            self._ids.append(record_id)

    def ids(self) -> Iterable[int]:
        return self._ids


@dataclass
class Line:
    """A command of the form: what it says, and the record it is about (0 for none)."""

    command: Command
    record: int


@dataclass
class Entered:
    """One record of a form: what was entered, as columns hold it, and its lines by field.

    ``own`` are fields that somebody entered and that the system would work out otherwise.
    """

    info: ModelInfo
    id: int
    raws: dict[str, object] = dataclass_field(default_factory=dict[str, object])
    lines: dict[str, list[Line]] = dataclass_field(default_factory=dict[str, list[Line]])
    own: set[str] = dataclass_field(default_factory=set[str])

    @property
    def is_new(self) -> bool:
        """Whether there is no such record yet; it has an id below zero."""
        return self.id < 0


class Drafting:
    """The records of one form. ``env`` has a memory of its own: what is put there is never written."""

    def __init__(self, env: Env) -> None:
        """Start with nothing entered."""
        self.env = env._apart()
        self.entered: dict[tuple[str, int], Entered] = {}
        self.problems: dict[str, str] = {}
        self._together: defaultdict[str, _Together] = defaultdict(_Together)
        self._lines = 0

    def record(self, entered: Entered) -> Model:
        """Give a record of the form."""
        return self.stored(self.env, entered)

    def stored(self, env: Env, entered: Entered) -> Model:
        """Give a record of the form in another environment; what is read of it is read of all records of the form."""
        return entered.info.cls._of(env, (entered.id,), self._together[entered.info.name])

    # -- taking in ---------------------------------------------------------------------------------------------------

    def take(self, info: ModelInfo, record: int, values: Values, where: str = "") -> Entered:
        """Take what a form holds for a record, or for a new one for 0. ``where`` stands before names in problems."""
        self.env.refuse_unreadable(info, info.fields["id"])
        entered = Entered(info, record or -len(self.entered) - 1)
        self.entered[info.name, entered.id] = entered
        self._together[info.name].add(entered.id)
        row = self.env.cache.records[info.name].setdefault(entered.id, {})
        if entered.is_new:
            row.update(self._blank(info))
        for name, value in values.items():
            field = info.field(name)
            self.env.refuse_unreadable(info, field)
            if isinstance(field, One2many | Many2many):
                self._take_lines(entered, field, value, f"{where}{name}")
            elif self._may_give(entered, field):
                self._take_value(entered, field, value, f"{where}{name}")
        return entered

    def _blank(self, info: ModelInfo) -> dict[str, object]:
        """Give the values with which a new record begins, as far as they may be read."""
        blank: dict[str, object] = {}
        for name, field in info.fields.items():
            if name in STAMPS or name == "id" or not self.env.sees(info, field):
                continue
            if isinstance(field, One2many | Many2many):
                blank[name] = ()
            elif field.stored:
                blank[name] = default_of(self.env, field)
        return blank

    def _may_give(self, entered: Entered, field: AnyField) -> bool:
        """Whether whoever fills in the form may give a field a value; others keep the one they have."""
        if field.name in STAMPS or field.name == "id" or not field.editable or isinstance(field, Binary):
            return False
        rights = self.env.rights
        columns = rights.insertable(entered.info) if entered.is_new else rights.updatable(entered.info)
        return bool(columns) if field.writes_through else field.name in columns

    def _take_value(self, entered: Entered, field: AnyField, value: object, where: str) -> None:
        if isinstance(field, Many2one) and is_mapping(value):
            raw: object = self._parent(field, value)
        else:
            try:
                raw = field.to_raw(_without_name(field, value))
                self._refuse_unseen(field, raw)
            except UserError as error:
                self.problems[where] = error.message
                return
        entered.raws[field.name] = raw
        if field.worked_out:
            entered.own.add(field.name)
        self.env.cache.records[entered.info.name][entered.id][field.name] = raw

    def _parent(self, field: Many2one[Any], value: Values) -> int:
        """Take the record whose line is filled in, as it stands on its own form around this one."""
        info = self.env.registry.models[field.comodel]
        given = {name: entry for name, entry in value.items() if name != "id"}
        known = value.get("id")
        if is_id(known) and not self.env[info.name].browse(known).exists():
            raise MissingError
        return self.take(info, known if is_id(known) else 0, given, f"{field.name}.").id

    def _refuse_unseen(self, field: AnyField, raw: object) -> None:
        if isinstance(field, Many2one) and is_id(raw):
            if raw not in self.env.cache.seen[field.comodel]:
                refuse_unseen(self.env, field, [raw])
        elif isinstance(field, Reference) and isinstance(raw, str) and raw:
            model, record = split(raw)
            refuse_unseen(self.env, field, [record], model)

    # -- lines -------------------------------------------------------------------------------------------------------

    def _take_lines(self, entered: Entered, field: ToMany, value: object, where: str) -> None:
        row = self.env.cache.records[entered.info.name][entered.id]
        present = list(self.record(entered)._value(field.name))
        commands = list(commands_of(field, value))
        self._lines += len(commands)
        if self._lines > MOST_LINES:
            raise ValidationError(f"A form has {MOST_LINES:,} lines at most.")
        self._look_at_links(field, commands)
        lines: list[Line] = []
        for position, command in enumerate(commands):
            lines.append(Line(command, self._line(entered, field, present, command, f"{where}.{position}.")))
        entered.lines[field.name] = lines
        row[field.name] = tuple(dict.fromkeys(present))

    def _look_at_links(self, field: ToMany, commands: list[Command]) -> None:
        """Ask once for all lines which of the records they link to may be seen."""
        given = [command.extra for command in commands if is_mapping(command.extra)]
        for link in self.env.registry.models[field.comodel].fields.values():
            if isinstance(link, Many2one):
                ids = {_without_name(link, values[link.name]) for values in given if link.name in values}
                self.env[link.comodel].browse([i for i in ids if is_id(i)]).exists()

    def _line(self, entered: Entered, field: ToMany, present: list[int], command: Command, where: str) -> int:
        """Do what a command says to a list of ids; give the record that it is about."""
        line = command.line
        match command.code:
            case 0 | 1:
                return self._changed_line(entered, field, present, command, where)
            case 2 | 3:
                present[:] = [other for other in present if other != line]
            case 4:
                self._put_in(field, present, (line,))
            case 5:
                present.clear()
            case 6:
                ids = tuple(i for i in command.extra if is_id(i)) if is_sequence(command.extra) else ()
                present[:] = [other for other in present if other in ids]
                self._put_in(field, present, ids)
            case code:
                raise ValidationError(f"There is no command {code}; commands are 0 to 6.")
        return 0

    def _changed_line(self, entered: Entered, field: ToMany, present: list[int], command: Command, where: str) -> int:
        if not is_mapping(command.extra):
            raise ValidationError("A line is given by a dictionary of its fields.")
        if command.code == 1 and command.line not in present:
            raise AccessError  # a line of another record, or none at all: the answer does not tell which
        info = self.env.registry.models[field.comodel]
        values = dict(command.extra)
        inverse = field.inverse if isinstance(field, One2many) else ""
        values.pop(inverse, None)
        line = self.take(info, command.line if command.code == 1 else 0, values, where)
        if inverse:
            self.env.cache.records[info.name][line.id][inverse] = entered.id
        if line.is_new:
            present.append(line.id)
        return line.id

    def _put_in(self, field: ToMany, present: list[int], ids: tuple[int, ...]) -> None:
        added = [i for i in ids if i not in present]
        refuse_unseen(self.env, field, added)
        present.extend(added)

    def of_model(self, model: str) -> list[Entered]:
        """Give the records of one model."""
        return [entered for (name, _id), entered in self.entered.items() if name == model]


def default_of(env: Env, field: AnyField) -> object:
    """Give the value with which a field of a new record begins, as its column holds it."""
    return field.to_raw(field.default(env)) if callable(field.default) else field.fallback


def _without_name(field: AnyField, value: object) -> object:
    """Take a link as it is read, too: an id with a name."""
    if isinstance(field, Many2one) and is_sequence(value) and len(value) == 2:
        return value[0]
    return value
