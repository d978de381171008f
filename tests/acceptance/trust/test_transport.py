"""PW-3, EN-1 and EN-3 on the running server, as a stranger sees it."""

from __future__ import annotations

from tests.acceptance.trust.conftest import Ask


def test_pw3_credentials_travel_over_https_only(ask: Ask) -> None:
    found = ask("PW-3")
    assert found["state"] == "met", found
    assert "refused before its body could be read" in found["evidence"]


def test_en1_the_running_server_accepts_256_bits_only(ask: Ask) -> None:
    found = ask("EN-1")
    assert found["state"] == "met", found
    assert "128" not in found["evidence"]


def test_en3_certificates_are_strong_and_the_authority_is_played(ask: Ask) -> None:
    found = ask("EN-3")
    assert found["state"] == "simulated", found
    assert "The authority is this machine's own." in found["evidence"]
