"""The signed context: who somebody is for one transaction, and the doors by which PostgreSQL comes to believe it."""

import hmac
import re
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final, Protocol

from growsoft.postgres.sql import Sql, sql

# The database accepts 15 s; what is signed here is spent at once, so a shorter life only helps.
VALIDITY_SECONDS: Final = 12

# Scope and record, as gs_priv.set_context checks them too: a comma would move the values behind it.
_LIMITS: Final = re.compile(r"[a-z0-9_ ]*,(?:[a-z0-9_]+ [0-9]+)?\Z")

_REQUEST: Final = re.compile(r"[a-z0-9_]{0,40}\Z")

_BLOCK: Final = 64  # bytes: the block size of SHA-256 (RFC 2104)


_request: ContextVar[str] = ContextVar("growsoft_request", default="")


@contextmanager
def numbered(request: str) -> Generator[None]:
    """Give what a block does in databases the number of a request, by which the log and the history find it again.

    It proves nothing: letters, digits, ``-`` and ``_``, 40 characters, or none; anything else raises ``ValueError``.
    """
    text = request.lower().replace("-", "_")
    if not _REQUEST.match(text):
        raise ValueError(f"{request!r} is no number of a request")
    token = _request.set(text)
    try:
        yield
    finally:
        _request.reset(token)


@dataclass(frozen=True, slots=True)
class Context:
    """What a transaction may be: the user, his companies, the staff member who acts for him, and the profile.

    ``record`` ("table id") limits a signed link to one record, ``scope`` a key to tables; ``reason`` and ``caller`` say
    why and where elevation was asked for and go to the audit.
    """

    user: int
    profile: str
    companies: tuple[int, ...] = ()
    actor: int = 0
    elevated: bool = False
    scope: str = ""
    record: str = ""
    reason: str = ""
    caller: str = ""

    def __post_init__(self) -> None:
        """Refuse an elevation that nobody could explain, and values that would run into their neighbours."""
        if self.elevated and not self.reason:
            raise ValueError("an elevated context needs a reason")
        if (self.scope or self.record) and not _LIMITS.match(f"{self.scope},{self.record}"):
            raise ValueError("a scope is a name, and a record is the name of a table, a blank and an id")


class Backend(Protocol):
    """The connection a signature is bound to."""

    @property
    def pid(self) -> int:
        """Process id of the server side."""
        ...

    @property
    def login(self) -> str:
        """The session user."""
        ...

    @property
    def dbname(self) -> str:
        """The database."""
        ...


class Door(Protocol):
    """A way into a transaction: the statement that sets context and role together."""

    def entry(self, backend: Backend) -> Sql | None:
        """Give the statement; its row is (profile, context, token of the overlay)."""
        ...


@dataclass(frozen=True, slots=True)
class SessionDoor:
    """Enter as whoever holds a session; ``token_hash`` is the SHA-256 of the cookie's token.

    ``companies`` are those to work in, the current one first; none given: all that the user may work in.
    """

    token_hash: bytes
    companies: tuple[int, ...] = ()

    def entry(self, backend: Backend) -> Sql:
        """Ask the database for everything: nothing is cached, so a sign-out works at once."""
        del backend
        values = (self.token_hash, list(self.companies))
        request = _request.get()
        return _ENTER_SESSION_NUMBERED.rebind((request, *values)) if request else _ENTER_SESSION.rebind(values)


@dataclass(frozen=True, slots=True)
class SignedDoor:
    """Enter with a context that this process vouches for; ``signing_key`` (32 bytes) belongs to the database."""

    context: Context
    key_id: int
    signing_key: bytes

    def __repr__(self) -> str:
        """Keep the key out of logs."""
        return f"SignedDoor({self.context!r})"

    def entry(self, backend: Backend) -> Sql:
        """Sign for this backend, this login, this database and the next seconds."""
        context = self.context
        expiry = time.time_ns() // 1000 + VALIDITY_SECONDS * 1_000_000
        message = _message(context, self.key_id, expiry, backend)
        mac = hmac.digest(self.signing_key, message, "sha256")
        values = (
            self.key_id, context.profile, context.user, context.actor, context.elevated, list(context.companies),
            context.scope, context.record, context.reason, context.caller, expiry, mac,
        )  # fmt: skip
        request = _request.get()
        return _ENTER_NUMBERED.rebind((request, *values)) if request else _ENTER.rebind(values)


def working_in(door: Door, companies: tuple[int, ...]) -> Door:
    """Give the door by which the same one enters to work in some of his companies; the database says whether he may."""
    match door:
        case SessionDoor():
            return replace(door, companies=companies)
        case SignedDoor():
            return replace(door, context=replace(door.context, companies=companies))
        case _:
            raise TypeError("by this door nobody works in a company")


class LoginDoor:
    """Stay the bare login of the database: no rows, no grants, only the functions a sign-in needs."""

    def entry(self, backend: Backend) -> None:
        """Enter nothing."""
        del backend


def padded_keys(signing_key: bytes) -> tuple[bytes, bytes]:
    """Give the inner and the outer padded key of HMAC-SHA256 (RFC 2104), the form in which the database keeps it."""
    block = (sha256(signing_key).digest() if len(signing_key) > _BLOCK else signing_key).ljust(_BLOCK, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)


def profile_name(roles: Iterable[str]) -> str:
    """Name the profile of a set of groups: by content, so that clusters agree (accounts.sql has the same rule)."""
    return "p_" + sha256(",".join(sorted(set(roles))).encode()).hexdigest()[:40]


def group_role(group: str) -> str:
    """Name the role of a group that an app declares: ``base.admin`` is ``g_base_admin``."""
    return "g_" + group.replace(".", "_")


def parse_context(profile: str, text: str) -> Context:
    """Read what the database set: the counterpart of ``gs_priv.set_context``."""
    _profile, user, actor, elevated, companies, scope, record, *_audited = text.split(",")
    return Context(
        user=int(user),
        profile=profile,
        companies=tuple(int(company) for company in companies.split("_") if company),
        actor=int(actor),
        elevated=elevated == "1",
        scope=scope,
        record=record,
        reason="entered" if elevated == "1" else "",
    )


def _message(context: Context, key_id: int, expiry: int, backend: Backend) -> bytes:
    # Each value with its length in front: no two different contexts have one message.
    values = (
        "gs1", str(backend.pid), backend.login, backend.dbname, str(key_id), context.profile, str(context.user),
        str(context.actor), "1" if context.elevated else "0", "_".join(map(str, context.companies)), context.scope,
        context.record, context.reason, context.caller, str(expiry),
    )  # fmt: skip
    return b"".join(str(len(encoded)).encode() + b":" + encoded for encoded in (value.encode() for value in values))


_PLAIN: Final = sql("")
# Before the door, so that what the door audits has the number, too.
_NUMBERED: Final = sql("gs.correlate({request}::text) || ", request="")


def _session(numbered: Sql) -> Sql:
    return sql(
        "SELECT {numbered}set_config('role', gs.enter_session({hash}::bytea, {companies}::bigint[]), true),"
        " current_setting('backtrace_functions'), gs.overlay()",
        numbered=numbered, hash=b"", companies=[],
    )  # fmt: skip


def _signed(numbered: Sql) -> Sql:
    return sql(
        "SELECT {numbered}set_config('role', gs.enter({kid}::int, {profile}::text, {user}::bigint, {actor}::bigint,"
        " {elevated}::bool, {companies}::bigint[], {scope}::text, {record}::text, {reason}::text, {caller}::text,"
        " {expiry}::bigint, {mac}::bytea), true), current_setting('backtrace_functions'), gs.overlay()",
        numbered=numbered, kid=0, profile="", user=0, actor=0, elevated=False, companies=[], scope="", record="",
        reason="", caller="", expiry=0, mac=b"",
    )  # fmt: skip


_ENTER_SESSION: Final = _session(_PLAIN)
_ENTER_SESSION_NUMBERED: Final = _session(_NUMBERED)
_ENTER: Final = _signed(_PLAIN)
_ENTER_NUMBERED: Final = _signed(_NUMBERED)
