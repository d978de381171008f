"""Who calls: a password or a session, checked once and remembered for a minute, ended at once when its rights end."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from growsoft.errors import AccessError
from growsoft.postgres.sql import sql
from growsoft.web.ports import Authenticator, Client, Directory, Refused, SignedIn, Site
from growsoft.web.running import Runner
from growsoft.web.session import Session

# Stretching a password takes half a second; a client of this API sends it with every call.
REMEMBERED: Final = 60.0  # seconds
MOST: Final = 10_000
KEY_PREFIX: Final = "gsk_"


class AccessDenied(AccessError):
    """Access Denied"""  # noqa: D400, D415 - the very words that clients look for


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who proved who he is: his session, and his id."""

    session: Session
    user_id: int


class Callers:
    """Sessions of callers that send their password with each call.

    A caller is known by a keyed hash of database, login and password, which only this process can make: the password is
    kept nowhere. What is remembered is a session of the database, so whoever is deactivated, changes his password or is
    signed out is refused with his next call.
    """

    def __init__(self, authenticator: Authenticator) -> None:
        """Ask this one when somebody is not known yet."""
        self._authenticator = authenticator
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._known: dict[bytes, tuple[float, Caller]] = {}
        self._logins: dict[tuple[str, int], str] = {}

    def by_login(self, site: Site, login: str, password: str, client: Client) -> Caller:
        """Prove a login by its password, or by a key of its owner. Raises ``AccessDenied``.

        Passwords are behind the same throttle as on the sign-in page.
        """
        if password.startswith(KEY_PREFIX):
            caller = self.by_key(site, password, client)
            if self._login_of(site, caller.user_id).lower() != login.lower():
                raise AccessDenied
            return caller
        proof = (login, password)
        return self._known_or(site, proof, lambda: self._authenticator.sign_in(site, login, password, client))

    def _known_or(self, site: Site, proof: tuple[str, str], prove: Callable[[], SignedIn | Refused]) -> Caller:
        mark = self._mark(site, *proof)
        with self._lock:
            until, caller = self._known.get(mark, (0.0, None))
        if caller is not None and time.monotonic() < until:
            return caller
        outcome = prove()
        if caller is not None:
            self._authenticator.sign_out(site, caller.session.token)
        if not isinstance(outcome, SignedIn):
            raise AccessDenied(outcome.message if outcome.retry_after else "")
        return self._remember(mark, Caller(Session(outcome.token, "api"), outcome.user_id))

    def by_key(self, site: Site, key: str, client: Client) -> Caller:
        """Prove somebody by a personal key. Raises ``AccessDenied``; what is no key is not tried at all.

        Some clients send a password here to find out what a server takes.
        """
        if not key.startswith(KEY_PREFIX):
            raise AccessDenied
        return self._known_or(site, ("", key), lambda: self._authenticator.open_key(site, key, client))

    def by_id(self, site: Site, user_id: int, password: str, client: Client) -> Caller:
        """Prove a user's id by the password of its login."""
        caller = self.by_login(site, self._login_of(site, user_id), password, client)
        if caller.user_id != user_id:
            self._logins.pop((site.database.name, user_id), None)  # it has another login by now
            raise AccessDenied
        return caller

    def forget(self, session: Session) -> None:
        """Forget a session that the database has ended."""
        with self._lock:
            self._known = {mark: known for mark, known in self._known.items() if known[1].session != session}

    def _login_of(self, site: Site, user_id: int) -> str:
        """Give the login of a user; of one who is not there an impossible one, which costs as long as any other."""
        key = (site.database.name, user_id)
        known = self._logins.get(key)
        if known is None:
            door = site.database.elevated("callers of the external API name themselves by id", caller=__name__)
            with site.database.transaction(door) as transaction:
                found = transaction.execute(
                    sql("SELECT login FROM res_users WHERE id = {u}::bigint", u=user_id)
                ).column(str)
            known = found[0] if found else f"nobody {user_id}"
            if found:
                self._logins[key] = known
        return known

    def _mark(self, site: Site, login: str, password: str) -> bytes:
        parts = (site.database.name, login, password)
        text = b"".join(len(part).to_bytes(4, "big") + part for part in (p.encode("utf-8", "replace") for p in parts))
        return hmac.digest(self._key, text, hashlib.sha256)

    def _remember(self, mark: bytes, caller: Caller) -> Caller:
        with self._lock:
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[mark] = (time.monotonic() + REMEMBERED, caller)
        return caller


@dataclass(slots=True)
class Noted:
    """What the log will say of a call."""

    user: int = 0
    actor: int = 0
    error: str = ""


class Api:
    """What all calls of a worker share."""

    def __init__(self, directory: Directory, authenticator: Authenticator, runner: Runner) -> None:
        """Serve the databases of a directory to those whom an authenticator lets in."""
        self.directory = directory
        self.authenticator = authenticator
        self.callers = Callers(authenticator)
        self.runner = runner
