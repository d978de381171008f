"""DB-1 and DB-2: what the registry and the catalogue say of each other, as values."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from growsoft.orm import load
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.database import Database
from growsoft.postgres.inspection import Catalogue, DatabaseFacts, LoginFacts
from growsoft.postgres.pool import Pools
from growsoft.security.keyring import Keyring, Purpose
from growsoft.trust.claim import Check
from growsoft.trust.isolation import disagreements, no_way_across, one_database_each, shared_keys, strangers
from growsoft.trust.world import CannotCheck, Entry, Subject
from tests.support.world import SmallWorld

KEYRING = Keyring(bytes(range(32)))
A, B = UUID(int=1), UUID(int=2)


def _facts(name: str, *lets_in: str, is_open: bool = True) -> DatabaseFacts:
    return DatabaseFacts(name, "growsoft", is_open, frozenset((role, "CONNECT") for role in lets_in))


def _login(name: str, *roles: str, superuser: bool = False, mighty: bool = False) -> LoginFacts:
    return LoginFacts(name, superuser, superuser or mighty, frozenset(roles))


def _entry(uuid: UUID, name: str, state: str = "active") -> Entry:
    return Entry(uuid, name, state, KEYRING.new_customer_key(uuid, Purpose.BACKUPS))


SYSTEM = (_facts("postgres"), _facts("template0", is_open=False), _facts("template1"), _facts("gs_template_1"))
LOGINS = (_login("growsoft", superuser=True), _login("gs_replication", mighty=True))
GOOD = Catalogue(
    (*SYSTEM, _facts("db_a", "db_a"), _facts("db_b", "db_b")),
    (*LOGINS, _login("db_a", "p_1", "g_base_user"), _login("db_b", "p_2", "gs_elevated", "g_db_b_7")),
)
ENTRIES = [Entry(UUID(int=9), "db_a", "active", None, control=True), _entry(B, "db_b")]


def test_db1_registry_and_cluster_that_agree() -> None:
    assert disagreements(ENTRIES, GOOD) == []
    assert strangers(GOOD) == []


def test_db1_a_database_that_is_gone_is_found() -> None:
    known = replace(GOOD, databases=GOOD.databases[:-1])
    assert disagreements(ENTRIES, known) == [
        f"database {B} is registered and not there",
        "the login db_b belongs to no database",
    ]


def test_db1_a_login_that_is_gone_is_found() -> None:
    known = replace(GOOD, logins=GOOD.logins[:-1])
    assert disagreements(ENTRIES, known) == [f"database {B} has no login of its own"]


def test_db1_a_database_of_two_customers_is_found() -> None:
    twice = [*ENTRIES, _entry(A, "db_b")]
    assert "2 customers are registered for db_b" in disagreements(twice, GOOD)


def test_db1_a_dropped_database_that_is_still_there_is_found() -> None:
    told = disagreements([ENTRIES[0], _entry(B, "db_b", "dropped")], GOOD)
    assert f"database {B} was dropped and is still there" in told


def test_db1_a_database_that_is_being_made_is_no_stranger() -> None:
    making = replace(GOOD, databases=(*GOOD.databases, _facts("db_c"), _facts("db_d", "db_d")))
    making = replace(making, logins=(*making.logins, _login("db_c"), _login("db_d")))
    assert disagreements([*ENTRIES, _entry(A, "db_d", "creating")], making) == []


def test_db1_a_database_that_lets_in_more_is_found() -> None:
    known = replace(GOOD, databases=(*GOOD.databases[:-1], _facts("db_b", "db_b", "")))
    assert disagreements(ENTRIES, known) == [f"database {B} lets in db_b, everybody"]


def test_db2_strangers_are_found() -> None:
    known = Catalogue(
        (_facts("postgres", ""), _facts("db_a", "db_a", "db_b")),
        (_login("db_a", "db_b"), _login("db_b", mighty=True), _login("eve", superuser=True)),
    )
    assert strangers(known) == [
        "everybody may connect to postgres",
        "db_b may connect to db_a",
        "db_a is a member of db_b",
        "db_b has a right over the whole cluster",
        "eve is a superuser",
    ]


def _subject(uuid: UUID, name: str, password: str, key: bytes) -> Subject:
    endpoint = Endpoint("/nowhere", 1, name, name, password)
    return Subject(uuid, f"{name}.localhost", Database(endpoint, uuid, 1, key, Pools(1)), load(["base"]))


def test_db2_shared_keys_are_found() -> None:
    keys = KEYRING.worker_keys()
    own = [_subject(u, n, keys.login_password(u, 1), keys.signing_key(u, 1)) for u, n in ((A, "db_a"), (B, "db_b"))]
    entries = [_entry(A, "db_a"), _entry(B, "db_b")]
    assert list(shared_keys(own, entries)) == []
    twins = [own[0], _subject(B, "db_b", own[0].database.endpoint.password, own[0].database.signing_key)]
    assert list(shared_keys(twins, entries)) == ["two logins have one password", "two databases have one signing key"]
    stolen = [entries[0], replace(entries[1], backup_key=entries[0].backup_key)]
    assert list(shared_keys(own, stolen)) == [
        "two customers have one backup key",
        f"the backup key of {B} is another customer's",
    ]


@pytest.mark.parametrize("check", [one_database_each, no_way_across])
def test_without_a_customer_nothing_was_proven(check: Check) -> None:
    world = SmallWorld(entries=[Entry(uuid4(), "db_a", "active", None, control=True)])
    with pytest.raises(CannotCheck, match="nothing to look at") as refused:
        check(world)
    assert refused.value.todo == "Create one: growsoft db create NAME"
