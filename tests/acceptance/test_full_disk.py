"""A full disk at a backup site: the backup says so, the other sites have their copies, and it is mended afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support.instance import Home

SITES = ("gravelines", "frankfurt", "montreal")
ROOM = 4 * 1024 * 1024
FILLER = "filler"

Volumes = Callable[[str], Path]


@pytest.fixture(scope="module")
def instance(running_instance: Home) -> Generator[Home]:
    """The running instance. What the volumes held goes with them: at the end the folders they hid get their copies."""
    yield running_instance
    for row in running_instance.json("backup", "list", "demo"):
        running_instance.ok("backup", "verify", row["id"])


@pytest.fixture
def volume(instance: Home) -> Generator[Volumes]:
    """Mount a small volume at the place of a site, which bears the site's mark and is full."""
    with ExitStack() as stack:
        yield lambda site: stack.enter_context(_mounted(instance.state.sites / site))


@contextmanager
def _mounted(folder: Path) -> Generator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small volume")
    owner = folder.stat()
    mark = (folder / "growsoft-site.json").read_bytes()
    kinds = [path.name for path in folder.iterdir() if path.is_dir()]
    options = f"size={ROOM},mode=700,uid={owner.st_uid},gid={owner.st_gid}"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no volume can be mounted here: {done.stderr.strip()}")
    try:
        (folder / "growsoft-site.json").write_bytes(mark)
        for kind in kinds:
            (folder / kind).mkdir()
        for path in folder.iterdir():
            os.chown(path, owner.st_uid, owner.st_gid)
        _fill(folder)
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _fill(folder: Path) -> None:
    with (folder / FILLER).open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(folder).free - 8192)


BY_THEMSELVES = {"seal", "wal", "base"}


def _kept(folder: Path) -> list[str]:
    """Name the files of backups; seals of histories and the WAL come by themselves, whenever they are ready."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.parent.name not in BY_THEMSELVES)
    return sorted(path.name for path in found)


def _sites(told: dict[str, list[dict[str, str]]]) -> list[str]:
    return [copy["site"] for copy in told["copies"]]


@pytest.mark.parametrize("site", ["gravelines", "montreal"])
def test_a_full_site_is_named_and_the_others_have_their_copies(instance: Home, volume: Volumes, site: str) -> None:
    home, full = instance, volume(site)
    done = home.run("backup", "now", "demo", "--json")
    told = done.json
    assert done.code == 1
    assert sorted(_sites(told)) == sorted(set(SITES) - {site})
    assert [failure["site"] for failure in told["failures"]] == [site]
    assert f"{site}: the site" in done.err
    assert "make room there" in done.err
    assert done.err.endswith(f"growsoft backup verify {told['id']}\n")
    # Nothing of what did not fit is left behind.
    assert _kept(full) == sorted([FILLER, "growsoft-site.json"])

    again = home.run("backup", "verify", told["id"], "--json")
    assert again.code == 1
    assert sorted(_sites(again.json)) == sorted(set(SITES) - {site})

    (full / FILLER).unlink()
    mended = home.json("backup", "verify", told["id"])
    assert (sorted(_sites(mended)), mended["failures"], mended["complete"]) == (sorted(SITES), [], True)
    assert len(_kept(full)) == 3


def test_no_site_with_room_is_no_backup(instance: Home, volume: Volumes) -> None:
    before = instance.json("backup", "list", "demo")
    for site in SITES:
        volume(site)
    done = instance.run("backup", "now", "demo", "--json")
    assert (done.code, done.out) == (1, "")
    assert "No site took the backup" in done.err
    assert all(site in done.err for site in SITES)
    assert instance.json("backup", "list", "demo") == before


def test_a_volume_that_is_not_mounted_is_no_site(instance: Home, volume: Volumes) -> None:
    folder = volume("frankfurt")
    (folder / "growsoft-site.json").unlink()
    done = instance.run("backup", "now", "demo", "--json")
    assert done.code == 1
    assert "check that its volume is mounted" in done.err
    assert sorted(_sites(done.json)) == ["gravelines", "montreal"]
