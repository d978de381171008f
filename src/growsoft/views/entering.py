"""Entering: what somebody typed in a form, read field by field into values to store or sentences to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from growsoft.errors import MissingError
from growsoft.views.fields import MANY, NUMBERS, SHOWN_ONLY, FieldView, Link, ModelView, Value
from growsoft.views.formats import entered, shown
from growsoft.views.manner import PLAIN, Manner
from growsoft.views.parsing import NotReadable, parsed
from growsoft.views.records import Records
from growsoft.views.screens import Entry
from growsoft.words import _

MOST_CANDIDATES: Final = 8
MOST_TAGS: Final = 500
LARGEST_ID: Final = 2**63 - 1

MISSING: Final = _("Fill this in.")
GONE: Final = _("This record is gone or hidden from you; choose another.")


class Submitted(Protocol):
    """The fields of a form as they came: the last value of a name, or all of them."""

    def text(self, name: str) -> str:
        """Return the last value of a name, empty text when it was not sent."""
        ...

    def every(self, name: str) -> tuple[str, ...]:
        """Return all values of a name."""
        ...

    def sent(self, name: str) -> bool:
        """Say whether a name was sent at all."""
        ...


@dataclass(frozen=True, slots=True)
class Read:
    """One field as it was entered: its input for another round, and the value to store when nothing is wrong."""

    entry: Entry
    value: object = None

    @property
    def changed(self) -> bool:
        """Whether something else was entered than was there when the form was opened."""
        return (self.entry.picked_ids if self.entry.field.relation else self.entry.text) != self.entry.was


def editable(field: FieldView) -> bool:
    """Say whether a form has an input for a field."""
    return not field.readonly and field.kind not in SHOWN_ONLY


def entry_of(field: FieldView, value: Value, manner: Manner = PLAIN, prefix: str = "") -> Entry:
    """Return the input that holds a value."""
    match value:
        case Link():
            return Entry(field, value.name, (value,), was=str(value.id), prefix=prefix)
        case tuple():
            return Entry(field, "", value, was=" ".join(str(link.id) for link in value), prefix=prefix)
        case _:
            text = entered(field, value, manner)
            return Entry(field, text, was=text, prefix=prefix)


def standing(field: FieldView) -> bool:
    """Say whether a form shows a field that it has no input for."""
    return field.readonly and field.kind not in SHOWN_ONLY | MANY | {"html"}


def entry_for(field: FieldView, value: Value, manner: Manner = PLAIN, prefix: str = "") -> Entry:
    """Return the input that holds a value, or what shows it where it follows from others."""
    if editable(field):
        return entry_of(field, value, manner, prefix)
    return Entry(field, shown(field, value, manner), prefix=prefix, fixed=True)


class Reader:
    """Reads the inputs of one form, or of one of its lines by the prefix of its inputs' names."""

    def __init__(self, records: Records, submitted: Submitted, manner: Manner = PLAIN, prefix: str = "") -> None:
        """Read what was submitted; linked records are looked up among those that this person may see."""
        self._records = records
        self._submitted = submitted
        self._manner = manner
        self._prefix = prefix

    def read_all(self, fields: Sequence[FieldView], was: Mapping[str, str]) -> dict[str, Read]:
        """Read some fields, each with what it held when the form was opened; one that was not sent is left out."""
        return {field.name: self._remembering(field, was.get(field.name, "")) for field in fields if self._sent(field)}

    def _sent(self, field: FieldView) -> bool:
        """Say whether a field's input was sent."""
        return editable(field) and self._submitted.sent(f"{self._prefix}v.{field.name}")

    def _remembering(self, field: FieldView, was: str) -> Read:
        """Read one field; its input keeps its place in the form and what it held."""
        found = self._read(field, self._submitted.text(f"{self._prefix}v.{field.name}"))
        return replace(found, entry=replace(found.entry, was=was, prefix=self._prefix))

    def _read(self, field: FieldView, text: str) -> Read:
        """Read one field by its kind."""
        match field.kind:
            case "many2one":
                return self._link(field, " ".join(text.split()))
            case "many2many":
                return self._tags(field, text)
            case _:
                return self._scalar(field, text)

    def _scalar(self, field: FieldView, text: str) -> Read:
        """Read a value that stands for itself."""
        try:
            value = parsed(field, text, self._manner)
        except NotReadable as error:
            return Read(Entry(field, text, problem=error.words))
        if field.required and value in {None, ""}:
            return Read(Entry(field, text, problem=MISSING))
        # Written back as it will be stored, so that a value typed differently is not taken for a change.
        empty_number = field.kind in NUMBERS and not text.strip()
        return Read(Entry(field, "" if empty_number else entered(field, value, self._manner)), value)

    def _link(self, field: FieldView, text: str) -> Read:
        """Read a link: a chosen candidate, else the picked record as long as its name stands, else the text."""
        chosen = _id(self._submitted.text(f"{self._prefix}pick.{field.name}"))
        if chosen:
            return _linked(field, text, self._by_id(field, chosen))
        if not text:
            return Read(Entry(field, "", problem=MISSING if field.required else ""))
        picked = _id(self._submitted.text(f"{self._prefix}id.{field.name}"))
        link = self._by_id(field, picked) if picked else None
        return _linked(field, text, link) if link is not None and link.name == text else self._by_text(field, text)

    def _by_id(self, field: FieldView, record: int) -> Link | None:
        """Return a record by its id, if this person may see it."""
        try:
            return Link(record, self._records.read(self._records.model(field.relation), record, ()).name)
        except MissingError:
            return None

    def _by_text(self, field: FieldView, text: str) -> Read:
        """Return the one record of this name; when there are several or none, those whose names contain it."""
        model = self._records.model(field.relation)
        exact = self._records.named(model, text, limit=MOST_CANDIDATES, exactly=True)
        if len(exact) == 1:
            return _linked(field, text, exact[0])
        candidates = tuple(exact or self._records.named(model, text, limit=MOST_CANDIDATES))
        if not candidates:
            title = self._manner.within(model.title)
            return Read(Entry(field, text, problem=_("There is no {title} of this name.", title=title)))
        return Read(Entry(field, text, problem=_("Choose which one is meant."), candidates=candidates))

    def _tags(self, field: FieldView, text: str) -> Read:
        """Read tags: those that stay ticked, and those that were typed, with commas between them."""
        ids = [_id(picked) for picked in self._submitted.every(f"{self._prefix}id.{field.name}")[:MOST_TAGS]]
        kept = [link for link in (self._by_id(field, record) for record in ids if record) if link is not None]
        typed = [name.strip() for name in text.split(",")[:MOST_CANDIDATES] if name.strip()]
        found = {name: self._records.named(self._model(field), name, limit=1, exactly=True) for name in typed}
        unknown = [name for name, links in found.items() if not links]
        tags = tuple(dict.fromkeys([*kept, *(link for links in found.values() for link in links)]))
        problem = _("There is none called {name}.", name=unknown[0]) if unknown else ""
        problem = problem or (MISSING if field.required and not tags else "")
        return Read(Entry(field, ", ".join(unknown), tags, problem=problem), tuple(link.id for link in tags))

    def _model(self, field: FieldView) -> ModelView:
        """Return the model that a field leads to."""
        return self._records.model(field.relation)


def _linked(field: FieldView, text: str, link: Link | None) -> Read:
    """Return a link that was found, or say that it is gone."""
    if link is None:
        return Read(Entry(field, text, problem=GONE))
    return Read(Entry(field, link.name, (link,)), link.id)


def _id(text: str) -> int:
    """Read an id; 0 for anything else."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
    return number if number <= LARGEST_ID else 0
