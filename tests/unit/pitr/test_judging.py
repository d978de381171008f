"""The archive's monitor: minutes instead of seconds, a full slot, a gap and a failing site are each told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec import structs

from growsoft_cloud.operations.metrics import text_of
from growsoft_cloud.operations.monitor import Level
from growsoft_cloud.operations.watching import Picture
from growsoft_cloud.pitr.judging import archive_troubles, covers
from growsoft_cloud.pitr.status import Gap, Status

NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)
BORN = NOW - timedelta(days=30)
GOOD = Status(system="76", at=NOW, timeline=1, position=100, covered=NOW - timedelta(seconds=6), behind=10, limit=1000)


def kinds(status: Status | None, *, since: datetime = BORN) -> list[tuple[Level, str]]:
    return [(trouble.level, trouble.kind.split()[0]) for trouble in archive_troubles(status, since, NOW)]


def test_seconds_are_well() -> None:
    assert kinds(GOOD) == []
    assert GOOD.rpo(NOW) == 6.0


def test_minutes_are_told_also_when_nothing_was_ever_archived() -> None:
    assert kinds(structs.replace(GOOD, covered=NOW - timedelta(minutes=3))) == [(Level.WARNING, "rpo")]
    assert kinds(structs.replace(GOOD, covered=NOW - timedelta(minutes=16))) == [(Level.ALARM, "rpo")]
    assert kinds(None) == [(Level.ALARM, "rpo")]
    assert kinds(None, since=NOW - timedelta(seconds=30)) == []


def test_a_primary_that_keeps_much_is_told_before_it_gives_the_archive_up() -> None:
    assert kinds(structs.replace(GOOD, behind=250)) == [(Level.WARNING, "backlog")]
    assert kinds(structs.replace(GOOD, behind=500)) == [(Level.ALARM, "backlog")]


def test_a_gap_and_a_failing_site_are_told() -> None:
    gap = Gap(NOW - timedelta(hours=2), NOW - timedelta(hours=1))
    assert kinds(structs.replace(GOOD, gaps=(gap,))) == [(Level.ALARM, "gap")]
    assert kinds(structs.replace(GOOD, sites={"montreal": "away"})) == [(Level.WARNING, "site")]
    old = Gap(NOW - timedelta(days=9), NOW - timedelta(days=9, hours=-1))
    assert kinds(structs.replace(GOOD, gaps=(old,))) == []


def test_a_copy_at_noon_is_left_out_only_while_the_archive_covers_what_came_since() -> None:
    base = NOW - timedelta(hours=20)
    assert covers(GOOD, base, NOW)
    assert not covers(GOOD, None, NOW)
    assert not covers(None, base, NOW)
    assert not covers(structs.replace(GOOD, covered=NOW - timedelta(minutes=3)), base, NOW)
    assert not covers(structs.replace(GOOD, at=NOW - timedelta(minutes=2)), base, NOW)
    gap = Gap(base + timedelta(hours=1), base + timedelta(hours=2))
    assert not covers(structs.replace(GOOD, gaps=(gap,)), base, NOW)
    assert covers(structs.replace(GOOD, gaps=(gap,)), NOW - timedelta(hours=1), NOW)


def test_prometheus_hears_of_it() -> None:
    text = text_of(Picture(NOW, (), (), (GOOD, ())))
    assert 'growsoft_archive_rpo_seconds{cluster="76"} 6.0' in text
