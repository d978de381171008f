"""Signing in by password or one-time link: Python derives, PostgreSQL counts, compares and opens the session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Final

from growsoft.auth.keys import open_key
from growsoft.errors import AccessError, UserError
from growsoft.orm import Env
from growsoft.postgres.context import LoginDoor, SessionDoor
from growsoft.postgres.database import Database
from growsoft.postgres.sql import Sql, sql
from growsoft.security.passwords import Hasher, Parameters, PasswordPolicy, must_upgrade, new_parameters, verifier
from growsoft.security.tokens import new_token, token_hash
from growsoft.web.ports import Client, Refused, SignedIn, Site
from growsoft.web.session import session_token as fresh_token
from growsoft.words import _

LINK_VALID: Final = timedelta(hours=24)
WRONG: Final = _(
    "Login or password is wrong. Check both and try again, or ask your administrator for a new sign-in link."
)
DEAD_LINK: Final = _("This link was used already or has expired. Ask your administrator for a new one.")


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What the database tells before a password is stretched."""

    parameters: Parameters | None
    retry_after: float


class PasswordAuthenticator:
    """An ``Authenticator`` over the credential functions of a database (credentials.sql)."""

    def __init__(self, hasher: Hasher, policy: PasswordPolicy | None = None) -> None:
        """Passwords are stretched by ``hasher``, in a bounded number at a time."""
        self._hasher = hasher
        self._policy = policy or PasswordPolicy()

    def sign_in(self, site: Site, login: str, password: str, client: Client) -> SignedIn | Refused:
        """Check a password; unknown logins cost and answer the same."""
        attempt = _begin(site.database, login, client)
        if attempt.parameters is None:
            return _wait(attempt.retry_after)
        try:
            derived = self._hasher.derive(password, attempt.parameters)
        except UserError as error:
            return Refused(error.words)
        token = fresh_token(client.kind)
        user_id = _finish(site.database, login, derived, client, token)
        if not user_id:
            return Refused(WRONG)
        if must_upgrade(attempt.parameters):
            self._upgrade(site, user_id, password, derived, token)
        return SignedIn(token, user_id)

    def open_key(self, site: Site, key: str, client: Client) -> SignedIn | Refused:
        """Open a short session for software that shows a personal key."""
        return open_key(site, key, client)

    def open_link(self, site: Site, token: str, client: Client) -> SignedIn | Refused:
        """Spend a one-time link."""
        session = fresh_token(client.kind)
        query = sql(
            "SELECT gs.open_link({link}::bytea, {session}::bytea, {kind}::text, {network}::inet, {agent}::text)",
            link=token_hash(token), session=token_hash(session), kind=client.kind, network=client.network,
            agent=client.user_agent,
        )  # fmt: skip
        with site.database.transaction(LoginDoor(), "counting") as transaction:
            user_id = int(transaction.execute(query).scalar())
        return SignedIn(session, user_id) if user_id else Refused(DEAD_LINK)

    def sign_out(self, site: Site, session_token: str) -> None:
        """End a session at once."""
        with site.database.transaction(LoginDoor(), "counting") as transaction:
            transaction.execute(sql("SELECT gs.sign_out({hash}::bytea)", hash=token_hash(session_token)))

    def needs_password(self, site: Site, session_token: str) -> bool:
        """Whether the signed-in user has yet to choose a password."""
        with site.database.transaction(SessionDoor(token_hash(session_token)), "read") as transaction:
            return not transaction.execute(sql("SELECT gs.has_credential()")).scalar()

    def change_password(self, site: Site, session_token: str, old: str, new: str) -> Refused | SignedIn:
        """Choose a password: every other session of the user ends, and this one goes on under another token."""
        door = SessionDoor(token_hash(session_token))
        with site.database.transaction(door, "read") as transaction:
            user_id, login, name, company = transaction.execute(
                sql(
                    "SELECT u.id, u.login, u.name, coalesce(c.name, '') FROM res_users u"
                    " LEFT JOIN res_company c ON c.id = u.company_id WHERE u.id = gs.user_id()"
                )
            ).one()
        try:
            self._policy.check(new, login=login, name=name, company=company)
            proof = self._proof(site.database, door, old) if old else b""
            if isinstance(proof, Refused):
                return proof
            statement = _set_credential(self._hasher, user_id, new, session=token_hash(session_token), proof=proof)
            return SignedIn(_changed(site, door, statement), user_id)
        except AccessError:
            return Refused(_("The old password is wrong. Type it again."))
        except UserError as error:
            return Refused(error.words)

    def policy_sentence(self, site: Site) -> str:
        """Say what a password must be."""
        del site
        return _(
            "At least {count} characters. Any characters will do; a few unrelated words are best. Common passwords,"
            " your name and your login are refused.",
            count=self._policy.minimum_length,
        )

    def _proof(self, database: Database, door: SessionDoor, old: str) -> bytes | Refused:
        """Derive what proves the present password; nothing for who has none yet."""
        attempt = _begin_proof(database, door)
        if attempt.retry_after > 0:
            return _wait(attempt.retry_after)
        return b"" if attempt.parameters is None else self._hasher.derive(old, attempt.parameters)

    def _upgrade(self, site: Site, user_id: int, password: str, derived: bytes, token: str) -> None:
        session = token_hash(token)
        statement = _set_credential(self._hasher, user_id, password, session=session, proof=derived, rehash=True)
        with site.database.transaction(SessionDoor(session), "counting") as transaction:
            transaction.execute(statement)


def _changed(site: Site, door: SessionDoor, statement: Sql) -> str:
    """Set a password, and give the new token under which a browser's session goes on."""
    token = fresh_token("browser")
    rotate = sql("SELECT gs.rotate_session({old}::bytea, {new}::bytea)", old=door.token_hash, new=token_hash(token))
    with site.database.transaction(door, "counting") as transaction:
        transaction.execute(statement)
        transaction.execute(rotate)
    return token


def create_link(env: Env, user_id: int, valid: timedelta = LINK_VALID) -> str:
    """Make a one-time sign-in link's token for a user; only elevated code may. The database keeps its hash."""
    token = new_token()
    env.flush()
    env.execute(
        sql(
            "SELECT gs.create_link({user}::bigint, {hash}::bytea, {seconds}::int)",
            user=user_id, hash=token_hash(token), seconds=int(valid.total_seconds()),
        )
    )  # fmt: skip
    return token


def set_password(env: Env, user_id: int, password: str, policy: PasswordPolicy | None = None) -> None:
    """Give a user a password, from elevated code; all his sessions end."""
    user = env["res.users"].browse(user_id)
    row = user.read(["login", "name"])[0]
    (policy or PasswordPolicy()).check(password, login=row["login"], name=row["name"], company="")
    with Hasher(1) as hasher:
        env.execute(_set_credential(hasher, user_id, password))


def _begin(database: Database, login: str, client: Client) -> _Attempt:
    # Committed before anything is stretched: an attempt counts even when the client does not wait for the answer.
    query = sql(
        "SELECT salt, rounds, retry_after"
        " FROM gs.credential_parameters({login}::text, {device}::bytea, {network}::inet)",
        login=login[:200], device=client.device, network=client.network,
    )  # fmt: skip
    with database.transaction(LoginDoor(), "counting") as transaction:
        salt, rounds, retry_after = transaction.execute(query).one()
    return _Attempt(None if rounds is None else Parameters(bytes(salt), rounds), float(retry_after))


def _begin_proof(database: Database, door: SessionDoor) -> _Attempt:
    query = sql("SELECT salt, rounds, retry_after FROM gs.own_parameters()")
    with database.transaction(door, "counting") as transaction:
        salt, rounds, retry_after = transaction.execute(query).one()
    return _Attempt(None if rounds is None else Parameters(bytes(salt), rounds), float(retry_after))


def _finish(database: Database, login: str, derived: bytes, client: Client, token: str) -> int:
    query = sql(
        "SELECT gs.sign_in({login}::text, {derived}::bytea, {device}::bytea, {network}::inet, {session}::bytea,"
        " {kind}::text, {agent}::text)",
        login=login[:200], derived=derived, device=client.device, network=client.network, session=token_hash(token),
        kind=client.kind, agent=client.user_agent,
    )  # fmt: skip
    with database.transaction(LoginDoor(), "counting") as transaction:
        return int(transaction.execute(query).scalar())


def _set_credential(
    hasher: Hasher, user_id: int, password: str, *, session: bytes = b"", proof: bytes = b"", rehash: bool = False
) -> Sql:
    parameters = new_parameters()
    derived = hasher.derive(password, parameters)
    return sql(
        "SELECT gs.set_credential({user}::bigint, {salt}::bytea, {rounds}::int, {verifier}::bytea, {session}::bytea,"
        " {proof}::bytea, {rehash}::boolean)",
        user=user_id, salt=parameters.salt, rounds=parameters.rounds, verifier=verifier(derived), session=session,
        proof=proof, rehash=rehash,
    )  # fmt: skip


def _wait(seconds: float) -> Refused:
    return Refused(_("Too many attempts. Wait {count} seconds and try again.", count=ceil(seconds)), seconds)
