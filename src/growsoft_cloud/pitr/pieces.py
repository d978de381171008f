"""Pieces: a cluster's WAL as it lies at the sites, each piece named by what it holds. The names are the catalogue.

A piece holds WAL of one timeline from one position up to another, and knows until when that is all there was. Pieces
may overlap: WAL is the same for ever, so whichever copy is whole will do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, Self

from growsoft.postgres.replication import write_position
from growsoft.postgres.walstream import SEGMENT, Fork
from growsoft_cloud.backup.errors import BackupError

_NAME = re.compile(r"wal/([0-9a-f]{16})-([0-9a-f]{8})-([0-9a-f]{16})-([0-9a-f]{16})-([0-9a-f]{12})\Z")
_UNIX = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


class WalMissing(BackupError):
    """The archive lacks WAL between the base backup and this moment; choose a moment before or after the gap."""


@dataclass(frozen=True, slots=True, order=True)
class Piece:
    """WAL of `timeline` from `start` up to `end` (positions); nothing else was written until `until`.

    A piece from 0 to 0 is the timeline's history file instead.
    """

    timeline: int
    start: int
    end: int
    until: datetime
    system: str

    @property
    def name(self) -> str:
        """The object's name."""
        until = int((self.until - _UNIX) / _MILLISECOND)
        return f"wal/{int(self.system):016x}-{self.timeline:08x}-{self.start:016x}-{self.end:016x}-{until:012x}"

    @property
    def is_history(self) -> bool:
        """Whether it is the history of its timeline."""
        return self.end == 0

    @classmethod
    def read(cls, name: str) -> Self | None:
        """Read a name; None for one that is no piece's."""
        found = _NAME.match(name)
        if found is None:
            return None
        system, timeline, start, end, until = (int(part, 16) for part in found.groups())
        return cls(timeline, start, end, _UNIX + until * _MILLISECOND, str(system))


class Stretch(NamedTuple):
    """Unbroken WAL of one timeline, and until when it tells everything."""

    timeline: int
    start: int
    end: int
    until: datetime


def read_all(names: Iterable[str], system: str) -> list[Piece]:
    """Return the pieces of a cluster among the names of a site, in order."""
    found = (Piece.read(name) for name in names)
    return sorted(piece for piece in found if piece is not None and piece.system == system)


def stretches(pieces: Iterable[Piece]) -> list[Stretch]:
    """Join pieces that follow each other; between two stretches of a timeline WAL is missing."""
    found: list[Stretch] = []
    for piece in sorted(piece for piece in pieces if not piece.is_history):
        last = found[-1] if found else None
        if last is None or last.timeline != piece.timeline or piece.start > last.end:
            found.append(Stretch(piece.timeline, piece.start, piece.end, piece.until))
        elif piece.end >= last.end:
            found[-1] = last._replace(end=piece.end, until=max(piece.until, last.until))
    return found


def chosen(pieces: Iterable[Piece], timeline: int, start: int, end: int) -> list[Piece]:
    """Return pieces of a timeline that together hold everything from one position up to another, in order.

    Raises `WalMissing`, saying what is missing.
    """
    usable = sorted(piece for piece in pieces if piece.timeline == timeline and not piece.is_history)
    found: list[Piece] = []
    position = start
    while position < end:
        best = max(
            (piece for piece in usable if piece.start <= position < piece.end), key=lambda one: one.end, default=None
        )
        if best is None:
            raise WalMissing(
                f"The WAL of timeline {timeline} from {write_position(position)} on is in no archive, and up to"
                f" {write_position(end)} is needed; choose a moment before this gap, or one after the next base backup."
            )
        found.append(best)
        position = best.end
    return found


def joinable(pieces: Iterable[Piece], before: datetime) -> list[list[Piece]]:
    """Return which pieces are better one: those of a segment that is over, whose last moment was before that.

    The first piece of a timeline stays: it tells when the timeline began.
    """
    groups: dict[tuple[int, int], list[Piece]] = {}
    first: dict[int, Piece] = {}
    for piece in sorted(piece for piece in pieces if not piece.is_history):
        first.setdefault(piece.timeline, piece)
        if piece.end <= floor(piece.start) + SEGMENT and piece is not first[piece.timeline]:
            groups.setdefault((piece.timeline, floor(piece.start)), []).append(piece)
    found = [_unbroken(group) for group in groups.values()]
    return [
        group
        for group in found
        if len(group) > 1 and group[-1].end == floor(group[0].start) + SEGMENT and group[-1].until < before
    ]


def _unbroken(pieces: Sequence[Piece]) -> list[Piece]:
    """Return pieces that follow each other without a hole or a doubt, up to the first that does not."""
    found = [pieces[0]]
    for piece in pieces[1:]:
        if piece.start != found[-1].end:
            break
        found.append(piece)
    return found


def ends_at(pieces: Iterable[Piece], timeline: int, start: int, moment: datetime) -> int | None:
    """Return up to which position WAL from `start` on tells everything until a moment; None when it does not."""
    position = start
    for piece in sorted(piece for piece in pieces if piece.timeline == timeline and not piece.is_history):
        if piece.start > position:
            break
        if piece.end > position:
            position = piece.end
            if piece.until >= moment:
                return position
    return None


def ancestry(forks: Sequence[Fork], timeline: int, start: int, end: int) -> list[tuple[int, int, int]]:
    """Return which parts of which timelines lead from a position to another one on `timeline`.

    A new timeline's files begin at the segment in which it left the old one.
    """
    parts: list[tuple[int, int, int]] = []
    began = 0
    for fork in forks:
        if fork.end > start:
            parts.append((fork.timeline, max(start, floor(began)), min(fork.end, end)))
        began = fork.end
    parts.append((timeline, max(start, floor(began)), end))
    return [part for part in parts if part[1] < part[2]]


def floor(position: int) -> int:
    """Return where the segment of a position begins."""
    return position // SEGMENT * SEGMENT


def segment_name(timeline: int, position: int) -> str:
    """Return how PostgreSQL names the file that holds a position."""
    number = position // SEGMENT
    a_log = 0x1_0000_0000 // SEGMENT
    return f"{timeline:08X}{number // a_log:08X}{number % a_log:08X}"
