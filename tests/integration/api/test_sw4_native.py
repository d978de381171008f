"""Claims SW-4, SW-5 and SW-7 at the API: only declared things are reachable, with a key alone, and with its rights."""

from __future__ import annotations

from growsoft.orm import Model
from tests.integration.api.conftest import Software
from tests.support.served import Browser, Showcase


def test_sw4_reachable_is_what_is_declared_and_nothing_else(ben: Software, showcase: Showcase) -> None:
    item = ben.ok("POST", "show.item", {"name": "a"})["id"]
    cls = showcase.site.registry["show.item"].cls
    public = set(showcase.site.registry["show.item"].public)
    reached = {
        name
        for name in sorted({*dir(Model), *dir(cls), "__class__", "_cr"})
        if ben.ask("POST", f"show.item/{item}/call/{name}", {}).status != 404
    }
    assert reached == public


def test_sw7_without_a_key_there_is_nothing(ben: Software) -> None:
    requests = (
        ("GET", "show.item"), ("POST", "show.item"), ("POST", "batch"), ("GET", "show.item/export"),
        ("PATCH", "show.item/1"), ("DELETE", "show.item/1"), ("GET", "show.item/1/name"), ("OPTIONS", "show.item"),
        ("POST", "show.item/1/call/rename"), ("POST", "show.item/call/rename"), ("GET", "openapi.json"),
    )  # fmt: skip
    for key in ("", "gsk_" + "a" * 43, "Basic x", "gsk_\u00e9"):
        for method, path in requests:
            answer = Software(ben.browser, key).ask(method, path, {"name": "x"} if method != "GET" else None)
            assert (answer.status, answer.kind) == (401, "unauthenticated"), (key, method, path)
            assert answer.answer.headers["www-authenticate"].startswith("Bearer")


def test_sw5_a_session_of_a_browser_is_no_key(showcase: Showcase) -> None:
    browser = Browser(showcase.application()).sign_in(showcase, "ben")
    assert browser.get("/api/1/show.item").status == 401
    token = browser.cookies["__Host-gs"]
    assert browser.get("/api/1/show.item", authorization=f"Bearer {token}").status == 401


def test_sw7_rows_and_columns_are_those_of_the_keys_owner(ben: Software, showcase: Showcase) -> None:
    with showcase.elevated() as env:
        hidden = env["show.item"].create({"name": "hidden", "secret": "x"}).id
        shown = env["show.item"].create({"name": "shown", "secret": "y"}).id
        line = env["show.line"].create({"item_id": hidden, "name": "of hidden"}).id
    assert [row["id"] for row in ben.get("show.item").json["items"]] == [shown]
    assert "secret" not in ben.get(f"show.item/{shown}").json
    for asked in ({"fields": "secret"}, {"filter": '[["secret","=","y"]]'}, {"order": "secret"},
                  {"fields": "line_ids.item_id.secret"}):  # fmt: skip
        assert ben.get("show.item", **asked).kind == "forbidden"
    assert ben.get(f"show.item/{hidden}").kind == "not-found"
    assert ben.ask("PATCH", f"show.item/{hidden}", {"name": "mine"}).kind == "not-found"
    assert ben.ask("DELETE", f"show.item/{hidden}").kind == "not-found"
    assert ben.ask("POST", f"show.item/{hidden}/call/rename", {"name": "mine"}).kind == "not-found"
    assert ben.ask("PATCH", f"show.item/{shown}", {"secret": "z"}).kind == "forbidden"
    assert ben.ask("POST", "show.item", {"name": "n", "creator_id": 1}).kind == "forbidden"
    assert ben.ask("PATCH", f"show.item/{shown}", {"line_ids": [{"id": line, "name": "stolen"}]}).kind == "invalid"
    # The link of a line leads to a record that is hidden: its number stays, its name does not.
    found = ben.get(f"show.line/{line}", fields="item_id.name")
    assert found.status == 404 or found.json["item_id"] in ({"id": hidden, "name": ""}, {"id": hidden})


# fmt: off
NOT_UNDERSTOOD = (
        ("nothing", 404), ("show.item/0", 404), ("show.item/-1", 404), ("show.item/99999999999999999999", 404),
        ("show.item?filter=x", 422), ("show.item?filter=" + "[" * 5000, 422), ("show.item?filter=[5]", 422),
        ("show.item?limit=0", 422), ("show.item?limit=1001", 422), ("show.item?limit=x", 422),
        ("show.item?cursor=x", 404), ("show.item?cursor=%FF", 404), ("show.item?fields=nothing", 422),
        ("show.item?fields=name.x", 422), ("show.item?order=name;drop", 422), ("show.item?unknown=1", 422),
        ("show.item?fields=line_ids.item_id.line_ids.item_id.line_ids.name", 422), ("show.item?count=1", 422),
        ("show.item?fields=" + ",".join(["name"] * 500), 422), ("show.item/export?order=x", 422),
        ("show.item?filter=" + '[["name","=","%00"]]', 422), ("show.item/1/name/x", 404),
)
NOT_STORABLE = (
    b"",
     b"{", b"[]", b"5", b"null", b'"x"', b"\xff", b"[" * 100_000, b'{"name": {"$gt": 1}}', b'{"id": 5, "name": "x"}',
     b'{"name": "x", "version": 3}', b'{"name": "x", "create_uid": 1}', b'{"__class__": 1}', b'{"name": "a\\u0000b"}',
     b'{"name": "x", "count": 1e99}', b'{"name": "x", "weight": "NaN"}', b'{"name": "x", "line_ids": {"id": 1}}',
     b'{"name": "x", "line_ids": [[0, 0, {}]]}', b'{"name": "x", "tag_ids": [{"name": "new"}]}',
     b'{"name": "x", "owner_id": -1}', b'{"name": "x", "owner_id": [1]}', b'{"name": "x", "day": "yesterday"}',
     b'{"name": "x", "state": "nothing"}', b'{"name": null}', b"[5]", b'[{"name": "x"}, 5]',
)
# fmt: on


def test_sw3_what_is_not_understood_is_a_problem(ben: Software) -> None:
    for path, status in NOT_UNDERSTOOD:
        answer = ben.ask("GET", path)
        assert (answer.status, answer.json["status"]) == (status, status), path
        assert answer.kind
        assert answer.json["detail"]


def test_sw3_what_cannot_be_stored_is_a_problem_and_changes_nothing(ben: Software) -> None:
    for body in NOT_STORABLE:
        answer = ben.ask("POST", "show.item", body)
        assert answer.status in {403, 422}, (body, answer.json)
        assert answer.json["detail"]
    assert ben.get("show.item", count="true").json["count"] == 0


def test_another_kind_of_body_is_refused(ben: Software) -> None:
    answer = ben.ask("POST", "show.item", b"name=x", content_type="application/x-www-form-urlencoded")
    assert answer.status == 415
