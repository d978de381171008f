"""Manner: how somebody reads: in which language, on whose clock, with which signs in numbers and days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import Final

from growsoft.words import ENGLISH, SOURCE, Terms

NO_BREAK: Final = "\N{NO-BREAK SPACE}"
# English is read all over the world: a month in letters is the same day everywhere, 05/04 is not.
_DAY: Final = "d MMM y"
_TIME: Final = "HH:mm"


@dataclass(frozen=True)
class Manner:
    """The words and the time zone of a reader."""

    terms: Terms = ENGLISH
    zone: tzinfo = UTC

    @property
    def lang(self) -> str:
        """The language as HTML names it (BCP 47)."""
        return self.terms.lang.replace("_", "-")

    @property
    def first_weekday(self) -> int:
        """The day on which weeks begin, Monday is 0."""
        return self.terms.locale.first_week_day

    def say(self, words: str, **values: object) -> str:
        """Say a sentence in the reader's language."""
        return self.terms.say(words, **values)

    def within(self, title: str) -> str:
        """Write a title inside of a sentence; only English is known to write its nouns small."""
        return title.lower() if self.terms.lang == SOURCE else title

    def day(self, value: date) -> str:
        """Write a day as the reader does."""
        return _day(self.terms.lang, value)

    def moment(self, value: datetime) -> str:
        """Write a moment on the reader's clock, to the minute."""
        local = value.astimezone(self.zone)
        return f"{_day(self.terms.lang, local.date())}, {_time(self.terms.lang, local.hour, local.minute)}"


PLAIN: Final = Manner()


# A page shows the same few days many times, and the CLDR's patterns are slow to follow.
@lru_cache(maxsize=20_000)
def _day(lang: str, value: date) -> str:
    from babel.dates import format_date

    return format_date(value, _DAY if lang == SOURCE else "medium", locale=lang).replace(" ", NO_BREAK)


@lru_cache(maxsize=10_000)
def _time(lang: str, hour: int, minute: int) -> str:
    from babel.dates import format_time

    moment = datetime(2000, 1, 1, hour, minute, tzinfo=UTC)
    return format_time(moment, _TIME if lang == SOURCE else "short", tzinfo=UTC, locale=lang)
