"""Boarding: the records of a list as cards in columns, one for each value of a field; moving a card changes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from growsoft.errors import MissingError, ValidationError
from growsoft.orm.domain import Leaf
from growsoft.views.entering import editable
from growsoft.views.facets import NONE
from growsoft.views.fields import FieldView
from growsoft.views.formats import shown
from growsoft.views.listing import only
from growsoft.views.screens import Row, cells
from growsoft.views.summing import Bucket
from growsoft.words import _

if TYPE_CHECKING:
    from growsoft.views.lister import Lister

_ID: Final = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
MOST_LANES: Final = 30
MOST_CARDS: Final = 20


@dataclass(frozen=True, slots=True)
class Lane:
    """A column of a board: the value that its cards have, how many there are, what they add up to, and the first."""

    value: str
    label: str
    count: int
    total: str
    cards: tuple[Row, ...]
    only: str


@dataclass(frozen=True, slots=True)
class Board:
    """A board: by which field, whether cards move, and its columns."""

    field: FieldView
    movable: bool
    lanes: tuple[Lane, ...]
    more: bool = False


def board_of(lister: Lister) -> Board | None:
    """Return the board of what a list finds, None where its field is hidden from this person."""
    field = lane_field(lister)
    if field is None:
        return None
    total = lister.views.kanban.total if lister.views.kanban else ""
    names = (total,) if lister.may_sum(total) else ()
    lister.summing.totals(lister.condition, names)
    found = lister.summing.buckets(lister.condition, field.name, names, limit=MOST_LANES + 1)
    known = {bucket.facet.text: bucket for bucket in found[:MOST_LANES]}
    lanes = [_lane(lister, field, text, known.get(text), total) for text in _texts(field, known)]
    return Board(field, _moves(lister, field), tuple(lanes), len(found) > MOST_LANES)


def lane_field(lister: Lister) -> FieldView | None:
    """Return the field that makes the columns: what the list is grouped by when it can, else what the view says."""
    asked = lister.query.groups[0] if lister.query.groups else ""
    declared = lister.views.kanban.by if lister.views.kanban else ""
    for name in (asked, declared):
        field = lister.model.fields.get(name)
        if field is not None and field.kind in {"selection", "many2one"} and field.stored:
            return field
    return None


def _texts(field: FieldView, known: dict[str, Bucket]) -> list[str]:
    """Return what the columns hold, in order: every choice of a selection, also those that no record has."""
    choices = [f"={value}" for value, _label in field.choices]
    return choices + [text for text in known if text not in choices]


def _moves(lister: Lister, field: FieldView) -> bool:
    return editable(field) and lister.model.may("write")


def _lane(lister: Lister, field: FieldView, text: str, bucket: Bucket | None, total: str) -> Lane:
    value = "" if text == NONE else text[1:]
    if bucket is None:
        return Lane(value, field.choice_label(value), 0, "", (), "")
    fields = lister.model.known(lister.views.kanban.fields if lister.views.kanban else ())
    page = lister.records.page(
        lister.model, [one.name for one in fields], bucket.condition,
        order=lister.order, offset=0, limit=MOST_CARDS, count=0,
    )  # fmt: skip
    cards = tuple(Row(record.id, record.name, cells(fields, record, lister.manner)) for record in page.records)
    summed = lister.model.fields.get(total)
    sums = bucket.sums.get(total, ())
    said = shown(summed, sums[0], lister.manner) if summed is not None and sums else ""
    return Lane(value, bucket.label, bucket.count, said, cards, only(lister.query, (bucket.facet,), lister.path))


def move(lister: Lister, record: int, value: str) -> None:
    """Give a record the value of another column. Raises `MissingError` for what is none, `UserError` when refused."""
    field = lane_field(lister)
    found = lister.env[lister.model.name].browse(record).exists()
    if field is None or not found or not _moves(lister, field):
        raise MissingError
    found.write({field.name: _stored(lister, field, value)})
    lister.env.flush()


def _stored(lister: Lister, field: FieldView, value: str) -> object:
    """Return the value of a column as it is stored. Raises `MissingError`."""
    if not value:
        if field.required:
            raise ValidationError(_("{label} is required.", label=field.label))
        return None
    if field.kind == "selection":
        if value not in dict(field.choices):
            raise MissingError
        return value
    if not _ID.fullmatch(value):
        raise MissingError
    other = lister.records.model(field.relation)
    if not lister.records.count(other, Leaf(("id",), "=", int(value))):
        raise MissingError
    return int(value)
