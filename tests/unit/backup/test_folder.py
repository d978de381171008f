"""A folder as a backup site: an object is there whole and synced, or not at all."""

import errno
import os
import resource
from pathlib import Path

import pytest

from growsoft_cloud.backup.errors import BackupError, NameTaken, ObjectMissing, SiteError, SiteFull, SiteLost
from growsoft_cloud.backup.folder import MARK, UNFINISHED, FolderSite
from growsoft_cloud.backup.sites import Kind, new_name
from tests.unit.backup.places import FRANKFURT, MONTREAL, folder_site
from tests.unit.backup.volumes import small_volume


@pytest.fixture
def site(tmp_path: Path) -> FolderSite:
    return folder_site(tmp_path, MONTREAL)


def put(site: FolderSite, data: bytes) -> str:
    name = new_name(Kind.ARCHIVE)
    with site.create(name) as writer:
        writer.write(data)
    return name


def drafts(site: FolderSite) -> list[Path]:
    return list((site.path / UNFINISHED).iterdir())


def test_an_object_comes_back_as_it_was_written(site: FolderSite) -> None:
    data = os.urandom(3_000_001)
    name = put(site, data)
    with site.open(name) as file:
        assert file.read() == data
    assert site.list(Kind.ARCHIVE) == [name]
    assert site.list(Kind.MANIFEST) == []
    assert not drafts(site)


def test_nobody_else_can_read_an_object(site: FolderSite) -> None:
    path = site.path / put(site, b"x")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_an_object_is_not_there_before_it_is_whole(site: FolderSite) -> None:
    name = new_name(Kind.ARCHIVE)
    with site.create(name) as writer:
        writer.write(b"first half")
        assert site.list(Kind.ARCHIVE) == []
        with pytest.raises(ObjectMissing):
            site.open(name)
    assert site.list(Kind.ARCHIVE) == [name]


def test_a_broken_write_leaves_nothing(site: FolderSite) -> None:
    with pytest.raises(ZeroDivisionError), site.create(new_name(Kind.ARCHIVE)) as writer:
        writer.write(bytes(1 // (writer.write(b"half") - len(b"half"))))
    assert site.list(Kind.ARCHIVE) == []
    assert not drafts(site)


def test_a_name_is_never_used_twice(site: FolderSite) -> None:
    name = put(site, b"first")
    with pytest.raises(NameTaken), site.create(name) as writer:
        writer.write(b"second")
    with site.open(name) as file:
        assert file.read() == b"first"
    assert not drafts(site)


def test_two_writers_of_one_name_do_not_meet(site: FolderSite) -> None:
    name = new_name(Kind.ARCHIVE)
    with site.create(name) as writer:
        writer.write(b"first")
        with pytest.raises(NameTaken), site.create(name):
            pass
    with site.open(name) as file:
        assert file.read() == b"first"


@pytest.mark.parametrize("name", ["../etc/passwd", "archive/../../x", "archive/" + "A" * 32, "other/" + "0" * 32, ""])
def test_a_name_that_could_be_a_path_is_refused(site: FolderSite, name: str) -> None:
    with pytest.raises(BackupError, match="no object's name"):
        site.open(name)
    with pytest.raises(BackupError, match="no object's name"), site.create(name):
        pass


def test_deleting_what_is_gone_is_no_error(site: FolderSite) -> None:
    name = put(site, b"x")
    site.delete(name)
    site.delete(name)
    assert site.list(Kind.ARCHIVE) == []


def test_bk2_an_unmounted_volume_is_a_lost_site_and_nothing_is_written_beside_it(tmp_path: Path) -> None:
    site = FolderSite("montreal", MONTREAL, tmp_path / "mount")
    site.path.mkdir()
    with pytest.raises(SiteLost, match="mounted"), site.create(new_name(Kind.ARCHIVE)):
        pass
    assert list(site.path.iterdir()) == []


def test_bk2_another_sites_volume_is_refused(site: FolderSite) -> None:
    impostor = FolderSite("frankfurt", FRANKFURT, site.path)
    with pytest.raises(SiteLost, match="is the site montreal"):
        impostor.list(Kind.ARCHIVE)
    with pytest.raises(SiteLost, match="is the site montreal"):
        impostor.prepare()


def test_a_damaged_mark_is_said(site: FolderSite) -> None:
    (site.path / MARK).write_text("{")
    with pytest.raises(SiteLost, match="cannot be read"):
        site.free_space()


def test_preparing_twice_changes_nothing(site: FolderSite) -> None:
    name = put(site, b"x")
    assert site.prepare().list(Kind.ARCHIVE) == [name]


def test_interrupted_writes_are_swept_but_not_running_ones(site: FolderSite) -> None:
    with site.create(new_name(Kind.ARCHIVE)) as writer:
        writer.write(b"running")
        old = site.path / UNFINISHED / ("0" * 32)
        old.write_bytes(b"interrupted")
        os.utime(old, (0, 0))
        assert site.sweep() == 1
    assert len(site.list(Kind.ARCHIVE)) == 1


def test_bk2_a_full_disk_is_said_and_leaves_nothing_that_looks_like_a_copy(tmp_path: Path) -> None:
    with small_volume(tmp_path / "volume") as volume:
        site = FolderSite("montreal", MONTREAL, volume / "site").prepare()
        before = site.free_space()
        with pytest.raises(SiteFull, match="montreal: the site is full"):
            put(site, bytes(2_000_000))
        assert site.list(Kind.ARCHIVE) == []
        assert not drafts(site)
        assert site.free_space() == before


def test_bk2_a_limit_on_the_size_of_files_is_a_full_site_too(site: FolderSite) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(SiteFull, match=os.strerror(errno.EFBIG)):
            put(site, bytes(2_000_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert site.list(Kind.ARCHIVE) == []
    assert not drafts(site)


def test_bk2_a_site_that_cannot_be_written_says_so(site: FolderSite) -> None:
    (site.path / UNFINISHED).rmdir()
    (site.path / UNFINISHED).write_text("a file where a folder should be")
    with pytest.raises(SiteError, match="montreal"):
        put(site, b"x")


def test_bk2_what_a_killed_writer_left_is_taken_over_and_what_a_living_one_writes_is_not(tmp_path: Path) -> None:
    site = folder_site(tmp_path, MONTREAL)
    name = new_name(Kind.ARCHIVE)
    left = site.path / "unfinished" / name.partition("/")[2]
    left.write_bytes(b"half of an archive that is longer than what comes now")
    with site.create(name) as writer:
        writer.write(b"whole")
        with pytest.raises(NameTaken), site.create(name):
            raise AssertionError
    assert (site.path / name).read_bytes() == b"whole"
    assert not left.exists()
