"""A scanner of TLS servers: every suite they accept, in every version, or an error; never an empty answer (claim EN-1).

It speaks the first words of TLS itself, because a library offers only what its own configuration allows: ours would
never see a weak server. Each suite that a server chooses is taken out of the next offer, until the server refuses.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address

from growsoft.errors import GrowsoftError
from growsoft.security.tls_hello import TLS_1_3, Alert, Chosen, NotTls, answer, client_hello

VERSIONS = {0x0304: "TLS 1.3", 0x0303: "TLS 1.2", 0x0302: "TLS 1.1", 0x0301: "TLS 1.0", 0x0300: "SSL 3.0"}

# RFC 8446, B.4: name and bits; then the suites of RFC 9150 (no encryption at all) and RFC 8998.
SUITES_OF_1_3 = {
    0x1301: ("TLS_AES_128_GCM_SHA256", 128),
    0x1302: ("TLS_AES_256_GCM_SHA384", 256),
    0x1303: ("TLS_CHACHA20_POLY1305_SHA256", 256),
    0x1304: ("TLS_AES_128_CCM_SHA256", 128),
    0x1305: ("TLS_AES_128_CCM_8_SHA256", 128),
    0xC0B4: ("TLS_SHA256_SHA256", 0),
    0xC0B5: ("TLS_SHA384_SHA384", 0),
    0x00C6: ("TLS_SM4_GCM_SM3", 128),
    0x00C7: ("TLS_SM4_CCM_SM3", 128),
}
# All that IANA ever assigned to earlier versions lies in these ranges.
EARLIER_SUITES = (*range(0x0001, 0x00C6), *range(0xC001, 0xC0B4), *range(0xCC13, 0xCC16), *range(0xCCA8, 0xCCAF))

# Old servers stumble over longer offers.
OFFER = 100
LONGEST_ANSWER = 64 * 1024

# Alerts that refuse an offer (RFC 8446, 6): handshake_failure, illegal_parameter, protocol_version,
# insufficient_security, internal_error. Any other one is about something else, so that we learned nothing.
REFUSALS = frozenset({40, 47, 70, 71, 80})


class ScanFailed(GrowsoftError):
    """The server could not be scanned; see that it runs and speaks TLS on this port, and scan again."""


@dataclass(frozen=True, slots=True, order=True)
class Suite:
    """A suite that a server accepted; `bits` is 0 where they are unknown, so that it never passes for a strong one."""

    version: str
    name: str
    bits: int


@dataclass(frozen=True, slots=True)
class _Target:
    """A server to ask."""

    host: str
    port: int
    server_name: str
    timeout: float
    postgresql: bool


def accepted_suites(
    host: str, port: int, *, server_name: str | None = None, timeout: float = 5.0, postgresql: bool = False
) -> list[Suite]:
    """Return every suite the server accepts, from SSL 3.0 to TLS 1.3.

    `server_name` is sent in place of the host (an address is never sent); with `postgresql` TLS is asked for as
    PostgreSQL wants it. Raises `ScanFailed` when the server cannot be
    reached, does not answer, does not speak TLS, accepts nothing at all, or stops answering in between.
    """
    target = _Target(host, port, _name_to_send(host if server_name is None else server_name), timeout, postgresql)
    found = [choice for version in VERSIONS for choice in _accepted_in(target, version)]
    if not found:
        raise ScanFailed(f"{host}:{port} accepted none of all suites, so the scan proves nothing; see what runs there.")
    # A server that went away looks like one that refuses: it must still accept what it accepted first.
    if _ask(target, found[0].version, [found[0].suite]) != found[0]:
        raise ScanFailed(f"{host}:{port} changed its answers during the scan; scan it again.")
    return sorted(Suite(VERSIONS[choice.version], *_described(choice)) for choice in found)


def _accepted_in(target: _Target, version: int) -> Iterator[Chosen]:
    """Yield what the server chooses in one version until it refuses the rest."""
    suites = tuple(SUITES_OF_1_3) if version == TLS_1_3 else EARLIER_SUITES
    for start in range(0, len(suites), OFFER):
        offered = list(suites[start : start + OFFER])
        while offered:
            chosen = _ask(target, version, offered)
            if chosen is None:
                break
            offered.remove(chosen.suite)
            yield chosen


def _ask(target: _Target, version: int, suites: Sequence[int]) -> Chosen | None:
    """Return the server's choice, or nothing when it refuses; a closed connection is asked about twice."""
    said = _said(target, version, suites) or _said(target, version, suites)
    if isinstance(said, Alert) and said.number not in REFUSALS:
        raise ScanFailed(
            f"{target.host}:{target.port} answered with alert {said.number}, which is no refusal of a suite."
        )
    if not isinstance(said, Chosen) or said.version != version:
        return None
    if said.suite not in suites:
        raise ScanFailed(f"{target.host}:{target.port} chose suite {said.suite:#06x}, which was not offered.")
    return said


def _said(target: _Target, version: int, suites: Sequence[int]) -> Chosen | Alert | None:
    """Offer suites on a new connection and return the answer, or nothing when the server just closes it."""
    try:
        with socket.create_connection((target.host, target.port), target.timeout) as connection:
            try:
                if target.postgresql:
                    _ask_postgresql_for_tls(connection)
                connection.sendall(client_hello(version, suites, target.server_name))
                return _answer_on(connection)
            except (ConnectionResetError, BrokenPipeError):
                return None
    except OSError as error:
        raise ScanFailed(f"{target.host}:{target.port} cannot be scanned ({error}); see that it runs.") from error
    except NotTls:
        raise ScanFailed(f"{target.host}:{target.port} does not speak TLS; give the port that does.") from None


def _ask_postgresql_for_tls(connection: socket.socket) -> None:
    """Send the SSLRequest of PostgreSQL's protocol; it answers with one letter."""
    connection.sendall(bytes.fromhex("00000008 04d2162f"))
    if connection.recv(1) != b"S":
        raise NotTls


def _answer_on(connection: socket.socket) -> Chosen | Alert | None:
    """Read until the server has said something or closes."""
    data = b""
    while len(data) < LONGEST_ANSWER:
        more = connection.recv(4096)
        if not more:
            return None
        data += more
        said = answer(data)
        if said is not None:
            return said
    raise NotTls


def _described(choice: Chosen) -> tuple[str, int]:
    """Return the name and the bits of a suite; one that nobody here knows is its number, with 0 bits."""
    if choice.version == TLS_1_3:
        return SUITES_OF_1_3[choice.suite]
    return _earlier_suites().get(choice.suite, (f"{choice.suite:#06x}", 0))


@cache
def _earlier_suites() -> dict[int, tuple[str, int]]:
    """Return names and bits of the suites that the local OpenSSL knows; its numbers carry a prefix above 16 bits."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    return {suite["id"] & 0xFFFF: (suite["name"], suite["strength_bits"]) for suite in context.get_ciphers()}


def _name_to_send(name: str) -> str:
    """Return a name as it is and an address as nothing (RFC 6066, 3)."""
    try:
        ip_address(name)
    except ValueError:
        return name
    return ""
