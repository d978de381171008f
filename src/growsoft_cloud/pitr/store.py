"""The store: where the pieces of an archive lie. What counts was read back from two sites outside production."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from growsoft_cloud.backup.copies import Failure, Small, put
from growsoft_cloud.backup.errors import BackupError, NameTaken, ObjectMissing, SiteError
from growsoft_cloud.backup.manifest import StoredObject
from growsoft_cloud.backup.sites import Kind, Site
from growsoft_cloud.fleet.places import DataCentre
from growsoft_cloud.fleet.policy import PROMISED_OUTSIDE
from growsoft_cloud.pitr.pieces import Piece, read_all
from growsoft_cloud.pitr.sealing import ArchiveKeys

# A site that failed is left alone for so long (seconds): the others must not wait for it with every piece.
LEFT_ALONE: Final = 60.0
# How long the list of sites is believed, in seconds.
KNOWN_FOR: Final = 600.0
# What did not reach enough sites within this time is tried again.
PATIENCE: Final = 150.0


class NotDurable(BackupError):
    """Too few sites took this piece of WAL; it stays at the primary until they do."""


@dataclass
class PieceStore:
    """The sites of a cluster, and which of them failed lately. One writer at a time."""

    sites_now: Callable[[], Sequence[Site]]
    production: DataCentre
    failures: dict[str, Failure] = field(default_factory=dict[str, Failure])
    _until: dict[str, float] = field(default_factory=dict[str, float])
    _busy: dict[str, Future[None]] = field(default_factory=dict[str, "Future[None]"])
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(8, "wal-site"))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _known: tuple[float, Sequence[Site]] = (float("-inf"), ())

    @property
    def sites(self) -> Sequence[Site]:
        """The sites of the cluster; an operator may add some at any time."""
        if time.monotonic() - self._known[0] > KNOWN_FOR:
            self._known = (time.monotonic(), self.sites_now())
        return self._known[1]

    def is_outside(self, site: Site) -> bool:
        """Whether a site survives the loss of the data centre in which the cluster runs."""
        return site.data_centre.name != self.production.name

    def keep(self, name: str, data: bytes) -> int:
        """Store an object, and return at how many sites it was read back; a slow one goes on behind.

        Raises `NotDurable` unless two data centres outside have it.
        """
        small = Small(StoredObject(name, len(data), sha256(data).hexdigest()), data)
        begun = {self._pool.submit(self._put, site, small): site for site in self._willing()}
        self._busy.update({site.name: future for future, site in begun.items()})
        done, waiting, deadline = 0, set(begun), time.monotonic() + PATIENCE
        centres: set[str] = set()
        while waiting and len(centres) < PROMISED_OUTSIDE and time.monotonic() < deadline:
            ended, waiting = wait(waiting, timeout=deadline - time.monotonic(), return_when=FIRST_COMPLETED)
            for future in ended:
                if future.exception() is None:
                    done += 1
                    centres |= {begun[future].data_centre.name} if self.is_outside(begun[future]) else set()
        if len(centres) < PROMISED_OUTSIDE:
            reasons = " ".join(failure.reason for failure in self.failures.values())
            raise NotDurable(f"{NotDurable.default_message()} {reasons}".strip())
        return done

    def pieces(self, system: str) -> list[Piece]:
        """Return the pieces of a cluster that two data centres outside say they have: after a crash, where to go on."""
        found: dict[Piece, set[str]] = {}
        for site in self.sites:
            if self.is_outside(site):
                for piece in self._listed(site, system):
                    found.setdefault(piece, set()).add(site.data_centre.name)
        return sorted(piece for piece, centres in found.items() if len(centres) >= PROMISED_OUTSIDE)

    def close(self) -> None:
        """Wait for what is on its way."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _willing(self) -> list[Site]:
        now = time.monotonic()
        free = [site for site in self.sites if site.name not in self._busy or self._busy[site.name].done()]
        return [site for site in free if self._until.get(site.name, 0.0) <= now]

    def _put(self, site: Site, small: Small) -> None:
        try:
            try:
                put(site, small)
            except NameTaken:
                site.delete(small.stored.name)
                put(site, small)
        except SiteError as error:
            with self._lock:
                self._until[site.name] = time.monotonic() + LEFT_ALONE
                self.failures[site.name] = Failure(site.name, error.message)
            raise
        with self._lock:
            self.failures.pop(site.name, None)

    def _listed(self, site: Site, system: str) -> list[Piece]:
        try:
            return read_all(site.list(Kind.WAL), system)
        except SiteError as error:
            self.failures[site.name] = Failure(site.name, error.message)
            return []


def named(sites: Sequence[Site], kind: Kind) -> dict[str, list[Site]]:
    """Return the names of all objects of a kind, and which sites say they have each; silent sites are passed over."""
    found: dict[str, list[Site]] = {}
    for site in sites:
        with suppress(SiteError):
            for name in site.list(kind):
                found.setdefault(name, []).append(site)
    return found


def everywhere(sites: Sequence[Site], system: str) -> dict[Piece, list[Site]]:
    """Return every piece of a cluster, and which sites say they have it."""
    there = named(sites, Kind.WAL)
    return {piece: there[piece.name] for piece in read_all(there, system)}


def read(keys: ArchiveKeys, sites: Sequence[Site], name: str) -> tuple[bytes, tuple[Failure, ...]]:
    """Read an object from the first site that has it whole, and say which copies were passed over.

    Raises the last site's error when none has.
    """
    failures: list[Failure] = []
    last: BackupError = ObjectMissing("archive", f"No site that answers has {name}; repair the sites first.")
    for site in sites:
        try:
            with site.open(name) as file:
                return keys.open(file.read(), name), tuple(failures)
        except ObjectMissing as error:
            last = error
        except BackupError as error:
            last = error
            failures.append(Failure(site.name, f"{site.name}: {name} is damaged or cannot be read: {error.message}"))
    raise last
