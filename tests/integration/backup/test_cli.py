"""`growsoft backup`: what it prints, to people and to programs, and how it ends."""

import json
import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

import click
import pytest
from click.testing import CliRunner

from growsoft.cli.errors import NotFound, exit_code
from growsoft_cloud.backup.errors import BackupNotFound
from growsoft_cloud.backup.folder import FolderSite
from growsoft_cloud.backup.manifest import Subject
from growsoft_cloud.backup.restore import Hook, Target
from growsoft_cloud.backup.service import BackupService
from growsoft_cloud.cli import Incomplete, backup_commands
from tests.integration.backup.conftest import Place
from tests.integration.backup.test_service import SUBJECT, content, dropped, service_of
from tests.unit.backup.places import three_sites

pytestmark = pytest.mark.postgres


@dataclass(frozen=True)
class TableDesk:
    """One database by the name kyoto, and new ones by the name people give them."""

    service: BackupService

    def subject(self, name: str, /) -> Subject:
        if name != "kyoto":
            raise NotFound(f"There is no database {name}.")
        return SUBJECT

    def lineage(self, name: str, /) -> Sequence[UUID]:
        return (self.subject(name).uuid,)

    def incoming(self, name: str, /) -> tuple[Target, Sequence[Hook]]:
        return Target(name, uuid4()), ()


@pytest.fixture
def sites(home: Place, shop: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[FolderSite, ...]:
    assert shop
    assert home
    return three_sites(tmp_path_factory.mktemp("sites"))


@pytest.fixture
def backup(home: Place, sites: tuple[FolderSite, ...]) -> click.Group:
    service = service_of(home, sites)

    @contextmanager
    def opened() -> Generator[TableDesk]:
        yield TableDesk(service)

    return backup_commands(opened)


def run(group: click.Group, *words: str) -> str:
    done = CliRunner().invoke(group, words, catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_a_program_reads_what_a_backup_is_and_where_its_copies_are(backup: click.Group) -> None:
    made = json.loads(run(backup, "now", "kyoto", "--json"))
    assert made["id"] == "b-0001"
    assert made["bytes"] > 1000
    assert len(made["sha256"]) == 64
    assert made["complete"] is True
    assert [(copy["site"], copy["continent"]) for copy in made["copies"]] == [
        ("gravelines", "Europe"),
        ("frankfurt", "Europe"),
        ("montreal", "North America"),
    ]
    assert all(copy["verified_at"].endswith("Z") for copy in made["copies"])
    assert json.loads(run(backup, "info", "b-0001", "--json")) == made
    (listed,) = json.loads(run(backup, "list", "kyoto", "--json"))
    only_listed = {"kept_as": "daily", "readable": True}
    assert listed == {**{key: made[key] for key in listed if key in made}, **only_listed}
    assert json.loads(run(backup, "list", "--json")) == [listed]


def test_a_pipe_gets_tab_separated_values(backup: click.Group) -> None:
    run(backup, "now", "kyoto")
    (line,) = run(backup, "list", "kyoto").splitlines()
    cells = line.split("\t")
    assert cells[:2] == ["b-0001", "Kyoto Ceramics"]
    assert cells[4] == "daily"
    assert cells[6] == "gravelines frankfurt montreal"
    assert cells[8] == "not yet"
    assert [row.split("\t")[0] for row in run(backup, "info", "b-0001").splitlines()] == [
        "gravelines", "frankfurt", "montreal",
    ]  # fmt: skip


def test_a_backup_is_restored_under_a_new_name(backup: click.Group, home: Place) -> None:
    run(backup, "now", "kyoto")
    with dropped(home, "kyoto_again"):
        done = json.loads(run(backup, "restore", "b-1", "--into", "kyoto_again", "--site", "montreal", "--json"))
        assert (done["database"], done["backup"], done["site"]) == ("kyoto_again", "b-0001", "montreal")
        assert done["rows"] == 25_000
        assert content(home, "kyoto_again") == content(home, "shop")


def test_bk2_a_backup_with_too_few_copies_ends_as_failed_and_says_what_to_type(
    backup: click.Group, sites: tuple[FolderSite, ...]
) -> None:
    shutil.rmtree(sites[2].path)
    with pytest.raises(Incomplete, match="type: growsoft backup verify b-0001") as caught:
        run(backup, "now", "kyoto", "--json")
    assert exit_code(caught.value) == 1
    (listed,) = json.loads(run(backup, "list", "--json"))
    assert listed["complete"] is False
    assert "volume is mounted" in listed["failures"][0]["reason"]
    sites[2].prepare()
    assert json.loads(run(backup, "verify", "b-0001", "--json"))["complete"] is True


def test_what_is_not_there_has_an_exit_code_of_its_own(backup: click.Group) -> None:
    for words, kind in ((("now", "osaka"), NotFound), (("info", "b-0099"), BackupNotFound)):
        with pytest.raises(kind) as caught:
            run(backup, *words)
        assert exit_code(caught.value) == 3


def test_a_restore_without_a_new_name_is_no_command(backup: click.Group) -> None:
    assert CliRunner().invoke(backup, ["restore", "b-0001"]).exit_code == 2
