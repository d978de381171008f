"""BK-2 on a running instance: copies are read back and hashed now; a bad, a lost and a missing one are found."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.acceptance.trust.conftest import Ask, Planted
from tests.support.instance import Home


def test_bk2_copies_on_two_continents_are_simulated(ask: Ask) -> None:
    found = ask("BK-2")
    assert found["state"] == "simulated", found
    assert "in 3 data centres on 2 continents, 2 of them outside production" in found["evidence"]
    assert "folders of this machine" in found["evidence"]


@pytest.mark.usefixtures("nobody_backs_up")  # before the database is made
def test_bk2_a_database_without_a_backup_is_found(planted: Planted, ask: Ask) -> None:
    found = ask("BK-2")
    assert found["state"] == "not met"
    assert f"database {planted.uuid} has no backup" in found["evidence"]
    planted.home.ok("backup", "now", planted.name)
    assert ask("BK-2")["state"] == "simulated"


@pytest.mark.parametrize("site", ["gravelines", "frankfurt", "montreal"])
def test_bk2_a_copy_that_rotted_is_found(running_instance: Home, ask: Ask, site: str) -> None:
    with _rotten(running_instance, _newest(running_instance, site)):
        found = ask("BK-2")
    assert found["state"] == "not met"
    assert "has 2 good copies" in found["evidence"]
    assert "came back as" in found["evidence"]


def test_bk2_a_manifest_that_somebody_changed_is_found(running_instance: Home, ask: Ask) -> None:
    # The archive is whole at all three sites: without its manifest nobody could restore it.
    with _rotten(running_instance, _newest(running_instance, "frankfurt", "manifest")):
        found = ask("BK-2")
    assert found["state"] == "not met"


def test_bk2_a_site_that_is_gone_is_found(running_instance: Home, ask: Ask) -> None:
    site = running_instance.state.sites / "montreal"
    away = site.rename(site.with_name("away"))
    try:
        found = ask("BK-2")
    finally:
        _remove_empty_site(site)
        away.rename(site)
    assert found["state"] == "not met"
    assert "has 2 good copies" in found["evidence"]
    assert ask("BK-2")["state"] == "simulated"


def _newest(home: Home, site: str, kind: str = "archive") -> Path:
    """Take a backup and return one of its objects."""
    home.ok("backup", "now", "demo")
    files = (home.state.sites / site / kind).iterdir()
    return max(files, key=lambda path: path.stat().st_mtime_ns)


@contextmanager
def _rotten(home: Home, path: Path) -> Generator[None]:
    """Turn one bit of an object over, and back."""
    del home
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    try:
        yield
    finally:
        path.write_bytes(whole)


def _remove_empty_site(site: Path) -> None:
    """Remove what the product may have made in place of a site that it did not find; nothing was stored there."""
    if not site.exists():
        return
    for path in sorted(site.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    site.rmdir()
