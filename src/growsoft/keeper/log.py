"""The keeper's log: one JSON line for each verb, with who asked and what came of it; never a secret."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec

# What a reason may take of a line.
_LONGEST: Final = 2000


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asked: by the socket, by a worker's own port, or in the keeper's own process; `pid` and `uid` by the kernel.

    The kernel knows a worker's port by the process that made the pair, the supervisor.
    """

    by: str
    pid: int
    uid: int

    @classmethod
    def ourselves(cls) -> Caller:
        """The command line that is the keeper itself."""
        return cls("command", os.getpid(), os.geteuid())


class VerbLog:
    """Lines into a descriptor: each is written whole, so that two processes may share a file."""

    def __init__(self, fd: int) -> None:
        """Take an open descriptor; it stays the opener's."""
        self._fd = fd
        self._lock = threading.Lock()

    def verb(self, name: str, database: str, caller: Caller, seconds: float, outcome: str, error: str = "") -> None:
        """Note a verb. `outcome` is done, refused, failed or busy."""
        line = {"verb": name, "database": database, **_who(caller), "seconds": round(seconds, 4), "outcome": outcome}
        self._write({**line, "error": error[:_LONGEST]} if error else line)

    def event(self, what: str, caller: Caller | None = None, reason: str = "") -> None:
        """Note something that is no verb: a start, an end, a stranger at the socket, a message nobody understands."""
        line = {"event": what, **({} if caller is None else _who(caller))}
        self._write({**line, "reason": reason[:_LONGEST]} if reason else line)

    def _write(self, line: dict[str, str | int | float]) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        text = msgspec.json.encode({"at": now, "log": "keeper", **line}) + b"\n"
        with self._lock:
            os.write(self._fd, text)


def _who(caller: Caller) -> dict[str, str | int | float]:
    return {"by": caller.by, "pid": caller.pid, "uid": caller.uid}
