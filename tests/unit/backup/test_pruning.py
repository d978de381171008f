"""BK-1: what retention lets go leaves every site, and wherever that breaks off, nothing half deleted is listed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from growsoft_cloud.backup.copies import examine
from growsoft_cloud.backup.folder import FolderSite
from growsoft_cloud.backup.guard import AlreadyWorking, Work
from growsoft_cloud.backup.pruning import let_all_go, prune
from growsoft_cloud.backup.records import SiteCatalogue, scan
from growsoft_cloud.backup.service import BackupService
from growsoft_cloud.backup.sites import Site
from growsoft_cloud.fleet import BackupPolicy, Retention
from tests.unit.backup.cases import KEYRING, SUBJECT
from tests.unit.backup.places import GRAVELINES, Wrapper, three_sites
from tests.unit.backup.stock import START, lay_in, listed, stock


class PowerCut(BaseException):
    """Nobody catches it, as nobody catches a power cut."""


@dataclass(frozen=True)
class Fragile(Wrapper):
    """A folder site whose deletions stop at some point: before, or right after the object went."""

    left: list[int] = field(default_factory=lambda: [10**9])
    after: bool = False

    def delete(self, name: str, /) -> None:
        self.left[0] -= 1
        if self.left[0] < 0:
            if self.after:
                super().delete(name)
            raise PowerCut
        super().delete(name)


def everything_listed_is_whole(service: BackupService, sites: tuple[FolderSite, ...]) -> None:
    for record in service.list():
        found = examine(sites, (record.manifest.archive, record.manifest_object))
        assert len(found.copies) == 3, record.id
    for site in sites:
        archives, _ = listed(site)
        for manifest in scan(site, [KEYRING]).manifests:
            assert manifest.archive.name in archives


def test_bk1_half_a_year_of_days_leaves_exactly_the_promised_backups_on_every_site(tmp_path: Path) -> None:
    sites = three_sites(tmp_path)
    service = stock(tmp_path, sites)
    for day in range(190):
        lay_in(service, day)
        prune(service, SUBJECT.uuid, Retention(), START + timedelta(day))
    records = service.list(SUBJECT.uuid)
    assert len(records) in {14, 15}
    assert START + timedelta(189) - records[-1].manifest.created_at >= timedelta(92)
    for site in sites:
        assert listed(site) == (
            {record.manifest.archive.name for record in records}, {record.manifest_object.name for record in records}
        )  # fmt: skip
    everything_listed_is_whole(service, sites)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("survived", [0, 1, 2, 3, 6, 17])
def test_bk1_wherever_a_deletion_breaks_off_nothing_half_deleted_is_listed(
    tmp_path: Path, survived: int, after: bool
) -> None:
    sites = three_sites(tmp_path)
    left = [survived]
    fragile = tuple(Fragile(site, left=left, after=after) for site in sites)
    service = stock(tmp_path, sites)
    for day in range(12):
        lay_in(service, day)
    cut = replace(service, policy=BackupPolicy(Retention(), fragile, GRAVELINES))
    with pytest.raises(PowerCut):
        prune(cut, SUBJECT.uuid, Retention(), START + timedelta(12))
    everything_listed_is_whole(service, sites)
    # The next one finishes what was begun.
    prune(service, SUBJECT.uuid, Retention(), START + timedelta(12))
    assert all(len(names) == len(service.list()) for site in sites for names in listed(site))
    assert service.catalogue.expired() == ()
    # So does one that has only the sites left, because the registry died with it.
    everything_listed_is_whole(replace(service, catalogue=SiteCatalogue(sites, [KEYRING])), sites)


def test_bk2_a_lost_site_deletes_when_it_is_back(tmp_path: Path) -> None:
    sites = three_sites(tmp_path)
    service = stock(tmp_path, sites)
    for day in range(12):
        lay_in(service, day)
    before = listed(sites[1])
    sites[1].path.rename(tmp_path / "away")
    done = prune(service, SUBJECT.uuid, Retention(), START + timedelta(12))
    assert done.deleted == ()
    assert {failure.site for failure in done.waiting} == {"frankfurt"}
    assert len(service.list()) == len(done.kept) == 9
    (tmp_path / "away").rename(sites[1].path)
    assert listed(sites[1]) == before
    assert len(prune(service, SUBJECT.uuid, Retention(), START + timedelta(12)).deleted) == 3
    assert listed(sites[1]) == listed(sites[0]) == listed(sites[2])


def test_bk2_backups_with_too_few_copies_let_nothing_go(tmp_path: Path) -> None:
    sites = three_sites(tmp_path)
    service = stock(tmp_path, sites)
    for day in range(7):
        lay_in(service, day)
    for day in range(7, 20):
        lay_in(service, day, at=sites[:2])
        prune(service, SUBJECT.uuid, Retention(), START + timedelta(day))
    kept = {record.manifest.created_at for record in service.list()}
    assert {START + timedelta(day) for day in range(7)} <= kept


def test_the_end_of_a_dropped_database_takes_all_of_it(tmp_path: Path) -> None:
    sites = three_sites(tmp_path)
    service = stock(tmp_path, sites)
    for day in range(3):
        lay_in(service, day)
    assert len(let_all_go(service, SUBJECT.uuid).deleted) == 3
    assert service.list() == []
    assert all(listed(site) == (set(), set()) for site in sites)


def test_nobody_deletes_copies_that_somebody_reads(tmp_path: Path) -> None:
    service = stock(tmp_path)
    with (
        service.guard.reading(SUBJECT.uuid),
        service.guard.reading(SUBJECT.uuid),
        pytest.raises(AlreadyWorking, match="try again"),
        service.guard.only(SUBJECT.uuid, Work.COPIES),
    ):
        raise AssertionError
    sites: tuple[Site, ...] = service.policy.sites
    assert len(sites) == 3
