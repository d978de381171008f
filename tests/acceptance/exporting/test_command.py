"""`growsoft export`: what it writes and prints, and what it leaves behind when something is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from growsoft.apps.contacts.models import Partner
from growsoft.cli.errors import NotFound
from growsoft.cli.main import main
from growsoft.config import Settings
from growsoft.orm import Env
from tests.acceptance.exporting.conftest import table
from tests.support.shop import Shop

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def growsoft(shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command against one shop with two contacts, called acme; give exit code, output and errors."""
    with shop.elevated() as env:
        env[Partner].create([{"name": "Ann", "ref": "1"}, {"name": "=Bob", "ref": "2"}])

    @contextmanager
    def elevated_env(_settings: Settings, db_name: str, _reason: str) -> Generator[Env]:
        if db_name != "acme":
            raise NotFound(f"There is no database {db_name}.")
        with shop.elevated() as env:
            yield env

    monkeypatch.setattr("growsoft.cli.instance.elevated_env", elevated_env)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = 0
        try:
            main(list(arguments))
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.mark.parametrize("name", ["people.csv", "people.xlsx", "People.XLSX"])
def test_a_file_is_written_for_its_owner_alone_and_read_back(growsoft: Run, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    code, out, err = growsoft("export", "acme", "res.partner", "--output", str(path), "--fields", "id, name,ref")
    assert (code, out, err) == (0, "Exported 2 records.\n", "")
    assert [row[1:] for row in table(path.read_bytes())] == [["name", "ref"], ["Ann", "1"], ["'=Bob", "2"]]
    assert path.stat().st_mode & 0o777 == 0o600
    code, out, err = growsoft("import", "acme", "res.partner", str(path))
    assert (code, out) == (0, "Created 0, updated 2 (2 of them unchanged).\n")


def test_conditions_order_and_json(growsoft: Run, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    code, out, _err = growsoft(
        "export", "acme", "res.partner", "--output", str(path), "--fields", "name",
        "--domain", '[["ref", "in", ["1", "2"]]]', "--order", "name desc", "--json",
    )  # fmt: skip
    assert (code, json.loads(out)) == (0, {"records": 2, "rows": 2})
    assert table(path.read_bytes()) == [["name"], ["Ann"], ["'=Bob"]]


def test_a_file_that_is_there_is_not_written_over(growsoft: Run, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("mine")
    code, out, err = growsoft("export", "acme", "res.partner", "--output", str(path))
    assert (code, out) == (2, "")
    assert "is there already" in err
    assert path.read_text() == "mine"
    link = tmp_path / "link.csv"
    link.symlink_to(tmp_path / "elsewhere.csv")
    assert growsoft("export", "acme", "res.partner", "--output", str(link))[0] == 2
    assert not (tmp_path / "elsewhere.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nodb", "res.partner", "--output", "FILE"], 3, "There is no database nodb"),
        (["acme", "res.nothing", "--output", "FILE"], 3, "There is no model res.nothing; there are: ir.attachment"),
        (["acme", "res.partner", "--output", "FILE", "--fields", "nothing"], 2, "res.partner has no field 'nothing'"),
        (["acme", "res.partner", "--output", "FILE", "--domain", "x"], 2, "--domain is a JSON list of conditions"),
        (
            ["acme", "res.partner", "--output", "FILE", "--domain", '{"a": 1}'],
            2,
            "--domain is a JSON list of conditions",
        ),
        (["acme", "res.partner", "--output", "FILE", "--domain", '[["nothing", "=", 1]]'], 2, "nothing"),
        (["acme", "res.partner", "--output", "FILE", "--order", "nothing"], 2, "nothing"),
        (["acme", "res.partner", "--output", "FILE", "--language", "xx"], 2, "--language xx: there is en_US, de_DE"),
        (["acme", "res.partner", "--output", "FILE", "--tz", "Mars/Base"], 2, "--tz Mars/Base: this is no time zone"),
        (["acme", "res.partner", "--output", "FILE", "--tz", "../../etc/passwd"], 2, "this is no time zone"),
        (["acme", "res.partner", "--output", "people.txt"], 2, "ends in .csv or .xlsx"),
        (["acme", "res.partner", "--output", "/nowhere/x.csv"], 2, "/nowhere/x.csv cannot be written"),
        (["acme", "res.partner", "--output", "-", "--json"], 2, "cannot both go to standard output"),
    ],
)
def test_a_mistake_has_its_exit_code_and_its_sentence_and_leaves_no_file(
    growsoft: Run, tmp_path: Path, arguments: Sequence[str], code: int, words: str
) -> None:
    path = tmp_path / "people.xlsx"
    found, out, err = growsoft("export", *(str(path) if argument == "FILE" else argument for argument in arguments))
    assert (found, out) == (code, "")
    assert words in err
    assert not path.exists()


def test_what_breaks_off_leaves_no_half_file(growsoft: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "people.csv"

    def fall(_records: int) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("growsoft.cli.export._Progress", lambda: fall)
    code, out, _err = growsoft("export", "acme", "res.partner", "--output", str(path))
    assert (code != 0, out) == (True, "")
    assert not path.exists()


def test_a_dash_is_standard_output(growsoft: Run) -> None:
    code, out, err = growsoft("export", "acme", "res.partner", "--output", "-", "--fields", "name,ref")
    assert (code, err) == (0, "Exported 2 records.\n")
    assert table(out.encode()) == [["name", "ref"], ["Ann", "1"], ["'=Bob", "2"]]
