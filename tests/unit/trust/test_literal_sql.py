"""SW-2: the rule finds every planted statement that is built from strings, and nothing in the product."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from growsoft.trust import literal_sql
from growsoft.trust.injection import no_built_statements
from growsoft.trust.literal_sql import BUILT, DRIVER, HARMLESS, PLANTED, blind_spots, holes, scan
from growsoft.trust.states import State
from tests.security.scanners import ROOT
from tests.support.world import SmallWorld

SRC = ROOT / "src"


@pytest.mark.parametrize(("source", "what"), PLANTED)
def test_sw2_a_planted_hole_is_found(source: str, what: str) -> None:
    assert [hole.what for hole in holes(source, "app/models.py")] == [what]


@pytest.mark.parametrize("source", HARMLESS)
def test_sw2_what_is_harmless_is_left_alone(source: str) -> None:
    assert list(holes(source, "app/models.py")) == []


def test_sw2_the_rule_is_not_blind() -> None:
    assert blind_spots() == []


def test_sw2_the_rule_finds_what_the_scanner_of_the_tree_finds() -> None:
    file = ROOT / "tests/security/planted/sql_holes.py"
    planted = {
        number
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if re.search(r"hole: growsoft-(?:sql-from-strings|literal-string-cast|psycopg-outside-postgres)", line)
    }
    found = {hole.line for hole in holes(file.read_text(), "sale/models.py")}
    assert planted
    assert found == planted


def test_sw2_a_hole_has_its_place() -> None:
    source = "def find(cursor, name):\n    query = f'SELECT {name}'\n    cursor.execute(query)\n"
    (hole,) = holes(source, "app/models.py")
    assert (hole.file, hole.line, hole.what) == ("app/models.py", 3, BUILT)


def test_sw2_a_name_of_another_function_is_not_confused() -> None:
    source = "def one():\n    query = f'{x}'\n\ndef two(cursor, query):\n    cursor.execute(query)\n"
    assert list(holes(source, "app/models.py")) == []


def test_sw2_the_driver_is_at_home_on_its_floor() -> None:
    assert list(holes("import psycopg\n", "growsoft/postgres/pool.py")) == []
    assert [hole.what for hole in holes("import psycopg\n", "growsoft/orm/env.py")] == [DRIVER]


def test_sw2_nothing_is_built_in_the_product() -> None:
    modules, found = scan([SRC / "growsoft", SRC / "growsoft_cloud"])
    assert modules > 200
    assert [str(hole) for hole in found] == []


def test_sw2_a_hole_in_an_installed_package_is_not_met(tmp_path: Path) -> None:
    package = tmp_path / "bad_app"
    package.mkdir()
    (package / "models.py").write_text("def find(cursor, name):\n    cursor.execute('SELECT ' + name)\n")
    found = no_built_statements(SmallWorld(packages=[SRC / "growsoft", package]))
    assert found.state is State.NOT_MET
    assert found.evidence == f"bad_app/models.py:2: {BUILT}."


def test_sw2_a_blind_rule_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(literal_sql, "_EXECUTORS", frozenset[str]())
    found = no_built_statements(SmallWorld(packages=[SRC / "growsoft"]))
    assert found.state is State.NOT_MET
    assert "missed" in found.evidence


def test_sw2_no_source_is_no_evidence(tmp_path: Path) -> None:
    assert no_built_statements(SmallWorld(packages=[tmp_path])).state is State.NOT_MET
