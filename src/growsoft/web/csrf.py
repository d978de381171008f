"""Cross-site request forgery: every unsafe request of a browser brings a token of its session and comes from our page.

There is no exemption, no per-route switch, and state never changes on GET.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

from growsoft.web.errors import Forged
from growsoft.web.http import Request

FIELD = "csrf"
HEADER = "x-csrf-token"
_PURPOSE = b"growsoft csrf 1"
_SIZE = 32


def token(secret: str) -> str:
    """Return a token for pages of the holder of a cookie's secret.

    Each page gets another text for the same token (XOR with fresh random bytes), so that compressed pages do not give
    it away byte by byte (BREACH).
    """
    pad = secrets.token_bytes(_SIZE)
    return base64.urlsafe_b64encode(pad + _xor(pad, _digest(secret))).decode("ascii")


def matches(given: str, secret: str) -> bool:
    """Say whether a token was made for this secret."""
    try:
        raw = base64.b64decode(given.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return False
    if len(raw) != 2 * _SIZE:
        return False
    return hmac.compare_digest(_xor(raw[:_SIZE], raw[_SIZE:]), _digest(secret))


def refuse_forgery(request: Request, *, given: str, secret: str, origin: str) -> None:
    """Let an unsafe request of a browser pass only with a token of its own cookie **and** from a page of ours.

    Raises `Forged`.
    """
    if not from_own_page(request, origin):
        raise Forged
    if not secret or not matches(given, secret):
        raise Forged


def from_own_page(request: Request, origin: str) -> bool:
    """Say whether the browser tells that our own page sent this; a browser that tells nothing is not believed."""
    site = request.headers.get("sec-fetch-site")
    sender = request.headers.get("origin")
    if site is None and sender is None:
        return False
    if site is not None and site != "same-origin":
        return False
    return sender is None or sender == origin


def from_script(request: Request) -> bool:
    """Say whether no browser sent this: browsers add at least one of these to every unsafe request."""
    return "sec-fetch-site" not in request.headers and "origin" not in request.headers


def _digest(secret: str) -> bytes:
    """Derive the token from the cookie: who can show it has read a page that was given to the cookie's holder."""
    return hmac.digest(secret.encode("utf-8"), _PURPOSE, hashlib.sha256)


def _xor(left: bytes, right: bytes) -> bytes:
    """Combine two texts of the same length bit by bit."""
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
