"""Visitors: people at the sign-in page, as the product's own code talks to the credential functions."""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

from growsoft.postgres.context import LoginDoor, SessionDoor
from growsoft.postgres.database import Database
from growsoft.postgres.sql import Sql, sql
from growsoft.postgres.transaction import Result

ROUNDS: Final = 600_000
HOME: Final = "192.0.2.1"


def derived(password: str, salt: bytes) -> bytes:
    """Stand for PBKDF2: 64 bytes of password and salt, at once. The database never learns how they were made."""
    return hashlib.sha512(salt + password.encode()).digest()


@dataclass(frozen=True)
class Parameters:
    """What step one answers."""

    salt: bytes | None
    rounds: int | None
    retry_after: float


@dataclass(frozen=True)
class Visitor:
    """Somebody with a browser: `device` is its cookie (empty at the first visit), `network` where it comes from."""

    database: Database
    device: bytes = b""
    network: str = HOME

    def ask(self, query: Sql) -> Result:
        """Call a credential function, as the bare login."""
        with self.database.transaction(LoginDoor(), "counting") as tx:
            return tx.execute(query)

    def parameters(self, login: str) -> Parameters:
        """Step one: count the attempt, get salt and rounds."""
        query = sql(
            "SELECT salt, rounds, retry_after FROM gs.credential_parameters({l}::text, {d}::bytea, {n}::inet)",
            l=login, d=self.device, n=self.network,
        )  # fmt: skip
        return Parameters(*self.ask(query).one())

    def prove(self, login: str, key: bytes) -> SessionDoor | None:
        """Step two: show the derived key; a session, or nothing."""
        token_hash = secrets.token_bytes(32)
        query = sql(
            "SELECT gs.sign_in({l}::text, {k}::bytea, {d}::bytea, {n}::inet, {t}::bytea, 'browser', 'Test')",
            l=login, k=key, d=self.device, n=self.network, t=token_hash,
        )  # fmt: skip
        return SessionDoor(token_hash) if self.ask(query).scalar(int) else None

    def sign_in(self, login: str, password: str) -> SessionDoor | None:
        """Both steps, as the sign-in page does them."""
        asked = self.parameters(login)
        return None if asked.salt is None else self.prove(login, derived(password, asked.salt))

    def open_link(self, link: bytes) -> SessionDoor | None:
        """Follow a one-time link, given as the hash that is stored."""
        token_hash = secrets.token_bytes(32)
        query = sql(
            "SELECT gs.open_link({link}::bytea, {t}::bytea, 'browser', {n}::inet, 'Test')",
            link=link, t=token_hash, n=self.network,
        )  # fmt: skip
        return SessionDoor(token_hash) if self.ask(query).scalar(int) else None


def set_password(database: Database, user: int, password: str, rounds: int = ROUNDS) -> None:
    """Give somebody a password, as an administrator's elevated code does."""
    salt = secrets.token_bytes(16)
    with database.transaction(database.elevated("a test gives a password")) as tx:
        tx.execute(credential(user, password, salt, rounds))


def credential(
    user: int, password: str, salt: bytes, rounds: int = ROUNDS, *, session: bytes = b"", proof: bytes = b"",
    rehash: bool = False,
) -> Sql:  # fmt: skip
    """Write the call that stores a verifier."""
    return sql(
        "SELECT gs.set_credential({user}::bigint, {salt}::bytea, {rounds}::int, {verifier}::bytea, {session}::bytea,"
        " {proof}::bytea, {rehash}::boolean)",
        user=user, salt=salt, rounds=rounds, verifier=hashlib.sha256(derived(password, salt)).digest(),
        session=session, proof=proof, rehash=rehash,
    )  # fmt: skip


def create_link(database: Database, user: int, seconds: int = 600) -> bytes:
    """Make a one-time link; give the hash that is stored."""
    link = secrets.token_bytes(32)
    with database.transaction(database.elevated("a test makes a link")) as tx:
        tx.execute(
            sql("SELECT gs.create_link({user}::bigint, {link}::bytea, {s}::int)", user=user, link=link, s=seconds)
        )
    return link
