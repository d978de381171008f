"""Output: JSON for programs, a table on a terminal, tabs in a pipe; and nothing that steers a terminal."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growsoft.cli.output import cell, print_rows

ROWS: list[dict[str, object]] = [
    {"name": "kyoto", "plan": "paid", "apps": ["base", "sale"], "active": True},
    {"name": "åbo", "plan": "trial", "apps": [], "active": False},
]


def test_a_pipe_gets_tabs_and_no_heading(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(ROWS, ("name", "plan", "apps", "active"), as_json=False)
    assert capsys.readouterr().out == "kyoto\tpaid\tbase,sale\tyes\nåbo\ttrial\t\tno\n"


def test_a_terminal_gets_a_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    print_rows(ROWS, ("name", "plan"), as_json=False)
    assert capsys.readouterr().out == "NAME   PLAN\nkyoto  paid\nåbo    trial\n"


def test_json_has_every_column_in_its_own_type(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(ROWS, ("name",), as_json=True)
    assert json.loads(capsys.readouterr().out) == ROWS


def test_no_rows_are_an_empty_array_and_an_empty_table(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([], ("name",), as_json=True)
    print_rows([], ("name",), as_json=False)
    assert capsys.readouterr().out == "[]\n"


def test_a_moment_is_in_utc_to_the_second() -> None:
    assert cell(datetime(2026, 3, 1, 7, 30, 5, 999, UTC)) == "2026-03-01 07:30:05Z"


@given(st.recursive(st.text() | st.none() | st.booleans() | st.integers(), st.lists))
def test_whatever_customers_typed_stays_on_its_line_and_steers_no_terminal(value: object) -> None:
    assert cell(value).isprintable()
