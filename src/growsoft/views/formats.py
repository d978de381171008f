"""Formats: values as text for people, and as text for the inputs that people change them in."""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from decimal import Context, Decimal
from html import unescape

from growsoft.orm.fields.markup import words
from growsoft.views.fields import FieldView, Link, Money, Value
from growsoft.views.manner import PLAIN, Manner
from growsoft.words import _

# U+2212: a minus as wide as a plus, so that columns of figures stand in line.
MINUS = "\N{MINUS SIGN}"
_SIZES = ((1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "kB"), (1, _("bytes")))
# Wide enough for every number that a column keeps: the default context would refuse the longest ones.
_EXACT = Context(prec=1000)


def shown(field: FieldView, value: Value, manner: Manner = PLAIN) -> str:
    """Return a value as people read it; nothing is shown as nothing."""
    match value:
        case None:
            return ""
        case bool():
            return manner.say(_("Yes") if value else _("No"))
        case str():
            return _text(field, value)
        case int() if field.kind == "binary":
            return size(value, manner)
        case int() | Decimal():
            return number(value, field.places, manner)
        case Money():
            return money(value, manner)
        case datetime() | date():
            return manner.moment(value) if isinstance(value, datetime) else manner.day(value)
        case Link() | tuple():
            return names(value)


def _text(field: FieldView, value: str) -> str:
    """Return text in a line: the words of a choice, and those of formatted text without their form."""
    match field.kind:
        case "selection":
            return field.choice_label(value)
        case "html":
            return unescape(words(value))
        case _:
            return value


def names(value: Link | tuple[Link, ...]) -> str:
    """Return the names of other records."""
    return value.name if isinstance(value, Link) else ", ".join(link.name for link in value)


def number(value: int | Decimal, places: int | None = None, manner: Manner = PLAIN) -> str:
    """Return a number with groups of three digits; a decimal without fixed places loses only its last zeros."""
    if isinstance(value, Decimal):
        value = trimmed(value) if places is None else value.quantize(Decimal(1).scaleb(-places), context=_EXACT)
    return manner.terms.number(value).replace("-", MINUS)


def size(count: int, manner: Manner = PLAIN) -> str:
    """Return a size in bytes as people say it, in powers of ten like disks (SI)."""
    step = next((step for step, _unit in _SIZES if count >= step), 1)
    digits = manner.terms.number(Decimal(f"{count / step:.3g}"))
    return f"{digits}\N{NO-BREAK SPACE}{manner.say(dict(_SIZES)[step])}"


def money(value: Money, manner: Manner = PLAIN) -> str:
    """Return an amount before its symbol, at the currency's decimals."""
    amount = number(value.amount, value.places, manner)
    return f"{amount}\N{NO-BREAK SPACE}{value.symbol}" if value.symbol else amount


def entered(field: FieldView, value: Value, manner: Manner = PLAIN) -> str:
    """Return a value as the text of its input: what `parsed` reads back as the same value."""
    match value:
        case None:
            return ""
        case bool():
            return "1" if value else ""
        case int() | str():
            return str(value)
        case Decimal():
            return _typed(f"{trimmed(value):f}" if field.places is None else f"{value:.{field.places}f}", manner)
        case Money():
            return _typed(f"{value.amount:.{value.places}f}", manner)
        case datetime() | date():
            return _local(value, manner.zone) if isinstance(value, datetime) else value.isoformat()
        case Link() | tuple():
            return names(value)


def _typed(digits: str, manner: Manner) -> str:
    """Return a number as the reader would type it."""
    return digits.replace(".", manner.terms.signs[0])


def _local(value: datetime, zone: tzinfo) -> str:
    """Return a moment on the reader's clock as its input takes it; strftime leaves out the zeros of early years."""
    return value.astimezone(zone).replace(tzinfo=None).isoformat(timespec="minutes")


def trimmed(value: Decimal) -> Decimal:
    """Return a number without the zeros that its column adds after the point, 10 as 10 and not as 1E+1."""
    short = value.normalize(_EXACT)
    return short.quantize(Decimal(1), context=_EXACT) if short == short.to_integral_value() else short
