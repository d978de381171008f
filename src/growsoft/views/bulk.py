"""Bulk: one thing done with the rows that somebody chose in a list, or with all that it finds, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from growsoft.errors import MissingError, UserError, ValidationError
from growsoft.orm.domain import Condition, Leaf
from growsoft.orm.env import Env
from growsoft.orm.match import matches
from growsoft.orm.model import Model
from growsoft.views.entering import Reader, Submitted, editable, entry_of
from growsoft.views.fields import FieldView, ModelView
from growsoft.views.lister import Lister
from growsoft.views.listing import Offer
from growsoft.views.screens import Entry
from growsoft.views.values import Action, Views
from growsoft.words import Words, _

ACTIVE: Final = "active"
# Above this number what is refused for one record is refused for all: they are not tried one by one.
MOST_SINGLY: Final = 1000
MOST_RECORDS: Final = 100_000
MOST_REASONS: Final = 20
# What an undo carries in its form.
MOST_UNDONE: Final = 5000
UNFIT: Final = _("It is not in a state in which this is possible.")

Deed = Callable[[Model], None]


class TooMany(UserError):
    """So many records are not changed at once; narrow the search first."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that was left as it was, and why."""

    record: int
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many records were changed, which were not and why, and those with which an undo would begin."""

    done: int
    refused: tuple[Refusal, ...] = ()
    left: int = 0
    undo: tuple[int, ...] = ()


def offers(model: ModelView, views: Views) -> tuple[Offer, ...]:
    """Return what this person may do with rows of a list at all."""
    found: list[Offer] = []
    if model.may("write"):
        found.extend(Offer(f"run:{action.method}", action.title) for action in actions_of(views))
        if settable(model):
            found.append(Offer("set", _("Set a field…")))
        if archives(model):
            found += [Offer("archive", _("Archive")), Offer("restore", _("Take out of the archive"))]
    if model.may("unlink"):
        found.append(Offer("delete", _("Delete…"), danger=True))
    return tuple(found)


def actions_of(views: Views) -> tuple[Action, ...]:
    """Return the actions of a list, and those of the form that it does not have."""
    known = {action.method: action for action in (*views.form.actions, *views.list.actions)}
    return tuple(known.values())


def archives(model: ModelView) -> bool:
    """Say whether records can be archived."""
    field = model.fields.get(ACTIVE)
    return field is not None and field.kind == "boolean" and field.stored and not field.readonly


def settable(model: ModelView) -> tuple[FieldView, ...]:
    """Return the fields that can be given one value for many records."""
    return tuple(field for field in model.fields.values() if editable(field) and field.name != ACTIVE)


def chosen(lister: Lister, ids: Iterable[int], *, every: bool) -> Condition:
    """Return what the chosen records meet: these ids, or all that the list finds. Raises `NotSearchable`."""
    return lister.condition if every else Leaf(("id",), "in", tuple(ids))


@dataclass(frozen=True)
class Bulk:
    """Does one thing with many records of a list as one person."""

    lister: Lister

    @property
    def _env(self) -> Env:
        return self.lister.env

    def deed(self, name: str, submitted: Submitted) -> Deed:
        """Return what is done under a name. Raises `MissingError` for what is not offered to this person."""
        if name not in {offer.name for offer in offers(self.lister.model, self.lister.views)}:
            raise MissingError
        match name:
            case "archive":
                return _writes({ACTIVE: False})
            case "restore":
                return _writes({ACTIVE: True})
            case "delete":
                return _deletes
            case "set":
                return _writes(self._value(submitted))
            case _:
                return self._runs(name.removeprefix("run:"))

    def field(self, submitted: Submitted) -> FieldView | None:
        """Return the field that is set, None while none is chosen."""
        name = submitted.text("field")
        return next((field for field in settable(self.lister.model) if field.name == name), None)

    def entry(self, submitted: Submitted) -> Entry | None:
        """Return the input of the field that is set, with what is wrong with it once it was sent."""
        field = self.field(submitted)
        if field is None:
            return None
        reads = self._reader(submitted).read_all((field,), {})
        return reads[field.name].entry if field.name in reads else entry_of(field, None, self.lister.manner)

    def _reader(self, submitted: Submitted) -> Reader:
        return Reader(self.lister.records, submitted, self.lister.manner)

    def _value(self, submitted: Submitted) -> Mapping[str, object]:
        field = self.field(submitted)
        if field is None:
            raise MissingError
        read = self._reader(submitted).read_all((field,), {}).get(field.name)
        if read is None or read.entry.problem:
            raise ValidationError(read.entry.problem if read is not None else _("Fill this in."))
        return {field.name: [(6, 0, read.value)] if field.kind == "many2many" else read.value}

    def _runs(self, method: str) -> Deed:
        action = next(action for action in actions_of(self.lister.views) if action.method == method)

        def run(records: Model) -> None:
            if action.when is not None and not all(matches(record, action.when) for record in records):
                raise UserError(UNFIT)
            getattr(records, action.method)()

        return run

    # -- doing it ----------------------------------------------------------------------------------------------------

    def perform(self, condition: Condition, deed: Deed, *, undoable: bool = False) -> Outcome:
        """Do it with all records that meet a condition and that this person may see.

        What fails for all at once is tried one by one, so that one record that refuses does not stop the others.
        """
        found = self._env[self.lister.model.name].search(condition, limit=MOST_RECORDS + 1)
        if len(found) > MOST_RECORDS:
            raise TooMany
        try:
            self._do(found, deed)
        except UserError as error:
            return self._singly(found, deed, error, undoable=undoable)
        return Outcome(len(found), undo=_undo(found.ids, undoable=undoable))

    def _do(self, records: Model, deed: Deed) -> None:
        with self._env.savepoint():
            if records:
                deed(records)
                self._env.flush()

    def _singly(self, found: Model, deed: Deed, error: UserError, *, undoable: bool) -> Outcome:
        if len(found) > MOST_SINGLY:
            return Outcome(0, (Refusal(0, "", self._said(error.words)),), left=len(found))
        done: list[int] = []
        refused: list[Refusal] = []
        for record in found:
            try:
                self._do(record, deed)
                done.append(record.id)
            except UserError as reason:
                refused.append(Refusal(record.id, self._name(record), self._said(reason.words)))
        return Outcome(len(done), tuple(refused[:MOST_REASONS]), len(refused), _undo(done, undoable=undoable))

    def _name(self, record: Model) -> str:
        links = self.lister.records.called(self.lister.model, record.id)
        return links or f"#{record.id}"

    def _said(self, words: str | Words) -> str:
        return self.lister.manner.say(words)


def _undo(ids: Iterable[int], *, undoable: bool) -> tuple[int, ...]:
    found = tuple(ids)
    return found if undoable and len(found) <= MOST_UNDONE else ()


def _writes(values: Mapping[str, object]) -> Deed:
    return lambda records: records.write(values)


def _deletes(records: Model) -> None:
    records.unlink()
