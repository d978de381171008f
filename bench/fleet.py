"""A fleet: many customer databases of mixed size, backed up to three sites, proven there, and restored.

Everything is the product's own: dump, archive, copies that are read back, restore into a cluster of its own with walls
and rows compared. Only the keeper is left out: the superuser's login is at hand.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeVar
from uuid import UUID, uuid4

from growsoft.keeper.verbs import Created, Dumped
from growsoft.postgres.binaries import find
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.dump import dump_database, finish_restore, restore_database
from growsoft.postgres.provision import drop_database
from growsoft.postgres.role_facts import RoleFacts
from growsoft.postgres.sql import ident, sql
from growsoft.postgres.superuser import superuser
from growsoft.security.keyring import Keyring, KeyUnusable, Purpose, WrappedKey, new_instance_key
from growsoft.testing.cluster import ephemeral_cluster
from growsoft_cloud.backup.cluster import Capacity
from growsoft_cloud.backup.folder import FolderSite
from growsoft_cloud.backup.guard import FileGuard
from growsoft_cloud.backup.manifest import Subject
from growsoft_cloud.backup.records import SiteCatalogue
from growsoft_cloud.backup.restore import Target, restore
from growsoft_cloud.backup.service import BackupService
from growsoft_cloud.fleet import BackupPolicy, Continent, DataCentre, Retention

T = TypeVar("T")

DATABASES: Final = 100
AT_ONCE: Final = 2
FLEET: Final = 10_000

# Most customers are small: of a hundred, so many have so many megabytes of rows.
SIZES: Final = ((70, 2), (20, 10), (8, 40), (2, 150))

CENTRES: Final = (
    DataCentre("one", Continent.EUROPE, "One", "FR"),
    DataCentre("two", Continent.EUROPE, "Two", "DE"),
    DataCentre("three", Continent.NORTH_AMERICA, "Three", "CA"),
)


@dataclass
class Keys:
    """Customers' keys, wrapped."""

    keyring: Keyring
    wrapped: dict[UUID, WrappedKey] = field(default_factory=dict[UUID, WrappedKey])

    def current(self, database: UUID, /) -> WrappedKey:
        """Return a customer's key, made when it is asked for."""
        return self.wrapped.setdefault(database, self.keyring.new_customer_key(database, Purpose.BACKUPS))

    def find(self, database: UUID, key_id: int, /) -> WrappedKey:
        """Return it again."""
        if self.current(database).key_id != key_id:
            raise KeyUnusable
        return self.current(database)


@dataclass(frozen=True)
class Bare:
    """Dumps from one cluster, restores into another; `names` are the databases by PostgreSQL's name."""

    source: Endpoint
    target: Endpoint
    names: Mapping[str, UUID]

    def dump(self, database: str, fd: int, /) -> Dumped:
        """Dump a database."""
        facts = dump_database(replace(self.source, dbname=database), fd, binaries=find())
        return Dumped(self.names[database], {}, facts)

    def restore(self, name: str, uuid: UUID, fd: int, /, *, roles: RoleFacts, rows: Mapping[str, int]) -> Created:
        """Restore a dump; the caller compares the rows."""
        del rows
        found = restore_database(self.target, name, fd, roles=roles, binaries=find())
        finish_restore(self.target, name)
        return Created(name, uuid, 1, {}, "", rows=found)

    def drop(self, name: str, /) -> None:
        """Drop a database."""
        with superuser(self.target) as connection:
            drop_database(connection, name)

    def capacity(self) -> Capacity:
        """Take everything."""
        return Capacity(find().version, None)


def run(databases: int = DATABASES) -> dict[str, object]:
    """Back up, prove and restore; returns seconds, rates, memory, and what they mean for a large fleet."""
    with _server() as source, _server() as target, tempfile.TemporaryDirectory() as folder:
        names = {f"c{number}": uuid4() for number in range(databases)}
        for number, name in enumerate(names):
            fill(source, name, _megabytes(number, databases))
        service = _service(Path(folder), Bare(source, target, names))
        subjects = [Subject(uuid=uuid, name=name, postgres_name=name, plan="paid") for name, uuid in names.items()]
        before = _peak()
        made = _timed(lambda subject: service.backup_now(subject, "daily"), subjects)
        records = service.list()
        if len(records) != databases or not all(record.complete for record in records):
            raise RuntimeError("Not every backup has its three proven copies.")
        mended = _timed(lambda record: service.repair(str(record.manifest.id)), records)
        restored = _timed(lambda record: _trial(service, str(record.manifest.id)), records)
        plain = sum(record.manifest.postgres.bytes for record in records) / 1e6
        stored = sum(record.bytes for record in records) / 1e6
        return {
            "databases": databases,
            "database_mb": round(plain),
            "stored_mb_per_site": round(stored),
            "backup_s": round(made, 1),
            "backup_mb_per_s": round(plain / made, 1),
            "reread_three_sites_s": round(mended, 1),
            "restore_s": round(restored, 1),
            "restore_mb_per_s": round(plain / restored, 1),
            "memory_grown_mb": round((_peak() - before) / 1024, 1),
            f"hours_to_back_up_{FLEET}": round(made / databases * FLEET / 3600, 2),
            f"hours_to_restore_{FLEET}": round(restored / databases * FLEET / 3600, 2),
        }


def fill(server: Endpoint, name: str, megabytes: int) -> None:
    """Make a database of rows as a business has them: numbers, dates, names, text that compresses and some not."""
    with superuser(server) as connection:
        connection.run(sql("CREATE DATABASE {name} TEMPLATE template0 STRATEGY wal_log", name=ident(name)))
    with superuser(replace(server, dbname=name)) as connection:
        connection.run(
            sql("CREATE TABLE sale (id bigint PRIMARY KEY, partner text, amount numeric, at timestamptz, note text)")
        )
        connection.run(
            sql(
                "INSERT INTO sale SELECT i, 'Customer number ' || i % 5000, (i::bigint * 7919 % 100000) / 100.0,"
                " timestamptz '2026-01-01' + i * interval '1 minute',"
                " md5(i::text) || ' as agreed on the telephone, delivery to the usual address'"
                " FROM generate_series(1, {rows}) i",
                rows=megabytes * 1_000_000 // 150,
            )
        )
        connection.run(sql("VACUUM ANALYZE sale"))


@contextmanager
def _server() -> Generator[Endpoint]:
    with ephemeral_cluster() as found:
        yield Endpoint(str(found.socket_dir), found.port, "postgres", found.superuser, found.password)


def _service(folder: Path, cluster: Bare) -> BackupService:
    sites = tuple(FolderSite(centre.name, centre, folder / centre.name).prepare() for centre in CENTRES)
    keyring = Keyring(new_instance_key())
    return BackupService(
        instance=uuid4(),
        keyring=keyring,
        policy=BackupPolicy(Retention(), sites, CENTRES[0]),
        cluster=cluster,
        catalogue=SiteCatalogue(sites, [keyring]),
        customer_keys=Keys(keyring),
        guard=FileGuard(folder / "guard"),
    )


def _megabytes(number: int, databases: int) -> int:
    """Spread the sizes, so that large ones are not all at the end."""
    place = number * 37 % databases * 100 // databases
    for share, size in SIZES:
        if place < share:
            return size
        place -= share
    return SIZES[0][1]


def _timed(work: Callable[[T], object], given: Sequence[T]) -> float:
    """Do some work on each, a few at once as the operations worker does; give the seconds of all of it."""
    began = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(work, given):
            pass
    return time.perf_counter() - began


def _trial(service: BackupService, backup: str) -> None:
    name = f"t{uuid4().hex[:12]}"
    restore(service, backup, Target(name, uuid4()))
    service.cluster.drop(name)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
