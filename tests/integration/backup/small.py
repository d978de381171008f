"""Small databases with a life of their own, backed up under a clock that can be moved."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from msgspec import structs

from growsoft.keeper.verbs import Created, Dumped
from growsoft.postgres.dump import dump_database
from growsoft.postgres.role_facts import RoleFacts
from growsoft.postgres.sql import ident, sql
from growsoft.postgres.superuser import superuser
from growsoft.security.keyring import KeyUnusable, Purpose, WrappedKey
from growsoft_cloud.backup.clocks import DAILY
from growsoft_cloud.backup.cluster import Capacity
from growsoft_cloud.backup.manifest import Subject
from growsoft_cloud.backup.service import BackupService
from growsoft_cloud.fleet import Retention
from growsoft_cloud.operations.due import History, Subscriber
from tests.integration.backup.conftest import Place
from tests.integration.backup.local import BareCluster
from tests.unit.backup.cases import KEYRING


@dataclass
class Moved:
    """A clock that goes when it is told to."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Keys:
    """The customers' keys, wrapped."""

    wrapped: dict[UUID, WrappedKey] = field(default_factory=dict[UUID, WrappedKey])

    def current(self, database: UUID, /) -> WrappedKey:
        return self.wrapped.setdefault(database, KEYRING.new_customer_key(database, Purpose.BACKUPS))

    def find(self, database: UUID, key_id: int, /) -> WrappedKey:
        if database not in self.wrapped or self.wrapped[database].key_id != key_id:
            raise KeyUnusable
        return self.wrapped[database]


@dataclass(frozen=True)
class MovedCluster:
    """Real dumps and restores of a real cluster, whose snapshots are taken when the clock says."""

    bare: BareCluster
    names: Mapping[str, UUID]
    clock: Moved

    def dump(self, database: str, fd: int, /) -> Dumped:
        facts = dump_database(self.bare.place.endpoint(database), fd, binaries=self.bare.place.binaries)
        return Dumped(self.names[database], {"sale": "1.0"}, replace(facts, snapshot_at=self.clock()))

    def restore(self, name: str, uuid: UUID, fd: int, /, *, roles: RoleFacts, rows: Mapping[str, int]) -> Created:
        return self.bare.restore(name, uuid, fd, roles=roles, rows=rows)

    def drop(self, name: str, /) -> None:
        self.bare.drop(name)

    def capacity(self) -> Capacity:
        return self.bare.capacity()


@contextmanager
def diaries(place: Place, *names: str) -> Generator[None]:
    """Make databases that note each day."""
    with superuser(place.endpoint()) as connection:
        for name in names:
            connection.run(sql("CREATE DATABASE {name} TEMPLATE template0", name=ident(name)))
    for name in names:
        with superuser(place.endpoint(name)) as connection:
            connection.run(sql("CREATE TABLE diary (day timestamptz PRIMARY KEY, text text NOT NULL)"))
    try:
        yield
    finally:
        with superuser(place.endpoint()) as connection:
            for name in names:
                connection.run(sql("DROP DATABASE IF EXISTS {name} WITH (FORCE)", name=ident(name)))


def write(place: Place, name: str, moment: datetime, text: str = "as every day") -> None:
    with superuser(place.endpoint(name)) as connection:
        connection.run(sql("INSERT INTO diary VALUES ({moment}, {text})", moment=moment, text=text))


def pages(place: Place, name: str) -> list[datetime]:
    with superuser(place.endpoint(name)) as connection:
        return [row[0] for row in connection.run(sql("SELECT day FROM diary ORDER BY day")).all()]


@dataclass
class SmallFleet:
    """A ``Fleet`` of these databases; what is noted about the work is kept in a list."""

    service: BackupService
    customers: list[Subscriber]
    troubles: list[str] = field(default_factory=list[str])
    work: list[str] = field(default_factory=list[str])

    def subscribers(self) -> list[Subscriber]:
        return self.customers

    def histories(self, now: datetime, /) -> dict[UUID, History]:
        assert now
        found: dict[UUID, History] = {}
        for record in reversed(self.service.list()):
            if record.copies:
                uuid, taken = record.manifest.database.uuid, record.manifest.created_at
                daily = taken if record.manifest.purpose == DAILY else found.get(uuid, History()).newest_daily
                found[uuid] = History(daily, taken)
        return found

    def ended(self, now: datetime, /) -> list[UUID]:
        assert now
        return []

    def let_go(self, database: UUID, /) -> None:
        assert database

    def drop_outlived(self, now: datetime, /) -> None:
        assert now

    def subject(self, subscriber: Subscriber, /) -> Subject:
        return structs.replace(subject_of(subscriber.name, subscriber.uuid))

    def retention(self, plan: str, /) -> Retention:
        assert plan
        return Retention()

    def at_once(self, cluster: str, /) -> int:
        assert cluster
        return 2

    def begin(self, kind: str, subscriber: Subscriber | None, now: datetime, /) -> int:
        self.work.append(f"{kind} {'' if subscriber is None else subscriber.name} {now}")
        return len(self.work)

    def end(self, run: int, now: datetime, /, *, backup: str = "", trouble: str = "") -> None:
        assert run
        assert now
        if trouble:
            self.troubles.append(f"{backup} {trouble}")

    def interrupted(self, now: datetime, /) -> int:
        assert now
        return 0


def subject_of(name: str, uuid: UUID) -> Subject:
    return Subject(uuid=uuid, name=name, postgres_name=name, plan="paid", data_centre="gravelines")
