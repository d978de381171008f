"""What the sites remember of a history's seals, and what is said when one of them lies, is lost or was changed."""

from pathlib import Path
from uuid import UUID

from growsoft.keeper.verbs import HistoryHead
from growsoft_cloud.backup.named import seal_name
from growsoft_cloud.backup.seals import MOST, keep_seal, kept_seals
from tests.unit.backup.places import three_sites

DATABASE, OTHER = UUID(int=7), UUID(int=8)


def head(number: int) -> HistoryHead:
    return HistoryHead(number, f"{number:064x}")


def test_seals_come_back_as_they_were_kept(tmp_path: Path) -> None:
    sites = three_sites(tmp_path)
    for number in (0, 3, 12):
        assert keep_seal(sites, DATABASE, head(number)) == ()
        assert keep_seal(sites, DATABASE, head(number)) == ()
    keep_seal(sites, OTHER, head(99))
    assert kept_seals(sites, DATABASE) == ((head(0), head(3), head(12)), ())


def test_only_the_newest_are_read(tmp_path: Path) -> None:
    sites = three_sites(tmp_path)[:1]
    for number in range(MOST + 5):
        keep_seal(sites, DATABASE, head(number))
    assert [one.number for one in kept_seals(sites, DATABASE).heads] == list(range(5, MOST + 5))


def test_another_seal_under_a_number_that_is_kept_is_refused(tmp_path: Path) -> None:
    sites = three_sites(tmp_path)
    keep_seal(sites, DATABASE, head(1))
    assert len(keep_seal(sites, DATABASE, HistoryHead(1, "f" * 64))) == 3
    assert kept_seals(sites, DATABASE).heads == (head(1),)


def test_a_site_that_was_changed_or_is_lost_is_told_and_the_others_still_count(tmp_path: Path) -> None:
    sites = three_sites(tmp_path)
    for number in (1, 2):
        keep_seal(sites, DATABASE, head(number))
    (sites[0].path / seal_name(DATABASE, 1)).write_bytes(b"forged")
    sites[1].path.rename(tmp_path / "away")
    found = kept_seals(sites, DATABASE)
    assert found.heads == (head(2),)
    assert len(found.troubles) == 2
    assert "do not agree on seal 1" in found.troubles[1]


def test_what_says_another_database_or_number_is_not_believed(tmp_path: Path) -> None:
    sites = three_sites(tmp_path)
    keep_seal(sites, OTHER, head(1))
    for site in sites:
        (site.path / seal_name(DATABASE, 1)).write_bytes((site.path / seal_name(OTHER, 1)).read_bytes())
    assert kept_seals(sites, DATABASE).heads == ()
