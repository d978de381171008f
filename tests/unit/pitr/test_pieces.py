"""Pieces: what an archive holds is told by names alone, whatever overlaps, is missing, or was forked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growsoft.postgres.walstream import SEGMENT, Fork
from growsoft_cloud.pitr.pieces import (
    Piece,
    WalMissing,
    ancestry,
    chosen,
    ends_at,
    joinable,
    read_all,
    segment_name,
    stretches,
)

SYSTEM = "7612345678901234567"
BEGAN = datetime(2026, 11, 22, 18, tzinfo=UTC)


def piece(start: int, end: int, *, timeline: int = 1) -> Piece:
    """A piece whose moment is as many seconds after the beginning as its end."""
    return Piece(timeline, start, end, BEGAN + timedelta(seconds=end), SYSTEM)


def test_a_name_says_everything() -> None:
    made = Piece(3, 0x1234567, 0x1_0000_0000, BEGAN + timedelta(milliseconds=123), SYSTEM)
    assert Piece.read(made.name) == made
    assert Piece.read("wal/unfinished") is None
    assert read_all([made.name, "wal/x"], SYSTEM) == [made]
    assert read_all([made.name], "1") == []


def test_a_hole_ends_a_stretch_and_is_named() -> None:
    pieces = [piece(0, 10), piece(5, 20), piece(30, 40)]
    assert [(one.start, one.end) for one in stretches(pieces)] == [(0, 20), (30, 40)]
    with pytest.raises(WalMissing, match="0/14 on"):
        chosen(pieces, 1, 0, 40)
    assert [one.end for one in chosen(pieces, 1, 3, 20)] == [10, 20]


def test_a_moment_is_reached_by_the_first_piece_that_tells_of_it() -> None:
    pieces = [piece(0, 10), piece(10, 20), piece(20, 30), piece(35, 50)]
    assert ends_at(pieces, 1, 5, BEGAN + timedelta(seconds=15)) == 20
    assert ends_at(pieces, 1, 5, BEGAN + timedelta(seconds=30)) == 30
    assert ends_at(pieces, 1, 5, BEGAN + timedelta(seconds=31)) is None
    assert ends_at(pieces, 2, 5, BEGAN) is None


def test_the_way_through_timelines_begins_each_at_its_segment() -> None:
    left = 3 * SEGMENT + 100
    parts = ancestry((Fork(1, left),), 2, SEGMENT, 5 * SEGMENT)
    assert parts == [(1, SEGMENT, left), (2, 3 * SEGMENT, 5 * SEGMENT)]
    assert ancestry((Fork(1, left),), 2, 4 * SEGMENT, 5 * SEGMENT) == [(2, 4 * SEGMENT, 5 * SEGMENT)]


def test_what_a_segment_came_in_is_joined_once_it_is_over_but_for_the_first_piece() -> None:
    pieces = [
        piece(0, 10),
        piece(10, 20),
        piece(20, SEGMENT),
        piece(SEGMENT, SEGMENT + 5),
        piece(SEGMENT + 5, SEGMENT + 9),
    ]
    late = BEGAN + timedelta(days=1000)
    assert joinable(pieces, late) == [pieces[1:3]]
    assert joinable(pieces, BEGAN) == []
    assert joinable([pieces[0], pieces[1], piece(25, SEGMENT)], late) == []


def test_segments_are_named_as_postgresql_names_them() -> None:
    assert segment_name(1, SEGMENT) == "000000010000000000000001"
    assert segment_name(0x2A, 0x1_0000_0000 + 5) == "0000002A0000000100000000"


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(1, 60)), max_size=30))
def test_what_stretches_promise_can_be_read(drawn: list[tuple[int, int]]) -> None:
    pieces = [piece(start, start + length) for start, length in drawn]
    held = {position for one in pieces for position in range(one.start, one.end)}
    told = stretches(pieces)
    assert {position for one in told for position in range(one.start, one.end)} == held
    for stretch in told:
        parts = chosen(pieces, 1, stretch.start, stretch.end)
        assert {p for one in parts for p in range(one.start, one.end)} >= set(range(stretch.start, stretch.end))
