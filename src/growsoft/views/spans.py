"""Spans: years, quarters, months, weeks and days, as addresses write them, as conditions, and as people read them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final

from growsoft.orm.domain import Condition, Every, Leaf
from growsoft.views.fields import FieldView
from growsoft.views.manner import Manner
from growsoft.words import SOURCE

_QUARTER: Final = re.compile(r"(?P<year>\d{4})-Q(?P<part>[1-4])", re.ASCII)
_WEEK: Final = re.compile(r"(?P<year>\d{4})-W(?P<part>\d{2})", re.ASCII)
UNITS: Final = ("year", "quarter", "month", "week", "day")


def span(text: str) -> tuple[date, date] | None:
    """Return the first day of `2024`, `2024-Q2`, `2024-05`, `2024-W21` or `2024-05-17`, and the first day after it."""
    try:
        if found := _QUARTER.fullmatch(text):
            return _months(int(found["year"]), 3 * int(found["part"]) - 2, 3)
        if found := _WEEK.fullmatch(text):
            monday = date.fromisocalendar(int(found["year"]), int(found["part"]), 1)
            return monday, monday + timedelta(days=7)
        match [int(part) for part in text.split("-")]:
            case [year]:
                return date(year, 1, 1), date(year + 1, 1, 1)
            case [year, month]:
                return _months(year, month, 1)
            case [year, month, day]:
                return date(year, month, day), date(year, month, day) + timedelta(days=1)
            case _:
                return None
    except (ValueError, OverflowError):
        return None


def _months(year: int, month: int, count: int) -> tuple[date, date]:
    following = month + count - 1
    return date(year, month, 1), date(year + following // 12, following % 12 + 1, 1)


def span_text(start: date, unit: str) -> str:
    """Return a span as addresses write it: what `span` reads."""
    match unit:
        case "year":
            return f"{start.year:04}"
        case "quarter":
            return f"{start.year:04}-Q{(start.month + 2) // 3}"
        case "month":
            return f"{start.year:04}-{start.month:02}"
        case "week":
            year, week, _day = start.isocalendar()
            return f"{year:04}-W{week:02}"
        case _:
            return start.isoformat()


@lru_cache(maxsize=5000)
def span_words(start: date, unit: str, lang: str) -> str:
    """Return a span as people read it: `May 2024`, `Q2 2024`, `Week 21, 2024`."""
    from babel.dates import format_date, format_skeleton

    match unit:
        case "year":
            return f"{start.year:04}"
        case "quarter":
            return format_skeleton("yQQQ", start, locale=lang)
        case "month":
            return format_date(start, "MMMM y" if lang == SOURCE else "LLLL y", locale=lang)
        case "week":
            year, week, _day = start.isocalendar()
            return f"{year:04}-W{week:02}"
        case _:
            return format_date(start, "d MMM y" if lang == SOURCE else "medium", locale=lang)


def in_span(field: FieldView, sign: str, text: str, manner: Manner) -> Condition | None:
    """Return the condition of a facet about a span: in it, before it or after it; None for text that names none."""
    found = span(text)
    if found is None:
        return None
    start, end = _bounds(field, found, manner.zone)
    path = tuple(field.name.split("."))
    match sign:
        case "<":
            return Leaf(path, "<", start)
        case "<=":
            return Leaf(path, "<", end)
        case ">":
            return Leaf(path, ">=", end)
        case ">=":
            return Leaf(path, ">=", start)
        case "!=":
            return ~Every((Leaf(path, ">=", start), Leaf(path, "<", end)))
        case _:
            return Every((Leaf(path, ">=", start), Leaf(path, "<", end)))


def _bounds(field: FieldView, found: tuple[date, date], zone: tzinfo) -> tuple[date, date]:
    """Return the bounds of a span as the field holds them: days, or moments on the reader's clock."""
    first, after = found
    return (midnight(first, zone), midnight(after, zone)) if field.kind == "datetime" else found


def midnight(day: date, zone: tzinfo) -> datetime:
    """Return the moment at which a day begins on the reader's clock; the very first day begins nowhere earlier."""
    start = datetime.combine(day, time(), zone)
    try:
        return start.astimezone(UTC)
    except OverflowError:
        return start.replace(tzinfo=UTC)
