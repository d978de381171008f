"""WAL stream: what a primary writes, received as it is flushed there, and acknowledged only when its reader says so.

The messages are those of PostgreSQL's streaming replication protocol (manual, section 54.4).
"""

from __future__ import annotations

import contextlib
import re
import select
import struct
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, TypeAlias

import psycopg
from psycopg import pq, sql

from growsoft.errors import GrowsoftError
from growsoft.postgres import replication
from growsoft.postgres.replication import Identity, Source, read_position, write_position

# PostgreSQL counts microseconds from this moment.
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_WAL = struct.Struct(">cQQQ")
_ALIVE = struct.Struct(">cQQB")
_STATUS = struct.Struct(">cQQQQB")

SEGMENT: Final = 16 * 1024 * 1024


class WalGone(GrowsoftError):
    """The primary does not have this WAL any more; a new base backup has to begin the archive again."""


class StreamBroke(GrowsoftError):
    """The stream of WAL ended; it is opened again where it was."""


class Wal(NamedTuple):
    """Bytes of WAL from a position on; `end` is the end of what the server had flushed, `sent_at` its clock."""

    start: int
    data: bytes
    end: int
    sent_at: datetime


class Alive(NamedTuple):
    """Nothing new: all up to `end` was sent when the server's clock said `sent_at`."""

    end: int
    sent_at: datetime


class NextTimeline(NamedTuple):
    """The timeline is over: WAL goes on with `number`, which began at `start`."""

    number: int
    start: int


Message: TypeAlias = Wal | Alive | NextTimeline


class Fork(NamedTuple):
    """Where a timeline of the past was left."""

    timeline: int
    end: int


@dataclass(frozen=True, slots=True)
class History:
    """The past of a timeline, as PostgreSQL writes it into a history file."""

    timeline: int
    text: str

    @property
    def forks(self) -> tuple[Fork, ...]:
        """Where each timeline of the past was left, the oldest first."""
        found = re.findall(r"^\s*(\d+)\s+([0-9A-F]+/[0-9A-F]+)", self.text, re.MULTILINE)
        return tuple(Fork(int(number), read_position(position)) for number, position in found)


def history_of(connection: psycopg.Connection[tuple[object, ...]], timeline: int) -> History:
    """Ask a primary for the past of a timeline; the first has none."""
    if timeline == 1:
        return History(1, "")
    row = connection.execute(sql.SQL("TIMELINE_HISTORY {}").format(sql.Literal(timeline))).fetchone()
    if row is None:
        raise StreamBroke(f"The primary does not know the past of timeline {timeline}.")
    text = row[1]
    return History(timeline, text.decode() if isinstance(text, bytes) else str(text))


def ensure_slot(source: Source, slot: str) -> None:
    """Make a slot that keeps WAL from now on, unless there is one that still keeps some."""
    with replication.ask(source) as connection:
        if not replication.kept_from(connection, slot):
            replication.renew_slot(connection, slot)


@dataclass(slots=True)
class WalStream:
    """A stream that is open; `acknowledge` lets the server forget."""

    _raw: pq.abc.PGconn
    _acknowledged: int = 0
    _over: bool = False

    def receive(self, wait: float) -> list[Message]:
        """Return what has come within `wait` seconds, at once when something is there. Raises `StreamBroke`."""
        messages: list[Message] = []
        if not (first := self._next()):
            select.select([self._raw.socket], [], [], wait)
            self._raw.consume_input()
            first = self._next()
        while first is not None:
            messages.append(first)
            if isinstance(first, NextTimeline) or sum(len(one.data) for one in messages if isinstance(one, Wal)) > 1e6:
                break
            first = self._next()
        return messages

    def acknowledge(self, position: int, *, ask: bool = False) -> None:
        """Tell the server that all before a position is kept elsewhere; `ask` wants an answer at once."""
        if self._over:
            return
        self._acknowledged = max(position, self._acknowledged)
        now = int((datetime.now(UTC) - _EPOCH) / timedelta(microseconds=1))
        kept = self._acknowledged
        self._raw.put_copy_data(_STATUS.pack(b"r", kept, kept, 0, now, int(ask)))
        self._raw.flush()

    def _next(self) -> Message | None:
        """Return the next message that was received already."""
        size, data = self._raw.get_copy_data(1)
        if size == 0:
            return None
        if size == -1:
            return self._ended()
        if size < 0:
            raise StreamBroke(self._raw.get_error_message())
        return _read(bytes(data))

    def _ended(self) -> NextTimeline:
        """Read why the server ended the stream: because a timeline was over, or because something went wrong."""
        self._over = True
        with contextlib.suppress(psycopg.OperationalError):  # an error of the server has ended it already
            self._raw.put_copy_end()
        while (result := self._raw.get_result()) is not None:
            if result.status == pq.ExecStatus.TUPLES_OK:
                return _next_timeline(result)
            if result.status == pq.ExecStatus.FATAL_ERROR:
                raise StreamBroke(_message(result))
        raise StreamBroke


@contextlib.contextmanager
def streaming(source: Source, slot: str, position: int, timeline: int) -> Generator[WalStream | NextTimeline]:
    """Stream WAL from a position of a timeline on; gives what follows where there is nothing left of that timeline.

    Raises `WalGone` when the server has removed it, `StreamBroke` when it cannot be reached.
    """
    raw = pq.PGconn.connect(f"{source.conninfo('growsoft_archive')} replication=true".encode())
    try:
        yield _started(raw, f'SLOT "{slot}" PHYSICAL {write_position(position)} TIMELINE {timeline}')
    except StreamBroke as error:
        if "has already been removed" in error.message:
            raise WalGone(error.message) from error
        raise
    except psycopg.Error as error:
        raise StreamBroke(str(error)) from error
    finally:
        raw.finish()


def _started(raw: pq.abc.PGconn, where: str) -> WalStream | NextTimeline:
    """Start the stream; raises `StreamBroke`."""
    if raw.status != pq.ConnStatus.OK:
        raise StreamBroke(raw.get_error_message())
    # Not as one command: of a timeline with nothing left come both what follows and that the stream is over.
    raw.send_query(f"START_REPLICATION {where}".encode())
    result = raw.get_result()
    if result is None:
        raise StreamBroke(raw.get_error_message())
    if result.status == pq.ExecStatus.TUPLES_OK:
        return _next_timeline(result)
    if result.status != pq.ExecStatus.COPY_BOTH:
        raise StreamBroke(_message(result))
    return WalStream(raw)


def identity_of(source: Source) -> tuple[Identity, History]:
    """Ask a primary which cluster it is, and for the past of its timeline. Raises `StreamBroke`."""
    try:
        with replication.ask(source) as connection:
            found = replication.identify(connection)
            return found, history_of(connection, found.timeline)
    except psycopg.Error as error:
        raise StreamBroke(f"The primary does not answer: {error}") from error


def _read(data: bytes) -> Message:
    if data[:1] == b"w":
        _kind, start, end, sent = _WAL.unpack_from(data)
        return Wal(start, data[_WAL.size :], end, _moment(sent))
    _kind, end, sent, _wanted = _ALIVE.unpack(data)
    return Alive(end, _moment(sent))


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _next_timeline(result: pq.abc.PGresult) -> NextTimeline:
    number, start = result.get_value(0, 0), result.get_value(0, 1)
    if number is None or start is None:
        raise StreamBroke
    return NextTimeline(int(number), read_position(start.decode()))


def _message(result: pq.abc.PGresult) -> str:
    return result.error_message.decode("utf-8", "replace").strip()
