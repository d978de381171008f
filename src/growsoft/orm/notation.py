"""Notation: how a file writes numbers and days, where that is not the way of ISO 8601 and of decimal points."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

Decimal = Literal[".", ","]
Dates = Literal["", "dmy", "mdy"]

_BLANKS: Final = re.compile(r"(?<=\d)[ \u00a0\u2009\u202f'\u2019](?=\d{3})")
_COMMA: Final = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d*)(,\d*)?", re.ASCII)
_DAY: Final = re.compile(
    r"(?P<a>\d{1,2})(?P<sign>[./-])(?P<b>\d{1,2})(?P=sign)(?P<year>\d{4})"
    r"(?:,?[ T]+(?P<hour>\d{1,2}):(?P<rest>\d{2}(?::\d{2}(?:[.,]\d{1,6})?)?)(?:\s?(?P<half>[AaPp])\.?[Mm]\.?)?)?",
    re.ASCII,
)


class Unclear(ValueError):
    """This can be read in several ways; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Notation:
    """``decimal`` is the sign before the decimals, ``dates`` what stands first in days such as 3/4/2026.

    Days with points (31.12.2026) begin with the day everywhere. Without ``dates`` other days are as ISO 8601 writes
    them: nobody guesses.
    """

    decimal: Decimal = "."
    dates: Dates = ""

    def __post_init__(self) -> None:
        """Refuse what is none."""
        if self.decimal not in (".", ",") or self.dates not in ("", "dmy", "mdy"):
            raise ValueError("a notation has a point or a comma, and dmy or mdy")

    def number(self, text: str) -> str:
        """Write a number with a decimal point; one with decimal commas loses the signs between its thousands, too.

        Raises ``Unclear``.
        """
        if self.decimal == ".":
            return text
        plain = _BLANKS.sub("", text)
        if "." in plain and not _COMMA.fullmatch(plain):
            raise Unclear("Write decimals after a comma, such as 1234,5.")
        return plain.replace(".", "").replace(",", ".")

    def day(self, text: str) -> str:
        """Write a day, or a moment, as ISO 8601 does. Raises ``Unclear``; anything else comes back as it is."""
        found = _DAY.fullmatch(text)
        if found is None:
            return text
        if found["sign"] != "." and not self.dates:
            raise Unclear("Say whether the day or the month comes first, or write year-month-day, such as 2026-12-31.")
        first_is_day = found["sign"] == "." or self.dates == "dmy"
        day, month = (found["a"], found["b"]) if first_is_day else (found["b"], found["a"])
        written = f"{found['year']}-{int(month):02}-{int(day):02}"
        return written if found["hour"] is None else f"{written} {_hour(found)}:{found['rest']}"


def _hour(found: re.Match[str]) -> str:
    hour = int(found["hour"])
    if found["half"] is None:
        return f"{hour:02}"
    if not 1 <= hour <= 12:
        raise Unclear("Hours of a half day are 1 to 12.")
    return f"{hour % 12 + (12 if found['half'] in 'Pp' else 0):02}"


PLAIN: Final = Notation()
