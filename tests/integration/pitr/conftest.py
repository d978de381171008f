"""A real primary over TLS, three folder sites, and an archiver between them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from growsoft.postgres.parameters import ServerTls
from growsoft.postgres.replication import Source, ensure_login
from growsoft.postgres.server import Server
from growsoft.security.keyring import Keyring, new_instance_key
from growsoft_cloud.backup.folder import FolderSite
from growsoft_cloud.pitr.archiver import Archiver
from growsoft_cloud.pitr.sealing import ArchiveKeys, new_archive_key
from growsoft_cloud.pitr.status import Status, Teller, read
from growsoft_cloud.pitr.store import PieceStore
from tests.integration.postgres_server.conftest import (
    binaries,
    certificate,
    folder,
    primary,
    superuser,
    tls,
    user,
)
from tests.unit.backup.places import GRAVELINES, three_sites

__all__ = ["binaries", "certificate", "folder", "primary", "tls", "user"]

REPLICATION_PASSWORD = "of the archive"


@dataclass
class House:
    """One cluster, its sites, and where its archiver tells how far it is."""

    primary: Server
    source: Source
    sites: tuple[FolderSite, ...]
    keyring: Keyring
    told: Path
    every: float = 0.3
    keys: dict[str, ArchiveKeys] = field(default_factory=dict[str, ArchiveKeys])

    def keys_for(self, system: str) -> ArchiveKeys:
        if system not in self.keys:
            self.keys[system] = ArchiveKeys(self.keyring, new_archive_key(self.keyring, system))
        return self.keys[system]

    def archiver(self, source: Source | None = None) -> Archiver:
        store = PieceStore(lambda: self.sites, GRAVELINES)
        teller = Teller(self.told, 4 << 30)
        return Archiver(source or self.source, store, self.keys_for, teller, self.every)

    @contextmanager
    def archiving(self, source: Source | None = None) -> Generator[None]:
        stopping = threading.Event()
        thread = threading.Thread(target=self.archiver(source).run, args=(stopping,))
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join()

    @property
    def status(self) -> Status:
        found = read(self.told)
        assert found is not None
        return found

    def run(self, *queries: LiteralString, server: Server | None = None) -> str:
        """Run statements on the primary; returns the position behind them."""
        with psycopg.connect(superuser(server or self.primary), autocommit=True) as connection:
            for query in queries:
                connection.execute(query)
            row = connection.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone()
            assert row is not None
            return str(row[0])

    def archived(self, position: str) -> None:
        """Wait until the archive is safe up to a position."""
        high, low = position.split("/")
        wanted = int(high, 16) << 32 | int(low, 16)
        eventually(lambda: read(self.told) is not None and self.status.position >= wanted)

    def covers(self, moment: datetime) -> None:
        """Wait until the archive knows that nothing is missing before a moment."""
        eventually(lambda: (self.status.covered or moment) > moment)


@pytest.fixture
def house(primary: Server, tls: ServerTls, folder: Path, tmp_path: Path) -> House:
    ensure_login(superuser(primary), REPLICATION_PASSWORD)
    source = Source("127.0.0.1", primary.port, tls.authority, folder / "archive.pgpass", REPLICATION_PASSWORD)
    return House(primary, source, three_sites(tmp_path / "sites"), Keyring(new_instance_key()), tmp_path / "told.json")


def eventually(is_true: Callable[[], bool], within: float = 20) -> None:
    deadline = time.monotonic() + within
    while not is_true():
        assert time.monotonic() < deadline, f"it did not become true within {within} seconds"
        time.sleep(0.05)
