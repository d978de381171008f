"""Seals lie on every site, are written once, and are compared between the sites."""

from pathlib import Path
from uuid import UUID

import pytest

from growsoft_cloud.backup.errors import BackupError
from growsoft_cloud.backup.named import keep_everywhere, numbers, read_everywhere, seal_name
from tests.unit.backup.places import three_sites

DATABASE = UUID(int=7)


def test_a_seal_is_kept_on_every_site_and_found_by_its_number(tmp_path: Path) -> None:
    sites = three_sites(tmp_path)
    for number in (0, 1, 10):
        assert len(keep_everywhere(sites, seal_name(DATABASE, number), b"seal %d" % number).copies) == 3
    keep_everywhere(sites, seal_name(UUID(int=8), 3), b"of somebody else")
    for site in sites:
        assert numbers(site, DATABASE) == [0, 1, 10]
    assert read_everywhere(sites, seal_name(DATABASE, 10)).agreed() == b"seal 10"


def test_a_seal_is_never_changed_and_writing_it_again_is_no_error(tmp_path: Path) -> None:
    sites, name = three_sites(tmp_path), seal_name(DATABASE, 1)
    keep_everywhere(sites, name, b"seal")
    assert len(keep_everywhere(sites, name, b"seal").copies) == 3
    changed = keep_everywhere(sites, name, b"forged")
    assert changed.copies == ()
    assert all("other bytes" in failure.reason for failure in changed.failures)
    assert read_everywhere(sites, name).agreed() == b"seal"


def test_a_site_that_differs_or_is_lost_is_told(tmp_path: Path) -> None:
    sites, name = three_sites(tmp_path), seal_name(DATABASE, 1)
    keep_everywhere(sites, name, b"seal")
    (sites[0].path / name).write_bytes(b"forged")
    sites[1].path.rename(tmp_path / "away")
    found = read_everywhere(sites, name)
    assert found.agreed() is None
    assert found.by_site == {"gravelines": b"forged", "montreal": b"seal"}
    assert [failure.site for failure in found.failures] == ["frankfurt"]


@pytest.mark.parametrize("name", ["seal/../x", "archive/" + "0" * 32, "seal/" + "0" * 32])
def test_only_the_names_of_seals_are_taken(tmp_path: Path, name: str) -> None:
    with pytest.raises(BackupError):
        keep_everywhere(three_sites(tmp_path), name, b"x")
    with pytest.raises(ValueError, match="numbered"):
        seal_name(DATABASE, -1)
