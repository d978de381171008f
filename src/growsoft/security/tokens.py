"""Tokens: secrets that chance makes, so that nobody has to guess whether they can be guessed."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string

TOKEN_BYTES = 32
OPAQUE_CHARACTERS = 20
CODE_DIGITS = 8

_OPAQUE_ALPHABET = string.ascii_lowercase + string.digits
_PREFIX = re.compile(r"[a-z][a-z0-9]{0,15}")


def new_token() -> str:
    """Return 256 random bits as 43 characters that are safe in an address, a header and a cookie."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def token_hash(token: str) -> bytes:
    """Return the SHA-256 of a token: what is stored in its place.

    A random secret of 256 bits needs no stretching. Any text has a hash, so that garbage is refused like a wrong token.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def one_time_code(digits: int = CODE_DIGITS) -> str:
    """Return random digits for a person to read and type; it must expire soon and count its attempts."""
    if not 6 <= digits <= 12:
        raise ValueError("A one-time code has 6 to 12 digits.")
    return "".join(secrets.choice(string.digits) for _ in range(digits))


def equal(left: str | bytes, right: str | bytes) -> bool:
    """Compare two secrets in a time that tells nothing about where they differ."""
    return hmac.compare_digest(_octets(left), _octets(right))


def new_opaque_name(prefix: str) -> str:
    """Return a name that tells nothing, such as `db7k2m...`: the prefix and 20 random letters and digits (103 bits).

    It is a PostgreSQL identifier that needs no quoting: lower case, begins with a letter, 36 characters at most.
    """
    if not _PREFIX.fullmatch(prefix):
        raise ValueError("A prefix is a lower-case letter and up to 15 lower-case letters or digits.")
    return prefix + "".join(secrets.choice(_OPAQUE_ALPHABET) for _ in range(OPAQUE_CHARACTERS))


def _octets(value: str | bytes) -> bytes:
    """Return the octets of a secret, whatever it was given as."""
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
