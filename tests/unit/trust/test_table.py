"""The table on a terminal: every word is there, no line is too wide, colours only where they are wanted."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from growsoft.cli.trust import row, table
from growsoft.trust.claim import Claim, Missing, Verdict
from growsoft.trust.states import Finding, met, not_met

_CHECK = Missing("Nothing.", "Something.")
_PROMISE = "Data access control rules implement complete isolation between customer databases on the same cluster."


def _verdict(finding: Finding, name: str = "SW-10") -> Verdict:
    claim = Claim(name, _PROMISE, _CHECK, ("growsoft/trust/wall.py",), ("tests/unit/trust",))
    return Verdict(claim, finding, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), 0.12345)


@pytest.fixture(autouse=True)
def no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.mark.parametrize("width", [20, 60, 72, 80, 120, 300])
def test_every_word_is_shown_and_no_line_is_too_wide(width: int) -> None:
    verdict = _verdict(not_met("Two of them share a key, which is one too many.", "Have a new one issued for each."))
    lines = list(table([verdict], width))
    words = " ".join(lines).split()
    for text in (_PROMISE, verdict.finding.evidence, verdict.finding.todo, "SW-10", "not met"):
        assert set(text.split()) <= set(words)
    assert max(map(len, lines)) <= max(width, 40)


def test_a_wide_terminal_has_promise_and_evidence_side_by_side() -> None:
    first, *_ = table([_verdict(met("All is well."))], 120)
    assert first.startswith("SW-10  met        Data access control")
    assert first.endswith("All is well.")


def test_states_have_colours_unless_nobody_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = _verdict(met("All is well."))
    assert not any("\x1b" in line for line in table([verdict], 100))
    monkeypatch.delenv("NO_COLOR")
    assert any("\x1b[32mmet" in line for line in table([verdict], 100))


def test_a_row_tells_everything() -> None:
    assert row(_verdict(met("All is well."))) == {
        "id": "SW-10",
        "promise": _PROMISE,
        "state": "met",
        "evidence": "All is well.",
        "checked_at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "seconds": 0.123,
        "enforced_by": ["growsoft/trust/wall.py"],
        "tests": ["tests/unit/trust"],
        "todo": "",
    }
