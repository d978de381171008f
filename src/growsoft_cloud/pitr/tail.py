"""The tail: WAL that was received and is on no site yet, and what is known of the moments that it tells of."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from growsoft.postgres.walstream import SEGMENT, Alive, StreamBroke, Wal
from growsoft_cloud.pitr.pieces import Piece, floor

# A commit's own time is taken a moment before its WAL is flushed.
MARGIN: Final = timedelta(seconds=1)
LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)

# What is held at most; the primary keeps the rest.
MOST: Final = 2 * SEGMENT


@dataclass
class Tail:
    """What follows `position` on a timeline. `until` is the last moment at which nothing was missing before it."""

    system: str
    timeline: int
    position: int
    until: datetime = LONG_AGO
    flushed: int = 0
    _data: bytearray = field(default_factory=bytearray)
    _since: float = 0.0

    @property
    def end(self) -> int:
        """The end of what was received."""
        return self.position + len(self._data)

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._data

    @property
    def is_full(self) -> bool:
        """Whether nothing more should be received just now."""
        return len(self._data) >= MOST

    def add(self, message: Wal) -> None:
        """Take WAL; raises `StreamBroke` when some is missing before it."""
        if message.start != self.end:
            raise StreamBroke(f"The primary sent WAL of {message.start} where {self.end} was expected.")
        if not self._data:
            self._since = time.monotonic()
        self._data += message.data
        self.flushed = message.end
        self._caught_up(message.sent_at)

    def alive(self, message: Alive) -> None:
        """Hear that nothing is new."""
        self.flushed = max(self.flushed, message.end)
        self._caught_up(message.sent_at)

    def is_ripe(self, every: float) -> bool:
        """Whether it is time to cut: a segment is full, or the first byte has waited for so many seconds."""
        old = time.monotonic() - self._since >= every
        return bool(self._data) and (old or self.end >= floor(self.position) + SEGMENT)

    def cut(self) -> tuple[Piece, bytes]:
        """Take a piece: all there is, up to the end of its segment."""
        end = min(self.end, floor(self.position) + SEGMENT)
        length = end - self.position
        data = bytes(self._data[:length])
        # Amid a backlog nobody knows from when it is: such a piece tells of no newer moment than the one before it.
        until = self._calm if end == self.end and self._calm is not None else self.until
        piece = Piece(self.timeline, self.position, end, until, self.system)
        del self._data[:length]
        self.position, self.until = end, until
        return piece, data

    _calm: datetime | None = None

    @property
    def calm(self) -> datetime | None:
        """The last moment at which all that the primary had flushed was here; None amid a backlog."""
        return self._calm

    def _caught_up(self, sent_at: datetime) -> None:
        self._calm = max(sent_at - MARGIN, self.until) if self.end >= self.flushed else None
