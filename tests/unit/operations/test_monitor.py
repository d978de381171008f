"""BK-6: a missed, a shrunken, a corrupt backup each raise an alarm, and so does one that was never tried."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from growsoft_cloud.backup.clocks import Dated
from growsoft_cloud.backup.retention import keep
from growsoft_cloud.fleet import Retention
from growsoft_cloud.operations.metrics import text_of
from growsoft_cloud.operations.monitor import Level, Seen, Watched, growth, troubles
from growsoft_cloud.operations.watching import Picture, SiteHealth

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SITES = ("gravelines", "frankfurt", "montreal")
DATABASE = UUID(int=7)


def seen(age: timedelta, number: int = 1) -> Seen:
    return Seen(f"b-{number:04d}", NOW - age, "daily", 10_000_000, frozenset(SITES), complete=True,
                proved_at=NOW - age)  # fmt: skip


def healthy(days: int = 200) -> Watched:
    """A database of some age with exactly the backups that are promised."""
    dated = [Dated(day, NOW - timedelta(days=days - day, hours=-6)) for day in range(days)]
    kept = keep(Retention(), dated, NOW)
    backups = [seen(NOW - one.taken_at, one.number + 1) for one in reversed(dated) if one.number in kept]
    return Watched(DATABASE, "kyoto", NOW - timedelta(days=days), Retention(), backups)


def kinds(database: Watched, level: Level, now: datetime = NOW) -> list[str]:
    return [trouble.kind for trouble in troubles(database, SITES, now) if trouble.level is level]


@pytest.mark.parametrize("days", [1, 2, 10, 40, 93, 200, 400])
def test_nothing_is_wrong_with_the_promised_backups_at_any_age(days: int) -> None:
    assert troubles(healthy(days), SITES, NOW) == []


def test_bk6_a_missed_backup_is_warned_of_before_the_promise_is_broken_and_then_an_alarm() -> None:
    database = healthy()
    assert kinds(database, Level.WARNING, NOW + timedelta(hours=1)) == []
    assert kinds(database, Level.WARNING, NOW + timedelta(hours=3)) == ["late"]
    late = troubles(database, SITES, NOW + timedelta(hours=7))
    assert late[0].level is Level.ALARM
    assert "growsoft backup now kyoto" in late[0].text


def test_bk6_a_database_without_any_backup_is_an_alarm_after_a_day() -> None:
    database = replace(healthy(), backups=())
    assert kinds(database, Level.ALARM) == ["late"]
    assert kinds(replace(database, since=NOW - timedelta(hours=21)), Level.WARNING) == ["late"]
    assert troubles(replace(database, since=NOW), SITES, NOW) == []


def test_bk6_a_backup_that_fails_is_told_although_the_one_before_is_young() -> None:
    found = troubles(replace(healthy(), failure="No site took the backup"), SITES, NOW)
    assert [trouble.kind for trouble in found] == ["failed"]


@pytest.mark.parametrize(("size", "kind"), [(4_000_000, "shrunk"), (0, "shrunk"), (31_000_000, "grown")])
def test_bk6_a_backup_of_another_size_than_usual_is_told(size: int, kind: str) -> None:
    database = healthy()
    changed = replace(database, backups=[replace(database.backups[0], bytes=size), *database.backups[1:]])
    assert kind in kinds(changed, Level.ALARM) + kinds(changed, Level.WARNING)
    assert growth(changed) == pytest.approx((size / 10_000_000 - 1) * 100)


def test_a_tiny_database_may_change_its_size() -> None:
    database = healthy()
    small = [replace(one, bytes=50_000) for one in database.backups]
    assert troubles(replace(database, backups=[replace(small[0], bytes=10_000), *small[1:]]), SITES, NOW) == []


def test_bk6_a_corrupt_copy_of_the_newest_backup_is_an_alarm() -> None:
    database = healthy()
    bad = replace(database.backups[0], complete=False, sites=frozenset(SITES[:2]))
    assert "copies" in kinds(replace(database, backups=[bad, *database.backups[1:]]), Level.ALARM)
    old = replace(database.backups[5], complete=False, sites=frozenset(SITES[:2]))
    changed = [*database.backups[:5], old, *database.backups[6:]]
    assert kinds(replace(database, backups=changed), Level.WARNING) == ["old copies"]


def test_bk6_a_site_that_gets_no_backups_any_more_is_told() -> None:
    database = healthy()
    without = [replace(one, sites=frozenset(SITES[:2])) for one in database.backups]
    found = troubles(replace(database, backups=without), SITES, NOW)
    assert [trouble.kind for trouble in found] == ["site montreal"]


def test_bk1_lost_old_backups_are_an_alarm() -> None:
    database = healthy()
    assert "reach" in kinds(replace(database, backups=database.backups[:-2]), Level.ALARM)
    assert "count" in kinds(replace(database, backups=[*database.backups[:7], database.backups[-1]]), Level.ALARM)


def test_bk6_backups_that_nobody_could_restore_are_an_alarm() -> None:
    database = healthy()
    failed = replace(database.backups[0], proof_trouble="NoGoodCopy")
    assert kinds(replace(database, backups=[failed, *database.backups[1:]]), Level.ALARM) == ["proof"]
    never = [replace(one, proved_at=None) for one in database.backups]
    assert kinds(replace(database, backups=never), Level.ALARM) == ["proof"]
    long_ago = [replace(one, proved_at=NOW - timedelta(days=32)) for one in database.backups]
    assert kinds(replace(database, backups=long_ago), Level.ALARM) == ["proof"]


def test_a_backup_from_the_future_is_an_alarm() -> None:
    database = healthy()
    ahead = replace(database.backups[0], taken_at=NOW + timedelta(days=300))
    assert "clock" in kinds(replace(database, backups=[ahead, *database.backups[1:]]), Level.ALARM)


def test_bk1_backups_whose_moments_do_not_fit_are_told_while_nothing_is_lost_yet() -> None:
    database = healthy()
    odd = replace(database, backups=[database.backups[0], replace(database.backups[1], kept_as="odd"),
                                     *database.backups[2:]])  # fmt: skip
    assert kinds(odd, Level.WARNING) == ["odd"]
    assert kinds(odd, Level.ALARM) == []


def test_dr1_prometheus_knows_the_newest_proven_copy_of_each_database_at_each_site() -> None:
    database = healthy()
    lacking = replace(database.backups[0], sites=frozenset(SITES[:2]))
    database = replace(database, backups=[lacking, *database.backups[1:]])
    health = tuple(SiteHealth(name) for name in (*SITES, "lisbon"))
    text = text_of(Picture(NOW, ((database, ()),), health))
    family = "growsoft_backup_copy_timestamp_seconds"
    stamps = [lacking.taken_at.timestamp()] * 2 + [database.backups[1].taken_at.timestamp()]
    for site, stamp in zip(SITES, stamps, strict=True):
        (line,) = [line for line in text.splitlines() if line.startswith(family) and f'site="{site}"' in line]
        assert float(line.split()[-1]) == stamp
    assert f'{family}{{database="{DATABASE}",site="lisbon"}}' not in text


def test_prometheus_is_told_all_of_it_without_a_customers_name() -> None:
    database = healthy()
    found = tuple(troubles(database, SITES, NOW + timedelta(days=2)))
    picture = Picture(NOW, ((database, found),), (SiteHealth("montreal", 12, 3400, None, 20, "montreal: lost"),))
    text = text_of(picture)
    assert f'growsoft_backup_kept{{database="{DATABASE}"}} {len(database.backups)}.0' in text
    assert f'growsoft_backup_troubles{{database="{DATABASE}",level="alarm"}} 1.0' in text
    assert 'growsoft_site_up{site="montreal"} 0.0' in text
    assert "kyoto" not in text
    assert {alarm.key for alarm in picture.alarms()} >= {f"{DATABASE}/late", "site/montreal"}
