"""BK-2: what a site lost, damaged or never got is made again; what nobody needs goes; what nobody knew is found."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from growsoft_cloud.backup.copies import examine
from growsoft_cloud.backup.entropy import mend
from growsoft_cloud.backup.folder import FolderSite
from growsoft_cloud.backup.records import SiteCatalogue
from growsoft_cloud.backup.service import BackupService
from growsoft_cloud.backup.sites import Kind, new_name
from tests.unit.backup.cases import KEYRING
from tests.unit.backup.places import three_sites
from tests.unit.backup.stock import lay_in, stock

NOW = datetime.now(UTC)


@pytest.fixture
def sites(tmp_path: Path) -> tuple[FolderSite, FolderSite, FolderSite]:
    return three_sites(tmp_path)


@pytest.fixture
def service(tmp_path: Path, sites: tuple[FolderSite, ...]) -> BackupService:
    made = stock(tmp_path, sites)
    for day in range(3):
        lay_in(made, day)
    return made


def all_whole(service: BackupService, sites: tuple[FolderSite, ...]) -> bool:
    found = [examine(sites, (record.manifest.archive, record.manifest_object)) for record in service.list()]
    return all(len(spread.copies) == 3 for spread in found)


def test_bk2_a_site_that_was_emptied_gets_everything_back(
    service: BackupService, sites: tuple[FolderSite, ...]
) -> None:
    for kind in (Kind.ARCHIVE, Kind.MANIFEST):
        for name in sites[2].list(kind):
            sites[2].delete(name)
    assert sorted(mend(service, NOW).whole) == ["b-0001", "b-0002", "b-0003"]
    assert all_whole(service, sites)
    assert mend(service, NOW).whole == []


def test_bk2_a_flipped_bit_is_found_within_a_week(service: BackupService, sites: tuple[FolderSite, ...]) -> None:
    record = service.list()[0]
    path = sites[1].path / record.manifest.archive.name
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    assert mend(service, NOW).whole == []  # the length is right, and the copies were read a moment ago
    assert len(mend(service, NOW + timedelta(days=8)).whole) == 3
    assert all_whole(service, sites)


def test_bk2_a_backup_whose_other_copies_were_never_made_is_made_whole(
    service: BackupService, sites: tuple[FolderSite, ...]
) -> None:
    record = lay_in(service, 3, at=sites[:1])
    assert not record.complete
    assert mend(service, NOW).whole == [record.id]
    assert service.find(record.id).complete


def test_bk2_a_lost_site_is_told_and_nothing_is_removed_meanwhile(
    service: BackupService, sites: tuple[FolderSite, ...], tmp_path: Path
) -> None:
    left = leave_behind(sites[0], days=3)
    sites[1].path.rename(tmp_path / "away")
    done = mend(service, NOW)
    assert [failure.site for failure in done.lost] == ["frankfurt"]
    assert left in sites[0].list(Kind.ARCHIVE)
    (tmp_path / "away").rename(sites[1].path)
    assert mend(service, NOW).removed == [f"gravelines: {left}"]


def test_what_a_dead_writer_left_goes_after_a_day_and_not_before(
    service: BackupService, sites: tuple[FolderSite, ...]
) -> None:
    old, young = leave_behind(sites[0], days=2), leave_behind(sites[0], days=0.5)
    mend(service, NOW)
    assert old not in sites[0].list(Kind.ARCHIVE)
    assert young in sites[0].list(Kind.ARCHIVE)
    assert all_whole(service, sites)


def test_dr1_a_registry_that_is_older_than_the_sites_finds_what_they_have(
    service: BackupService, sites: tuple[FolderSite, ...]
) -> None:
    class Amnesiac(SiteCatalogue):
        """It was restored from a time before these backups."""

        def __init__(self) -> None:
            super().__init__((), [KEYRING])

    forgetful = stock(sites[0].path.parent, sites, Amnesiac())
    assert forgetful.list() == []
    done = mend(forgetful, NOW)
    assert sorted(done.adopted) == ["b-0001", "b-0002", "b-0003"]
    assert [record.manifest for record in forgetful.list()] == [record.manifest for record in service.list()]
    assert all(record.complete for record in forgetful.list())
    assert forgetful.catalogue.next_number() == 4


def test_a_strangers_manifest_is_told_and_not_taken_in(service: BackupService, sites: tuple[FolderSite, ...]) -> None:
    name = new_name(Kind.MANIFEST)
    with sites[0].create(name) as writer:
        writer.write(b'{"format":1}\n{}\n')
    done = mend(service, NOW)
    assert done.adopted == []
    assert name in done.failed[0].reason
    assert len(service.list()) == 3


def test_bk2_a_backup_without_any_good_copy_is_counted_on_by_nobody(
    service: BackupService, sites: tuple[FolderSite, ...]
) -> None:
    record = service.list()[0]
    for site in sites:
        (site.path / record.manifest.archive.name).unlink()
    assert mend(service, NOW).failed[0].site == record.id
    told = service.find(record.id)
    assert told.copies == ()
    assert not told.complete


def leave_behind(site: FolderSite, days: float) -> str:
    """An archive without a manifest, written some days ago."""
    name = new_name(Kind.ARCHIVE)
    with site.create(name) as writer:
        writer.write(os.urandom(50))
    moment = (NOW - timedelta(days=days)).timestamp()
    os.utime(site.path / name, (moment, moment))
    return name
