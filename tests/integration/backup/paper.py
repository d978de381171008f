"""A small database that keeps files, and the service that backs it up with them."""

from __future__ import annotations

import io
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from growsoft.postgres.sql import ident, sql
from growsoft.postgres.superuser import superuser
from growsoft.security.blobs import FileKeys
from growsoft.security.envelope import Purpose
from growsoft.security.filestore import FileStore
from growsoft_cloud.backup.guard import FileGuard
from growsoft_cloud.backup.records import SiteCatalogue
from growsoft_cloud.backup.service import BackupService
from growsoft_cloud.fleet import BackupPolicy, Retention
from tests.integration.backup.conftest import MARKER, SHOP, Place
from tests.integration.backup.local import BareCluster
from tests.integration.backup.small import Keys
from tests.unit.backup.cases import KEYRING
from tests.unit.backup.places import GRAVELINES, three_sites

NAME = "papers_kept"
CUSTOMER_KEY = KEYRING.new_customer_key(SHOP, Purpose.FILES)
FILE_KEYS = FileKeys([KEYRING.open(CUSTOMER_KEY)])


@dataclass(frozen=True)
class Papers:
    """The database, its storage, and where it is backed up."""

    place: Place
    root: Path
    keys: Keys

    @property
    def files(self) -> Path:
        return self.root / "files"

    def store(self, name: str = NAME) -> FileStore:
        return FileStore(self.files / name, lambda: FILE_KEYS)

    def write(self, content: bytes) -> str:
        """Write a paper; give the address of its file."""
        address, size = self.store().put(io.BytesIO(content), 10**8)
        with superuser(self.place.endpoint(NAME)) as connection:
            connection.run(sql("INSERT INTO paper (scan) VALUES ({scan})", scan=f"{address}:{size}"))
        return address

    def forget(self, address: str) -> None:
        with superuser(self.place.endpoint(NAME)) as connection:
            connection.run(sql("DELETE FROM paper WHERE left(scan, 64) = {address}", address=address))

    def contents(self, name: str = NAME) -> list[bytes]:
        """Read every paper's file in the order of the papers."""
        with superuser(self.place.endpoint(name)) as connection:
            scans = connection.run(sql("SELECT scan FROM paper WHERE scan <> '' ORDER BY id")).column()
        found: list[bytes] = []
        for scan in scans:
            address, _, size = str(scan).partition(":")
            with self.store(name).reading(address, int(size)) as file:
                found.append(file.read())
        return found

    def service(self) -> BackupService:
        """The service as a process that was started just now has it."""
        sites = three_sites(self.root)
        return BackupService(
            instance=UUID(int=3), keyring=KEYRING, policy=BackupPolicy(Retention(), sites, GRAVELINES),
            cluster=BareCluster(self.place), catalogue=SiteCatalogue(sites, [KEYRING]), customer_keys=self.keys,
            guard=FileGuard(self.root / "guard"), files=self.files,
        )  # fmt: skip


@contextmanager
def papers(place: Place, root: Path) -> Generator[Papers]:
    with superuser(place.endpoint()) as connection:
        connection.run(sql("CREATE DATABASE {name} TEMPLATE template0", name=ident(NAME)))
    with superuser(place.endpoint(NAME)) as connection:
        connection.run(
            sql("""
            CREATE SCHEMA gs; CREATE DOMAIN gs.file AS text;
            CREATE TABLE paper (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, scan gs.file);
            CREATE TABLE "Odd ""name" ("a b" gs.file, other text);
            INSERT INTO paper (scan) VALUES (NULL), ('');
            """)
        )
    try:
        yield Papers(place, root, Keys())
    finally:
        drop(place, NAME)


def drop(place: Place, name: str) -> None:
    with superuser(place.endpoint()) as connection:
        connection.run(sql("DROP DATABASE IF EXISTS {name} WITH (FORCE)", name=ident(name)))


def content(number: int) -> bytes:
    return f"{MARKER} {number} ".encode() * 5000
