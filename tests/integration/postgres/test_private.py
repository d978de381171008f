"""An older private side is brought to what the present scripts make, whatever it lacks; what it holds is kept."""

from collections.abc import Generator
from dataclasses import replace
from secrets import token_hex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growsoft.postgres.apply import prepare_cluster, prepare_database
from growsoft.postgres.check import fingerprint
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.private import SCRATCH, Part, PrivateSideDiffers, bring_private, fresh_private, read_private
from growsoft.postgres.provision import close_database, drop_database
from growsoft.postgres.sql import Sql, ident, sql
from growsoft.postgres.superuser import Superuser, superuser

# What scripts of some older version may have made otherwise.
AGES: dict[str, Sql] = {
    "no function": sql("DROP FUNCTION gs.leave()"),
    "another body": sql(
        "CREATE OR REPLACE FUNCTION gs.ctx(n integer) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE RETURN 'old'"
    ),
    "another owner": sql("ALTER FUNCTION gs.sign_out(bytea) OWNER TO CURRENT_USER"),
    "another result": sql(
        "DROP FUNCTION gs.end_sessions(bigint); CREATE FUNCTION gs.end_sessions(of_user bigint) RETURNS text"
        " LANGUAGE sql AS 'SELECT ''old'''"
    ),
    "another argument": sql(
        "DROP FUNCTION gs.sign_out(bytea); CREATE FUNCTION gs.sign_out(old_name bytea) RETURNS void"
        " LANGUAGE sql AS 'SELECT'"
    ),
    "open to others": sql("REVOKE ALL ON FUNCTION gs.clean() FROM PUBLIC"),
    "a function more": sql("CREATE FUNCTION gs_priv.of_old() RETURNS integer LANGUAGE sql AS 'SELECT 1'"),
    "no column": sql("ALTER TABLE gs_priv.setting DROP COLUMN session_idle"),
    "no column with a default of ours": sql("ALTER TABLE gs_priv.audit DROP COLUMN request CASCADE"),
    "a column more": sql("ALTER TABLE gs_priv.link ADD COLUMN of_old text NOT NULL DEFAULT 'x'; "
                         "ALTER TABLE gs_priv.link ALTER COLUMN of_old DROP DEFAULT"),
    "no table": sql("DROP TABLE gs_priv.known_device"),
    "no table that others use": sql("DROP TABLE gs_priv.credential"),
    "another default": sql("ALTER TABLE gs_priv.setting ALTER COLUMN login_attempts SET DEFAULT 50"),
    "a value that may be missing": sql("ALTER TABLE gs_priv.account ALTER COLUMN login DROP NOT NULL"),
    "another check": sql("ALTER TABLE gs_priv.session DROP CONSTRAINT session_kind_check;"
                         " ALTER TABLE gs_priv.session ADD CONSTRAINT session_kind_check CHECK (kind = 'browser')"),
    "a check more": sql("ALTER TABLE gs_priv.meta ADD CONSTRAINT of_old CHECK (key <> '')"),
    "no index": sql("DROP INDEX gs_priv.session_user_id"),
    "another key": sql("ALTER TABLE gs_priv.audit DROP CONSTRAINT audit_pkey;"
                       " ALTER TABLE gs_priv.audit ADD PRIMARY KEY (id)"),
    "a table less that begins with a row": sql("DROP TABLE gs_priv.overlay_state"),
    "another view": sql("DROP VIEW IF EXISTS gs.history; CREATE VIEW gs.history AS SELECT 1 AS old"),
    "no sequence": sql("DROP SEQUENCE gs_priv.attempt_made"),
    "no domain": sql("DROP DOMAIN gs.file CASCADE"),
    "open walls": sql("GRANT EXECUTE ON FUNCTION pg_catalog.lo_get(oid) TO PUBLIC"),
}  # fmt: skip


class Parts(tuple[Part, ...]):
    """What there must be; hypothesis shows its arguments, and these are long."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{len(self)} parts>"


@pytest.fixture(scope="module")
def fresh(server: Endpoint) -> Parts:
    with superuser(server) as cluster:
        prepare_cluster(cluster)
    parts = Parts(fresh_private(server))
    with superuser(server) as cluster:
        left = cluster.run(sql("SELECT datname FROM pg_database WHERE starts_with(datname, {s})", s=SCRATCH)).column()
    assert left == []
    return parts


@pytest.fixture(scope="module")
def private(server: Endpoint, fresh: Parts) -> Generator[Superuser]:
    """A database with nothing but a private side; every test undoes what it does."""
    del fresh
    name = f"private_{token_hex(4)}"
    with superuser(server) as cluster:
        cluster.run(sql("CREATE DATABASE {name} TEMPLATE template0", name=ident(name)))
        try:
            close_database(cluster, name)
            with superuser(replace(server, dbname=name)) as connection:
                prepare_database(connection)
                connection.run(sql("INSERT INTO gs_priv.meta VALUES ('uuid', 'kept')"))
                yield connection
        finally:
            drop_database(cluster, name)


def _young_again(private: Superuser, fresh: Parts, ages: list[str]) -> None:
    mark = fingerprint(private)
    with private.undone():
        for age in ages:
            private.run(AGES[age])
        bring_private(private, fresh)
        assert fingerprint(private) == mark
        found = {part.key: part.what for part in read_private(private)}
        assert {part.key: part.what for part in fresh}.items() <= found.items()
        assert private.run(sql("SELECT value FROM gs_priv.meta WHERE key = 'uuid'")).scalar() == "kept"
        assert private.run(sql("SELECT count(*) FROM gs_priv.overlay_state")).scalar() == 1
        assert bring_private(private, fresh) == []


@pytest.mark.parametrize("age", AGES)
def test_what_is_old_becomes_new(private: Superuser, fresh: Parts, age: str) -> None:
    _young_again(private, fresh, [age])


@settings(max_examples=25)
@given(ages=st.lists(st.sampled_from(sorted(set(AGES) - {"no table"})), unique=True, min_size=2, max_size=6))
def test_so_does_what_is_old_in_many_ways(private: Superuser, fresh: Parts, ages: list[str]) -> None:
    _young_again(private, fresh, [age for age in ages if not ("argument" in age and "another owner" in ages)])


def test_a_new_private_side_is_left_as_it_is(private: Superuser, fresh: Parts) -> None:
    with private.undone():
        assert bring_private(private, fresh) == []


def test_what_nobody_could_know_is_refused(private: Superuser, fresh: Parts) -> None:
    with private.undone():
        private.run(sql("ALTER TABLE gs_priv.link ALTER COLUMN user_id TYPE integer"))
        with pytest.raises(PrivateSideDiffers, match=r"column gs_priv\.link user_id"):
            bring_private(private, fresh)
