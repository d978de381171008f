"""Planning: which base backup and which WAL lead to a moment, told from names alone, before anything is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from growsoft.postgres.walstream import Fork
from growsoft_cloud.backup.errors import BackupError
from growsoft_cloud.pitr.bases import Base, before, chain
from growsoft_cloud.pitr.pieces import Piece, WalMissing, ancestry, chosen, ends_at, floor, stretches


class OutsideWindow(BackupError):
    """This moment cannot be restored; choose one within the window."""


class Window(NamedTuple):
    """The moments that can be restored, but for gaps."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """What leads to a moment: base backups, the full one first, and the pieces to write over them, on `timeline`."""

    moment: datetime
    bases: Sequence[Base]
    pieces: Sequence[Piece]
    timeline: int


def window(bases: Sequence[Base], pieces: Sequence[Piece], covered: datetime | None) -> Window | None:
    """Return the moments that can be restored; None while there are none. `covered` is what the archiver knows."""
    known = {base.id: base for base in bases}
    since = min((base.taken for base in bases if chain(base, known) is not None), default=None)
    until = max((piece.until for piece in pieces if not piece.is_history), default=None)
    if since is None or until is None:
        return None
    return Window(since, max(until, covered or until))


def plan(
    moment: datetime,
    bases: Sequence[Base],
    pieces: Sequence[Piece],
    forks: Mapping[int, Sequence[Fork]],
    covered: datetime | None = None,
) -> Plan:
    """Find what leads to a moment. `forks` has the past of each timeline but the first; a pure function.

    Raises `NoBase`, `OutsideWindow` and `WalMissing`, each saying which moments there are.
    """
    wal = [piece for piece in pieces if not piece.is_history]
    reach = window(bases, pieces, covered)
    if reach is not None and moment > reach.until:
        raise OutsideWindow(
            f"{moment:%Y-%m-%d %H:%M:%SZ} is not archived yet; moments from {reach.since:%Y-%m-%d %H:%M:%SZ} to"
            f" {reach.until:%Y-%m-%d %H:%M:%SZ} can be restored."
        )
    bases_of = before(bases, moment)
    base = bases_of[-1]
    timeline = _timeline(wal, base, moment)
    past = forks.get(timeline, ())
    if timeline != base.timeline and base.timeline not in {fork.timeline for fork in past}:
        raise WalMissing(f"The history of timeline {timeline} is in no archive; choose a moment before its promotion.")
    began = past[-1].end if timeline != base.timeline and past else base.start
    start = floor(began) if timeline != base.timeline else base.start
    end = ends_at(wal, timeline, start, moment)
    if end is None:
        end = _end_of(wal, timeline, start, moment, covered)
    if timeline == base.timeline:
        end = max(end, base.end)
    later = [fork for fork in past if fork.timeline >= base.timeline] if timeline != base.timeline else []
    found = [
        piece
        for part, since, until in ancestry(later, timeline, base.start, end)
        for piece in chosen(wal, part, since, until)
    ]
    return Plan(moment, bases_of, found, timeline)


def _timeline(wal: Sequence[Piece], base: Base, moment: datetime) -> int:
    """Return the timeline that was written at a moment: the newest one that had begun."""
    began: dict[int, datetime] = {}
    for piece in wal:
        began[piece.timeline] = min(began.get(piece.timeline, piece.until), piece.until)
    return max([base.timeline, *(number for number, since in began.items() if since <= moment)])


def _end_of(wal: Sequence[Piece], timeline: int, start: int, moment: datetime, covered: datetime | None) -> int:
    """Return the end of a timeline whose last piece is older than a moment at which nothing was missing."""
    of_it = [stretch for stretch in stretches(wal) if stretch.timeline == timeline]
    last = of_it[-1] if of_it else None
    if last is not None and last.start <= start and covered is not None and covered >= moment:
        return last.end
    broken = next((stretch for stretch in of_it if stretch.start <= start <= stretch.end), None)
    if broken is not None and broken is not last:
        after = of_it[of_it.index(broken) + 1]
        raise WalMissing(
            f"WAL is missing after {broken.until:%Y-%m-%d %H:%M:%SZ}; choose a moment up to then, or one after the next"
            f" base backup behind {after.until:%Y-%m-%d %H:%M:%SZ}."
        )
    until = "" if broken is None else f" Moments up to {broken.until:%Y-%m-%d %H:%M:%SZ} can be restored."
    raise OutsideWindow(f"{moment:%Y-%m-%d %H:%M:%SZ} is not archived.{until}")
