"""Transport: credentials travel over HTTPS only (PW-3), with 256 bits (EN-1), under certificates of strength (EN-3)."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from growsoft.postgres.inspection import LOOPBACK
from growsoft.security.certificates import Facts, facts, facts_in
from growsoft.security.tls import BITS, Suite, accepted_suites
from growsoft.trust.states import Finding, judged, met, simulated
from growsoft.trust.stranger import Said, ask, ask_plain, handshake
from growsoft.trust.world import Address, CannotCheck, World, each

LOGIN: Final = "/web/login"
# A page for signed-in people: it takes a session away, so it shows how the cookie of a session is worded.
PRIVATE: Final = "/app"
NOWHERE: Final = "/trust-asks-for-what-is-not-there"

REDIRECTS: Final = frozenset((301, 302, 307, 308))
MOST_HOSTS: Final = 5
MODERN: Final = frozenset({"TLS 1.2", "TLS 1.3"})
RSA_BITS: Final = 2048
SHA_2: Final = frozenset({"sha224", "sha256", "sha384", "sha512"})
RENEWED_BEFORE: Final = 14  # days


def only_over_https(world: World) -> Finding:
    """PW-3: plain HTTP reads no body and leads to HTTPS; HTTPS asks to be stayed with, and its cookies are Secure."""
    hosts = _some_hosts(world)
    return https_only(world.web, hosts)


def https_only(address: Address, hosts: Sequence[str]) -> Finding:
    """Examine one server under some host names."""
    problems = list(_plain(address))
    for host in hosts:
        problems += _secure(address, host)
    return judged(
        problems,
        "Serve nothing but HTTPS on this port, and put nothing before it that changes headers or cookies.",
        met(
            "Over plain HTTP a password was refused before its body could be read, and pages lead to HTTPS."
            f" {len(hosts)} hosts answer over HTTPS with HSTS, and every cookie is __Host-, Secure, HttpOnly and"
            " SameSite."
        ),
    )


def strong_suites(world: World) -> Finding:
    """EN-1: the scanner lists every suite that the running server accepts, and each has 256 bits."""
    return scanned(world.web, _some_hosts(world, 2))


def scanned(address: Address, hosts: Sequence[str]) -> Finding:
    """Scan one server under some host names: each name has a context of its own."""
    found = {
        suite
        for host in hosts
        for suite in accepted_suites(address.host, address.port, server_name=host)
    }  # fmt: skip
    weak = sorted(suite for suite in found if suite.bits < BITS or suite.version not in MODERN)
    return judged(
        [f"{suite.version} with {suite.name} ({suite.bits} bits) is accepted" for suite in weak],
        "Start the server by `growsoft up`, which gives it its OpenSSL configuration; see proxies before it too.",
        met(
            f"The running server accepts {len(found)} suites and no other, all of {BITS} bits:"
            f" {'; '.join(_told(sorted(found)))}."
        ),
    )


def strong_certificates(world: World) -> Finding:
    """EN-3: the certificates that are shown, and their authority: RSA of 2048 bits, SHA-2, names and dates that fit."""
    shown = 0

    def look(server: tuple[str, Address, bool]) -> Iterator[str]:
        nonlocal shown
        name, address, postgresql = server
        yield from unfit(facts_in(handshake(address, name, postgresql=postgresql).certificate), name)
        shown += 1

    servers = [(subject.host, world.web, False) for subject in world.subjects]
    problems = each(world, [*servers, ("localhost", _postgresql(world), True)], look)
    authority = facts(world.web.authority)
    problems += unfit(authority, "the authority")
    return judged(
        problems,
        "Have the certificate issued anew: stop, remove it from the folder tls, then growsoft up",
        simulated(
            f"{shown} certificates were shown by the web and by PostgreSQL: RSA of {RSA_BITS} bits or more, SHA-2 up to"
            f" their authority, good for more than {RENEWED_BEFORE} days. The authority is this machine's own."
        ),
    )


def unfit(certificate: Facts, name: str, *, now: datetime | None = None) -> Iterator[str]:
    """Say what is weak about a certificate."""
    if certificate.key_type != "RSA" or certificate.bits < RSA_BITS:
        yield f"the certificate of {name} has a key of {certificate.key_type} with {certificate.bits} bits"
    if certificate.digest not in SHA_2:
        yield f"the certificate of {name} is signed with {certificate.digest or 'no digest that is known'}"
    if certificate.expires_within(RENEWED_BEFORE, now=now or datetime.now(UTC)):
        yield f"the certificate of {name} ends on {certificate.not_after:%Y-%m-%d}"


def _plain(address: Address) -> Iterator[str]:
    """Talk without TLS. The password is announced and never sent: who answers all the same has not waited for it."""
    host = f"localhost:{address.port}".encode()
    head = b"POST %s HTTP/1.1\r\nhost: %s\r\ncontent-length: 64\r\nexpect: 100-continue\r\n\r\n" % (
        LOGIN.encode(), host,
    )  # fmt: skip
    try:
        said = ask_plain(address, head)
    except TimeoutError:
        yield "plain HTTP waits for the body of a sign-in"
        return
    if said is not None and (said.status < 400 or said.every("set-cookie")):
        yield f"plain HTTP answers a sign-in with {said.status}"
    said = ask_plain(address, b"GET %s HTTP/1.1\r\nhost: %s\r\n\r\n" % (LOGIN.encode(), host))
    if said is None:
        return  # closed without a word: nothing travels
    if said.every("set-cookie") or said.status not in REDIRECTS or _scheme(said) != "https":
        yield f"plain HTTP answers a page with {said.status}, and does not lead to HTTPS"


def _secure(address: Address, host: str) -> Iterator[str]:
    cookies: list[str] = []
    for path in (LOGIN, PRIVATE, NOWHERE):
        said = ask(address, host, path)
        if not _stays(said):
            yield f"HTTPS answers {path} without HSTS"
        if _scheme(said) == "http":
            yield f"HTTPS leads from {path} back to plain HTTP"
        cookies += said.every("set-cookie")
    if len(cookies) < 2:
        yield "the sign-in page gave no cookies to look at"
    for cookie in cookies:
        yield from _loose(cookie)


def _stays(said: Said) -> bool:
    """Say whether a browser is told to use HTTPS from now on (RFC 6797)."""
    fields = [part.strip().lower() for part in said.first("strict-transport-security").split(";")]
    age = next((part.removeprefix("max-age=").strip('"') for part in fields if part.startswith("max-age=")), "")
    return age.isdigit() and int(age) > 0


def _scheme(said: Said) -> str:
    """Return the scheme of the address that an answer leads to; none for one of the same server."""
    return urlsplit(said.first("location")).scheme


def _loose(cookie: str) -> Iterator[str]:
    """Say which protection a cookie lacks; its value is left out."""
    name = cookie.partition("=")[0]
    told = {part.strip().lower().partition("=")[0] for part in cookie.split(";")[1:]}
    lacking = {"secure", "httponly", "samesite"} - told
    if lacking:
        yield f"the cookie {name} lacks {', '.join(sorted(lacking))}"
    if not name.startswith("__Host-"):
        yield f"the cookie {name} could be set by another host"


def _postgresql(world: World) -> Address:
    """Return where PostgreSQL takes connections with TLS."""
    try:
        port = int(json.loads(world.state.ports.read_text(encoding="utf-8"))["primary"])
    except OSError as error:
        raise CannotCheck("The ports of PostgreSQL are not known.", "Start it: growsoft up") from error
    return replace(world.web, host=LOOPBACK, port=port)


def _some_hosts(world: World, most: int = MOST_HOSTS) -> list[str]:
    """Draw some of the hosts that are served; the control database's is always among them."""
    control, *customers = [subject.host for subject in world.subjects]
    return [control, *random.SystemRandom().sample(customers, min(most - 1, len(customers)))]


def _told(suites: Sequence[Suite]) -> list[str]:
    versions = sorted({suite.version for suite in suites})
    return [f"{version}: {', '.join(s.name for s in suites if s.version == version)}" for version in versions]
