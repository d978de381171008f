"""SW-4 on a running instance: what is not meant for the outside does not answer."""

from __future__ import annotations

from tests.acceptance.trust.conftest import Ask


def test_sw4_only_declared_methods_answer(ask: Ask) -> None:
    found = ask("SW-4")
    assert found["state"] == "met", found
    assert "the probe first noticed a declared one on each" in found["evidence"]
