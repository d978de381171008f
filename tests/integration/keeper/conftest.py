"""Fixtures: a cluster for the session, keepers over it, and what a worker knows of a database."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import pytest

from growsoft.keeper.keeper import Keeper
from growsoft.keeper.log import VerbLog
from growsoft.keeper.verbs import Created
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.database import Database
from growsoft.postgres.keeper import new_database_name
from growsoft.postgres.pool import Pools
from growsoft.postgres.sql import Sql, ident, sql
from growsoft.postgres.superuser import superuser
from growsoft.security.keyring import Keyring, WorkerKeys
from growsoft.testing.cluster import Cluster, ephemeral_cluster
from tests.integration.keeper.product import Notes

INSTANCE_KEY = bytes(range(32))


@dataclass
class House:
    """A cluster, a keeper over it, and the workers' keys."""

    cluster: Cluster
    product: Notes
    log: Path
    keeper: Keeper = field(init=False)

    def __post_init__(self) -> None:
        fd = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.verb_log = VerbLog(fd)
        self.keeper = Keeper(self.endpoint(), Keyring(INSTANCE_KEY), self.product, self.verb_log)
        self.keeper.start()

    @property
    def keys(self) -> WorkerKeys:
        return Keyring(INSTANCE_KEY).worker_keys()

    def endpoint(self, dbname: str = "postgres") -> Endpoint:
        at = self.cluster
        return Endpoint(str(at.socket_dir), at.port, dbname, at.superuser, at.password)

    def create(self, name: str = "", uuid: UUID | None = None) -> Created:
        return self.keeper.create_database(name or new_database_name(), uuid or uuid4(), ("base",))

    def served(self, made: Created, pools: Pools, key_id: int = 1) -> Database:
        """What a worker makes of the answer: everything else it derives itself."""
        password = self.keys.login_password(made.uuid, key_id)
        where = replace(self.endpoint(made.name), user=made.name, password=password)
        return Database(where, made.uuid, key_id, self.keys.signing_key(made.uuid, key_id), pools)

    def ask(self, query: Sql, dbname: str = "postgres") -> list[object]:
        with superuser(self.endpoint(dbname)) as connection:
            return connection.run(query).column()

    def names(self) -> set[object]:
        """Every database and role that is ours, and every line of unfinished work."""
        found = self.ask(
            sql(
                "SELECT 'database ' || datname FROM pg_database WHERE datname ~ '^(db_|gs_template_)'"
                " UNION ALL SELECT 'role ' || rolname FROM pg_roles WHERE rolname ~ '^(db_|gs_template_)'"
                " UNION ALL SELECT 'unfinished ' || name FROM gs_keeper.unfinished"
            )
        )
        return set(found)

    def lines(self) -> list[dict[str, object]]:
        return [msgspec.json.decode(line, type=dict[str, object]) for line in self.log.read_bytes().splitlines()]

    def add_user(self, name: str, user: int, roles: list[str]) -> str:
        """What the triggers do when somebody gets groups; returns his profile."""
        with superuser(self.endpoint(name)) as connection:
            profile = connection.run(sql("SELECT gs_priv.profile_name({roles}::text[])", roles=roles)).scalar()
            connection.run(
                sql("INSERT INTO gs_priv.profile VALUES ({p}, {r}) ON CONFLICT DO NOTHING", p=profile, r=roles)
            )
            connection.run(
                sql(
                    "INSERT INTO gs_priv.account (user_id, login, active, profile)"
                    " VALUES ({user}, {login}, true, {profile})"
                    " ON CONFLICT (user_id) DO UPDATE SET profile = excluded.profile",
                    user=user, login=f"user{user}", profile=profile,
                )
            )  # fmt: skip
        return str(profile)

    def profiles(self, name: str) -> set[object]:
        return set(
            self.ask(
                sql(
                    "SELECT r.rolname FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid"
                    " WHERE m.member = (SELECT oid FROM pg_roles WHERE rolname = {name})",
                    name=name,
                )
            )
        )

    def drop_everything(self) -> None:
        with superuser(self.endpoint()) as connection:
            ours = sql("SELECT datname FROM pg_database WHERE datname ~ '^(db_|gs_template_)'")
            names = connection.run(ours).column()
            for name in names:
                connection.run(sql("DROP DATABASE {name} WITH (FORCE)", name=ident(name)))
                connection.run(sql("DROP ROLE IF EXISTS {name}", name=ident(name)))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with ephemeral_cluster() as made:
        yield made


@pytest.fixture(scope="session")
def house(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> House:
    """The house that tests share when they do not look at all of it."""
    return House(cluster, Notes(), tmp_path_factory.mktemp("keeper") / "log")


@pytest.fixture
def own_house(cluster: Cluster, tmp_path: Path) -> Iterator[House]:
    """A house whose product belongs to one test, over the shared cluster without its databases."""
    made = House(cluster, Notes(version=f"own {tmp_path.name}"), tmp_path / "log")
    made.drop_everything()
    made.keeper.start()
    yield made
    made.drop_everything()


@pytest.fixture
def pools() -> Iterator[Pools]:
    made = Pools(10)
    yield made
    made.close()
