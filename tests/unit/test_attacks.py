"""The page of attacks: no family without tests, and no test that is not there."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest

from tests.security.scanners import ROOT

PAGE: Final = ROOT / "docs/reference/attacks.md"
FAMILIES: Final = range(3, 17)
WITHOUT: Final = {8: "mail"}  # nothing to attack: what it would be about, the page says and a test below
_ENTRY: Final = re.compile(r"^- \[[^\]]+\]\(([^)]+)\)(?:: (.+))?$", re.MULTILINE)


def _families() -> dict[int, str]:
    parts = re.split(
        r"^### (\d+)\. .+$", PAGE.read_text(encoding="utf-8").partition("## What remains")[0], flags=re.MULTILINE
    )
    return {int(number): text for number, text in zip(parts[1::2], parts[2::2], strict=True)}


def _tests(file: Path) -> list[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]


def test_every_family_is_on_the_page() -> None:
    assert sorted(_families()) == list(FAMILIES)


@pytest.mark.parametrize("family", [number for number in FAMILIES if number not in WITHOUT])
def test_a_family_has_its_tests(family: int) -> None:
    entries = _ENTRY.findall(_families()[family])
    assert entries, "a family without a test"
    for link, words in entries:
        names = _tests((PAGE.parent / link).resolve())
        for word in re.findall(r"`([a-z0-9_]+)`", words) or ["test_"]:
            assert any(word in name for name in names), f"{link} has no test with {word} in its name"


def test_nothing_reads_incoming_mail() -> None:
    # When something does, the family needs tests of who acts then.
    readers = {"imaplib", "poplib", "smtpd", "aiosmtpd", "mailbox", "asyncore"}
    for file in sorted((ROOT / "src").rglob("*.py")):
        found = set(re.findall(r"^\s*(?:import|from) (\w+)", file.read_text(encoding="utf-8"), re.MULTILINE))
        assert not found & readers, file
