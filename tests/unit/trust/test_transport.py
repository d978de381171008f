"""PW-3, EN-1 and EN-3: a server that is careless with credentials, suites or certificates is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from growsoft.security.certificates import Authority, CertificateUnusable, facts, facts_in
from growsoft.trust import stranger
from growsoft.trust.states import State
from growsoft.trust.stranger import ask, ask_plain, handshake
from growsoft.trust.transport import https_only, scanned, unfit
from growsoft.trust.world import Address, CannotCheck
from tests.unit.trust.conftest import COOKIE, HSTS, Manners, Serve

HOSTS = ("localhost",)


def test_pw3_a_careful_server_is_met(serve: Serve) -> None:
    found = https_only(serve(Manners()), ["localhost", "demo.localhost"])
    assert found.state is State.MET, found
    assert "2 hosts" in found.evidence


_CARELESS: dict[str, tuple[Manners, str]] = {
    "no HSTS": (Manners(fields=(COOKIE,)), "HTTPS answers /web/login without HSTS"),
    "HSTS that ends at once": (
        Manners(fields=("strict-transport-security: max-age=0", COOKIE)),
        "without HSTS",
    ),
    "a cookie that is not Secure": (
        Manners(fields=(HSTS, "set-cookie: __Host-gs=a; Path=/; HttpOnly; SameSite=Lax")),
        "the cookie __Host-gs lacks secure",
    ),
    "a cookie that scripts read": (
        Manners(fields=(HSTS, "set-cookie: __Host-gs=a; Path=/; Secure; SameSite=Lax")),
        "the cookie __Host-gs lacks httponly",
    ),
    "a cookie that other sites send": (
        Manners(fields=(HSTS, "set-cookie: __Host-gs=a; Path=/; Secure; HttpOnly")),
        "the cookie __Host-gs lacks samesite",
    ),
    "a cookie that another host can set": (
        Manners(fields=(HSTS, "set-cookie: gs=a; Path=/; Secure; HttpOnly; SameSite=Lax")),
        "the cookie gs could be set by another host",
    ),
    "no cookie at all": (Manners(fields=(HSTS,)), "gave no cookies to look at"),
    "a way back to plain HTTP": (
        Manners(fields=(HSTS, COOKIE, "location: http://localhost/"), status="303 See Other"),
        "leads from /web/login back to plain HTTP",
    ),
    "a sign-in over plain HTTP": (
        Manners(plain_post="HTTP/1.1 200 OK\r\n\r\n"),
        "plain HTTP answers a sign-in with 200",
    ),
    "a sign-in that is sent on": (
        Manners(plain_post="HTTP/1.1 307 Temporary Redirect\r\nlocation: https://localhost/web/login\r\n\r\n"),
        "plain HTTP answers a sign-in with 307",
    ),
    "a page over plain HTTP": (
        Manners(plain_get="HTTP/1.1 200 OK\r\n\r\n<form>"),
        "plain HTTP answers a page with 200",
    ),
    "a redirect to plain HTTP": (
        Manners(plain_get="HTTP/1.1 301 Moved\r\nlocation: http://www.localhost/\r\n\r\n"),
        "does not lead to HTTPS",
    ),
    "a cookie over plain HTTP": (
        Manners(plain_post="HTTP/1.1 403 Forbidden\r\nset-cookie: gs=a\r\n\r\n"),
        "plain HTTP answers a sign-in with 403",
    ),
}


@pytest.mark.parametrize("hole", _CARELESS)
def test_pw3_a_careless_server_is_found(serve: Serve, hole: str) -> None:
    manners, told = _CARELESS[hole]
    found = https_only(serve(manners), HOSTS)
    assert found.state is State.NOT_MET
    assert told in found.evidence


def test_pw3_a_server_that_waits_for_the_password_is_found(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    # The patience of the stranger, not of the world: five seconds are long enough for a person, not for a test.
    monkeypatch.setattr(ask_plain, "__kwdefaults__", {"patience": 0.5})
    found = https_only(serve(Manners(waits_for_body=True)), HOSTS)
    assert found.state is State.NOT_MET
    assert "plain HTTP waits for the body of a sign-in" in found.evidence


def test_pw3_evidence_never_holds_the_value_of_a_cookie(serve: Serve) -> None:
    found = https_only(serve(Manners(fields=(HSTS, "set-cookie: gs=very-secret-value; Path=/"))), HOSTS)
    assert "very-secret-value" not in found.evidence


def test_pw3_a_port_that_is_closed_is_no_pass(serve: Serve) -> None:
    closed = replace(serve(Manners()), port=1)
    with pytest.raises(CannotCheck, match="Nothing answers"):
        https_only(closed, HOSTS)


def test_a_server_with_another_authority_is_not_believed(serve: Serve, tmp_path: Path) -> None:
    other = Authority.create(tmp_path)
    with pytest.raises(CannotCheck, match="not who it should be"):
        ask(replace(serve(Manners()), authority=other.certificate), "localhost", "/")


def test_a_server_with_another_name_is_not_believed(serve: Serve) -> None:
    with pytest.raises(CannotCheck, match="not who it should be"):
        handshake(serve(Manners()), "other.example")


def test_an_answer_that_is_no_http_is_none(serve: Serve) -> None:
    address = serve(Manners(plain_get="220 mail.example ESMTP\r\n"))
    assert ask_plain(address, b"GET / HTTP/1.1\r\n\r\n") is None
    assert stranger.TIMEOUT > 0


def test_en1_a_server_of_256_bits_is_met(start_server: Callable[[str], int]) -> None:
    found = scanned(_at(start_server("ours")), HOSTS)
    assert found.state is State.MET, found
    assert "4 suites and no other, all of 256 bits" in found.evidence


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("default", "TLS 1.3 with TLS_AES_128_GCM_SHA256 (128 bits) is accepted"),
        ("aes128-in-1.2", "TLS 1.2 with AES128-GCM-SHA256 (128 bits) is accepted"),
        ("old", "TLS 1.0 with AES256-SHA (256 bits) is accepted"),
        ("no-encryption", "(0 bits) is accepted"),
    ],
)
def test_en1_a_weak_server_is_found(start_server: Callable[[str], int], kind: str, told: str) -> None:
    found = scanned(_at(start_server(kind)), HOSTS)
    assert found.state is State.NOT_MET
    assert told in found.evidence or "and " in found.evidence


def test_en3_a_certificate_of_ours_fits(serve: Serve) -> None:
    shown = facts_in(handshake(serve(Manners()), "demo.localhost").certificate)
    assert (shown.key_type, shown.bits, shown.digest) == ("RSA", 2048, "sha256")
    assert list(unfit(shown, "demo.localhost")) == []


def test_en3_the_certificate_that_is_shown_counts_not_the_file(serve: Serve, authority: Authority) -> None:
    shown = facts_in(handshake(serve(Manners()), "localhost").certificate)
    assert shown.issuer == facts(authority.certificate).subject


def test_en3_weak_certificates_are_found(serve: Serve) -> None:
    good = facts_in(handshake(serve(Manners()), "localhost").certificate)
    now = datetime.now(UTC)
    weak = {
        "a key of RSA with 1024 bits": replace(good, bits=1024),
        "a key of EllipticCurvePublicKey with 256 bits": replace(good, key_type="EllipticCurvePublicKey", bits=256),
        "signed with sha1": replace(good, digest="sha1"),
        f"ends on {now + timedelta(days=13):%Y-%m-%d}": replace(good, not_after=now + timedelta(days=13)),
    }
    for told, certificate in weak.items():
        (problem,) = unfit(certificate, "x", now=now)
        assert told in problem


def test_en3_what_is_no_certificate_is_refused() -> None:
    with pytest.raises(CertificateUnusable):
        facts_in(b"nothing")


def _at(port: int) -> Address:
    return Address("127.0.0.1", port, Path("/nowhere"))
