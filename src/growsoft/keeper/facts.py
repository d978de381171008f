"""Facts: what a database says about itself, read from its private side after a look at who can write there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import Final
from uuid import UUID

import msgspec

from growsoft.postgres.apply import set_meta
from growsoft.postgres.check import DatabaseUnprotected
from growsoft.postgres.keeper import KeeperError
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import Superuser

# In the order in which a new database gets them (apply.prepare_database).
MAKING_SCRIPTS: Final = (
    "context.sql",
    "audit.sql",
    "credentials.sql",
    "keys.sql",
    "replays.sql",
    "accounts.sql",
    "tree.sql",
    "overlay.sql",
    "search.sql",
    "languages.sql",
    "trigram.sql",
    "blobs.sql",
    "walls.sql",
)
CHECKING_SCRIPTS: Final = ("problems.sql", "fingerprint.sql")
# Bring an older database to what the first ones make.
UPGRADING_SCRIPTS: Final = ("upgrade.sql", "private.sql", "upgrade_rows.sql")


@dataclass(frozen=True, slots=True)
class Facts:
    """Who a database is: its uuid, the versions of its apps, the platform it was made by, its newest signing key.

    ``demo`` says whether it takes the demo records of its apps.
    """

    uuid: UUID
    apps: dict[str, str]
    platform: str
    key_id: int
    demo: bool = False

    def fits(self, versions: Mapping[str, str]) -> bool:
        """Say whether it belongs to these versions of its apps and to this platform."""
        return self.apps == dict(versions) and self.platform == platform()


def read_facts(connection: Superuser) -> Facts:
    """Read the facts of the database that the connection is in.

    Whatever is applied follows from what stands there, so a private side that somebody else could write is refused
    with `DatabaseUnprotected`.
    """
    refuse_foreign_writers(connection)
    meta = dict(connection.run(sql("SELECT key, value FROM gs_priv.meta")).all())
    if missing := {"uuid", "apps", "platform"} - set(meta):
        raise KeeperError(f"The database does not say its {', '.join(sorted(missing))}; restore it from a backup.")
    key_id = connection.run(sql("SELECT coalesce(max(kid), 0) FROM gs_priv.signing_key")).scalar()
    demo = meta.get("demo") == "yes"
    return Facts(UUID(meta["uuid"]), _APPS.decode(meta["apps"]), meta["platform"], int(key_id), demo)


def note_apps(connection: Superuser, versions: Mapping[str, str], *, demo: bool = False) -> None:
    """Note which apps a database has, and by which platform it was made; once a demo database, it stays one."""
    if demo:
        set_meta(connection, "demo", "yes")
    set_meta(connection, "apps", msgspec.json.encode(dict(versions)).decode())
    set_meta(connection, "platform", platform())


def refuse_foreign_writers(connection: Superuser) -> None:
    """Refuse a database whose private side belongs, or is granted, to anybody but its definer."""
    strange = connection.run(_FOREIGN).column()
    if strange:
        raise DatabaseUnprotected(f"{DatabaseUnprotected.default_message()} Others can write {', '.join(strange)}.")


@cache
def platform() -> str:
    """Give the SHA-256 of the scripts that make the private side: another one needs a migration, not an addition."""
    return _digest(MAKING_SCRIPTS)


@cache
def checks() -> str:
    """Give the SHA-256 of the scripts that look at a database: a fingerprint of other ones says nothing."""
    return _digest(CHECKING_SCRIPTS)


def _digest(names: tuple[str, ...]) -> str:
    digest = sha256()
    for name in names:
        digest.update(f"{name}\0{resources.files('growsoft.postgres').joinpath(name).read_text('utf-8')}\0".encode())
    return digest.hexdigest()


_APPS: Final = msgspec.json.Decoder(dict[str, str])

_FOREIGN: Final = sql(
    "SELECT 'gs_priv.' || c.relname FROM pg_catalog.pg_class c WHERE c.relnamespace = 'gs_priv'::regnamespace"
    " AND (c.relowner <> 'gs_definer'::regrole OR EXISTS ("
    "SELECT FROM pg_catalog.aclexplode(c.relacl) g WHERE g.grantee <> c.relowner)"
    " OR EXISTS (SELECT FROM pg_catalog.pg_attribute a, pg_catalog.aclexplode(a.attacl) g"
    " WHERE a.attrelid = c.oid AND g.grantee <> c.relowner))"
    " UNION ALL SELECT 'gs_priv' FROM pg_catalog.pg_namespace n WHERE n.nspname = 'gs_priv'"
    " AND (n.nspowner <> 'gs_definer'::regrole OR EXISTS ("
    "SELECT FROM pg_catalog.aclexplode(n.nspacl) g WHERE g.grantee <> n.nspowner))"
)
