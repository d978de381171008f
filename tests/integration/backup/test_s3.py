"""Three S3 servers as sites: written in parts, read back, killed, damaged, robbed, and mended."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from hashlib import sha256

import pytest

from growsoft.errors import ConfigError
from growsoft_cloud.backup.copies import Small, prove, repair, spread, transfer
from growsoft_cloud.backup.errors import CopyCorrupt, NameTaken, ObjectMissing, SiteError, SiteLost, SiteRefused
from growsoft_cloud.backup.manifest import Manifest, StoredObject
from growsoft_cloud.backup.s3 import S3Site, SiteKey
from growsoft_cloud.backup.sites import Kind, Site, new_name
from growsoft_cloud.fleet import Continent
from tests.support.s3 import KEY, S3Server, s3_servers
from tests.unit.backup.cases import backed_up
from tests.unit.backup.places import FRANKFURT, GRAVELINES, MONTREAL

LARGE = os.urandom(40_000_000)  # three parts


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[S3Server]]:
    with s3_servers(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture
def sites(servers: list[S3Server]) -> tuple[S3Site, ...]:
    for server in servers:
        if server.process is None:
            server.start()
    return tuple(s.site(c).prepare() for s, c in zip(servers, (GRAVELINES, FRANKFURT, MONTREAL), strict=True))


def stored_at(site: Site, data: bytes, kind: Kind = Kind.ARCHIVE) -> StoredObject:
    stored = StoredObject(new_name(kind), len(data), sha256(data).hexdigest())
    with site.create(stored.name) as writer:
        for start in range(0, len(data), 1_000_000):
            writer.write(data[start : start + 1_000_000])
    return stored


def test_an_object_of_several_parts_comes_back_as_it_was(sites: tuple[S3Site, ...]) -> None:
    stored = stored_at(sites[0], LARGE)
    prove(sites[0], stored)
    transfer(sites[0], sites[1], stored)
    (listed,) = [listed for listed in sites[1].listed(Kind.ARCHIVE) if listed.name == stored.name]
    assert listed.bytes == stored.bytes
    assert abs(listed.written_at - time.time()) < 60
    with sites[1].open(stored.name) as file:
        assert file.read() == LARGE


def test_names_are_never_used_twice_and_deleting_again_is_no_error(sites: tuple[S3Site, ...]) -> None:
    stored = stored_at(sites[0], b"first")
    with pytest.raises(NameTaken), sites[0].create(stored.name) as writer:
        writer.write(b"second")
    sites[0].delete(stored.name)
    sites[0].delete(stored.name)
    with pytest.raises(ObjectMissing):
        prove(sites[0], stored)


def test_bk2_an_upload_that_fails_leaves_no_object_and_no_parts(
    sites: tuple[S3Site, ...], servers: list[S3Server]
) -> None:
    name = new_name(Kind.ARCHIVE)

    def broken_dump() -> None:
        with sites[0].create(name) as writer:
            writer.write(LARGE)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_dump()
    assert name not in sites[0].list(Kind.ARCHIVE)
    assert list((servers[0].folder / ".nanio" / "multipart").glob("*")) == []


def test_bk2_a_site_killed_in_the_middle_of_an_upload_never_counts_and_is_mended(
    sites: tuple[S3Site, ...], servers: list[S3Server]
) -> None:
    manifest, small = backed_up(sites[0], LARGE)

    def kill_on_the_way(done: int) -> None:
        if done:
            servers[1].kill()

    outcome = spread(sites[0], sites[1:], manifest.archive, small, kill_on_the_way)
    assert [copy.site for copy in outcome.copies] == ["montreal"]
    assert [failure.site for failure in outcome.failures] == ["frankfurt"]
    servers[1].start()
    assert manifest.archive.name not in sites[1].list(Kind.ARCHIVE)
    assert len(repair(sites, manifest.archive, small).copies) == 3


@pytest.mark.parametrize("damage", ["bit", "short", "gone"])
def test_bk2_damage_on_the_providers_disk_is_found_and_mended(
    sites: tuple[S3Site, ...], servers: list[S3Server], damage: str
) -> None:
    manifest, small = everywhere(sites)
    for name in (manifest.archive.name, small.stored.name):
        path = servers[2].path(name)
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.unlink() if damage == "gone" else path.write_bytes(data if damage == "bit" else data[:-1])
        with pytest.raises(SiteError):
            prove(sites[2], manifest.archive if name == manifest.archive.name else small.stored)
    assert len(repair(sites, manifest.archive, small).copies) == 3
    prove(sites[2], manifest.archive)


def test_bk2_a_thief_with_the_key_of_one_site_destroys_nothing_that_is_not_made_again(
    sites: tuple[S3Site, ...], servers: list[S3Server]
) -> None:
    manifest, small = everywhere(sites)
    thief = servers[0].site(GRAVELINES)
    for kind in Kind:
        for name in thief.list(kind):
            thief.delete(name)
    assert len(repair(sites, manifest.archive, small).copies) == 3


def test_a_key_that_was_replaced_is_told(servers: list[S3Server], sites: tuple[S3Site, ...]) -> None:
    assert sites
    with pytest.raises(SiteRefused, match="replace the key"):
        servers[0].site(GRAVELINES, SiteKey(KEY.access_key, "of yesterday")).list(Kind.ARCHIVE)


def test_another_bucket_or_another_site_is_refused(servers: list[S3Server], sites: tuple[S3Site, ...]) -> None:
    assert sites
    with pytest.raises(SiteLost, match="correct it"):
        servers[0].site(MONTREAL).list(Kind.ARCHIVE)
    empty = S3Site("gravelines", GRAVELINES, servers[0].endpoint, "elsewhere", KEY)
    with pytest.raises(SiteLost, match="no backup site"):
        empty.list(Kind.ARCHIVE)


def test_a_server_that_is_down_is_a_lost_site(servers: list[S3Server], sites: tuple[S3Site, ...]) -> None:
    servers[2].kill()
    with pytest.raises(SiteError, match="look after the site"):
        sites[2].list(Kind.ARCHIVE)


@pytest.mark.parametrize("endpoint", ["http://s3.example.com", "ftp://127.0.0.1", "s3.example.com", "http://10.0.0.1"])
def test_en2_a_site_is_never_spoken_to_in_the_clear(endpoint: str) -> None:
    with pytest.raises(ConfigError, match="https"):
        S3Site("montreal", MONTREAL, endpoint, "backups", KEY)


def test_a_site_on_this_machine_is_played_and_one_elsewhere_is_not() -> None:
    assert S3Site("montreal", MONTREAL, "http://localhost:1", "backups", KEY).simulated
    assert not S3Site("montreal", MONTREAL, "https://s3.example.com", "backups", KEY).simulated
    assert MONTREAL.continent is Continent.NORTH_AMERICA


def test_the_secret_of_a_site_is_not_shown(sites: tuple[S3Site, ...]) -> None:
    assert KEY.secret not in repr(sites[0])


def test_a_lie_between_two_reads_is_caught_by_the_hash(sites: tuple[S3Site, ...], servers: list[S3Server]) -> None:
    stored = stored_at(sites[0], b"a" * 1000)
    servers[0].path(stored.name).write_bytes(b"b" * 1000)
    with pytest.raises(CopyCorrupt):
        prove(sites[0], stored)


def test_reading_stays_bounded_and_writing_waits_for_the_network(
    sites: tuple[S3Site, ...], servers: list[S3Server]
) -> None:
    """A writer that is faster than the site is held back instead of filling the memory."""
    assert servers
    name, before = new_name(Kind.ARCHIVE), peak_bytes()
    with sites[0].create(name) as writer:
        for _ in range(400):
            writer.write(LARGE[:1_000_000])
    assert peak_bytes() - before < 200_000_000
    with sites[0].open(name) as file:
        assert 0 < len(file.read(1 << 30)) <= 4 * 1024 * 1024
    sites[0].delete(name)


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def everywhere(sites: tuple[S3Site, ...]) -> tuple[Manifest, Small]:
    """A backup with a proven copy at each site."""
    manifest, small = backed_up(sites[0], LARGE[:3_000_000])
    assert len(spread(sites[0], sites[1:], manifest.archive, small).copies) == 2
    return manifest, small


def test_bk2_one_good_site_is_enough_for_the_others(sites: tuple[S3Site, ...]) -> None:
    manifest, small = backed_up(sites[2], LARGE[:3_000_000])
    assert len(repair(sites, manifest.archive, small).copies) == 3
