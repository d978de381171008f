"""Pace: a site that takes for ever is as good as lost, so it fails and does not hold the others up."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from growsoft_cloud.backup.errors import SiteSlow
from growsoft_cloud.backup.sites import Site, Writer

# Two minutes to get going, then at least 256 KiB in each second.
GRACE: Final = 120.0
SLOWEST: Final = 256 * 1024


@dataclass(slots=True)
class Pace:
    """Counts how long we waited for a site, and for how many bytes; `grace` is seconds, `slowest` bytes a second."""

    site: Site
    grace: float = GRACE
    slowest: int = SLOWEST
    waited: float = 0.0
    done: int = 0

    @contextmanager
    def waiting(self) -> Generator[None]:
        """Count the time of the block; raises `SiteSlow` when there was too much of it."""
        began = time.monotonic()
        yield
        self.waited += time.monotonic() - began
        if self.waited > self.grace + self.done / self.slowest:
            raise SiteSlow(
                self.site.name,
                f"it took {self.waited:.0f} s for {self.done} bytes; look after the site, then repair the backup.",
            )


@dataclass(frozen=True, slots=True)
class PacedWriter:
    """Passes on what is written, at the pace of a site that is fast enough."""

    destination: Writer
    pace: Pace

    def write(self, data: bytes, /) -> int:
        """Write all of it."""
        with self.pace.waiting():
            written = self.destination.write(data)
        self.pace.done += written
        return written
