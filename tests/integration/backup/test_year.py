"""BK-1: a year of real small databases under a moved clock, with sites that fail; each day exactly what is promised.

`make year` runs the whole of it; the test suite a part (GROWSOFT_YEAR_DAYS, the number of days).
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from uuid import UUID, uuid4

import pytest

from growsoft_cloud.backup.folder import FolderSite
from growsoft_cloud.backup.guard import FileGuard
from growsoft_cloud.backup.pruning import classes
from growsoft_cloud.backup.records import BackupRecord, SiteCatalogue
from growsoft_cloud.backup.restore import Target, restore
from growsoft_cloud.backup.retention import Keeping, expected
from growsoft_cloud.backup.service import BackupService
from growsoft_cloud.backup.sites import Kind
from growsoft_cloud.fleet import BackupPolicy, Retention
from growsoft_cloud.operations.due import Subscriber
from growsoft_cloud.operations.scratch import ScratchCluster
from growsoft_cloud.operations.work import Work
from tests.integration.backup.conftest import Place
from tests.integration.backup.local import BareCluster
from tests.integration.backup.small import Keys, Moved, MovedCluster, SmallFleet, diaries, pages, write
from tests.unit.backup.cases import KEYRING
from tests.unit.backup.places import GRAVELINES, three_sites

pytestmark = pytest.mark.postgres

DAYS = int(os.environ.get("GROWSOFT_YEAR_DAYS", "24"))
WHOLE = DAYS >= 365
NAMES = {"kyoto": UUID(int=41), "lima": UUID(int=42)} if WHOLE else {"kyoto": UUID(int=41)}
CLASSES = (Keeping.DAILY, Keeping.WEEKLY, Keeping.MONTHLY)


def test_bk1_every_day_of_a_year_has_the_promised_backups_and_each_restores(home: Place, tmp_path: Path) -> None:
    sites = three_sites(tmp_path)
    begin = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    clock, chance = Moved(begin), Random(7)  # noqa: S311 - chance, no secret
    service = BackupService(
        instance=UUID(int=3), keyring=KEYRING, policy=BackupPolicy(Retention(), sites, GRAVELINES),
        cluster=MovedCluster(BareCluster(home), NAMES, clock), catalogue=SiteCatalogue(sites, [KEYRING]),
        customer_keys=Keys(), guard=FileGuard(tmp_path / "guard"),
    )  # fmt: skip
    customers = [Subscriber(uuid, name, "main", "paid", -1, begin) for name, uuid in NAMES.items()]
    fleet = SmallFleet(service, customers)
    work = Work(fleet, clock, nothing)
    first = {name: taken_from(clock, begin) for name in NAMES}
    tried = 0
    with diaries(home, *NAMES):
        for day in range(DAYS):
            with failing(sites, tmp_path, chance) as hurt:
                for hour in (0.2, 6.5, 19):  # before and in the quiet hours, and twelve hours later
                    clock.now = begin + timedelta(days=day, hours=hour)
                    for name in NAMES:
                        write(home, name, clock.now)
                    for future in work.back_up_due():
                        future.result(timeout=120)
            if hurt:
                work.mend()
            work.prune()
            for name, uuid in NAMES.items():
                records = service.list(uuid)
                assert_promised(records, sites, first[name], clock.now)
                assert_sites_have_exactly(service, sites)
            if day % 7 == 6 or day == DAYS - 1:
                work.mend()
                chosen = service.list() if day == DAYS - 1 else [chance.choice(service.list())]
                tried += restores(home, service, chosen)
    work.close()
    assert tried >= min(DAYS // 7, 10)
    assert not any("could not run" in trouble for trouble in fleet.troubles)
    if DAYS > 140:
        oldest = min(record.manifest.created_at for record in service.list())
        assert clock.now - oldest >= timedelta(days=92)


def taken_from(clock: Moved, begin: datetime) -> datetime:
    assert clock.now == begin
    return begin


@contextmanager
def nothing() -> Generator[ScratchCluster]:
    raise AssertionError("no trial restores here: the test restores by itself")
    yield


@contextmanager
def failing(sites: tuple[FolderSite, ...], root: Path, chance: Random) -> Generator[bool]:
    """On some days a site is away, emptied, or has rotten bytes; never all of them at once."""
    site, what = chance.choice(sites), chance.random()
    away = root / "away"
    if what < 0.05:
        site.path.rename(away)
    elif what < 0.08:
        for kind in (Kind.ARCHIVE, Kind.MANIFEST):
            shutil.rmtree(site.path / kind.value)
            (site.path / kind.value).mkdir(mode=0o700)
    elif what < 0.12:
        for name in site.list(Kind.ARCHIVE)[:3]:
            (site.path / name).write_bytes(b"rotten")
    yield what < 0.12
    if what < 0.05:
        away.rename(site.path)


def assert_promised(records: list[BackupRecord], sites: tuple[FolderSite, ...], first: datetime, now: datetime) -> None:
    """Each class has what a database of this age must have, and what is between two daily ones is at most one."""
    found = Counter(classes(records, sites, Retention(), now).values())
    promised = expected(Retention(), first.date(), now.date())
    assert [found[kind] for kind in CLASSES] == [promised[kind] for kind in CLASSES]
    assert found[Keeping.MIDDAY] <= 1
    assert sum(found.values()) == len(records)
    assert found[Keeping.REACH] <= 1
    assert all(len(record.copies) == 3 for record in records)


def assert_sites_have_exactly(service: BackupService, sites: tuple[FolderSite, ...]) -> None:
    records = service.list()
    for site in sites:
        assert set(site.list(Kind.ARCHIVE)) == {record.manifest.archive.name for record in records}
        assert set(site.list(Kind.MANIFEST)) == {record.manifest_object.name for record in records}


def restores(home: Place, service: BackupService, records: list[BackupRecord]) -> int:
    """Restore backups; each has every page up to its moment, and none after."""
    for record in records:
        name = f"trial_{uuid4().hex[:8]}"
        restore(service, record.id, Target(name, uuid4()))
        try:
            original = [day for day in pages(home, record.manifest.database.name) if day <= record.manifest.created_at]
            assert pages(home, name) == original
        finally:
            service.cluster.drop(name)
    return len(records)
