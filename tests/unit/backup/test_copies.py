"""A copy counts only after it was read back; a bad one is replaced from a good one, and never the other way round."""

import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pytest

from growsoft_cloud.backup.copies import Small, examine, prove, repair, spread, transfer
from growsoft_cloud.backup.errors import CopyCorrupt, NoGoodCopy, ObjectMissing
from growsoft_cloud.backup.folder import FolderSite
from growsoft_cloud.backup.manifest import StoredObject
from growsoft_cloud.backup.sites import Kind, Site
from growsoft_cloud.fleet import Continent
from tests.unit.backup.cases import backed_up
from tests.unit.backup.places import Wrapper, three_sites

ARCHIVE = os.urandom(3_000_000)


@dataclass(frozen=True)
class Lying(Wrapper):
    """A site that takes everything, says that all is well, and returns something else."""

    answer: Callable[[bytes], bytes] = bytes
    about: str = ""

    def open(self, name: str, /) -> BinaryIO:
        with super().open(name) as file:
            data = file.read()
            return io.BytesIO(self.answer(data) if name.startswith(self.about) else data)


LIES: list[Callable[[bytes], bytes]] = [
    lambda data: data[:-1],
    lambda data: data + b"\0",
    lambda data: bytes(len(data)),
    lambda data: data[:0],
    lambda data: data[:1000] + bytes([data[1000] ^ 1]) + data[1001:],
    lambda data: data * 2,
]


def damage(site: FolderSite, stored: StoredObject, how: Callable[[bytes], bytes]) -> None:
    path = site.path / stored.name
    path.write_bytes(how(path.read_bytes()))


@pytest.fixture
def sites(tmp_path: Path) -> tuple[FolderSite, FolderSite, FolderSite]:
    return three_sites(tmp_path)


@pytest.fixture
def backup(sites: tuple[FolderSite, ...]) -> tuple[StoredObject, Small]:
    manifest, small = backed_up(sites[0], ARCHIVE)
    return manifest.archive, small


def spread_all(sites: tuple[Site, ...], backup: tuple[StoredObject, Small]) -> list[str]:
    return [copy.site for copy in spread(sites[0], sites[1:], *backup).copies]


def names(site: FolderSite) -> int:
    return sum(len(site.list(kind)) for kind in Kind)


def test_bk2_a_backup_is_copied_to_every_site_and_proven(
    sites: tuple[FolderSite, ...], backup: tuple[StoredObject, Small]
) -> None:
    outcome = spread(sites[0], sites[1:], *backup)
    assert [(copy.site, copy.continent) for copy in outcome.copies] == [
        ("frankfurt", Continent.EUROPE),
        ("montreal", Continent.NORTH_AMERICA),
    ]
    assert not outcome.failures
    for site in sites:
        with site.open(backup[0].name) as file:
            assert file.read() == ARCHIVE


@pytest.mark.parametrize("about", ["archive", "manifest"])
@pytest.mark.parametrize("lie", LIES)
def test_bk2_a_site_that_returns_other_bytes_never_counts(
    sites: tuple[FolderSite, ...], backup: tuple[StoredObject, Small], lie: Callable[[bytes], bytes], about: str
) -> None:
    outcome = spread(sites[0], [Lying(sites[1], answer=lie, about=about), sites[2]], *backup)
    assert [copy.site for copy in outcome.copies] == ["montreal"]
    assert [failure.site for failure in outcome.failures] == ["frankfurt"]
    assert "came back as" in outcome.failures[0].reason


def test_bk2_an_endless_answer_is_cut_off(sites: tuple[FolderSite, ...], backup: tuple[StoredObject, Small]) -> None:
    class Endless(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return bytes(size or 0)

    class Never(Lying):
        def open(self, name: str, /) -> BinaryIO:
            return Endless(name.encode())

    with pytest.raises(CopyCorrupt):
        prove(Never(sites[1]), backup[0])


def test_bk2_a_bad_source_leaves_nothing_at_the_target(
    sites: tuple[FolderSite, ...], backup: tuple[StoredObject, Small]
) -> None:
    damage(sites[0], backup[0], LIES[4])
    with pytest.raises(CopyCorrupt, match="gravelines"):
        transfer(sites[0], sites[1], backup[0])
    assert names(sites[1]) == 0


def test_bk2_a_lost_site_does_not_keep_the_others_from_their_copies(
    sites: tuple[FolderSite, ...], backup: tuple[StoredObject, Small]
) -> None:
    sites[1].path.rename(sites[1].path.with_name("unmounted"))
    outcome = spread(sites[0], sites[1:], *backup)
    assert [copy.site for copy in outcome.copies] == ["montreal"]
    assert "check that its volume is mounted" in outcome.failures[0].reason


@pytest.mark.parametrize("which", ["archive", "manifest"])
@pytest.mark.parametrize("lie", LIES)
def test_bk2_a_damaged_copy_is_found_and_repaired_from_a_good_one(
    sites: tuple[FolderSite, ...],
    backup: tuple[StoredObject, Small],
    lie: Callable[[bytes], bytes],
    which: str,
) -> None:
    spread_all(sites, backup)
    archive, small = backup
    objects = (archive, small.stored)
    damage(sites[0], archive if which == "archive" else small.stored, lie)
    assert [failure.site for failure in examine(sites, objects).failures] == ["gravelines"]
    outcome = repair(sites, *backup)
    assert sorted(copy.site for copy in outcome.copies) == ["frankfurt", "gravelines", "montreal"]
    assert not outcome.failures
    assert not examine(sites, objects).failures


def test_bk2_a_missing_copy_is_made_again(sites: tuple[FolderSite, ...], backup: tuple[StoredObject, Small]) -> None:
    spread_all(sites, backup)
    sites[2].delete(backup[0].name)
    with pytest.raises(ObjectMissing, match="montreal"):
        prove(sites[2], backup[0])
    assert len(repair(sites, *backup).copies) == 3


def test_bk2_the_good_halves_of_two_bad_copies_are_enough(
    sites: tuple[FolderSite, ...], backup: tuple[StoredObject, Small]
) -> None:
    spread_all(sites, backup)
    archive, small = backup
    damage(sites[0], archive, LIES[0])
    damage(sites[1], small.stored, LIES[0])
    sites[2].delete(archive.name)
    sites[2].delete(small.stored.name)
    assert len(repair(sites, *backup).copies) == 3
    assert not examine(sites, (archive, small.stored)).failures


def test_bk2_when_no_copy_is_good_nothing_is_removed(
    sites: tuple[FolderSite, ...], backup: tuple[StoredObject, Small]
) -> None:
    spread_all(sites, backup)
    for site in sites:
        damage(site, backup[0], LIES[0])
    with pytest.raises(NoGoodCopy, match=r"gravelines.*frankfurt.*montreal"):
        repair(sites, *backup)
    assert [names(site) for site in sites] == [2, 2, 2]


def test_bk2_a_site_that_cannot_be_mended_stays_a_failure(
    sites: tuple[FolderSite, ...], backup: tuple[StoredObject, Small]
) -> None:
    spread_all(sites, backup)
    outcome = repair((sites[0], Lying(sites[1], answer=LIES[0]), sites[2]), *backup)
    assert [copy.site for copy in outcome.copies] == ["gravelines", "montreal"]
    assert [failure.site for failure in outcome.failures] == ["frankfurt"]
