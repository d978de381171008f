"""DR-1, BK-1: every database has a backup each calendar day and a copy between, whatever fails, and nobody starves."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from uuid import UUID, uuid5

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from growsoft_cloud.backup.clocks import DAILY, MIDDAY
from growsoft_cloud.operations.due import NIGHT, History, Subscriber, due, proofs_due, slot, wait_after

START = datetime(2026, 3, 1, tzinfo=UTC)
SPACE = UUID(int=99)


def subscriber(number: int = 1, quiet_hour: int = -1) -> Subscriber:
    return Subscriber(uuid5(SPACE, str(number)), f"c{number}", "main", "paid", quiet_hour, START)


def purposes(history: History, now: datetime, who: Subscriber | None = None) -> list[str]:
    one = who or subscriber()
    return [found.purpose for found in due([one], {one.uuid: history}, now)]


def test_a_new_database_is_backed_up_at_once() -> None:
    assert purposes(History(), START) == [DAILY]


def test_the_daily_backup_waits_for_its_quiet_hour() -> None:
    one = subscriber(quiet_hour=3)
    today = slot(one, START.date())
    assert today.hour == 3
    yesterday = today - timedelta(days=1)
    midday = today - timedelta(hours=6)
    assert purposes(History(yesterday, midday), today - timedelta(minutes=1), one) == []
    assert purposes(History(yesterday, midday), today, one) == [DAILY]
    assert purposes(History(today, today), today + timedelta(hours=11), one) == []


def test_a_copy_between_two_backups_is_made_after_twelve_hours_unless_the_next_comes_soon() -> None:
    one = subscriber(quiet_hour=3)
    done = slot(one, START.date())
    assert purposes(History(done, done), done + timedelta(hours=12), one) == [MIDDAY]
    assert purposes(History(done, done, covered=True), done + timedelta(hours=12), one) == []
    late = done + timedelta(hours=11, minutes=30)
    assert purposes(History(done, late), late + timedelta(hours=12), one) == []  # the daily one is due in half an hour


def test_a_worker_that_was_down_for_days_catches_up_at_once() -> None:
    one = subscriber(quiet_hour=3)
    before = slot(one, START.date())
    midnight = datetime(2026, 3, 4, 0, 1, tzinfo=UTC)
    assert purposes(History(before, before), midnight, one) == [DAILY]


def test_a_registry_with_newer_customers_than_its_newest_backup_is_copied_again() -> None:
    one = subscriber(quiet_hour=3)
    done = slot(one, START.date())
    made = done + timedelta(hours=1)
    assert purposes(History(done, done, wanted_since=made), made + timedelta(minutes=1), one) == [MIDDAY]
    assert purposes(History(done, made + timedelta(minutes=2), wanted_since=made), made + timedelta(hours=1), one) == []


def test_failures_are_tried_again_after_growing_waits_of_at_most_an_hour() -> None:
    now = START + timedelta(hours=8)
    for failures, minutes in ((1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (500, 60)):
        assert wait_after(failures) == timedelta(minutes=minutes)
        failed = History(failures=failures, last_failure=now)
        assert purposes(failed, now + timedelta(minutes=minutes, seconds=-1)) == []
        assert purposes(failed, now + timedelta(minutes=minutes)) == [DAILY]


def test_the_longest_overdue_comes_first_and_the_fleet_is_spread_over_the_night() -> None:
    fleet = [subscriber(number) for number in range(2000)]
    minutes = [slot(one, START.date()) for one in fleet]
    assert max(Counter(moment.hour for moment in minutes).values()) < 2000 / 6 * 1.25
    assert all((moment - START).total_seconds() < NIGHT * 60 for moment in minutes)
    yesterday = {one.uuid: History(START - timedelta(hours=20), START - timedelta(hours=5)) for one in fleet}
    found = due(fleet, yesterday, START + timedelta(hours=7))
    assert len(found) == 2000
    assert [one.since for one in found] == sorted(minutes)


@given(st.integers(0, 2**32), st.integers(0, 1000), st.integers(-1, 23))
@example(1, 529, 23)
@settings(max_examples=40, deadline=None)
def test_dr1_every_day_has_a_backup_and_no_gap_is_longer_than_a_day(seed: int, number: int, quiet_hour: int) -> None:
    """Steps of some minutes, a worker that is away for hours, backups that fail."""
    chance = Random(seed)  # noqa: S311 - chance, no secret
    one = subscriber(number, quiet_hour)
    history, now, longest = History(), START + timedelta(hours=5), timedelta(0)
    days, copied = set[date](), set[date]()
    end = START + timedelta(days=40)
    while now < end:
        now += timedelta(minutes=chance.choice([1, 5, 15]))
        if chance.random() < 0.002:
            now += timedelta(hours=chance.uniform(0, 6))
        for found in due([one], {one.uuid: history}, now):
            if chance.random() < 0.2:
                history = replace(history, failures=history.failures + 1, last_failure=now)
                continue
            longest = max(longest, now - (history.newest or now))
            daily = now if found.purpose == DAILY else history.newest_daily
            history = History(daily, now)
            copied.add(now.date())
            if found.purpose == DAILY:
                assert now.date() not in days  # never two of one day
                days.add(now.date())
    assert longest < timedelta(hours=24)
    assert len(copied) >= 40  # where an outage cost a day its daily backup, the copy between stands in
    assert len(days) >= 30


@pytest.mark.parametrize(("databases", "a_day"), [(1, 1), (28, 1), (29, 2), (1000, 36)])
def test_every_database_is_restored_on_trial_within_a_month(databases: int, a_day: int) -> None:
    proved: dict[UUID, datetime | None] = {uuid5(SPACE, str(number)): None for number in range(databases)}
    for day in range(60):
        now = START + timedelta(days=day)
        chosen = proofs_due(proved, 0, now)
        if day:
            assert len(chosen) == a_day
        for uuid in chosen:
            proved[uuid] = now
        assert proofs_due(proved, len(chosen), now) == []
        if day >= 28:
            assert all(moment is not None and now - moment <= timedelta(days=28) for moment in proved.values())
