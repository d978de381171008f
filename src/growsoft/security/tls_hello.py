"""The first words of TLS: a ClientHello that offers chosen suites, and what a server's answer to it says.

Versions and suites are numbers as on the wire (RFC 5246, RFC 8446); 0x0304 is TLS 1.3.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Sequence
from dataclasses import dataclass

TLS_1_2 = 0x0303
TLS_1_3 = 0x0304

_ALERT, _HANDSHAKE = 21, 22
_CLIENT_HELLO, _SERVER_HELLO = 1, 2
_SERVER_NAME, _GROUPS, _POINT_FORMATS, _SIGNATURES, _MASTER_SECRET = 0, 10, 11, 13, 23
_VERSIONS, _KEY_EXCHANGE_MODES, _KEY_SHARE = 43, 45, 51

# x25519, the NIST curves, x448, and the groups of RFC 7919: a server must not refuse a suite for want of a group.
_KNOWN_GROUPS = (0x001D, 0x0017, 0x0018, 0x0019, 0x001E, 0x0100, 0x0101, 0x0102)
# ECDSA, RSA-PSS, EdDSA, RSA and DSA, from SHA-512 down to SHA-1, for the same reason.
_KNOWN_SIGNATURES = (
    *(0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0807, 0x0808, 0x0809, 0x080A, 0x080B),
    *(0x0401, 0x0501, 0x0601, 0x0303, 0x0301, 0x0302, 0x0203, 0x0201, 0x0202, 0x0402, 0x0502, 0x0602),
)


class NotTls(Exception):
    """What was read is not TLS."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A server's choice: it accepts this suite in this version."""

    version: int
    suite: int


@dataclass(frozen=True, slots=True)
class Alert:
    """A server's refusal, with its number."""

    number: int


def client_hello(version: int, suites: Sequence[int], server_name: str) -> bytes:
    """Return the record that offers suites in one version and in no other; an empty name is not sent."""
    session = secrets.token_bytes(32) if version == TLS_1_3 else b""
    body = (
        struct.pack(">H", min(version, TLS_1_2))
        + secrets.token_bytes(32)
        + _vector(1, session)
        + _vector(2, _numbers(suites))
        + _vector(1, b"\0")
        + _vector(2, _extensions(version, server_name))
    )
    message = bytes([_CLIENT_HELLO]) + _vector(3, body)
    return bytes([_HANDSHAKE]) + struct.pack(">H", min(version, 0x0301)) + _vector(2, message)


def answer(data: bytes) -> Chosen | Alert | None:
    """Return what a server said in these octets, or nothing while more are needed; raises `NotTls`."""
    message = b""
    while len(data) >= 5:
        kind, major, length = data[0], data[1], int.from_bytes(data[3:5], "big")
        if kind not in {_ALERT, _HANDSHAKE} or major != 3:
            raise NotTls
        if len(data) < 5 + length:
            return None
        fragment, data = data[5 : 5 + length], data[5 + length :]
        if kind == _ALERT:
            if len(fragment) == 2 and fragment[0] == 1:
                continue  # only a warning, for instance about the name
            return Alert(fragment[1] if len(fragment) == 2 else -1)
        message += fragment
        if len(message) >= 4 and len(message) >= 4 + int.from_bytes(message[1:4], "big"):
            return _server_hello(message)
    return None


def _server_hello(message: bytes) -> Chosen:
    """Read the version and suite that a server chose (RFC 8446, 4.1.3); its request to retry names them as well."""
    try:
        if message[0] != _SERVER_HELLO:
            raise NotTls
        body = message[4 : 4 + int.from_bytes(message[1:4], "big")]
        (version,) = struct.unpack_from(">H", body)
        after_session = 35 + body[34]
        (suite,) = struct.unpack_from(">H", body, after_session)
        return Chosen(_version(body[after_session + 3 :], version), suite)
    except (IndexError, struct.error):
        raise NotTls from None


def _version(extensions: bytes, version: int) -> int:
    """Return the version that the extensions name, else the one before them."""
    position = 2
    while position + 4 <= len(extensions):
        kind, length = struct.unpack_from(">HH", extensions, position)
        if kind == _VERSIONS:
            return int.from_bytes(extensions[position + 4 : position + 4 + length], "big")
        position += 4 + length
    return version


def _extensions(version: int, server_name: str) -> bytes:
    """Return what a server needs to know to take any suite."""
    found = [
        (_GROUPS, _vector(2, _numbers(_KNOWN_GROUPS))),
        (_POINT_FORMATS, _vector(1, b"\0")),
        (_SIGNATURES, _vector(2, _numbers(_KNOWN_SIGNATURES))),
        (_MASTER_SECRET, b""),
    ]
    if server_name:
        found.append((_SERVER_NAME, _vector(2, b"\0" + _vector(2, server_name.encode("idna")))))
    if version == TLS_1_3:
        # Any 32 octets are a public key of x25519 (RFC 7748); nobody will need the private one.
        share = struct.pack(">H", _KNOWN_GROUPS[0]) + _vector(2, secrets.token_bytes(32))
        found += [
            (_VERSIONS, _vector(1, _numbers([version]))),
            (_KEY_EXCHANGE_MODES, _vector(1, b"\1")),
            (_KEY_SHARE, _vector(2, share)),
        ]
    return b"".join(struct.pack(">H", kind) + _vector(2, data) for kind, data in found)


def _vector(width: int, data: bytes) -> bytes:
    """Return data with its length before it, in so many octets."""
    return len(data).to_bytes(width, "big") + data


def _numbers(values: Sequence[int]) -> bytes:
    """Return numbers of two octets each."""
    return struct.pack(f">{len(values)}H", *values)
