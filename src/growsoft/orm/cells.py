"""Cells: the text of a cell as the value of a field, or a sentence that says how to write it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from enum import Enum
from typing import Final

import msgspec

from growsoft.errors import ValidationError
from growsoft.orm.fields import AnyField, Char, Selection, Text
from growsoft.orm.notation import PLAIN, Notation, Unclear

Reader = Callable[[str], object]

TRUE: Final = frozenset(("1", "t", "true", "y", "yes"))
FALSE: Final = frozenset(("0", "f", "false", "n", "no"))
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,6})?)?\s?(Z|[+-]\d{2}(:?\d{2})?)?", re.ASCII
)
_MAX_DIGITS: Final = 100
_INTEGER_LIMIT: Final = 2**31 - 1


class NotReadable(ValidationError):
    """This cell does not fit its field; write it as the field's example shows."""


def reader_of(field: AnyField, scale: Decimal = Decimal(1), zone: tzinfo = UTC, notation: Notation = PLAIN) -> Reader:
    """Give the reader of a field that is no link. Readers get text that is not empty, and raise ``NotReadable``.

    Moments without a zone of their own are in ``zone``; numbers and days are written in ``notation``.
    """
    match field:
        case Selection():
            return lambda text: choice(field.choices, text)
        case Char() if type(field) in (Char, Text):
            return _text_reader(field)
        case _ if field.kind in ("char", "text", "html", "reference"):
            return lambda text: _fits(field, checked_text(text))
        case _ if field.kind == "integer":
            return lambda text: whole(number(text, notation) * scale)
        case _ if field.kind in ("decimal", "monetary"):
            return lambda text: _fits(field, number(text, notation) * scale)
        case _ if field.kind in ("date", "datetime"):
            is_day = field.kind == "date"
            return lambda text: day(text, notation) if is_day else moment(text, zone, notation)
        case _ if field.kind == "json":
            return lambda text: _fits(field, structured(text))
        case _:
            return _READERS[field.kind]


def checked_text(text: str) -> str:
    """Take text as it is: also what looks like a formula is text. NUL has no place in PostgreSQL."""
    if "\0" in text:
        raise NotReadable("It holds a NUL character, which is no text.")
    return text


def _text_reader(field: Char) -> Reader:
    """Give a reader that takes plain short text as it is, which the field would do too, only slower."""
    size = field.size

    def read(text: str) -> object:
        if len(text) <= size and text.isascii() and "\0" not in text:
            return text
        return _fits(field, checked_text(text))

    return read


def number(text: str, notation: Notation = PLAIN) -> Decimal:
    """Read a number, by itself with a decimal point; an exponent is taken, as spreadsheets write it."""
    plain = _clear(notation.number, text)
    if _NUMBER.fullmatch(plain) and len(plain) <= _MAX_DIGITS:
        return Decimal(plain)
    if "," in plain:
        raise NotReadable("Write decimals after a point and no commas, such as 1234.5, or say that they are commas.")
    raise NotReadable("Write a number, such as 1234.5.")


def whole(value: Decimal) -> int:
    """Take a number that is whole and has 32 bits."""
    if value != value.to_integral_value():
        raise NotReadable("Write a whole number, such as 42.")
    if abs(value) > _INTEGER_LIMIT:
        raise NotReadable(f"Write a number between -{_INTEGER_LIMIT} and {_INTEGER_LIMIT}.")
    return int(value)


def boolean(text: str) -> bool:
    """Read yes or no: 1, t, true, y, yes; 0, f, false, n, no."""
    word = text.strip().lower()
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise NotReadable("Write 1 or 0, true or false, yes or no.")


def opposite(text: str) -> bool:
    """Read yes as no."""
    return not boolean(text)


def _clear(written: Callable[[str], str], text: str) -> str:
    try:
        return written(text.strip())
    except Unclear as error:
        raise NotReadable(str(error)) from None


def day(text: str, notation: Notation = PLAIN) -> date:
    """Read a day as ISO 8601 or the notation writes it; a moment at midnight is a day, too."""
    plain = _clear(notation.day, text)
    if _MOMENT.fullmatch(plain):
        found = moment(plain)
        if (found.hour, found.minute, found.second, found.microsecond) == (0, 0, 0, 0):
            return found.date()
    try:
        if _DATE.fullmatch(plain):
            return date.fromisoformat(plain)
    except ValueError:
        pass
    raise NotReadable("Write a day as year-month-day, such as 2026-12-31.")


def moment(text: str, zone: tzinfo = UTC, notation: Notation = PLAIN) -> datetime:
    """Read a moment as ISO 8601 or the notation writes it; a day by itself is its midnight. Gives it in UTC."""
    plain = _clear(notation.day, text)
    try:
        if _DATE.fullmatch(plain):
            return datetime.fromisoformat(plain).replace(tzinfo=zone).astimezone(UTC)
        if _MOMENT.fullmatch(plain):
            found = datetime.fromisoformat(plain.replace(",", "."))
            return (found.replace(tzinfo=zone) if found.tzinfo is None else found).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise NotReadable("Write a moment as year-month-day and time, such as 2026-12-31 18:30.")


def structured(text: str) -> object:
    """Read JSON."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise NotReadable('Write JSON, such as {"size": 42}.') from None


def choice(choices: Iterable[Enum], text: str) -> object:
    """Read a member by its value or by its words, in capital or small letters."""
    wanted = text.strip().lower()
    for member in choices:
        if wanted in (str(member.value).lower(), label(member).lower()):
            return member
    raise NotReadable(f"Write one of: {', '.join(str(member.value) for member in choices)}.")


def label(member: Enum) -> str:
    """Give the words for a choice: its label where it has one, else made from its value."""
    own = getattr(member, "label", "")
    return own if isinstance(own, str) and own else str(member.value).replace("_", " ").capitalize()


def _fits(field: AnyField, value: object) -> object:
    try:
        field.to_raw(value)
    except ValidationError as error:
        raise NotReadable(error.message) from None
    return value


_READERS: Final[dict[str, Reader]] = {"boolean": boolean}
