"""BK-1: fourteen backups, or fifteen, and never less than 92 days; over years, with everything that goes wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from growsoft_cloud.backup.clocks import DAILY, MIDDAY, Dated
from growsoft_cloud.backup.retention import Keeping, expected, keep
from growsoft_cloud.fleet import PolicyError, Retention

PROMISE = Retention()
THREE_MONTHS = timedelta(92)
CLASSES = (Keeping.DAILY, Keeping.WEEKLY, Keeping.MONTHLY)
START = datetime(2023, 1, 1, 3, tzinfo=UTC)


@dataclass
class Life:
    """One database's backups, as they come and go day by day."""

    retention: Retention = PROMISE
    backups: list[Dated] = field(default_factory=list[Dated])
    number: int = 0

    def take(self, moment: datetime, purpose: str = DAILY, *, proven: bool = True) -> Dated:
        self.number += 1
        self.backups.append(Dated(self.number, moment, purpose, proven))
        return self.backups[-1]

    def prune(self, now: datetime) -> dict[int, Keeping]:
        kept = keep(self.retention, self.backups, now)
        self.backups = [backup for backup in self.backups if backup.number in kept]
        return kept

    def classes(self, now: datetime) -> tuple[int, ...]:
        found = Counter(self.prune(now).values())
        return tuple(found[kind] for kind in CLASSES)

    def oldest(self, now: datetime) -> timedelta:
        return now - min(backup.taken_at for backup in self.backups)


def test_bk1_every_day_of_three_years_has_exactly_the_promised_backups() -> None:
    life, ages, numbers = Life(), set[int](), Counter[int]()
    for day in range(3 * 365):
        now = START + timedelta(day)
        life.take(now)
        found = Counter(life.prune(now).values())
        if day < 133:  # as many as its age allows
            assert found == +Counter(expected(PROMISE, START.date(), now.date()))
            assert life.oldest(now) >= min(timedelta(day), THREE_MONTHS)
            continue
        assert tuple(found[kind] for kind in CLASSES) == (7, 4, 3)
        assert found[Keeping.REACH] <= 1
        assert len(life.backups) == found.total()
        numbers[found.total()] += 1
        ages.add(life.oldest(now).days)
        if found[Keeping.REACH]:  # a fifteenth only where fourteen would not reach back
            rest = sorted(backup.taken_at for backup in life.backups)[1:]
            assert now - rest[0] < THREE_MONTHS
    assert set(numbers) <= {14, 15}
    assert numbers[14] > 9 * numbers[15]
    assert min(ages) >= 92
    assert max(ages) <= 133


def test_bk1_the_usual_rules_would_break_the_promise() -> None:
    """Why there is a fifteenth: without it some days end before 92 days."""
    life, short = Life(), 0
    for day in range(3 * 365):
        now = START + timedelta(day)
        life.take(now)
        kept = life.prune(now)
        fourteen = [backup for backup in life.backups if kept[backup.number] is not Keeping.REACH]
        short += day > 200 and now - fourteen[0].taken_at < THREE_MONTHS
    assert short > 0


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_bk1_nothing_that_fails_breaks_the_promise(data: st.DataObject) -> None:
    """Missed days, failed weekdays, long gaps, times that wander, midday copies, wishes, copies that are not proven."""
    chance = data.draw(st.randoms(use_true_random=False))
    failing = data.draw(st.sets(st.integers(0, 6), max_size=6))
    missing = data.draw(st.sampled_from([0, 0.02, 0.2, 0.6, 0.9]))
    begin = START + timedelta(data.draw(st.integers(0, 366)))
    life, days_seen, first = Life(), set[date](), None
    for day in range(data.draw(st.integers(100, 600))):
        now = begin + timedelta(day, hours=chance.uniform(-2.9, 20))
        if now.weekday() in failing or chance.random() < missing:
            continue
        life.take(now, proven=True)
        first = first or now
        days_seen.add(now.date())
        if chance.random() < 0.3:
            life.take(min(now + timedelta(hours=12), now.replace(hour=23, minute=59)), MIDDAY)
        if chance.random() < 0.05:
            life.take(now + timedelta(minutes=1), "manual")
        newest = max(backup.taken_at for backup in life.backups)
        kept = life.prune(newest)
        found = Counter(kept.values())
        assert found[Keeping.DAILY] == min(7, len(days_seen))
        assert found[Keeping.REACH] <= 2
        assert life.oldest(newest) >= min(newest - first, THREE_MONTHS)
        assert found[Keeping.WEEKLY] == min(4, _weeks_before(days_seen))
        assert keep(PROMISE, life.backups, newest) == kept
        promised = sum(found[kind] for kind in CLASSES)
        assert promised <= 14
        if promised < 14:  # fewer only while there never were more weeks or months to choose from
            assert _months_before(days_seen) < 3 or _weeks_before(days_seen) < 4


def _weeks_before(days: set[date]) -> int:
    """Weeks whose first backup is older than the seven daily ones."""
    firsts: dict[tuple[int, int], date] = {}
    for day in sorted(days):
        firsts.setdefault((day.isocalendar().year, day.isocalendar().week), day)
    return len(set(firsts.values()) & set(sorted(days)[:-7]))


def _months_before(days: set[date]) -> int:
    """Months whose first week's first backup is older than the daily and the weekly ones."""
    weeks: dict[tuple[int, int], date] = {}
    for day in sorted(days):
        weeks.setdefault((day.isocalendar().year, day.isocalendar().week), day)
    months: dict[tuple[int, int], date] = {}
    for day in sorted(weeks.values()):
        thursday = date.fromisocalendar(day.isocalendar().year, day.isocalendar().week, 4)
        months.setdefault((thursday.year, thursday.month), day)
    old = sorted(set(weeks.values()) & set(sorted(days)[:-7]))[:-4]
    return len(set(months.values()) & set(old))


@given(st.lists(st.tuples(st.integers(0, 400 * 24), st.sampled_from([DAILY, MIDDAY, "manual"]), st.booleans())))
@example(
    [(0, DAILY, False), (1, DAILY, False), (1, MIDDAY, False), (0, DAILY, False)]
)  # what told that a clock was wrong
@example(
    [
        (1533, DAILY, True),
        (1389, DAILY, True),
        (861, MIDDAY, True),
        (693, DAILY, True),
        (1461, MIDDAY, True),
        (1485, DAILY, True),
        (1509, DAILY, True),
        (1437, MIDDAY, True),
        (741, DAILY, True),
        (1197, MIDDAY, True),
        (1029, DAILY, True),
        (1365, DAILY, True),
        (0, DAILY, True),
        (1413, DAILY, True),
    ]
)  # what no class had chosen stood between a backup and the month whose first it then was
@example(
    [(21, DAILY, True), (0, DAILY, True), (22, DAILY, True), (1, MIDDAY, True), (0, "manual", False), (22, DAILY, True)]
)  # what told it among all backups was not what told it among the proven ones
@settings(max_examples=200, deadline=None)
def test_keeping_again_keeps_all_of_it_whatever_there_is(drawn: list[tuple[int, str, bool]]) -> None:
    backups = [
        Dated(number, START + timedelta(hours=hours), purpose, proven)
        for number, (hours, purpose, proven) in enumerate(drawn)
    ]
    now = START + timedelta(400)
    kept = keep(PROMISE, backups, now)
    left = [backup for backup in backups if backup.number in kept]
    assert keep(PROMISE, left, now) == kept
    assert keep(PROMISE, reversed(left), now) == kept
    # Where clocks are not told apart: the same moments in another zone are the same days.
    tokyo = timezone(timedelta(hours=9))
    moved = [replace(backup, taken_at=backup.taken_at.astimezone(tokyo)) for backup in backups]
    assert keep(PROMISE, moved, now.astimezone(tokyo)) == kept


def test_bk1_when_nothing_new_comes_nothing_goes() -> None:
    life = Life()
    for day in range(200):
        life.take(START + timedelta(day))
        life.prune(START + timedelta(day))
    before = list(life.backups)
    life.prune(START + timedelta(2000))
    assert life.backups == before


def test_bk2_backups_that_are_not_proven_everywhere_let_no_older_one_go() -> None:
    """A site is lost for forty days: what it has stays, and everything is as it should be once it is mended."""
    life = Life()
    for day in range(200):
        life.take(START + timedelta(day))
        life.prune(START + timedelta(day))
    before = {backup.number for backup in life.backups}
    for day in range(200, 240):
        now = START + timedelta(day)
        life.take(now, proven=False)
        life.prune(now)
        assert before <= {backup.number for backup in life.backups}
        assert len(life.backups) <= 2 * 15
    life.backups = [replace(backup, proven=True) for backup in life.backups]
    assert life.classes(START + timedelta(240)) == (7, 4, 3)
    assert life.oldest(START + timedelta(240)) >= THREE_MONTHS


def test_bk2_a_monthly_backup_whose_copy_was_damaged_stays_to_be_mended() -> None:
    life = Life()
    for day in range(200):
        life.take(START + timedelta(day))
        life.prune(START + timedelta(day))
    damaged = life.backups[0]
    life.backups[0] = replace(damaged, proven=False)
    for day in range(200, 203):
        life.take(START + timedelta(day))
        life.prune(START + timedelta(day))
    assert damaged.number in {backup.number for backup in life.backups}


def test_bk1_a_clock_that_ran_ahead_displaces_nothing() -> None:
    life = Life()
    for day in range(150):
        life.take(START + timedelta(day))
        life.prune(START + timedelta(day))
    before = {backup.number for backup in life.backups}
    wrong = [life.take(START + timedelta(4000 + number)).number for number in range(20)]
    kept = life.prune(START + timedelta(150))
    assert before <= set(kept)
    assert {kept[number] for number in wrong} == {Keeping.ODD}


def test_bk1_a_clock_that_was_set_back_does_not_cost_the_newest() -> None:
    life = Life()
    for day in range(150):
        life.take(START + timedelta(day))
        life.prune(START + timedelta(day))
    back = [life.take(START - timedelta(300 - number)) for number in range(5)]
    assert {backup.number for backup in back} <= set(life.prune(START + timedelta(150)))


# A clock that is wrong by less than a month is a moment like any other: nobody can tell.
SPELLS = st.lists(
    st.tuples(st.integers(10, 300), st.integers(1, 6), st.sampled_from([-3000, -400, -60, -32, 32, 60, 400, 3000])),
    max_size=3,
)


@given(SPELLS)
@example([(150, 6, 400)])
@example([(150, 6, -400), (180, 1, 400)])
@settings(max_examples=25, deadline=None)
def test_bk1_a_wrong_clock_of_whoever_backs_up_and_prunes_costs_nothing(spells: list[tuple[int, int, int]]) -> None:
    """Each spell: from which day, for how many backups, by how many days. Counted is in days as they really were."""
    wrong = {begin + day: off for begin, length, off in spells for day in range(length)}
    life, right, really = Life(), Life(), dict[int, datetime]()
    for day in range(310):
        now = START + timedelta(day)
        told = now + timedelta(wrong.get(day, 0))
        if all(backup.day != told.date() for backup in life.backups):  # otherwise that day has a backup already
            really[life.take(told).number] = now
            right.take(now)
        life.prune(told)
        right.prune(now)
        left = {backup.number for backup in life.backups}
        assert set(sorted(really)[-7:]) <= left
        assert min(14, len(right.backups)) <= len(left) <= 45
        assert now - min(really[number] for number in left) >= min(timedelta(day), THREE_MONTHS)


def test_a_midday_copy_lives_until_the_next_backup_and_stands_in_for_a_failed_one() -> None:
    life = Life()
    life.take(START)
    midday = life.take(START + timedelta(hours=12), MIDDAY)
    assert life.prune(START + timedelta(hours=13))[midday.number] is Keeping.MIDDAY
    life.take(START + timedelta(1))
    assert midday.number not in life.prune(START + timedelta(1))
    only = life.take(START + timedelta(2, hours=12), MIDDAY)  # the daily one of that day failed
    life.take(START + timedelta(3))
    assert life.prune(START + timedelta(3))[only.number] is Keeping.DAILY


def test_what_somebody_asked_for_stays_a_week_beside_the_promised_ones() -> None:
    life = Life()
    life.take(START)
    wish = life.take(START + timedelta(hours=5), "before an upgrade")
    for day in range(1, 20):
        now = START + timedelta(day)
        life.take(now)
        assert (wish.number in life.prune(now + timedelta(hours=6))) == (day <= 7)


@pytest.mark.parametrize("kept", [(7, 4, 3, 91), (7, 4, 3, 92, 0)])
def test_bk1_a_shorter_time_than_promised_cannot_be_built(kept: tuple[int, ...]) -> None:
    with pytest.raises(PolicyError, match="too few"):
        Retention(*kept)


@given(st.integers(7, 40), st.integers(4, 12), st.integers(3, 24), st.integers(92, 800))
@settings(max_examples=40, deadline=None)
def test_bk1_more_than_promised_keeps_more(daily: int, weekly: int, monthly: int, days: int) -> None:
    retention = Retention(daily, weekly, monthly, days)
    found = expected(retention, date(2015, 1, 1), date(2026, 2, 28))
    assert [found[kind] for kind in CLASSES] == [daily, weekly, monthly]
    life = Life(retention)
    for day in range(0, 1600, 1):
        life.take(START + timedelta(day))
        if day % 97 == 0:
            life.prune(START + timedelta(day))
    now = START + timedelta(1599)
    assert life.classes(now) == (daily, weekly, monthly)
    assert life.oldest(now) >= timedelta(days)
