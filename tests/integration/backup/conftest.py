"""Two real clusters: one in which a database lives, and a fresh one that has never heard of its roles."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import pytest

from growsoft.postgres.binaries import Binaries
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.context import profile_name
from growsoft.postgres.sql import ident, sql
from growsoft.postgres.superuser import superuser
from growsoft.testing.cluster import Cluster, ephemeral_cluster

MARKER = "Zanzibar-marker-7f3a"
SHOP = UUID(int=7)


@dataclass(frozen=True)
class Place:
    """A cluster as its superuser sees it."""

    cluster: Cluster

    @property
    def binaries(self) -> Binaries:
        return self.cluster.server.binaries

    def endpoint(self, dbname: str = "postgres") -> Endpoint:
        cluster = self.cluster
        return Endpoint(str(cluster.socket_dir), cluster.port, dbname, cluster.superuser, cluster.password)

    def databases(self) -> set[str]:
        with superuser(self.endpoint()) as connection:
            return set(connection.run(sql("SELECT datname FROM pg_database WHERE NOT datistemplate")).column())


@pytest.fixture(scope="session")
def home() -> Iterator[Place]:
    with ephemeral_cluster() as cluster:
        yield Place(cluster)


@pytest.fixture
def fresh() -> Iterator[Place]:
    with ephemeral_cluster() as cluster:
        yield Place(cluster)


@pytest.fixture
def shop(home: Place) -> Iterator[str]:
    """A database with what a customer's has: owner, definer, groups, a profile, its login, policies, keys."""
    name = "shop"
    make_shop(home, name)
    yield name
    with superuser(home.endpoint()) as connection:
        connection.run(sql("DROP DATABASE {name} WITH (FORCE)", name=ident(name)))
        connection.run(sql("DROP ROLE {name}", name=ident(name)))


def make_shop(place: Place, name: str) -> None:
    profile = profile_name(["g_sale_user", "g_base_user"])
    with superuser(place.endpoint()) as connection:
        for role in ("gs_owner", "gs_definer", "g_sale_user", "g_base_user", profile):
            found = connection.run(sql("SELECT FROM pg_roles WHERE rolname = {role}", role=role))
            if not found.rowcount:
                connection.run(sql("CREATE ROLE {role} NOLOGIN NOINHERIT", role=ident(role)))
        connection.run(sql("GRANT SET ON PARAMETER backtrace_functions TO gs_definer"))
        connection.run(sql("CREATE ROLE {name} LOGIN NOINHERIT PASSWORD 'not-in-the-backup'", name=ident(name)))
        connection.run(
            sql("GRANT g_sale_user, g_base_user TO {p} WITH INHERIT TRUE, SET FALSE", p=ident(profile)),
        )
        connection.run(
            sql("GRANT {p} TO {name} WITH INHERIT FALSE, SET TRUE", p=ident(profile), name=ident(name)),
        )
        connection.run(sql("CREATE DATABASE {name} TEMPLATE template0", name=ident(name)))
    with superuser(place.endpoint(name)) as connection:
        connection.run(
            sql("""
            CREATE SCHEMA gs AUTHORIZATION gs_definer;
            CREATE SCHEMA gs_priv AUTHORIZATION gs_definer;
            SET ROLE gs_definer;
            CREATE TABLE gs_priv.signing_key (kid integer PRIMARY KEY, inner_pad bytea, outer_pad bytea);
            INSERT INTO gs_priv.signing_key VALUES (1, 'Zanzibar-key', 'Zanzibar-key');
            CREATE TABLE gs_priv.session (token_hash bytea PRIMARY KEY);
            INSERT INTO gs_priv.session VALUES ('Zanzibar-session');
            CREATE UNLOGGED TABLE gs_priv.throttle (bucket text PRIMARY KEY);
            INSERT INTO gs_priv.throttle VALUES ('ada');
            CREATE FUNCTION gs.me() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
              AS $$ SELECT current_setting('backtrace_functions') $$;
            RESET ROLE;
            CREATE TABLE partner (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, city text);
            CREATE TABLE sale_order (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
              partner_id bigint NOT NULL REFERENCES partner, amount numeric(12, 2) CHECK (amount >= 0));
            CREATE INDEX ON partner (city);
            INSERT INTO partner (name, city) SELECT 'Zanzibar-marker-7f3a ' || i, 'City ' || i % 50
              FROM generate_series(1, 5000) i;
            INSERT INTO sale_order (partner_id, amount) SELECT 1 + i % 5000, i / 100.0 FROM generate_series(1, 20000) i;
            ALTER TABLE partner OWNER TO gs_owner;
            ALTER TABLE sale_order OWNER TO gs_owner;
            ALTER TABLE partner ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
            CREATE POLICY signed ON partner AS RESTRICTIVE USING (gs.me() IS NOT NULL);
            CREATE POLICY own ON partner TO g_sale_user USING (city = 'City 1');
            GRANT SELECT (id, name), UPDATE (name) ON partner TO g_sale_user;
            GRANT SELECT (id) ON sale_order TO g_base_user;
            """)
        )


@pytest.fixture
def marker() -> bytes:
    return MARKER.encode()
