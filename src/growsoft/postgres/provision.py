"""Databases come and go: from a template that holds the apps to a customer's own, with its login, keys and profiles."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from growsoft.postgres.apply import (
    Applied,
    apply_declarations,
    ensure_roles,
    prepare_cluster,
    prepare_database,
    set_meta,
)
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.context import padded_keys, profile_name
from growsoft.postgres.database import ELEVATED_GROUP
from growsoft.postgres.policies import Declarations
from growsoft.postgres.sql import ident, idents, literal, script, sql
from growsoft.postgres.superuser import Superuser, superuser

MAINTENANCE_DATABASE: Final = "postgres"


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes a database somebody's own: an opaque name (also its login), a uuid, a password and a signing key."""

    name: str
    uuid: UUID
    password: str = field(repr=False)
    key_id: int
    signing_key: bytes = field(repr=False)


@contextmanager
def new_template(server: Endpoint, name: str, declarations: Declarations) -> Generator[Applied]:
    """Make a template database for a set of apps; it is dropped again when the block fails.

    Nobody but the superuser can connect to it. The block fills it with the apps' own records.
    """
    with superuser(server, MAINTENANCE_DATABASE) as cluster:
        prepare_cluster(cluster)
        drop_database(cluster, name)
        cluster.run(sql("CREATE DATABASE {name} TEMPLATE template0", name=ident(name)))
        close_database(cluster, name)
        try:
            with superuser(server, name) as connection:
                prepare_database(connection)
                applied = apply_declarations(connection, declarations)
            yield applied
        except BaseException:
            drop_database(cluster, name)
            raise


def create_database(server: Endpoint, identity: Identity, template: str) -> None:
    """Copy a template into a customer's own database and let its login in, as the very last step.

    A failure leaves neither a database nor a login.
    """
    with superuser(server, MAINTENANCE_DATABASE) as cluster:
        create_login(cluster, identity)
        try:
            copy_template(cluster, identity.name, template)
            with superuser(server, identity.name) as connection:
                personalise(connection, identity)
            open_database(cluster, identity.name)
        except BaseException:
            drop_database(cluster, identity.name)
            raise


def copy_template(cluster: Superuser, name: str, template: str) -> None:
    """Copy a template into a database that the superuser alone can enter."""
    cluster.run(
        sql(
            "CREATE DATABASE {name} TEMPLATE {template} STRATEGY wal_log ALLOW_CONNECTIONS false",
            name=ident(name), template=ident(template),
        )
    )  # fmt: skip
    close_database(cluster, name)
    cluster.run(sql("ALTER DATABASE {name} ALLOW_CONNECTIONS true", name=ident(name)))


def create_login(cluster: Superuser, identity: Identity) -> None:
    """Make the login of a database."""
    with cluster.atomic():  # one commit: each would wait for the disk
        cluster.run(sql("CREATE ROLE {name} LOGIN NOINHERIT CONNECTION LIMIT 200", name=ident(identity.name)))
        restore_login(cluster, identity)


def restore_login(cluster: Superuser, identity: Identity) -> None:
    """Give a login back its password and settings: PostgreSQL lets each login, so injected SQL too, change its own."""
    name = ident(identity.name)
    for setting in (
        sql("ALTER ROLE {name} PASSWORD {p}", name=name, p=literal(cluster.scram(identity.name, identity.password))),
        sql("ALTER ROLE {name} RESET ALL", name=name),
        sql("ALTER ROLE {name} SET statement_timeout = '60s'", name=name),
        sql("ALTER ROLE {name} SET transaction_timeout = '300s'", name=name),
        sql("ALTER ROLE {name} SET idle_in_transaction_session_timeout = '60s'", name=name),
        sql("ALTER ROLE {name} SET search_path = 'public'", name=name),
    ):
        cluster.run(setting)
    if cluster.run(sql("SELECT 1 FROM pg_database WHERE datname = {name}", name=identity.name)).all():
        cluster.run(sql("ALTER ROLE {name} IN DATABASE {name} RESET ALL", name=name))


def close_database(cluster: Superuser, name: str) -> None:
    """Take a new database from everybody: PUBLIC may connect to each new one by default."""
    cluster.run(sql("REVOKE ALL ON DATABASE {name} FROM PUBLIC", name=ident(name)))


def open_database(cluster: Superuser, name: str) -> None:
    """Let a database's own login in."""
    cluster.run(sql("GRANT CONNECT ON DATABASE {name} TO {name}", name=ident(name)))


def personalise(connection: Superuser, identity: Identity) -> None:
    """Give a copy its own uuid and key, void what belonged to the original's people at their browsers, mark and close.

    A template copy and a restored backup both still hold their parent's key.
    """
    inner, outer = padded_keys(identity.signing_key)
    with connection.atomic():
        connection.run(sql("DELETE FROM gs_priv.signing_key"))
        connection.run(
            sql("INSERT INTO gs_priv.signing_key VALUES ({kid}, {i}, {o})", kid=identity.key_id, i=inner, o=outer)
        )
        connection.run(
            sql("DELETE FROM gs_priv.session; DELETE FROM gs_priv.session_seen; DELETE FROM gs_priv.link;"
                " DELETE FROM gs_priv.throttle;"
                " DELETE FROM gs_priv.known_device;"
                " UPDATE gs_priv.setting SET decoy = sha256(uuid_send(gen_random_uuid()) || decoy)")
        )  # fmt: skip
        set_meta(connection, "uuid", str(identity.uuid))
        connection.run(script("growsoft.postgres", "walls.sql"))
    ensure_profiles(connection, identity.name)


def ensure_profiles(connection: Superuser, login: str) -> int:
    """Make and grant the profiles that a database's accounts use; give the number of those that were new to it.

    What is applied is read from the private side, which only triggers write; a role that is no group's is refused.
    """
    rows = connection.run(
        sql("SELECT DISTINCT p.name, p.roles FROM gs_priv.profile p JOIN gs_priv.account a ON a.profile = p.name")
    )
    wanted = {name: list(roles) for name, roles in rows.all()}
    wanted[profile_name([ELEVATED_GROUP])] = [ELEVATED_GROUP]
    held = connection.run(
        sql(
            "SELECT r.rolname FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid"
            " WHERE m.member = (SELECT oid FROM pg_roles WHERE rolname = {login})",
            login=login,
        )
    )
    missing = sorted(set(wanted) - set(held.column()))
    for name in missing:
        _ensure_profile(connection, login, name, wanted[name])
    for name in sorted(set(held.column()) - set(wanted)):
        connection.run(sql("REVOKE {profile} FROM {login}", profile=ident(name), login=ident(login)))
    return len(missing)


def ensure_profile(connection: Superuser, login: str, roles: Iterable[str]) -> str:
    """Make the profile of some groups' roles and grant it to a login; give its name."""
    name = profile_name(roles := sorted(set(roles)))
    _ensure_profile(connection, login, name, roles)
    return name


def drop_database(cluster: Superuser, name: str) -> None:
    """Drop a database with its login, connections included; nothing happens to what is gone already."""
    cluster.run(sql("DROP DATABASE IF EXISTS {name} WITH (FORCE)", name=ident(name)))
    cluster.run(sql("DROP ROLE IF EXISTS {name}", name=ident(name)))


def _ensure_profile(connection: Superuser, login: str, name: str, roles: list[str]) -> None:
    if name != profile_name(roles) or not all(role.startswith("g_") or role == ELEVATED_GROUP for role in roles):
        raise ValueError(f"{name} is not the profile of {roles}")
    ensure_roles(connection, [*roles])
    with connection.atomic():
        found = connection.run(sql("SELECT 1 FROM pg_roles WHERE rolname = {name}", name=name)).all()
        if not found:
            connection.run(sql("CREATE ROLE {name} NOLOGIN INHERIT", name=ident(name)))
            connection.run(
                sql("GRANT {roles} TO {name} WITH INHERIT TRUE, SET FALSE", roles=idents(roles), name=ident(name))
            )
        connection.run(
            sql("GRANT {name} TO {login} WITH INHERIT FALSE, SET TRUE", name=ident(name), login=ident(login))
        )
