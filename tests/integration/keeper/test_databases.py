"""Customers' databases: made, changed and dropped by the keeper, and what their logins can do then."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar
from uuid import uuid4

import psycopg
import pytest

from growsoft.postgres.check import DatabaseUnprotected, refuse_unprotected
from growsoft.postgres.connection import DatabaseUnavailable
from growsoft.postgres.context import Context, LoginDoor
from growsoft.postgres.database import ELEVATED_PROFILE, Database
from growsoft.postgres.keeper import (
    DatabaseMissing,
    DatabaseTaken,
    KeeperError,
    UpgradeNeeded,
    VerbRefused,
    new_database_name,
    superuser_errors,
)
from growsoft.postgres.pool import Pools
from growsoft.postgres.refusals import Conflict, ContextRefused, DatabaseError
from growsoft.postgres.sql import Sql, ident, sql
from growsoft.postgres.superuser import superuser
from growsoft.postgres.transaction import Result, Transaction
from tests.integration.keeper.conftest import House
from tests.integration.keeper.product import GROUP

T = TypeVar("T")

NOTES = sql("SELECT name FROM note ORDER BY name")


class _Runs:
    """An open transaction as the start-up check takes it."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def run(self, query: Sql) -> Result:
        return self._transaction.execute(query)


def test_a_new_database_has_the_records_of_its_apps_and_lets_its_derived_login_in(house: House, pools: Pools) -> None:
    made = house.create()
    database = house.served(made, pools)
    with database.transaction(database.elevated("reading what came with the apps")) as transaction:
        assert transaction.execute(NOTES).column() == ["welcome"]
        refuse_unprotected(_Runs(transaction), made.fingerprint)
    assert (made.new, made.key_id, made.apps) == (True, 1, {"base": "1.0"})


def test_nothing_of_the_template_signs_in_a_new_database(house: House) -> None:
    made = house.create()
    assert house.ask(sql("SELECT kid FROM gs_priv.signing_key"), made.name) == [1]
    assert house.ask(sql("SELECT count(*) FROM gs_priv.audit"), made.name) == [0]
    assert house.ask(sql("SELECT value FROM gs_priv.meta WHERE key = 'uuid'"), made.name) == [str(made.uuid)]


def test_asking_again_for_the_same_database_only_answers(house: House) -> None:
    first = house.create()
    again = house.create(first.name, first.uuid)
    assert (again.new, again.fingerprint, again.uuid) == (False, first.fingerprint, first.uuid)


def test_a_name_that_somebody_else_has_is_refused(house: House) -> None:
    first = house.create()
    with pytest.raises(DatabaseTaken):
        house.create(first.name, uuid4())


def test_of_many_who_ask_for_one_database_at_once_one_makes_it(house: House) -> None:
    name, uuid = new_database_name(), uuid4()
    answers = _at_once(4, lambda: house.create(name, uuid))
    assert sorted(answer.new for answer in answers) == [False, False, False, True]
    assert len({answer.fingerprint for answer in answers}) == 1


def test_many_different_databases_at_once_need_one_template(own_house: House) -> None:
    answers = _at_once(4, own_house.create)
    assert all(answer.new for answer in answers)
    assert len(own_house.product.fills) == 1
    assert len([name for name in own_house.names() if str(name).startswith("database gs_template_")]) == 1


def test_a_dropped_database_is_gone_at_once_with_its_login_and_its_connections(house: House, pools: Pools) -> None:
    made = house.create()
    database = house.served(made, pools)

    def work() -> None:
        with database.transaction(database.elevated("being thrown out")) as transaction:
            assert house.keeper.drop_database(made.name)
            transaction.execute(NOTES)

    with pytest.raises(DatabaseUnavailable):
        work()
    assert not [name for name in house.names() if made.name in str(name)]
    assert not house.keeper.drop_database(made.name)


def test_a_login_gets_the_profiles_its_accounts_use_and_loses_the_others(house: House, pools: Pools) -> None:
    made = house.create()
    profile = house.add_user(made.name, 5, [GROUP])
    house.keeper.ensure_profile(made.name)
    house.keeper.ensure_profile(made.name)
    assert house.profiles(made.name) == {ELEVATED_PROFILE, profile}
    database = house.served(made, pools)
    with database.transaction(database.signed(Context(5, profile))) as transaction:
        assert transaction.execute(NOTES).column() == []
    house.add_user(made.name, 5, ["g_other"])
    house.keeper.ensure_profile(made.name)
    assert profile not in house.profiles(made.name)


def test_databases_that_need_the_same_new_profile_at_once_all_get_it(house: House) -> None:
    names = [house.create().name for _ in range(3)]
    roles = [GROUP, f"g_group_{uuid4().hex[:8]}"]
    profile = {house.add_user(name, 7, roles) for name in names}.pop()
    todo = iter(names)
    _at_once(3, lambda: house.keeper.ensure_profile(next(todo)))
    assert all(profile in house.profiles(name) for name in names)


def test_whoever_loses_the_race_for_a_new_profile_takes_the_winners(house: House) -> None:
    made = house.create()
    group = f"g_group_{uuid4().hex[:8]}"
    profile = house.add_user(made.name, 7, [group])
    with superuser(house.endpoint()) as winner, ThreadPoolExecutor(1) as executor:
        winner.run(sql("CREATE ROLE {group} NOLOGIN NOINHERIT", group=ident(group)))
        with winner.atomic():
            winner.run(sql("CREATE ROLE {profile} NOLOGIN INHERIT", profile=ident(profile)))
            winner.run(
                sql("GRANT {g} TO {profile} WITH INHERIT TRUE, SET FALSE", g=ident(group), profile=ident(profile))
            )
            losing = executor.submit(house.keeper.ensure_profile, made.name)
            while not house.ask(sql("SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'")):
                time.sleep(0.01)
        losing.result(10)
    assert profile in house.profiles(made.name)


def test_a_profile_that_is_not_what_its_name_says_is_refused(house: House) -> None:
    made = house.create()
    profile = house.add_user(made.name, 5, [GROUP])
    with superuser(house.endpoint(made.name)) as connection:
        connection.run(sql("UPDATE gs_priv.profile SET roles = '{{g_sale_admin}}' WHERE name = {name}", name=profile))
    with pytest.raises(KeeperError):
        house.keeper.ensure_profile(made.name)
    assert profile not in house.profiles(made.name)


@pytest.mark.parametrize(
    "hole",
    [
        sql("GRANT UPDATE ON gs_priv.profile TO PUBLIC"),
        sql("GRANT UPDATE (value) ON gs_priv.meta TO gs_owner"),
        sql("ALTER TABLE gs_priv.profile OWNER TO gs_owner"),
        sql("GRANT CREATE ON SCHEMA gs_priv TO gs_owner"),
    ],
)
def test_what_others_could_have_written_is_not_applied(house: House, hole: Sql) -> None:
    made = house.create()
    with superuser(house.endpoint(made.name)) as connection:
        connection.run(hole)
    with pytest.raises(DatabaseUnprotected):
        house.keeper.ensure_profile(made.name)
    with pytest.raises(DatabaseUnprotected):
        house.keeper.apply_declarations(made.name)


def test_declarations_are_added_to_a_database_and_give_the_new_fingerprint(own_house: House) -> None:
    made = own_house.create()
    assert not own_house.keeper.apply_declarations(made.name).changed
    newer = House(own_house.cluster, own_house.product, own_house.log)
    own_house.product.extra_columns = ("place",)
    applied = newer.keeper.apply_declarations(made.name)
    assert applied.changed
    assert applied.fingerprint != made.fingerprint
    assert applied.fingerprint == newer.create().fingerprint
    assert newer.ask(sql("SELECT place FROM note"), made.name) == [""]
    assert not newer.keeper.apply_declarations(made.name).changed


def test_a_database_of_another_version_waits_for_its_upgrade(own_house: House) -> None:
    made = own_house.create()
    own_house.product.version = "next"
    newer = House(own_house.cluster, own_house.product, own_house.log)
    with pytest.raises(UpgradeNeeded):
        newer.keeper.apply_declarations(made.name)
    assert newer.create(made.name, made.uuid).upgrade_needed


def test_a_database_whose_wall_was_broken_is_not_declared_sound(house: House) -> None:
    made = house.create()
    with superuser(house.endpoint(made.name)) as connection:
        connection.run(sql("ALTER TABLE note NO FORCE ROW LEVEL SECURITY"))
    with pytest.raises(DatabaseUnprotected):
        house.keeper.apply_declarations(made.name)


SPOILT: Final = (
    "ALTER ROLE {login} PASSWORD 'taken'",
    "ALTER ROLE {login} PASSWORD NULL",
    "ALTER ROLE {login} SET work_mem = '1GB'",
    "ALTER ROLE {login} IN DATABASE {login} SET gin_fuzzy_search_limit = 1",
)


@pytest.mark.parametrize("spoil", SPOILT)
def test_what_a_login_did_to_itself_is_mended_when_declarations_are_applied(
    house: House, pools: Pools, spoil: str
) -> None:
    made = house.create()
    database = house.served(made, pools)
    with psycopg.connect(database.endpoint.dsn(), autocommit=True) as connection:
        connection.execute(spoil.format(login=made.name).encode())
    with pytest.raises((DatabaseUnprotected, DatabaseUnavailable)):
        _checked(database, made.fingerprint)
    assert house.keeper.apply_declarations(made.name).fingerprint == made.fingerprint
    _checked(database, made.fingerprint)


def _checked(database: Database, fingerprint: str) -> None:
    with database.transaction(LoginDoor(), "read") as transaction:
        refuse_unprotected(transaction, fingerprint)


def test_applying_gives_up_before_readers_queue_behind_it(own_house: House) -> None:
    made = own_house.create()
    own_house.product.extra_columns = ("place",)
    newer = House(own_house.cluster, own_house.product, own_house.log)
    newer.create()  # the template takes its time elsewhere
    with superuser(newer.endpoint(made.name)) as reader, reader.atomic():
        reader.run(NOTES)
        with ThreadPoolExecutor(1) as executor:
            applying = executor.submit(newer.keeper.apply_declarations, made.name)
            slowest = 0.0
            while not applying.done():
                began = time.monotonic()
                assert newer.ask(NOTES, made.name) == ["welcome"]
                slowest = max(slowest, time.monotonic() - began)
            with pytest.raises(Conflict):
                applying.result()
    assert slowest < 1.0
    assert newer.keeper.apply_declarations(made.name).changed


def test_keys_move_on_by_one_and_the_one_before_still_signs(house: House, pools: Pools) -> None:
    made = house.create()
    old = house.served(made, pools)
    with old.transaction(old.elevated("before")):
        pass
    house.keeper.rotate_keys(made.name, 2)
    house.keeper.rotate_keys(made.name, 2)
    new = house.served(made, pools, key_id=2)
    for door in (old.elevated("signed by the key before"), new.elevated("signed by the new key")):
        with new.transaction(door) as transaction:
            assert transaction.execute(NOTES).column() == ["welcome"]
    pools.forget(old.endpoint)
    with pytest.raises(DatabaseUnavailable), old.transaction(old.elevated("with the password of before")):
        pass
    house.keeper.rotate_keys(made.name, 3)
    newest = house.served(made, pools, key_id=3)
    with pytest.raises(ContextRefused), newest.transaction(old.elevated("two keys behind")):
        pass


@pytest.mark.parametrize("key_id", [1, 4, 9])
def test_keys_never_go_back_nor_skip_one(house: House, key_id: int) -> None:
    made = house.create()
    house.keeper.rotate_keys(made.name, 2)
    with pytest.raises(VerbRefused):
        house.keeper.rotate_keys(made.name, key_id)


def test_what_is_not_there_is_said_to_be_missing(house: House) -> None:
    name = new_database_name()
    for verb in (house.keeper.ensure_profile, house.keeper.apply_declarations):
        with pytest.raises(DatabaseMissing):
            verb(name)


def test_the_list_has_databases_and_templates(own_house: House) -> None:
    made = own_house.create()
    listed = own_house.keeper.list_cluster()
    assert [(entry.name, entry.state) for entry in listed.databases] == [(made.name, "open")]
    assert listed.databases[0].bytes > 1_000_000
    assert [(t.apps, t.fingerprint) for t in listed.templates] == [(made.apps, made.fingerprint)]
    assert listed.server_version // 10_000 in (17, 18)


def test_every_verb_is_logged_with_its_outcome_and_no_secret(own_house: House) -> None:
    made = own_house.create()
    own_house.keeper.rotate_keys(made.name, 2)
    with pytest.raises(VerbRefused):
        own_house.keeper.rotate_keys(made.name, 7)
    own_house.keeper.drop_database(made.name)
    verbs = [(line["verb"], line["database"], line["outcome"]) for line in own_house.lines() if "verb" in line]
    assert verbs == [
        ("create_database", made.name, "done"),
        ("rotate_keys", made.name, "done"),
        ("rotate_keys", made.name, "refused"),
        ("drop_database", made.name, "done"),
    ]
    text = own_house.log.read_text() + own_house.cluster.server.log.read_text(errors="replace")
    for key_id in (1, 2):
        assert own_house.keys.login_password(made.uuid, key_id) not in text
        assert own_house.keys.signing_key(made.uuid, key_id).hex() not in text


def test_a_password_does_not_get_into_the_servers_log_when_setting_it_fails(house: House) -> None:
    made = house.create()
    with superuser(house.endpoint()) as connection:
        connection.run(sql("REVOKE ALL ON DATABASE {name} FROM {name}", name=ident(made.name)))
        connection.run(sql("DROP ROLE {name}", name=ident(made.name)))
    with pytest.raises(DatabaseError):
        house.keeper.rotate_keys(made.name, 2)
    log = house.cluster.server.log.read_text(errors="replace")
    assert f'role "{made.name}" does not exist' in log
    assert house.keys.login_password(made.uuid, 2) not in log


def test_what_a_killed_keeper_left_running_is_ended_before_anything_is_looked_for(house: House) -> None:
    def orphan() -> None:
        with superuser_errors(), superuser(house.endpoint()) as connection:
            connection.run(sql("SELECT pg_sleep(60)"))

    with ThreadPoolExecutor(1) as executor:
        running = executor.submit(orphan)
        while not house.ask(sql("SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'")):
            time.sleep(0.01)
        house.keeper.start()
        with pytest.raises(DatabaseUnavailable):
            running.result(10)


def _at_once(count: int, work: Callable[[], T]) -> list[T]:
    gate = threading.Barrier(count)

    def one() -> T:
        gate.wait()
        return work()

    with ThreadPoolExecutor(count) as executor:
        return [future.result() for future in [executor.submit(one) for _ in range(count)]]
