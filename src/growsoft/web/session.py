"""Sessions: the cookies that carry them. The database holds the hash of a token, the browser the token."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from werkzeug.http import dump_cookie

from growsoft.security.tokens import new_token, token_hash
from growsoft.web.http import Request
from growsoft.web.ports import Kind

# `__Host-`: only this host can set them, only over HTTPS, and for no sub-domain (RFC 6265bis, section 4.1.3.2).
COOKIES: Final[dict[Kind, str]] = {"browser": "__Host-gs", "api": "__Host-gs-api"}
DEVICE_COOKIE: Final = "__Host-gs-device"
DEVICE_SECONDS: Final = 400 * 24 * 60 * 60

LONGEST_TOKEN: Final = 100

# No random token has a dot, so a page never takes a script's session for a browser's, whatever cookie it comes in.
_SCRIPT: Final = "api."


@dataclass(frozen=True, slots=True)
class Session:
    """A session as a client presents it; whether it is one is for the database to say."""

    token: str
    kind: Kind

    @property
    def hash(self) -> bytes:
        """What the database knows the session by."""
        return token_hash(self.token)

    def __repr__(self) -> str:
        """Keep the token out of logs."""
        return f"Session(kind={self.kind!r})"


def session_token(kind: Kind) -> str:
    """Return the token of a new session, which is good for sessions of its kind alone."""
    return f"{_SCRIPT}{new_token()}" if kind == "api" else new_token()


def session_of(request: Request, kind: Kind) -> Session | None:
    """Return the session of a kind that a request presents, if it does."""
    token = request.cookies.get(COOKIES[kind], "")
    fits = 0 < len(token) <= LONGEST_TOKEN and token.startswith(_SCRIPT) == (kind == "api")
    return Session(token, kind) if fits else None


def session_cookie(token: str, kind: Kind) -> tuple[str, str]:
    """Return the header field that gives a session to a client, until it closes or the database ends the session."""
    return set_cookie(COOKIES[kind], token)


def no_session_cookie(kind: Kind) -> tuple[str, str]:
    """Return the header field that makes a client forget its session."""
    return set_cookie(COOKIES[kind], "", max_age=0)


def device_of(request: Request) -> str:
    """Return the secret by which this browser is known, empty when it has none yet."""
    device = request.cookies.get(DEVICE_COOKIE, "")
    return device if len(device) <= LONGEST_TOKEN else ""


def device_cookie(device: str) -> tuple[str, str]:
    """Return the header field that lets a browser be known again; browsers keep it for 400 days at most."""
    return set_cookie(DEVICE_COOKIE, device, max_age=DEVICE_SECONDS)


def device_id(device: str) -> bytes:
    """Return what the database knows a browser by."""
    return token_hash(device)


class Seen:
    """When this worker last let the database note that a session is in use: once a minute is enough."""

    INTERVAL = 60.0
    MOST = 10_000

    def __init__(self) -> None:
        """Start with none."""
        self._noted: dict[bytes, float] = {}

    def is_due(self, session: bytes) -> bool:
        """Say whether it is time to note a session again, and take it as noted."""
        now = time.monotonic()
        if now - self._noted.get(session, -self.INTERVAL) < self.INTERVAL:
            return False
        if len(self._noted) >= self.MOST:
            self._noted.clear()
        self._noted[session] = now
        return True


def set_cookie(name: str, value: str, *, max_age: int | None = None) -> tuple[str, str]:
    """Word a cookie that scripts cannot read and other sites cannot send with a form."""
    text = dump_cookie(name, value, max_age=max_age, path="/", secure=True, httponly=True, samesite="Lax")
    return ("set-cookie", text)
