"""Databases come and go whole: with a login, keys and rights of their own, or not at all."""

from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import psycopg
import pytest

from growsoft.postgres.check import problems
from growsoft.postgres.connection import DatabaseUnavailable, Endpoint
from growsoft.postgres.context import LoginDoor
from growsoft.postgres.database import Database
from growsoft.postgres.pool import Pools
from growsoft.postgres.provision import (
    Identity,
    create_database,
    create_login,
    drop_database,
    ensure_profiles,
    new_template,
    restore_login,
)
from growsoft.postgres.refusals import ContextRefused
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import superuser
from growsoft.testing.cluster import Cluster
from tests.support.attacker import Attacker
from tests.support.notes import ANN, DECLARATIONS, Notes
from tests.support.visitors import Visitor, create_link, set_password


def _names(server: Endpoint) -> set[str]:
    query = sql("SELECT datname::text FROM pg_database UNION SELECT rolname FROM pg_roles WHERE rolcanlogin")
    with superuser(server) as connection:
        return set(connection.run(query).column(str))


def test_a_failure_leaves_neither_a_database_nor_a_login(server: Endpoint) -> None:
    before = _names(server)
    identity = Identity("dbfails", uuid4(), "password", 1, b"k" * 32)
    with pytest.raises(psycopg.Error, match="does not exist"):
        create_database(server, identity, "no_such_template")
    assert _names(server) == before


def test_a_template_that_fails_is_dropped(server: Endpoint) -> None:
    before = _names(server)

    def failing() -> None:
        with new_template(server, "template_fails", DECLARATIONS):
            raise LookupError

    with pytest.raises(LookupError):
        failing()
    assert _names(server) == before


def test_nobody_but_the_superuser_enters_a_template(notes: Notes, notes_template: str) -> None:
    with pytest.raises(psycopg.OperationalError, match=r"pg_hba\.conf rejects"):
        Attacker(notes, dbname=notes_template)


def test_a_copy_has_keys_and_secrets_of_its_own(
    notes: Notes, notes_template: str, fresh_database: Callable[[str], Database]
) -> None:
    other = fresh_database(notes_template)
    with Attacker(notes) as login:
        login.raw.execute("BEGIN")
        entry = login.entry(ANN, key=other.signing_key)
        values = entry.values()
        outcome = login.attempt(
            "SELECT gs.enter(%s::int, %s::text, %s::bigint, %s::bigint, %s::bool, %s::bigint[], %s::text, %s::text,"
            " %s::text, %s::text, %s::bigint, %s::bytea)",
            *values,
        )
        assert outcome.sqlstate == "28P01"
    query = sql("SELECT value FROM gs_priv.meta WHERE key = 'uuid'")
    with superuser(notes.owner) as one, superuser(replace(notes.server, dbname=other.name)) as two:
        assert one.run(query).scalar(str) == str(notes.database.uuid)
        assert two.run(query).scalar(str) == str(other.uuid)


def test_a_copy_of_a_living_database_takes_no_session_link_or_key_along(notes: Notes, server: Endpoint) -> None:
    set_password(notes.database, 11, "a password")
    session = Visitor(notes.database, device=b"d" * 16).sign_in("ann", "a password")
    assert session is not None
    link = create_link(notes.database, 11)
    notes.database.pools.close_idle()
    notes.database.pools.forget(notes.database.endpoint)
    identity = Identity("dbcopy", uuid4(), "password", 1, b"c" * 32)
    pools = Pools(3)
    create_database(server, identity, notes.database.name)
    try:
        endpoint = replace(server, dbname="dbcopy", user="dbcopy", password=identity.password)
        copy = Database(endpoint, identity.uuid, 1, identity.signing_key, pools)
        with pytest.raises(Exception, match="session has ended"), copy.transaction(session):
            pytest.fail("a session of the original")
        assert Visitor(copy).open_link(link) is None
        with pytest.raises(ContextRefused), copy.transaction(notes.door(ANN)):
            pytest.fail("the key of the original")
        with superuser(replace(server, dbname="dbcopy")) as connection:
            assert problems(connection) == []
            assert connection.run(sql("SELECT count(*) FROM gs_priv.known_device")).scalar(int) == 0
        assert Visitor(copy).sign_in("ann", "a password") is not None, "people keep their passwords"
    finally:
        pools.close()
        with superuser(server) as connection:
            drop_database(connection, "dbcopy")


def test_dropping_takes_the_login_along_and_may_be_said_twice(
    server: Endpoint, notes_template: str, pools: Pools
) -> None:
    identity = Identity("dbgoes", uuid4(), "password", 1, b"k" * 32)
    create_database(server, identity, notes_template)
    database = Database(
        replace(server, dbname="dbgoes", user="dbgoes", password=identity.password), identity.uuid, 1, b"k" * 32, pools
    )

    def scenario() -> None:
        with database.transaction(LoginDoor()) as tx:
            with superuser(server) as connection:
                drop_database(connection, "dbgoes")
                drop_database(connection, "dbgoes")
            with pytest.raises(DatabaseUnavailable):
                tx.execute(sql("SELECT 1"))

    # The block must not end as if it had worked.
    with pytest.raises(DatabaseUnavailable):
        scenario()
    assert "dbgoes" not in _names(server)


def test_a_login_that_was_tampered_with_is_given_back(notes: Notes) -> None:
    identity = Identity(
        notes.database.name, notes.database.uuid, notes.database.endpoint.password, 1, notes.database.signing_key
    )
    # PostgreSQL lets every login do this to itself, so SQL injected into one may, too.
    with Attacker(notes) as login:
        for attack in (
            "ALTER ROLE CURRENT_USER SET search_path = 'gs'",
            "ALTER ROLE CURRENT_USER SET exit_on_error = on",
            "ALTER ROLE CURRENT_USER SET default_transaction_read_only = on",
            f"ALTER ROLE CURRENT_USER SET role = '{ANN.profile}'",
            f"ALTER ROLE CURRENT_USER IN DATABASE {identity.name} SET row_security = off",
        ):
            assert not login.attempt(attack).refused
        # It changes nothing for the product's own connections,
        with notes.database.transaction(notes.door(ANN)) as tx:
            assert tx.execute(sql("SELECT id FROM note ORDER BY id")).column(int) == [1, 2]
            tx.execute(sql("UPDATE note SET version = 2 WHERE id = 1"))
        # not even for new ones that start as the bare login;
        notes.database.pools.forget(notes.database.endpoint)
        with notes.database.transaction(LoginDoor()) as tx:
            assert tx.execute(sql("SELECT current_user::text, current_setting('row_security')")).one() == (
                identity.name, "on",
            )  # fmt: skip
        # only a new password shuts the product out, until the keeper gives the login back.
        assert not login.attempt("ALTER ROLE CURRENT_USER PASSWORD 'theirs'").refused
    notes.database.pools.forget(notes.database.endpoint)
    with pytest.raises(DatabaseUnavailable), notes.database.transaction(LoginDoor()):
        pytest.fail("the password was changed")
    with superuser(notes.owner) as connection:
        assert len(problems(connection)) == 2
        restore_login(connection, identity)
        assert problems(connection) == []
    with notes.database.transaction(notes.door(ANN)) as tx:
        assert tx.execute(sql("SELECT id FROM note ORDER BY id")).column(int) == [1, 2]


def test_a_password_stands_in_no_statement(notes: Notes, server: Endpoint, cluster: Cluster) -> None:
    secret = "a password that nobody reads"
    identity = Identity(notes.database.name, notes.database.uuid, secret, 1, notes.database.signing_key)
    with superuser(notes.owner) as connection, superuser(server) as watcher:
        with pytest.raises(psycopg.errors.DuplicateObject):
            create_login(connection, identity)
        restore_login(connection, identity)
        pid = connection.raw.info.backend_pid
        seen = watcher.run(sql("SELECT query FROM pg_stat_activity WHERE pid = {pid}", pid=pid)).scalar(str)
        stored = watcher.run(
            sql("SELECT rolpassword FROM pg_authid WHERE rolname = {name}", name=identity.name)
        ).scalar(str)
    assert stored.startswith("SCRAM-SHA-256$")
    assert secret not in seen + cluster.server.log.read_text(errors="replace")
    database = replace(notes.database, endpoint=replace(notes.database.endpoint, password=secret))
    with database.transaction(LoginDoor()) as tx:
        assert tx.execute(sql("SELECT 1")).scalar(int) == 1


def test_profiles_are_ensured_once(notes: Notes) -> None:
    with superuser(notes.owner) as connection:
        assert ensure_profiles(connection, notes.database.name) == 0
