"""`growsoft import`: what it prints, for people and for programs, and how it ends."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from growsoft.cli.errors import NotFound
from growsoft.cli.main import main
from growsoft.config import Settings
from growsoft.orm import Env
from tests.support.shop import Shop

MAPS = ["--map", "id=ref", "--map", "firm=name", "--map", "land=country_id", "--key", "ref"]
GOOD = 'id,firm,land\n1,Åkesson & Co,Sweden\n2,"Brown, Ltd.",UK\n'
BAD = GOOD + "3,Cee,Atlantis\n"


@pytest.fixture
def growsoft(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run a command against one shop, called acme; give exit code, output and errors."""

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
            main(["import", *arguments])
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], str]:
    """Write a file; give its path."""

    def write(content: str) -> str:
        path = tmp_path / "firms.csv"
        path.write_text(content, encoding="utf-8")
        return str(path)

    return write


Run = Callable[..., tuple[int, str, str]]
Write = Callable[[str], str]


def _json(answer: tuple[int, str, str]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(answer[1])
    return told


def test_a_person_reads_how_many_and_the_exit_code_is_zero(growsoft: Run, file: Write, shop: Shop) -> None:
    path = file(GOOD)
    assert growsoft("acme", "res.partner", path, *MAPS, "--dry-run") == (
        0, "Would have created 2, updated 0 (0 of them unchanged).\n", "",
    )  # fmt: skip
    assert shop.count("res.partner") == 0
    assert growsoft("acme", "res.partner", path, *MAPS)[:2] == (0, "Created 2, updated 0 (0 of them unchanged).\n")
    assert growsoft("acme", "res.partner", path, *MAPS)[:2] == (0, "Created 0, updated 2 (2 of them unchanged).\n")


def test_a_program_reads_json_also_when_rows_are_wrong(growsoft: Run, file: Write, shop: Shop) -> None:
    answer = growsoft("acme", "res.partner", file(BAD), *MAPS, "--json")
    assert answer[0] == 1
    assert _json(answer) == {
        "created": 0,
        "updated": 0,
        "unchanged": 0,
        "errors": [
            {
                "line": 4,
                "column": "land",
                "value": "Atlantis",
                "reason": "There is no Country with this Alpha-2 code or Alpha-3 code or Name.",
            }
        ],
        "more_errors": False,
        "dry_run": False,
    }
    assert shop.count("res.partner") == 0


def test_with_partial_the_exit_code_still_says_that_some_rows_did_not_go_in(growsoft: Run, file: Write) -> None:
    code, out, err = growsoft("acme", "res.partner", file(BAD), *MAPS, "--partial")
    assert (code, out) == (1, "Created 2, updated 0 (0 of them unchanged).\n")
    assert err.startswith("Line 4, land 'Atlantis': There is no Country")


def test_a_person_reads_what_is_wrong_and_what_to_do(growsoft: Run, file: Write) -> None:
    code, out, err = growsoft("acme", "res.partner", file(BAD), *MAPS)
    assert (code, out) == (1, "")
    assert err.endswith("Nothing was imported. Correct the file and run this again; --partial lets good rows in.\n")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nodb", "res.partner", "FILE", *MAPS], 3, "There is no database nodb"),
        (["acme", "res.nothing", "FILE", *MAPS], 3, "There is no model res.nothing; there are: ir.attachment"),
        (["acme", "res.partner", "/nowhere/firms.csv", *MAPS], 3, "There is no file /nowhere/firms.csv"),
        (["acme", "res.partner", "FOLDER", *MAPS], 2, "is a folder; name a CSV or XLSX file"),
        (["acme", "res.partner", "FILE"], 2, "res.partner has no field 'firm'"),
        (["acme", "res.partner", "FILE", "--map", "firm=nothing"], 2, "these can be imported: name, ref"),
        (["acme", "res.partner", "FILE", "--map", "firm"], 2, "'firm' is not COLUMN=FIELD"),
        (["acme", "res.partner", "FILE", *MAPS, "--set", "=x"], 2, "'=x' is not FIELD=VALUE"),
        (["acme", "res.partner", "FILE", *MAPS, "--set", "parent_id=Nobody"], 2, "--set: 'Nobody': There is no"),
        (["acme", "res.partner", "FILE", *MAPS, "--scale", "firm=2"], 2, "--scale firm: name is no number"),
        (["acme", "res.partner"], 2, "Missing argument 'FILE'"),
    ],
)
def test_a_mistake_in_the_command_has_its_exit_code_and_its_sentence(
    growsoft: Run, file: Write, tmp_path: Path, arguments: Sequence[str], code: int, words: str
) -> None:
    path = file(GOOD)
    places = {"FILE": path, "FOLDER": str(tmp_path)}
    found, out, err = growsoft(*(places.get(argument, argument) for argument in arguments))
    assert (found, out) == (code, "")
    assert words in err


def test_columns_and_values_may_hold_equals_signs(growsoft: Run, file: Write, shop: Shop) -> None:
    path = file("a=b,name\n1,A\n")
    code, *_ = growsoft("acme", "res.partner", path, "--map", "a=b=ref", "--map", "name=name", "--set", "city=x=y")
    assert code == 0
    with shop.elevated() as env:
        assert env["res.partner"].search_read([], ["ref", "city"])[0] | {"id": 0} == {
            "id": 0,
            "ref": "1",
            "city": "x=y",
        }


def test_several_fields_are_a_key_in_one_option_or_in_several(growsoft: Run, file: Write) -> None:
    path = file("id,city\n1,Graz\n1,Linz\n")
    maps = ["--map", "id=name", "--map", "city=city"]
    assert _json(growsoft("acme", "res.partner", path, *maps, "--key", "name,city", "--json"))["created"] == 2
    again = growsoft("acme", "res.partner", path, *maps, "--key", "name", "--key", "city", "--json")
    assert _json(again)["updated"] == 2


def test_a_file_may_come_from_standard_input(growsoft: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(GOOD.encode()), encoding="ascii"))
    assert _json(growsoft("acme", "res.partner", "-", *MAPS, "--json"))["created"] == 2
