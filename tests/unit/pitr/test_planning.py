"""Planning: a moment leads to the newest base backup before it and unbroken WAL, or to words that say what is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from growsoft.postgres.walstream import SEGMENT, Fork
from growsoft_cloud.pitr.bases import Base, NoBase, Wanted, before, due, files_name, listed, needed
from growsoft_cloud.pitr.keeping import unneeded
from growsoft_cloud.pitr.pieces import Piece, WalMissing
from growsoft_cloud.pitr.planning import OutsideWindow, plan, window

SYSTEM = "7612345678901234567"
BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def base(day: float, number: int, parent: int = 0, *, timeline: int = 1) -> Base:
    """A base backup of a day, at a position of a thousand a day."""
    start = int(day * 1000)
    return Base(SYSTEM, f"{number:016x}", f"{parent:016x}" if parent else "", timeline, start, start + 10,
                BEGAN + day * DAY)  # fmt: skip


def pieces(*positions: int, timeline: int = 1) -> list[Piece]:
    """Pieces between positions, each of the moment of its end."""
    return [Piece(timeline, start, end, BEGAN + end / 1000 * DAY, SYSTEM) for start, end in pairwise(positions)]


BASES = [base(1, 1), base(2, 2, 1), base(3, 3, 2), base(8, 4)]
WAL = pieces(1000, 1500, 2000, 2500, 3000, 4000, 8000, 9000)


def test_the_newest_base_backup_before_a_moment_comes_with_all_it_is_a_difference_to() -> None:
    found = plan(BEGAN + 3.4 * DAY, BASES, WAL, {})
    assert [one.id[-1] for one in found.bases] == ["1", "2", "3"]
    assert [(one.start, one.end) for one in found.pieces] == [(3000, 4000)]
    assert found.timeline == 1
    assert window(BASES, WAL, None) == (BEGAN + DAY, BEGAN + 9 * DAY)


def test_moments_outside_are_refused_with_the_window() -> None:
    with pytest.raises(NoBase, match="moments since 2026-11-02"):
        plan(BEGAN + 0.5 * DAY, BASES, WAL, {})
    with pytest.raises(OutsideWindow, match="to 2026-11-10"):
        plan(BEGAN + 10 * DAY, BASES, WAL, {})
    with pytest.raises(NoBase, match="no whole base backup"):
        plan(BEGAN + 2.5 * DAY, [BASES[1]], WAL, {})


def test_what_the_archiver_knows_of_an_idle_cluster_is_believed() -> None:
    found = plan(BEGAN + 9.5 * DAY, BASES, WAL, {}, BEGAN + 9.6 * DAY)
    assert found.pieces[-1].end == 9000


def test_a_gap_is_named_with_the_moments_on_both_sides() -> None:
    broken = [one for one in WAL if one.start != 3000] + pieces(3000, 3200) + pieces(3600, 4000)
    assert plan(BEGAN + 3.1 * DAY, BASES, broken, {}).pieces[-1].end == 3200
    with pytest.raises(WalMissing, match=r"after 2026-11-04 04:48:00Z.*behind"):
        plan(BEGAN + 3.5 * DAY, BASES, broken, {})


def test_after_a_promotion_the_way_leads_over_the_fork() -> None:
    fork = 2 * SEGMENT + 500
    first = [
        Piece(1, 1000, SEGMENT, BEGAN + 2 * DAY, SYSTEM),
        Piece(1, SEGMENT, fork + 90, BEGAN + 3 * DAY, SYSTEM),  # what the promoted server never had
    ]
    second = Piece(2, 2 * SEGMENT, fork + 4000, BEGAN + 4 * DAY, SYSTEM)
    forks = {2: (Fork(1, fork),)}
    after = plan(BEGAN + 4 * DAY, [base(1, 1)], [*first, second], forks)
    assert after.timeline == 2
    assert [one.timeline for one in after.pieces] == [1, 1, 2]
    assert plan(BEGAN + 2.5 * DAY, [base(1, 1)], [*first, second], forks).timeline == 1
    with pytest.raises(WalMissing, match="history of timeline 2"):
        plan(BEGAN + 4 * DAY, [base(1, 1)], [*first, second], {})


def test_names_say_everything_and_files_without_a_description_are_none() -> None:
    one = BASES[2]
    assert Base.read(one.name) == one
    assert listed([one.name], SYSTEM) == []
    assert listed([one.name, files_name(SYSTEM, one.id)], SYSTEM) == [one]


def test_full_ones_come_weekly_differences_daily_and_anew_after_a_gap() -> None:
    assert due([], None, BEGAN) == Wanted()
    assert due(BASES[:1], None, BEGAN + 1.5 * DAY) is None
    assert due(BASES[:1], None, BEGAN + 2 * DAY) == Wanted(BASES[0])
    assert due(BASES[:3], None, BEGAN + 8 * DAY) == Wanted()
    assert due(BASES[:3], BEGAN + 3.5 * DAY, BEGAN + 3.6 * DAY) == Wanted()


def test_what_any_moment_of_the_window_needs_stays() -> None:
    assert needed(BASES, BEGAN + 2.5 * DAY) == BASES
    assert needed(BASES, BEGAN + 8.5 * DAY) == [BASES[3]]
    assert needed(BASES[1:], BEGAN + 8.5 * DAY) == [BASES[3]]
    assert before(BASES, BEGAN + 9 * DAY) == [BASES[3]]
    gone = unneeded(WAL, BASES[3])
    assert [(one.start, one.end) for one in gone][-1] == (4000, 8000)
    assert Piece(2, 8000, 9000, BEGAN, SYSTEM) not in gone
