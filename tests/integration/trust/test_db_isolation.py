"""DB-1 and DB-2: what the catalogue of a real cluster says of a planted hole, and what a login reaches from inside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from growsoft.postgres.connection import DatabaseUnavailable, Endpoint
from growsoft.postgres.context import LoginDoor
from growsoft.postgres.inspection import Answer, Catalogue, Knock, knock, read_catalogue
from growsoft.postgres.sql import Sql, ident, sql
from growsoft.postgres.superuser import superuser
from growsoft.trust.isolation import strangers
from growsoft.trust.trespass import trespasses
from tests.integration.trust.conftest import Plant
from tests.support.shop import Shop
from tests.support.world import subject_of

Change = Callable[[Sql, Sql], Sql]

# What is done, what undoes it, and the sentence that says so. `own` is one shop's login, `other` another one's.
_HOLES: dict[str, tuple[Change, Change, str]] = {
    "another login may connect": (
        lambda own, other: sql("GRANT CONNECT ON DATABASE {own} TO {other}", own=own, other=other),
        lambda own, other: sql("REVOKE CONNECT ON DATABASE {own} FROM {other}", own=own, other=other),
        "{other} may connect to {own}",
    ),
    "everybody may connect": (
        lambda own, _: sql("GRANT CONNECT ON DATABASE {own} TO PUBLIC", own=own),
        lambda own, _: sql("REVOKE CONNECT ON DATABASE {own} FROM PUBLIC", own=own),
        "everybody may connect to {own}",
    ),
    "a login is a member of another": (
        lambda own, other: sql("GRANT {own} TO {other}", own=own, other=other),
        lambda own, other: sql("REVOKE {own} FROM {other}", own=own, other=other),
        "{other} is a member of {own}",
    ),
    "a login is a member through a group": (
        lambda _, other: sql("CREATE ROLE planted; GRANT gs_owner TO planted; GRANT planted TO {o}", o=other),
        lambda _own, _other: sql("DROP ROLE planted"),
        "{other} is a member of gs_owner",
    ),
    "a login reads every table": (
        lambda own, _: sql("GRANT pg_read_all_data TO {own}", own=own),
        lambda own, _: sql("REVOKE pg_read_all_data FROM {own}", own=own),
        "{own} is a member of pg_read_all_data",
    ),
    "a login makes databases": (
        lambda own, _: sql("ALTER ROLE {own} CREATEDB", own=own),
        lambda own, _: sql("ALTER ROLE {own} NOCREATEDB", own=own),
        "{own} has a right over the whole cluster",
    ),
    "a login passes row security by": (
        lambda own, _: sql("ALTER ROLE {own} BYPASSRLS", own=own),
        lambda own, _: sql("ALTER ROLE {own} NOBYPASSRLS", own=own),
        "{own} has a right over the whole cluster",
    ),
    "a login is a superuser": (
        lambda own, _: sql("ALTER ROLE {own} SUPERUSER", own=own),
        lambda own, _: sql("ALTER ROLE {own} NOSUPERUSER", own=own),
        "{own} is a superuser",
    ),
}


@pytest.mark.parametrize("hole", _HOLES)
def test_db2_the_catalogue_tells_of_a_planted_hole(shop: Shop, northwind: Shop, server: Endpoint, hole: str) -> None:
    own, other = shop.database.name, northwind.database.name
    change, undo, told = _HOLES[hole]
    assert _of(strangers(_catalogue(shop)), own, other) == []
    with _changed(server, change(ident(own), ident(other)), undo(ident(own), ident(other))):
        found = strangers(_catalogue(shop))
    assert told.format(own=own, other=other) in found


def test_db2_every_way_out_of_a_session_is_refused(shop: Shop, northwind: Shop) -> None:
    tried = Counter[str]()
    assert list(trespasses(subject_of(shop), [subject_of(northwind)], tried)) == []
    assert tried["statements"] > 25


_WAYS_OUT: dict[str, tuple[Sql, str]] = {
    "files of the server": (
        sql("GRANT EXECUTE ON FUNCTION pg_read_file(text) TO PUBLIC"),
        "reached the server's files",
    ),
    "folders of the server": (
        sql("GRANT EXECUTE ON FUNCTION pg_ls_dir(text) TO PUBLIC"),
        "reached the server's folders",
    ),
    "code in C": (sql("UPDATE pg_language SET lanpltrusted = true WHERE lanname = 'c'"), ""),
}


def test_db2_a_file_of_the_server_is_seen(shop: Shop, northwind: Shop, plant: Plant) -> None:
    plant(shop, sql("GRANT EXECUTE ON FUNCTION pg_read_file(text) TO PUBLIC"))
    plant(shop, sql("GRANT pg_read_server_files TO {login}", login=ident(shop.database.name)))
    plant(shop, sql("ALTER ROLE {login} INHERIT", login=ident(shop.database.name)))
    found = list(trespasses(subject_of(shop), [subject_of(northwind)], Counter()))
    assert f"the login of database {shop.database.uuid} reached the server's files" in found


def test_db2_a_session_of_another_login_is_seen(shop: Shop, northwind: Shop, plant: Plant) -> None:
    own, other = ident(shop.database.name), ident(northwind.database.name)
    plant(shop, sql("GRANT {other} TO {own}", other=other, own=own))
    found = list(trespasses(subject_of(shop), [subject_of(northwind)], Counter()))
    assert f"the login of database {shop.database.uuid} reached the role {northwind.database.name}" in found


def test_db2_a_key_of_another_database_is_seen(shop: Shop, northwind: Shop) -> None:
    thief = replace(northwind, database=replace(northwind.database, signing_key=shop.database.signing_key))
    found = list(trespasses(subject_of(shop), [subject_of(thief)], Counter()))
    assert found == [f"database {shop.database.uuid} believed a context that was signed with another database's key"]


def test_a_knock_is_answered_by_the_wall_that_refuses(shop: Shop, northwind: Shop, server: Endpoint) -> None:
    where = shop.database.endpoint
    own, other = where.dbname, northwind.database.name
    assert knock(where, Knock(own, where.password, own, "socket")) is Answer.ADMITTED
    assert knock(where, Knock(own, where.password, other, "socket")) is Answer.RULES
    assert knock(where, Knock(own, "not the password", own, "socket")) is Answer.CREDENTIAL
    closed = sql("REVOKE CONNECT ON DATABASE {own} FROM {own}", own=ident(own))
    opened = sql("GRANT CONNECT ON DATABASE {own} TO {own}", own=ident(own))
    with _changed(server, closed, opened):
        assert knock(where, Knock(own, where.password, own, "socket")) is Answer.PRIVILEGE
    with _changed(
        server,
        sql("ALTER DATABASE {own} ALLOW_CONNECTIONS false", own=ident(own)),
        sql("ALTER DATABASE {own} ALLOW_CONNECTIONS true", own=ident(own)),
    ):
        assert knock(where, Knock(own, where.password, own, "socket")) is Answer.CLOSED


def test_a_knock_at_a_server_that_is_not_there_is_no_refusal(shop: Shop) -> None:
    where = replace(shop.database.endpoint, port=1)
    with pytest.raises(DatabaseUnavailable):
        knock(where, Knock(where.dbname, where.password, where.dbname, "socket"))


def _catalogue(shop: Shop) -> Catalogue:
    with shop.database.transaction(LoginDoor(), "read") as transaction:
        return read_catalogue(transaction)


def _of(problems: list[str], *names: str) -> list[str]:
    """Leave out what other tests of this session have in the same cluster."""
    return [problem for problem in problems if any(name in problem for name in names)]


@contextmanager
def _changed(server: Endpoint, change: Sql, undo: Sql) -> Generator[None]:
    with superuser(server) as cluster:
        cluster.run(change)
        try:
            yield
        finally:
            cluster.run(undo)
