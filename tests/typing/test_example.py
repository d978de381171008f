"""The example of the design: under a hundred lines, strict without a plugin, and it builds."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest

from growsoft.orm import load
from tests.typing import orders

ROOT: Final = Path(__file__).parent.parent.parent
EXAMPLE: Final = Path(orders.__file__)
TOOLS: Final = Path(sys.executable).parent


def test_the_example_is_short() -> None:
    assert len(EXAMPLE.read_text().splitlines()) <= 100


@pytest.mark.parametrize("checker", ["mypy", "basedpyright"])
def test_the_example_passes_the_strict_checker(checker: str) -> None:
    done = subprocess.run([TOOLS / checker, EXAMPLE], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_both_checkers_are_strict_and_no_plugin_helps() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    assert tools["mypy"]["strict"] is True
    assert "plugins" not in tools["mypy"]
    assert tools["basedpyright"]["typeCheckingMode"] == "strict"


def test_the_example_builds_and_declares() -> None:
    registry = load(["orders"], available={"orders": orders.app})
    assert set(registry.models) == {"orders.country", "orders.partner", "orders.order", "orders.line"}
    assert {table.name for table in registry.declarations.tables} == {
        "orders_country", "orders_partner", "orders_order", "orders_line",
    }  # fmt: skip
