"""Claim SW-7 with keys that are good for less than their owners: PostgreSQL keeps to it, whatever is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from growsoft.auth.keys import Scope, create_key, keys_of
from growsoft.errors import AccessError, ValidationError
from growsoft.orm import open_env
from growsoft.postgres.context import LoginDoor, SessionDoor
from growsoft.postgres.sql import sql
from growsoft.security.tokens import new_token, token_hash
from tests.integration.api.conftest import Software
from tests.support.served import Showcase

Limited = Callable[[Scope], Software]


@pytest.fixture
def limited(ben: Software, showcase: Showcase) -> Limited:
    """Give Ben's script a key that is good for less."""

    def make(scope: Scope) -> Software:
        with showcase.elevated() as env:
            user = env["res.users"].search([["login", "=", "ben"]]).ensure_one().id
            return replace(ben, key=create_key(env, user, "limited", scope=scope)[1])

    return make


def test_sw7_a_key_for_some_models_sees_no_others(ben: Software, limited: Limited) -> None:
    owner = ben.ok("POST", "show.owner", {"name": "Kyo"})["id"]
    tag = ben.ok("POST", "show.tag", {"name": "red"})["id"]
    item = ben.ok("POST", "show.item", {"name": "a", "owner_id": owner, "tag_ids": [tag]})["id"]
    some = limited(Scope(models=("show.item", "show.tag")))
    found = some.get(f"show.item/{item}", fields="name,owner_id,tag_ids.name").json
    assert found == {
        "id": item, "name": "a", "owner_id": {"id": owner, "name": ""}, "tag_ids": [{"id": tag, "name": "red"}],
    }  # fmt: skip
    assert some.get("show.owner").json["items"] == []
    assert some.get("show.item", filter='[["owner_id.name","=","Kyo"]]').json["items"] == []
    assert some.get(f"show.owner/{owner}").kind == "not-found"
    assert some.ask("PATCH", f"show.owner/{owner}", {"name": "x"}).kind == "not-found"
    assert some.ask("POST", "show.owner", {"name": "x"}).kind == "forbidden"
    assert some.ok("PATCH", f"show.item/{item}", {"name": "b"})["name"] == "b"


def test_sw7_a_key_for_reading_writes_nothing_by_any_way(ben: Software, limited: Limited) -> None:
    item = ben.ok("POST", "show.item", {"name": "a"})["id"]
    reader = limited(Scope(read_only=True))
    assert reader.get(f"show.item/{item}").json["name"] == "a"
    for method, path, body in (
        ("POST", "show.item", {"name": "b"}),
        ("PATCH", f"show.item/{item}", {"name": "b"}),
        ("DELETE", f"show.item/{item}", None),
        ("POST", f"show.item/{item}/call/rename", {"name": "b"}),
        ("POST", "batch", {"operations": [{"do": "delete", "model": "show.item", "id": item}]}),
    ):
        assert reader.ask(method, path, body).kind == "forbidden", (method, path)
    assert ben.get("show.item", fields="name").json["items"] == [{"id": item, "name": "a"}]


def test_sw7_a_key_from_elsewhere_opens_nothing(limited: Limited) -> None:
    assert limited(Scope(networks=("192.0.2.0/24",))).get("show.item").status == 401
    assert limited(Scope(networks=("192.0.2.0/24", "127.0.0.0/8"))).get("show.item").status == 200
    with pytest.raises(ValidationError, match="network"):
        limited(Scope(networks=("everywhere",)))


def test_sw7_raw_sql_finds_no_way_out_of_a_scope(ben: Software, limited: Limited, showcase: Showcase) -> None:
    ben.ok("POST", "show.owner", {"name": "Kyo"})
    ben.ok("POST", "show.item", {"name": "a"})
    key, session = limited(Scope(("show.item",), read_only=True)).key, token_hash("api." + new_token())
    open_key = sql(
        "SELECT gs.open_key({key}::bytea, {session}::bytea, '127.0.0.1'::inet, 'sql')",
        key=token_hash(key), session=session,
    )  # fmt: skip
    with showcase.site.database.transaction(LoginDoor(), "counting") as transaction:
        user = transaction.execute(open_key).scalar(int)
    with open_env(showcase.site.database, showcase.site.registry, SessionDoor(session)) as env:
        assert env.execute(sql("SELECT name FROM show_item")).column(str) == ["a"]
        for attempt in (
            sql("SELECT set_config('transaction_read_only', 'off', true)"),
            sql("SET TRANSACTION READ WRITE"),
            sql("UPDATE show_item SET name = 'b'"),
            sql("SELECT gs.create_key({u}::bigint, 'more', sha256('x'), 9)", u=user),
            sql("SELECT set_config('backtrace_functions', '', true)"),
        ):
            with pytest.raises(Exception, match=r"read|defect|permission|may"), env.savepoint():
                env.execute(attempt)
        for hidden in (
            sql("SELECT name FROM show_owner"),
            sql("SELECT o.name FROM show_item i LEFT JOIN show_owner o ON true WHERE o.id IS NOT NULL"),
            sql("SELECT login FROM res_users"),
        ):
            assert env.execute(hidden).rows == []
        assert env.execute(sql("SELECT name FROM show_item")).column(str) == ["a"]


def test_sw7_a_limited_key_makes_no_key(limited: Limited, showcase: Showcase) -> None:
    session = token_hash("api." + new_token())
    key = limited(Scope(("show.item",))).key
    open_key = sql(
        "SELECT gs.open_key({key}::bytea, {session}::bytea, '127.0.0.1'::inet, 'sql')",
        key=token_hash(key), session=session,
    )  # fmt: skip
    with showcase.site.database.transaction(LoginDoor(), "counting") as transaction:
        user = transaction.execute(open_key).scalar(int)
    with open_env(showcase.site.database, showcase.site.registry, SessionDoor(session)) as env:
        assert keys_of(env, user) == []
        with pytest.raises(AccessError), env.savepoint():
            create_key(env, user, "everything")


def test_what_a_key_is_good_for_is_listed(limited: Limited, showcase: Showcase) -> None:
    limited(Scope(("show.item", "show.tag"), read_only=True, networks=("192.0.2.0/24",)))
    with showcase.elevated() as env:
        user = env["res.users"].search([["login", "=", "ben"]]).id
        found = keys_of(env, user)[-1]
    assert found.scope.split()[0] == "r"
    assert {"show_item", "show_tag"} <= set(found.scope.split())
    assert list(found.networks) == ["192.0.2.0/24"]
