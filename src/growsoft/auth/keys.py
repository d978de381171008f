"""Personal keys: made once, shown once, and good for software that acts in the name of its owner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network
from typing import Final

from growsoft.errors import MissingError, ValidationError
from growsoft.orm import Env
from growsoft.orm.fields import Many2many
from growsoft.postgres.context import LoginDoor
from growsoft.postgres.sql import sql
from growsoft.security.tokens import new_token, token_hash
from growsoft.web.ports import Client, Refused, SignedIn, Site
from growsoft.web.session import session_token

# So that a key is known as one wherever it turns up: in a log, in a commit, in the scanners of other companies.
PREFIX: Final = "gsk_"
DAYS: Final = 90
WRONG: Final = "This key is wrong, has expired or was dropped. Make a new one."


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key; the key itself is known to its owner alone."""

    id: int
    name: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    scope: str
    networks: Sequence[str]


@dataclass(frozen=True, slots=True)
class Scope:
    """What a key is good for: some models (none named: all), reading only, from some networks (none: from anywhere).

    PostgreSQL keeps to it: tables of other models are empty for such a key, and a transaction that only reads is READ
    ONLY.
    """

    models: tuple[str, ...] = ()
    read_only: bool = False
    networks: tuple[str, ...] = ()

    def text(self, env: Env) -> str:
        """Write it as the database keeps it. Raises ``DomainError`` for a model that is not there."""
        if not self.models and not self.read_only:
            return ""
        infos = [env.registry[model] for model in self.models]
        links = {
            field.relation(info.table)
            for info in infos
            for field in info.fields.values()
            if isinstance(field, Many2many) and field.comodel in self.models
        }
        return " ".join(("r" if self.read_only else "w", *sorted({info.table for info in infos} | links)))


EVERYTHING: Final = Scope()


def create_key(env: Env, user_id: int, name: str, days: int = DAYS, scope: Scope = EVERYTHING) -> tuple[int, str]:
    """Make a key; give its id and the key, which nobody can ask for again.

    Raises ``AccessError``, and ``ValidationError`` for what is no network.
    """
    key = PREFIX + new_token()
    try:
        networks = [str(ip_network(network)) for network in scope.networks]
    except ValueError as error:
        raise ValidationError(f"{error}. Write a network such as 192.0.2.0/24.") from None
    query = sql(
        "SELECT gs.create_key({user}::bigint, {name}::text, {hash}::bytea, {days}::integer, {scope}::text,"
        " {networks}::cidr[])",
        user=user_id, name=name, hash=token_hash(key), days=days, scope=scope.text(env), networks=networks,
    )  # fmt: skip
    return env.execute(query).scalar(int), key


def keys_of(env: Env, user_id: int) -> list[Key]:
    """Give somebody's keys, the oldest first; of others none."""
    return [Key(*row) for row in env.execute(sql("SELECT * FROM gs.keys_of({user}::bigint)", user=user_id)).rows]


def drop_key(env: Env, user_id: int, key_id: int) -> None:
    """End a key, and the sessions it opened, at once. Raises ``MissingError``."""
    query = sql("SELECT gs.drop_key({user}::bigint, {key}::bigint)", user=user_id, key=key_id)
    if not env.execute(query).scalar(bool):
        raise MissingError


def open_key(site: Site, key: str, client: Client) -> SignedIn | Refused:
    """Open a short session for whoever shows a key."""
    token = session_token("api")
    query = sql(
        "SELECT gs.open_key({key}::bytea, {session}::bytea, {network}::inet, {agent}::text)",
        key=token_hash(key), session=token_hash(token), network=client.network, agent=client.user_agent,
    )  # fmt: skip
    with site.database.transaction(LoginDoor(), "counting") as transaction:
        user_id = transaction.execute(query).scalar(int)
    return SignedIn(token, user_id) if user_id else Refused(WRONG)
