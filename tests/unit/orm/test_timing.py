"""Timings: by the calendar of a zone, through changes of the clock, and never drifting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growsoft.orm.timing import BadTiming, timing

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  see timezones
TEXTS = st.sampled_from((
    "every minute", "every 5 minutes", "every 90 minutes", "every hour", "every 6 hours", "daily 00:00", "daily 02:30",
    "weekly sun 02:30", "weekly mon, thu 23:59", "monthly 1 03:00", "monthly 31 02:00",
))  # fmt: skip
ZONES = st.sampled_from(
    ("UTC", "Europe/Paris", "America/New_York", "Asia/Kathmandu", "Pacific/Apia", "Australia/Lord_Howe")
)


@given(MOMENTS, TEXTS, ZONES)
def test_the_next_time_is_later_and_nothing_lies_between(moment: datetime, text: str, zone: str) -> None:
    plan = timing(text, zone)
    following = plan.after(moment)
    assert moment < following <= moment + timedelta(days=32)
    between = moment + (following - moment) / 2
    assert plan.after(between) == (following if between < following else plan.after(following))


@given(MOMENTS, TEXTS, ZONES, st.lists(st.floats(0, 1), max_size=5))
def test_being_late_moves_nothing(moment: datetime, text: str, zone: str, late: list[float]) -> None:
    plan = timing(text, zone)
    for share in late:
        following = plan.after(moment)
        after_next = plan.after(following)
        assert plan.after(following + (after_next - following) * share * 0.99) == after_next
        moment = following


@pytest.mark.parametrize(
    ("text", "zone", "after", "expected"),
    [
        ("daily 03:00", "Europe/Paris", "2026-03-28T12:00", "2026-03-29T01:00"),  # summer time begins in that night
        ("daily 02:30", "Europe/Paris", "2026-03-28T12:00", "2026-03-29T01:30"),  # skipped: as soon as the clock jumped
        ("daily 02:30", "Europe/Paris", "2026-10-24T12:00", "2026-10-25T00:30"),  # twice: the first of them
        ("daily 02:30", "Europe/Paris", "2026-10-25T00:30", "2026-10-26T01:30"),
        ("every 15 minutes", "UTC", "2026-01-01T00:14", "2026-01-01T00:15"),
        ("every 15 minutes", "UTC", "2026-01-01T23:45", "2026-01-02T00:00"),
        ("monthly 31 02:00", "UTC", "2026-02-01T00:00", "2026-02-28T02:00"),
        ("weekly mon 08:00", "Asia/Tokyo", "2026-11-20T00:00", "2026-11-22T23:00"),
    ],
)
def test_by_the_calendar(text: str, zone: str, after: str, expected: str) -> None:
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
    assert timing(text, zone).after(moment) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["", "now", "every 7 minutes", "every 0 minutes", "daily 24:00", "daily 3:00", "weekly day 03:00",
     "monthly 32 03:00", "every 9999 hours", "daily 03:00 ; DROP", "weekly  03:00"],
)  # fmt: skip
def test_what_is_no_timing_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadTiming):
        timing(text)


def test_an_unknown_zone_is_refused() -> None:
    for zone in ("Mars/Olympus", "../../etc/passwd", ""):
        with pytest.raises(BadTiming, match="time zone"):
            timing("daily 03:00", zone)
