"""Facets: a field and what it should hold, as people type it and as addresses carry it: `city:Berlin`, `count:>=10`.

What stands before the value says how they are compared: nothing or `~` looks for a part of a text and for the same
value elsewhere, `=` and `!=` compare the whole, `!~` refuses a part, `<` `<=` `>` `>=` compare size, `#12` is a linked
record by its id, `*` is any value and `!*` none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from growsoft.errors import ValidationError
from growsoft.orm.compile import escaped
from growsoft.orm.domain import Condition, Leaf, Some
from growsoft.views.fields import NUMBERS, TEXTS, FieldView
from growsoft.views.formats import shown
from growsoft.views.manner import PLAIN, Manner
from growsoft.views.parsing import parsed
from growsoft.views.spans import in_span, span, span_words
from growsoft.words import Words, _

ANY: Final = "*"
NONE: Final = "!*"
_SIGNED = re.compile(r"(?P<sign><=|>=|!=|!~|!#|<|>|=|~|#)?(?P<value>.*)", re.DOTALL)
_ID = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
# Two of these for one field mean either; of all others each holds.
_ALTERNATIVE: Final = frozenset(("", "=", "~", "#"))
Comparison = Literal["<", "<=", ">", ">=", "=", "!="]
_COMPARISONS: Final[dict[str, Comparison]] = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "=": "=", "!=": "!=", "": "="}

# A field that may be reached and searched by this reader, by its name or its path.
Reach = Callable[[str], FieldView | None]


class NotSearchable(ValidationError):
    """The search box has a condition that is not understood; take it off or correct it."""


@dataclass(frozen=True, slots=True)
class Facet:
    """One picked condition: a field and what it should hold, as people typed it."""

    field: str
    text: str

    def __str__(self) -> str:
        """The form that addresses carry: `city:Berlin`."""
        return f"{self.field}:{self.text}"

    @property
    def sign(self) -> str:
        """How it compares."""
        return self.text if self.text in {ANY, NONE} else _split(self.text)[0]

    @property
    def value(self) -> str:
        """What it compares with."""
        return "" if self.text in {ANY, NONE} else _split(self.text)[1]


def _split(text: str) -> tuple[str, str]:
    """Return the sign before a value, and the value."""
    found = _SIGNED.fullmatch(text)
    return (found["sign"] or "", found["value"].strip()) if found else ("", text)


# -- conditions --------------------------------------------------------------------------------------------------------


def facets_condition(facets: Iterable[Facet], reach: Reach, manner: Manner = PLAIN) -> list[Condition]:
    """Return the conditions of some facets, all of which hold; two values of one field mean either.

    Raises `NotSearchable`.
    """
    found: list[Condition] = []
    either: dict[str, list[Condition]] = {}
    for facet in facets:
        field = reach(facet.field)
        if field is None:
            continue
        condition = facet_condition(field, facet, manner)
        if facet.sign in _ALTERNATIVE:
            either.setdefault(facet.field, []).append(condition)
        else:
            found.append(condition)
    return [*(Some(tuple(some)) if len(some) > 1 else some[0] for some in either.values()), *found]


def facet_condition(field: FieldView, facet: Facet, manner: Manner = PLAIN) -> Condition:
    """Return the condition of one facet, by the kind of its field. Raises `NotSearchable`."""
    path = tuple(field.name.split("."))
    sign, value = facet.sign, facet.value
    if sign == NONE:
        return Leaf(path, "=", None)
    if sign == ANY:
        return Leaf(path, "!=", None)
    if not value:
        raise NotSearchable(
            _("{label}: {problem}", label=field.label, problem=_("Write what to compare with, such as >=100."))
        )
    if field.relation:
        return _linked(path, sign, value, facet.text)
    if field.kind in TEXTS or field.kind == "html":
        return _worded(path, sign, value, facet.text)
    try:
        return _compared(field, path, sign, value, manner)
    except ValidationError as error:
        raise NotSearchable(_("{label}: {problem}", label=field.label, problem=error.words)) from error


def _linked(path: tuple[str, ...], sign: str, value: str, text: str) -> Condition:
    """Compare a link: by the id of the record, or by its name."""
    if sign in {"#", "!#"}:
        if not _ID.fullmatch(value):
            raise NotSearchable(_("{text} names no record.", text=text))
        leaf = Leaf(path, "in", [int(value)])
        return leaf if sign == "#" else ~leaf
    return _worded(path, sign, value, text)


def _worded(path: tuple[str, ...], sign: str, value: str, text: str) -> Condition:
    """Compare text, upper and lower case alike."""
    match sign:
        case "" | "~":
            return Leaf(path, "ilike", value)
        case "!~":
            return ~Leaf(path, "ilike", value)
        case "=":
            return Leaf(path, "=ilike", escaped(value))
        case "!=":
            return ~Leaf(path, "=ilike", escaped(value))
        case _:  # a text may begin with any other sign
            return Leaf(path, "ilike", text)


def _compared(field: FieldView, path: tuple[str, ...], sign: str, value: str, manner: Manner) -> Condition:
    """Compare by size, in time, or with one of some choices."""
    if field.kind in {"date", "datetime"}:
        found = in_span(field, sign, value, manner)
        if found is None:
            raise NotSearchable(_("Write a year, a month or a day, such as 2024, 2024-05 or 2024-05-17."))
        return found
    operator = _COMPARISONS.get(sign)
    ordered = field.kind in NUMBERS or operator in {"=", "!="}
    if operator is None or not ordered:
        raise NotSearchable(_("This cannot be compared by {sign}.", sign=sign))
    return Leaf(path, operator, parsed(field, value, manner))


# -- in words ----------------------------------------------------------------------------------------------------------

SIGNS: Final[dict[str, Words]] = {
    "~": _("contains"), "!~": _("does not contain"), "=": _("is"), "!=": _("is not"), ">=": _("is at least"),
    "<=": _("is at most"), ">": _("is more than"), "<": _("is less than"), ANY: _("is filled in"),
    NONE: _("is not filled in"),
}  # fmt: skip
_SAID: Final[dict[str, Words]] = {**SIGNS, "!#": _("is not")}


def spoken(field: FieldView, facet: Facet, name: str = "", manner: Manner = PLAIN) -> str:
    """Return what a facet says beside the label of its field; `name` is that of the record that an id leads to."""
    value = name or _value_words(field, facet.value, manner)
    plain = facet.sign in {"", "~", "#"} or (facet.sign == "=" and field.kind not in TEXTS)
    if plain:
        return value
    return f"{manner.say(_SAID[facet.sign])} {value}".strip() if facet.sign in _SAID else facet.text


def _value_words(field: FieldView, value: str, manner: Manner) -> str:
    match field.kind:
        case "selection":
            return field.choice_label(value)
        case "boolean":
            return _yes_or_no(field, value, manner)
        case "date" | "datetime":
            found = span(value)
            return span_words(found[0], _unit_of(value), manner.terms.lang) if found else value
        case _:
            return value


def _unit_of(value: str) -> str:
    """Return how long the span is that a text names."""
    if "Q" in value:
        return "quarter"
    return "week" if "W" in value else ("year", "month", "day")[min(value.count("-"), 2)]


def _yes_or_no(field: FieldView, value: str, manner: Manner) -> str:
    try:
        return shown(field, parsed(field, value, manner), manner)
    except ValidationError:
        return value


def built(field: str, sign: str, value: str) -> Facet | None:
    """Return the facet that a builder of conditions made, None while it says nothing."""
    value = value.strip()
    if sign in {ANY, NONE}:
        return Facet(field, sign)
    if sign not in SIGNS or not value:
        return None
    return Facet(field, f"{sign}{value}")
