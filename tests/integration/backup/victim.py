"""A worker that backs up, mends and prunes until somebody kills it: run by test_killed.py as a process of its own."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from growsoft.keeper.verbs import Dumped
from growsoft.postgres.binaries import find
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.dump import dump_database
from growsoft.security.keyring import Purpose, WrappedKey
from growsoft_cloud.backup.entropy import mend
from growsoft_cloud.backup.guard import FileGuard
from growsoft_cloud.backup.pruning import prune
from growsoft_cloud.backup.records import SiteCatalogue
from growsoft_cloud.backup.service import BackupService
from growsoft_cloud.fleet import BackupPolicy, Retention
from tests.integration.backup.small import subject_of
from tests.unit.backup.cases import KEYRING
from tests.unit.backup.places import GRAVELINES, three_sites
from tests.unit.backup.stock import NoCluster

DATABASE = UUID(int=41)
START = datetime(2025, 1, 1, 3, tzinfo=UTC)


@dataclass(frozen=True)
class DayByDay(NoCluster):
    """Each dump is of another day: retention has something to do."""

    endpoint: Endpoint
    days: list[int]

    def dump(self, database: str, fd: int, /) -> Dumped:
        facts = dump_database(replace(self.endpoint, dbname=database), fd, binaries=find())
        return Dumped(DATABASE, {"sale": "1.0"}, replace(facts, snapshot_at=START + timedelta(days=self.days[0])))


@dataclass(frozen=True)
class OneKey:
    """The customer's key, which the test holds as well."""

    wrapped: WrappedKey

    def current(self, database: UUID, /) -> WrappedKey:
        assert database == DATABASE
        return self.wrapped

    def find(self, database: UUID, key_id: int, /) -> WrappedKey:
        assert (database, key_id) == (DATABASE, 1)
        return self.wrapped


def service_at(root: Path, key: WrappedKey, endpoint: Endpoint, days: list[int]) -> BackupService:
    """The service of a worker that was started just now: it knows what the sites tell it."""
    sites = three_sites(root)
    return BackupService(
        instance=UUID(int=3), keyring=KEYRING, policy=BackupPolicy(Retention(), sites, GRAVELINES),
        cluster=DayByDay(endpoint, days), catalogue=SiteCatalogue(sites, [KEYRING]), customer_keys=OneKey(key),
        guard=FileGuard(root / "guard"),
    )  # fmt: skip


def main(root: Path, key: str, host: str, port: str, password: str) -> None:
    """Work for ever."""
    days = [0]
    service = service_at(root, WrappedKey.from_text(key), Endpoint(host, int(port), "", "growsoft", password), days)
    newest = max((record.manifest.created_at for record in service.list()), default=START)
    days[0] = (newest - START).days
    print("ready", flush=True)  # noqa: T201 - to the test
    while True:
        days[0] += 1
        mend(service, datetime.now(UTC))
        service.backup_now(subject_of("kyoto", DATABASE), "daily")
        prune(service, DATABASE, Retention(), START + timedelta(days=days[0]))


def new_key() -> WrappedKey:
    """The key of the only customer."""
    return KEYRING.new_customer_key(DATABASE, Purpose.BACKUPS)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
