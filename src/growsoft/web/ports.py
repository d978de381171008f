"""What the web needs from the floors above it: where a host's database is, and how somebody signs in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from growsoft.orm import Registry
from growsoft.postgres.database import Database

Kind = Literal["browser", "api"]


@dataclass(frozen=True, slots=True)
class Site:
    """One database as it is served: its name in addresses, and what to open it with."""

    name: str
    database: Database
    registry: Registry
    # A copy for tests: every page says so.
    staging: bool = False


@dataclass(frozen=True, slots=True)
class Client:
    """Who knocks: network address, the id of the device from its cookie, and what the browser says of itself."""

    network: str
    device: bytes
    user_agent: str
    kind: Kind = "browser"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session was opened. ``token`` goes into the cookie and nowhere else."""

    token: str
    user_id: int


@dataclass(frozen=True, slots=True)
class Refused:
    """No session. ``message`` is for people and never says whether the account exists; wait ``retry_after`` seconds."""

    message: str
    retry_after: float = 0.0


class Directory(Protocol):
    """From the host that a browser names to a database."""

    def find(self, host: str) -> Site | None:
        """Give the database of a host name (without port); None when there is none."""
        ...


class Authenticator(Protocol):
    """How somebody signs in."""

    def sign_in(self, site: Site, login: str, password: str, client: Client) -> SignedIn | Refused:
        """Check a password, behind the throttle."""
        ...

    def open_key(self, site: Site, key: str, client: Client) -> SignedIn | Refused:
        """Open a short session for software that shows a personal key."""
        ...

    def open_link(self, site: Site, token: str, client: Client) -> SignedIn | Refused:
        """Spend a one-time link."""
        ...

    def sign_out(self, site: Site, session_token: str) -> None:
        """End a session at once."""
        ...

    def needs_password(self, site: Site, session_token: str) -> bool:
        """Whether the signed-in user has yet to choose a password."""
        ...

    def change_password(self, site: Site, session_token: str, old: str, new: str) -> Refused | SignedIn:
        """Choose a password; ``old`` may be empty without a password yet, or in the session of a one-time link.

        A browser's session goes on under another token; every other session of the user ends.
        """
        ...

    def policy_sentence(self, site: Site) -> str:
        """Say what a password must be."""
        ...
