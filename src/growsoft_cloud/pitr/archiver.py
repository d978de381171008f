"""The archiver: receives a primary's WAL as it is flushed, and acknowledges only what two sites outside gave back.

Nothing is written to this machine's disk in between. The primary keeps what is not acknowledged, up to its limit; then
it gives the archive up rather than fill its disk, and the archive says that it has a gap.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, NamedTuple

from growsoft.errors import GrowsoftError
from growsoft.postgres.replication import Identity, Source
from growsoft.postgres.walstream import (
    History,
    NextTimeline,
    Wal,
    WalGone,
    WalStream,
    ensure_slot,
    identity_of,
    streaming,
)
from growsoft_cloud.pitr.pieces import Piece, floor
from growsoft_cloud.pitr.sealing import ArchiveKeys
from growsoft_cloud.pitr.status import Gap, Teller
from growsoft_cloud.pitr.store import PieceStore
from growsoft_cloud.pitr.tail import Tail

log: Final = logging.getLogger("growsoft.archive")

SLOT: Final = "gs_archive"

# A piece is cut after so many seconds, or when a segment is full: this is what makes the RPO.
EVERY: Final = 5.0
LONGEST_WAIT: Final = 10.0


class Place(NamedTuple):
    """Where to go on, and the last moment of which everything before it tells."""

    timeline: int
    position: int
    until: datetime | None = None


class _Cut(NamedTuple):
    """A piece on its way to the sites; its result is the size of the object."""

    piece: Piece
    size: Future[int]


@dataclass
class Archiver:
    """Archives one cluster. `keys_for` gives the keys of the archive of a system identifier."""

    source: Source
    store: PieceStore
    keys_for: Callable[[str], ArchiveKeys]
    teller: Teller
    every: float = EVERY
    # After a promotion or a gap it goes on elsewhere than behind the last piece.
    _next: Place | None = None
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "wal-piece"))

    def run(self, stopping: threading.Event) -> None:
        """Archive until somebody wants the end; whatever is in the way is told, and tried again."""
        wait = 0.5
        while not stopping.is_set():
            began = time.monotonic()
            try:
                self.session(stopping)
            except GrowsoftError as error:
                log.warning("%s", error.message)
                self.teller.trouble(error.message, self.store.failures)
            except Exception as error:
                log.exception("archive")
                self.teller.trouble(f"{type(error).__name__}; the log of operations says more.", self.store.failures)
            wait = 0.5 if time.monotonic() - began > LONGEST_WAIT else min(wait * 2, LONGEST_WAIT)
            stopping.wait(wait)
        self.close()

    def session(self, stopping: threading.Event) -> None:
        """Follow the primary until its timeline ends; raises what breaks it."""
        found, history = identity_of(self.source)
        keys = self.keys_for(found.system)
        ensure_slot(self.source, SLOT)
        place = self._next or self._where(found, history, keys)
        self.teller.begin(found.system, place.timeline, place.position, place.until)
        try:
            with streaming(self.source, SLOT, place.position, place.timeline) as stream:
                self._next = None
                following: NextTimeline | None
                if isinstance(stream, NextTimeline):
                    following = stream
                else:
                    tail = Tail(found.system, *place[:2])
                    following = _Session(self, keys, tail, stream).follow(stopping)
        except WalGone:
            self._give_up(found, place)
            return
        if following is not None:
            self._remember(identity_of(self.source)[1], found.system, keys)
            self._next = Place(following.number, floor(following.start))

    def close(self) -> None:
        """Wait for what is on its way."""
        self._pool.shutdown(wait=True)
        self.store.close()

    def keep(self, piece: Piece, data: bytes, keys: ArchiveKeys) -> Future[int]:
        """Begin to bring a piece to the sites."""

        def kept() -> int:
            sealed = keys.seal(data, piece.name)
            self.store.keep(piece.name, sealed)
            return len(sealed)

        return self._pool.submit(kept)

    def _where(self, found: Identity, history: History, keys: ArchiveKeys) -> Place:
        """Return where to go on: behind the last piece that counts, or where a promotion left it."""
        known = [piece for piece in self.store.pieces(found.system) if not piece.is_history]
        last = max(known, key=lambda piece: (piece.timeline, piece.end), default=None)
        if last is None:
            self._remember(history, found.system, keys)
            return Place(found.timeline, floor(found.position))
        fork = next((fork for fork in history.forks if fork.timeline == last.timeline), None)
        if last.timeline == found.timeline or (fork is not None and last.end <= fork.end):
            return Place(last.timeline, last.end, last.until)
        # What the new primary never had is kept, but is no part of its past.
        self._remember(history, found.system, keys)
        later = [one.timeline for one in history.forks if one.timeline > last.timeline]
        left = fork or (history.forks[-1] if history.forks else None)
        return Place(min([*later, found.timeline]), floor(found.position if left is None else left.end))

    def _remember(self, history: History, system: str, keys: ArchiveKeys) -> None:
        """Keep the history of a timeline, before anything of it."""
        if history.text:
            piece = Piece(history.timeline, 0, 0, datetime.now(UTC), system)
            self.store.keep(piece.name, keys.seal(history.text.encode(), piece.name))

    def _give_up(self, found: Identity, place: Place) -> None:
        """Begin again behind a gap; only a base backup after it makes moments restorable again."""
        now = datetime.now(UTC)
        log.error("WAL is lost to the archive: it goes on at %d instead of %d", found.position, place.position)
        self.teller.gap(Gap(self.teller.covered or place.until or now, now))
        self._next = Place(found.timeline, floor(found.position))


@dataclass
class _Session:
    """One stream: receive, cut, store, acknowledge."""

    archiver: Archiver
    keys: ArchiveKeys
    tail: Tail
    stream: WalStream
    cut: _Cut | None = None
    asked: float = 0.0

    def follow(self, stopping: threading.Event) -> NextTimeline | None:
        """Go on until the timeline is over or somebody wants the end; raises what breaks the stream."""
        following: NextTimeline | None = None
        while following is None and not stopping.is_set():
            self._settle()
            self._ask()
            if self.tail.is_full:
                time.sleep(0.02)  # the sites are slower than the primary, which keeps the rest
                continue
            following = self._receive()
        while self.cut is not None or not self.tail.is_empty:
            self._settle(every=0.0, wait=True)
        return following

    def _receive(self) -> NextTimeline | None:
        for message in self.stream.receive(0.2):
            if isinstance(message, NextTimeline):
                return message
            if isinstance(message, Wal):
                self.tail.add(message)
            else:
                self.tail.alive(message)
        return None

    def _settle(self, every: float | None = None, *, wait: bool = False) -> None:
        """Acknowledge a piece that counts now, and begin with the next."""
        if self.cut is not None and (wait or self.cut.size.done()):
            cut, self.cut = self.cut, None
            # One that does not count raises here: it is read from the primary again.
            self.archiver.teller.stored(cut.piece, cut.size.result(), self.archiver.store.failures)
            self.stream.acknowledge(cut.piece.end)
        if self.cut is None and self.tail.is_ripe(self.archiver.every if every is None else every):
            piece, data = self.tail.cut()
            self.cut = _Cut(piece, self.archiver.keep(piece, data, self.keys))

    def _ask(self) -> None:
        """Hear every second how far the primary is, and tell how far we are."""
        if time.monotonic() - self.asked < 1.0:
            return
        self.asked = time.monotonic()
        self.stream.acknowledge(self.archiver.teller.position, ask=True)
        idle = self.cut is None and self.tail.is_empty
        self.archiver.teller.alive(self.tail.flushed, self.tail.calm if idle else None)
