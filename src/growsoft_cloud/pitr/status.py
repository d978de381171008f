"""Status: how far the archive of a cluster reaches, as its archiver says; a file, because telling must write no WAL."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, structs

from growsoft_cloud.backup.copies import Failure
from growsoft_cloud.pitr.pieces import Piece

Moment = Annotated[datetime, Meta(tz=True)]

# An archiver says something every few seconds; one that has not for so long is not at work.
SILENT: Final = timedelta(seconds=60)

# The gaps that are told of; older ones lie before every base backup that is kept.
GAPS: Final = 20


class Gap(msgspec.Struct, frozen=True):
    """WAL that is lost to the archive: between these two moments nothing can be restored to."""

    after: Moment
    before: Moment


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The archive of a cluster (`system` is PostgreSQL's identifier) at the moment `at`.

    All that was committed before `covered` is safe; `behind` bytes of WAL are not yet, of which the primary keeps up to
    `limit` before it gives the archive up. `sites` could not be written to lately, each with its reason.
    """

    system: str
    at: Moment
    timeline: int
    position: int
    covered: Moment | None
    behind: int
    limit: int
    trouble: str = ""
    sites: dict[str, str] = {}
    gaps: tuple[Gap, ...] = ()
    received: int = 0
    stored: int = 0
    objects: int = 0

    def rpo(self, now: datetime | None = None) -> float | None:
        """Return how many seconds of work would be lost if all of this machine were lost now; None: all of it."""
        if self.covered is None:
            return None
        return max(((now or datetime.now(UTC)) - self.covered).total_seconds(), 0.0)

    def is_silent(self, now: datetime | None = None) -> bool:
        """Whether the archiver has said nothing for a while."""
        return (now or datetime.now(UTC)) - self.at > SILENT


class Teller:
    """Keeps the status of a cluster's archive in a file; `limit` is how many bytes its primary keeps for us."""

    def __init__(self, path: Path, limit: int) -> None:
        self._path = path
        self._limit = limit
        self._status: Status | None = read(path)

    @property
    def position(self) -> int:
        """Up to where the archive is safe."""
        return 0 if self._status is None else self._status.position

    @property
    def covered(self) -> datetime | None:
        """Until when everything is safe."""
        return None if self._status is None else self._status.covered

    def begin(self, system: str, timeline: int, position: int, until: datetime | None) -> None:
        """Say where the archive goes on; of another cluster nothing is known yet."""
        known = self._status
        if known is None or known.system != system:
            known = Status(
                system=system, at=datetime.now(UTC), timeline=timeline, position=position, covered=until, behind=0,
                limit=self._limit,
            )  # fmt: skip
        self._tell(known, timeline=timeline, position=position, covered=_later(known.covered, until))

    def stored(self, piece: Piece, size: int, failures: Mapping[str, Failure]) -> None:
        """Say that a piece counts."""
        if (known := self._status) is not None:
            self._tell(
                known, timeline=piece.timeline, position=piece.end, covered=_later(known.covered, piece.until),
                behind=max(known.behind - (piece.end - piece.start), 0), trouble="", sites=_reasons(failures),
                received=known.received + piece.end - piece.start, stored=known.stored + size,
                objects=known.objects + 1,
            )  # fmt: skip

    def alive(self, flushed: int, calm: datetime | None) -> None:
        """Say how far the primary is, and until when nothing is missing, where that is known."""
        if (known := self._status) is not None:
            self._tell(
                known, behind=max(flushed - known.position, 0), covered=_later(known.covered, calm),
                trouble="" if calm is not None else known.trouble,
            )  # fmt: skip

    def trouble(self, message: str, failures: Mapping[str, Failure]) -> None:
        """Say what is in the way."""
        if (known := self._status) is not None:
            self._tell(known, trouble=message, sites=_reasons(failures))

    def gap(self, gap: Gap) -> None:
        """Say that WAL is lost."""
        if (known := self._status) is not None and (not known.gaps or known.gaps[-1].after != gap.after):
            self._tell(known, gaps=(*known.gaps, gap)[-GAPS:])

    def _tell(self, known: Status, **changes: object) -> None:
        self._status = structs.replace(known, at=datetime.now(UTC), limit=self._limit, **changes)
        write(self._path, self._status)


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((moment for moment in (one, other) if moment is not None), default=None)


def _reasons(failures: Mapping[str, Failure]) -> dict[str, str]:
    return {name: failure.reason for name, failure in failures.items()}


def write(path: Path, status: Status) -> None:
    """Replace the file; it is rewritten every few seconds and need not survive a power cut."""
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(status))
    draft.replace(path)


def read(path: Path) -> Status | None:
    """Return what the archiver said last; None before it ever did."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Status)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
