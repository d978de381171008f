"""Claim SW-4: from outside nothing is reachable but what is meant for it, and that with the caller's own rights."""

from __future__ import annotations

import json
import xmlrpc.client
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from growsoft.auth.keys import create_key, drop_key, keys_of
from growsoft.auth.passwords import set_password
from growsoft.errors import AccessError
from growsoft.orm import Model
from growsoft.postgres.context import SessionDoor
from growsoft.security.tokens import token_hash
from growsoft.web.doors import AccessDenied
from growsoft.web.odoo.methods import METHODS
from tests.support.served import Browser, Showcase
from tests.support.showcase import PASSWORD


class Client:
    """Software that calls the API: no browser, no cookies but those it is given."""

    def __init__(self, showcase: Showcase) -> None:
        self.browser = Browser(showcase.application())
        with showcase.elevated() as env:
            self.uid = env["res.users"].search([["login", "=", "ben"]]).id

    def json(self, path: str, params: Mapping[str, object], **headers: str) -> Any:  # noqa: ANN401 - whatever came
        body = json.dumps({"jsonrpc": "2.0", "method": "call", "params": params, "id": 7}).encode()
        return json.loads(self.browser.ask("POST", path, body, {"content-type": "application/json", **headers}).text)

    def call(self, model: str, method: str, *args: object, **kwargs: object) -> Any:  # noqa: ANN401 - whatever came
        """Call by password; give the result, or the name of the error."""
        params: dict[str, object] = {"service": "object", "method": "execute_kw",
                  "args": ["show", self.uid, PASSWORD, model, method, list(args), kwargs]}  # fmt: skip
        answer = self.json("/jsonrpc", params)
        return answer["result"] if "result" in answer else answer["error"]["data"]["name"].rpartition(".")[2]


@pytest.fixture
def client(showcase: Showcase) -> Client:
    """Ben's script."""
    return Client(showcase)


def test_sw4_reachable_is_what_is_declared_and_nothing_else(client: Client, showcase: Showcase) -> None:
    with showcase.elevated() as env:
        item = env["show.item"].create({"name": "a"}).id
    reached: set[str] = set()
    for name in sorted({*dir(Model), *dir(showcase.site.registry["show.item"].cls), "__class__", "_cr", "env.cr"}):
        for args in ([], [[item]]):
            if client.call("show.item", name, *args) not in ("AccessError", "AttributeError"):
                reached.add(name)
    public = set(showcase.site.registry["show.item"].public)
    assert reached <= {*METHODS, *public}
    assert public - {"untyped"} <= reached
    assert {"search", "read", "create", "write", "unlink", "search_read"} <= reached
    with showcase.elevated() as env:
        assert env["show.item"].search_count([["name", "=", "reached"]]) == 0


@pytest.mark.parametrize("method", ["_check_name", "__init__", "_value", "_of", "__class__"])
def test_sw4_private_names_get_the_usual_sentence(client: Client, method: str) -> None:
    params: dict[str, object] = {
        "service": "object",
        "method": "execute_kw",
        "args": ["show", client.uid, PASSWORD, "show.item", method, []],
    }
    error = client.json("/jsonrpc", params)["error"]["data"]
    assert error["name"] == "odoo.exceptions.AccessError"
    assert error["message"] == f"Private methods (such as 'show.item.{method}') cannot be called remotely."
    assert error["debug"] == ""


def test_sw4_public_methods_take_what_they_say_they_take(client: Client) -> None:
    item = client.call("show.item", "create", {"name": "a", "weight": 1.5})
    assert client.call("show.item", "rename", [item], "b", 2) == 1
    assert client.call("show.item", "rename", [item], name="c") == 1
    assert client.call("show.item", "greeting", [item]) == {"names": ["c"], "weight": 1.5, "items": [item]}
    for args in (
        [[item], 5],
        [[item], "b", "2"],
        [[item], "b", 1, 1],
        [[item]],
        [["x"], "b"],
        [[item], None],
        [True, "b"],
    ):
        assert client.call("show.item", "rename", *args) == "ValidationError", args
    assert client.call("show.item", "untyped", [item], 1) in {"ValidationError", "AttributeError"}
    assert client.call("show.item", "read", [item], ["name"]) == [{"id": item, "name": "c"}]


def test_sw4_what_promises_to_read_cannot_write(client: Client) -> None:
    item = client.call("show.item", "create", {"name": "a"})
    assert client.call("show.item", "lying", [item]) not in {None, False, True}
    assert client.call("show.item", "read", [item], ["name"])[0]["name"] == "a"


def test_sw4_a_call_has_the_rights_of_its_caller(client: Client, showcase: Showcase) -> None:
    with showcase.elevated() as env:
        hidden = env["show.item"].create({"name": "hidden"}).id
        shown = env["show.item"].create({"name": "shown", "secret": "x"}).id
    assert client.call("show.item", "search", [["id", "in", [hidden, shown]]]) == [shown]
    assert client.call("show.item", "read", [hidden], ["name"]) == "MissingError"
    assert client.call("show.item", "read", [shown], ["secret"]) == "AccessError"
    assert client.call("show.item", "search", [["secret", "=", "x"]]) == "AccessError"
    assert client.call("show.item", "search", [], order="secret") == "AccessError"
    assert client.call("show.item", "read_group", [], ["secret:max"], []) == "AccessError"
    assert client.call("show.item", "rename", [hidden], "seen") == "AccessError"
    assert client.call("show.item", "write", [hidden], {"name": "seen"}) in {"AccessError", "MissingError"}
    assert "secret" not in client.call("show.item", "fields_get")
    assert client.call("res.users", "write", [client.uid], {"groups_id": [[4, 1]]}) == "AccessError"
    assert client.call("show.item", "create", {"name": "b", "creator_id": 1}) == "AccessError"


@pytest.mark.parametrize(
    "context",
    [
        {"uid": 1},
        {"su": True},
        {"allowed_company_ids": [1, 2]},
        {"default_creator_id": 1, "x": {"y": 1}},
        {"lang": "../.."},
    ],
)
def test_sw4_a_context_says_nothing_about_who_calls(client: Client, context: dict[str, object]) -> None:
    assert client.call("res.users", "context_get", context=context)["uid"] == client.uid
    if "default_creator_id" not in context:
        made = client.call("show.item", "create", {"name": "a"}, context=context)
        assert client.call("show.item", "read", [made], ["create_uid"])[0]["create_uid"] == client.uid
    else:
        assert client.call("show.item", "create", {"name": "a"}, context=context) == "AccessError"


@pytest.mark.parametrize("db", ["", "show", None])
def test_a_client_may_leave_the_database_out(client: Client, db: object) -> None:
    params: dict[str, object] = {"service": "common", "method": "authenticate", "args": [db, "ben", PASSWORD, {}]}
    assert client.json("/jsonrpc", params)["result"] == client.uid


@pytest.mark.parametrize("db", ["other", "control", "postgres", "show' OR 1=1", 5, ["show"]])
def test_sw4_another_database_is_denied(client: Client, db: object) -> None:
    params: dict[str, object] = {"service": "common", "method": "authenticate", "args": [db, "ben", PASSWORD, {}]}
    assert client.json("/jsonrpc", params)["error"]["data"]["name"] == "odoo.exceptions.AccessDenied"


@pytest.mark.parametrize("method", ["create_database", "drop", "dump", "restore", "rename", "duplicate_database"])
def test_sw4_databases_are_not_managed_from_here(client: Client, method: str) -> None:
    answer = client.json("/jsonrpc", {"service": "db", "method": method, "args": ["admin", "show"]})
    assert answer["error"]["data"]["name"] == "odoo.exceptions.AccessDenied"
    assert client.json("/jsonrpc", {"service": "db", "method": "list", "args": []})["result"] == ["show"]


@pytest.mark.parametrize(
    "headers", [{"origin": "https://evil.example"}, {"sec-fetch-site": "same-origin"}, {"origin": "null"}]
)
def test_sw5_a_browser_cannot_be_made_to_call(client: Client, headers: dict[str, str]) -> None:
    client.json("/web/session/authenticate", {"db": "show", "login": "ben", "password": PASSWORD})
    assert "session_id" in client.browser.cookies
    body: dict[str, object] = {"model": "show.item", "method": "create", "args": [{"name": "forged"}], "kwargs": {}}
    answer = client.browser.ask("POST", "/web/dataset/call_kw", json.dumps({"params": body}).encode(), headers)
    assert answer.status == 403
    assert client.json("/web/dataset/call_kw", body)["result"] > 0  # the same from a script


def test_sw5_a_session_of_the_api_opens_no_page_and_the_other_way_round(client: Client, ben: Browser) -> None:
    client.json("/web/session/authenticate", {"db": "show", "login": "ben", "password": PASSWORD})
    cookie = client.browser.cookies["session_id"]
    for name in ("__Host-gs", "session_id"):
        page = client.browser.ask("GET", "/app", headers={"cookie": f"{name}={cookie}", "sec-fetch-site": "none"})
        assert page.status in {302, 303}
    pages = ben.cookies["__Host-gs"]
    for given in (pages, f"{pages}.show", f"api.{pages}.show", "api..show", "", "api.x.show", "." * 50):
        answer = client.json("/web/session/get_session_info", {}, cookie=f"session_id={given}")
        assert answer["error"]["code"] == 100


def test_a_session_of_the_api_works_and_ends(client: Client) -> None:
    facts = client.json("/web/session/authenticate", {"db": "show", "login": "ben", "password": PASSWORD})["result"]
    assert (facts["uid"], facts["username"], facts["db"], facts["is_admin"]) == (client.uid, "ben", "show", False)
    kept = client.browser.cookies["session_id"]
    assert client.json("/web/session/get_session_info", {})["result"]["uid"] == client.uid
    assert client.json("/web/session/check", {})["result"] is None
    client.json("/web/session/destroy", {})
    assert "session_id" not in client.browser.cookies
    assert client.json("/web/session/check", {}, cookie=f"session_id={kept}")["error"]["code"] == 100
    assert client.json("/web/session/check", {}, **{"x-openerp-session-id": kept})["error"]["code"] == 100


def test_pw1_a_changed_password_ends_what_was_remembered(client: Client, showcase: Showcase) -> None:
    assert client.call("show.item", "search_count", []) == 0
    with showcase.elevated() as env:
        set_password(env, client.uid, "another long password")
    assert client.call("show.item", "search_count", []) == "AccessDenied"


def test_pw1_whoever_is_deactivated_is_out_with_the_next_call(client: Client, showcase: Showcase) -> None:
    assert client.call("show.item", "search_count", []) == 0
    with showcase.elevated() as env:
        env["res.users"].browse(client.uid).write({"active": False})
    assert client.call("show.item", "search_count", []) == "AccessDenied"


def test_wrong_passwords_are_counted_like_those_of_the_sign_in_page(client: Client) -> None:
    outcomes = [
        client.json("/jsonrpc", {"service": "common", "method": "login", "args": ["show", "ben", f"wrong {i}"]})
        for i in range(8)
    ]
    assert outcomes[0]["result"] is False
    assert "Too many attempts" in outcomes[-1]["error"]["data"]["message"]


def test_another_users_id_is_denied(client: Client) -> None:
    for uid in (1, client.uid + 1, 10**9, 0, -1, "1", None, True, [client.uid]):
        params: dict[str, object] = {
            "service": "object",
            "method": "execute_kw",
            "args": ["show", uid, PASSWORD, "show.item", "search", [[]]],
        }
        assert client.json("/jsonrpc", params)["error"]["data"]["name"].startswith("odoo.exceptions.Access")


# -- keys --------------------------------------------------------------------------------------------------------------


def bearer(client: Client, path: str, body: object, key: str) -> tuple[int, Any]:
    answer = client.browser.ask("POST", path, json.dumps(body).encode(), {"authorization": f"Bearer {key}"})
    return answer.status, json.loads(answer.text)


def test_a_key_opens_json_2_and_stands_for_its_owners_password(client: Client, showcase: Showcase) -> None:
    with showcase.elevated() as env:
        number, key = create_key(env, client.uid, "a script")
    status, made = bearer(client, "/json/2/show.item/create", {"vals_list": [{"name": "a"}]}, key)
    assert (status, len(made)) == (200, 1)
    assert bearer(client, "/json/2/show.item/read", {"ids": made, "fields": ["name"]}, key) == (
        200,
        [{"id": made[0], "name": "a"}],
    )
    assert bearer(client, "/json/2/show.item/search", {"ids": made, "domain": []}, key)[0] == 422
    assert bearer(client, "/json/2/show.item/rename", {"ids": made, "name": "b"}, key) == (200, 1)
    assert bearer(client, "/json/2/show.item/_check_name", {"ids": made}, key)[0] == 403
    assert bearer(client, "/json/2/show.item/nothing", {}, key)[0] == 404
    assert bearer(client, "/json/2/show.item/read", {"ids": [10**6]}, key)[0] == 404
    params: dict[str, object] = {"service": "common", "method": "login", "args": ["show", "ben", key]}
    assert client.json("/jsonrpc", params)["result"] == client.uid
    params["args"] = ["show", "ada", key]
    assert client.json("/jsonrpc", params)["result"] is False
    with showcase.elevated() as env:
        assert [one.id for one in keys_of(env, client.uid)] == [number]
        drop_key(env, client.uid, number)
    assert bearer(client, "/json/2/show.item/search", {"domain": []}, key)[0] == 401


@pytest.mark.parametrize("key", ["", "gsk_", "gsk_" + "a" * 43, PASSWORD, "Basic x", "gsk_" + "\u00e9" * 5])
def test_what_is_no_key_is_refused_and_a_password_is_never_tried_as_one(client: Client, key: str) -> None:
    for _attempt in range(7):
        assert bearer(client, "/json/2/show.item/search", {"domain": []}, key)[0] == 401
    params: dict[str, object] = {"service": "common", "method": "login", "args": ["show", "ben", PASSWORD]}
    assert client.json("/jsonrpc", params)["result"] == client.uid  # nothing was counted against him


def test_sw7_keys_are_made_and_seen_by_their_owner_alone(
    client: Client, showcase: Showcase, signed_in: Callable[[str], Browser]
) -> None:
    browser = signed_in("ada")
    door = SessionDoor(token_hash(browser.cookies["__Host-gs"]))
    with showcase.elevated() as env:
        number, _key = create_key(env, client.uid, "ben's")
    from growsoft.orm import open_env

    with open_env(showcase.site.database, showcase.site.registry, door) as env:
        assert keys_of(env, client.uid) == []
        with pytest.raises(Exception, match="not exist"), env.savepoint():
            drop_key(env, client.uid, number)
        with pytest.raises(AccessError), env.savepoint():
            create_key(env, client.uid, "stolen")
        assert create_key(env, env.user_id, "own")[0] > number


# -- XML-RPC -----------------------------------------------------------------------------------------------------------


def test_xml_rpc_says_what_json_cannot_and_back(client: Client) -> None:
    def call(method: str, *args: object) -> Any:  # noqa: ANN401 - whatever came
        body = xmlrpc.client.dumps(("show", client.uid, PASSWORD, "show.item", method, list(args)), "execute_kw")
        answer = client.browser.ask("POST", "/xmlrpc/2/object", body.encode())
        return xmlrpc.client.loads(answer.text)[0][0]

    made = call("create", {"name": "\u20ac & <b>", "count": 3})
    assert call("read", [made], ["name", "owner_id", "weight", "moment"]) == [
        {"id": made, "name": "\u20ac & <b>", "owner_id": False, "weight": 0.0, "moment": False}
    ]


ENTITY = '<!DOCTYPE a [<!ENTITY b "n">]><methodCall><methodName>versio&b;</methodName><params/></methodCall>'


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<", b"<a/>", b"x" * 1000, b"<methodCall><methodName>login</methodName></methodCall>",
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><methodCall><methodName>&b;</methodName></methodCall>',
        ENTITY.encode(), ENTITY.encode("utf-16"), ENTITY.encode("utf-16-be"), ENTITY.encode("utf-7"),
        b"<methodCall>" + b"<params>" * 5000,
        b"<methodCall><params><param><value><int>x</int></value></param></params>",
    ],
)  # fmt: skip
def test_what_is_no_xml_rpc_gets_a_fault(client: Client, body: bytes) -> None:
    answer = client.browser.ask("POST", "/xmlrpc/2/common", body)
    with pytest.raises(xmlrpc.client.Fault) as fault:
        xmlrpc.client.loads(answer.text)
    assert fault.value.faultCode in {1, 2, 3}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"params": 5}', b'{"params": {"args": 5}}', b"\xff", b"[" * 100_000]
)
def test_what_is_no_json_rpc_gets_an_error(client: Client, body: bytes) -> None:
    answer = client.browser.ask("POST", "/jsonrpc", body)
    assert answer.status == 200
    assert json.loads(answer.text)["error"]["code"] == 200


def test_the_words_for_a_denial_are_those_that_clients_look_for() -> None:
    assert str(AccessDenied()) == "Access Denied"
