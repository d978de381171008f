"""Parsing: the text of an input as a value, or a sentence that says what is wrong with it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal

from growsoft.errors import ValidationError
from growsoft.views.fields import FieldView, Value
from growsoft.views.manner import PLAIN, Manner
from growsoft.words import _

TRUE = frozenset({"1", "on", "true", "yes", "y"})
FALSE = frozenset({"", "0", "off", "false", "no", "n"})
_GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_EXACT = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)
MOST_DIGITS = 60
EXAMPLE = Decimal("1234.50")
LARGEST_INTEGER = 2**31 - 1


class NotReadable(ValidationError):
    """This value cannot be read; write it as the field's example shows."""


def parsed(field: FieldView, text: str, manner: Manner = PLAIN) -> Value:
    """Read what somebody entered in a field that is no relation. Raises `NotReadable`."""
    text = text.strip() if field.kind not in {"text", "html"} else text.replace("\r\n", "\n").rstrip()
    match field.kind:
        case "char" | "text" | "html":
            return _text(field, text)
        case "integer":
            return _integer(text, manner)
        case "decimal" | "monetary":
            return _decimal(text, manner)
        case "boolean":
            return _boolean(text, manner)
        case "date":
            return _date(text)
        case "datetime":
            return _moment(text, manner.zone)
        case "selection":
            return _choice(field, text)
        case "many2one" | "one2many" | "many2many" | "reference":
            raise TypeError(f"{field.name} is a relation: records are looked up, not read.")
        case "json" | "binary":
            raise TypeError(f"{field.name} is only shown; no form has an input for it.")


def _text(field: FieldView, text: str) -> str:
    """Read text; a NUL has no place in PostgreSQL's text."""
    if "\0" in text:
        raise NotReadable(_("This text holds a character that cannot be stored; type it anew."))
    if len(text) > field.size:
        raise NotReadable(_("Write {most} characters at most; these are {count}.", most=field.size, count=len(text)))
    return text


def _integer(text: str, manner: Manner) -> int:
    """Read a whole number of 32 bits; nothing is 0, as in the data layer."""
    digits = _ungrouped(text, manner)
    if not digits:
        return 0
    if not _WHOLE.fullmatch(digits):
        raise NotReadable(_("Write a whole number, such as 42."))
    value = int(digits) if len(digits) < 20 else LARGEST_INTEGER + 1
    if abs(value) > LARGEST_INTEGER:
        raise NotReadable(_("Write a number between {least} and {most}.", least=-LARGEST_INTEGER, most=LARGEST_INTEGER))
    return value


def _decimal(text: str, manner: Manner) -> Decimal:
    """Read an exact number; nothing is 0."""
    digits = _ungrouped(text, manner)
    if not digits:
        return Decimal(0)
    if not _EXACT.fullmatch(digits):
        raise NotReadable(_("Write a number, such as {example}.", example=manner.terms.number(EXAMPLE)))
    if len(digits) > MOST_DIGITS:
        raise NotReadable(_("Write a number of {most} digits at most.", most=MOST_DIGITS))
    return Decimal(digits)


def _ungrouped(text: str, manner: Manner) -> str:
    """Take the signs between groups of digits away, and let people paste what we showed them.

    Such a sign anywhere else may be somebody's decimal point, so it is asked about and not guessed.
    """
    decimal, group = manner.terms.signs
    plain = "".join(text.split()).replace("\N{MINUS SIGN}", "-").translate({ord(group): ",", ord(decimal): "."})
    if "," in plain and not _GROUPED.fullmatch(plain):
        example = manner.terms.number(EXAMPLE)
        raise NotReadable(_("Write decimals after “{sign}”, such as {example}.", sign=decimal, example=example))
    return plain.replace(",", "")


def _boolean(text: str, manner: Manner) -> bool:
    """Read yes or no."""
    word = text.lower()
    if word in TRUE or word == manner.say(_("Yes")).lower():
        return True
    if word in FALSE or word == manner.say(_("No")).lower():
        return False
    raise NotReadable(_("Write yes or no."))


def _date(text: str) -> date | None:
    """Read a day."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise NotReadable(_("Write a day as year-month-day, such as 2024-05-17.")) from None


def _moment(text: str, zone: tzinfo) -> datetime | None:
    """Read a moment on the reader's clock and return it in UTC."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise NotReadable(_("Write a moment as year-month-day and time, such as 2024-05-17 14:30.")) from None


def _choice(field: FieldView, text: str) -> str | None:
    """Read one of the choices, by its value or by its words."""
    if not text:
        return None
    for value, label in field.choices:
        if text == value or text.lower() == label.lower():
            return value
    raise NotReadable(_("Choose one of: {choices}.", choices=", ".join(label for _value, label in field.choices)))
