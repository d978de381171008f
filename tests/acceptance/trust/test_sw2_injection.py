"""SW-2 on a running instance: built texts are refused, and hostile values stay values."""

from __future__ import annotations

from tests.acceptance.trust.conftest import Ask


def test_sw2_no_statement_is_built_and_no_value_becomes_one(ask: Ask) -> None:
    found = ask("SW-2")
    assert found["state"] == "met", found
    assert "the rule first found its planted holes" in found["evidence"]
    assert "hostile values stayed values" in found["evidence"]
