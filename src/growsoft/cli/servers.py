"""Servers: the primary and its standby as units of the supervisor."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from growsoft.cli.children import LARGEST_LOG
from growsoft.postgres import processes
from growsoft.postgres.files import log_tail, rotate
from growsoft.postgres.local import LocalCluster
from growsoft.postgres.server import Server

# How often the standby is compared with its primary, in seconds.
LOOK_AFTER = 30


@dataclass(eq=False)
class PrimaryUnit:
    """The primary, with the login of its standby."""

    cluster: LocalCluster
    name: str = "primary"

    def start(self, stopping: threading.Event) -> int:
        """Start it."""
        del stopping
        return self.cluster.start_primary()

    def ended(self, timeout: float) -> bool:
        """Wait for its end."""
        return _ended(self.cluster.primary, timeout)

    def tend(self) -> None:
        """Keep its log from filling the disk."""
        rotate(self.cluster.primary.log, LARGEST_LOG)

    def stop(self) -> None:
        """Stop it; open transactions are rolled back."""
        self.cluster.primary.stop()

    def tail(self) -> str:
        """Return the end of its log."""
        return log_tail(self.cluster.primary.log)


@dataclass(eq=False)
class StandbyUnit:
    """The hot standby, which is copied anew when it can follow no more."""

    cluster: LocalCluster
    name: str = "standby"
    look_after: float = LOOK_AFTER
    _looked: float = field(default=0, init=False)

    def start(self, stopping: threading.Event) -> int:
        """Start it, copied where that is needed."""
        del stopping
        self._looked = time.monotonic()
        return self.cluster.start_standby()

    def ended(self, timeout: float) -> bool:
        """Wait for its end."""
        return _ended(self.cluster.standby.server, timeout)

    def tend(self) -> None:
        """Now and then see whether it can still follow."""
        rotate(self.cluster.standby.server.log, LARGEST_LOG)
        if time.monotonic() - self._looked >= self.look_after:
            self._looked = time.monotonic()
            self.cluster.standby.tend()

    def stop(self) -> None:
        """Stop it."""
        self.cluster.standby.stop()

    def tail(self) -> str:
        """Return the end of its log."""
        return log_tail(self.cluster.standby.server.log)


def _ended(server: Server, timeout: float) -> bool:
    """Wait for the end of a server."""
    pid = server.pid()
    return pid is None or processes.wait_gone(pid, lambda: server.pid() is None, timeout)
