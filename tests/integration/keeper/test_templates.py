"""Templates: made on first need, closed to everybody, gone when nobody could need them any more."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from growsoft.errors import ConfigError
from growsoft.postgres.connection import DatabaseUnavailable
from growsoft.postgres.dump import NEVER_DUMPED
from growsoft.postgres.keeper import new_database_name
from growsoft.postgres.sql import ident, sql
from growsoft.postgres.superuser import superuser
from tests.integration.keeper.conftest import House


def _templates(house: House) -> list[str]:
    return [str(name) for name in house.ask(sql("SELECT datname FROM pg_database WHERE datname ~ '^gs_template_'"))]


def test_a_template_serves_every_database_of_its_apps(own_house: House) -> None:
    own_house.create()
    own_house.create()
    assert own_house.product.fills == [("base",)]
    assert len(_templates(own_house)) == 1


def test_another_set_of_apps_gets_a_template_of_its_own(own_house: House) -> None:
    plain = own_house.create()
    more = own_house.keeper.create_database(new_database_name(), uuid4(), ["extra"])
    assert more.apps == {"base": own_house.product.version, "extra": "2.0"}
    assert more.fingerprint != plain.fingerprint
    assert own_house.ask(sql("SELECT colour FROM note"), more.name) == [""]
    assert len(_templates(own_house)) == 2


def test_nobody_can_enter_a_template_and_no_login_is_left_of_its_making(own_house: House) -> None:
    own_house.create()
    (name,) = _templates(own_house)
    with pytest.raises(DatabaseUnavailable), superuser(own_house.endpoint(name)):
        pass
    assert own_house.ask(sql("SELECT rolname FROM pg_roles WHERE rolname = {name}", name=name)) == []


def test_a_template_keeps_no_key_no_session_and_no_audit(own_house: House) -> None:
    own_house.create()
    (name,) = _templates(own_house)
    with superuser(own_house.endpoint()) as cluster:
        cluster.run(sql("ALTER DATABASE {name} ALLOW_CONNECTIONS true", name=ident(name)))
    for table in (*NEVER_DUMPED, "gs_priv.audit"):
        count = sql("SELECT count(*) FROM gs_priv.{table}", table=ident(table.removeprefix("gs_priv.")))
        assert own_house.ask(count, name) == [0], table
    assert own_house.ask(sql("SELECT key FROM gs_priv.meta WHERE key = 'uuid'"), name) == []


def test_records_that_do_not_fit_leave_nothing_behind(own_house: House) -> None:
    own_house.product.fail = True
    with pytest.raises(ConfigError, match="do not fit"):
        own_house.create()
    assert own_house.names() == set()
    own_house.product.fail = False
    assert own_house.create().new


def test_an_unknown_app_is_refused_before_anything_is_made(own_house: House) -> None:
    with pytest.raises(ConfigError, match="no app 'sail'"):
        own_house.keeper.create_database(new_database_name(), uuid4(), ["sail"])
    assert own_house.names() == set()


def test_a_template_of_older_apps_goes_when_a_newer_one_is_there(own_house: House) -> None:
    old = own_house.create()
    before = _templates(own_house)
    own_house.product.version = "next"
    newer = House(own_house.cluster, own_house.product, own_house.log)
    assert _templates(newer) == before
    newer.create()
    assert len(_templates(newer)) == 1
    assert _templates(newer) != before
    assert newer.ask(sql("SELECT name FROM note"), old.name) == ["welcome"]


def test_a_template_that_somebody_dropped_is_made_again(own_house: House) -> None:
    own_house.create()
    (name,) = _templates(own_house)
    with superuser(own_house.endpoint()) as cluster:
        cluster.run(sql("DROP DATABASE {name}", name=ident(name)))
    assert own_house.create().new
    assert _templates(own_house) == [name]


def test_a_database_is_made_while_the_template_of_other_apps_is_being_filled(own_house: House) -> None:
    own_house.create()
    own_house.product.pause = 2.0
    own_house.product.filling.clear()
    with ThreadPoolExecutor(1) as executor:
        slow = executor.submit(own_house.keeper.create_database, new_database_name(), uuid4(), ["extra"])
        assert own_house.product.filling.wait(10)
        assert own_house.create().new
        assert not slow.done()
        assert slow.result().new
