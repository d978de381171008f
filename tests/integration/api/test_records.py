"""Records through the API: what was read can be written back, pages have no gaps, nothing is made twice."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.integration.api.conftest import Software
from tests.support.served import Showcase


def test_a_record_is_made_read_changed_and_deleted(ben: Software) -> None:
    made = ben.ask("POST", "show.item", {"name": "a", "weight": "1.5", "day": "2026-11-22", "state": "open"})
    assert made.status == 201
    item = made.json
    assert made.answer.headers["location"] == f"/api/1/show.item/{item['id']}"
    assert (item["name"], item["weight"], item["day"], item["owner_id"]) == ("a", "1.500", "2026-11-22", None)
    shown = ben.get(f"show.item/{item['id']}")
    assert shown.json == item
    tag = shown.answer.headers["etag"]
    changed = ben.ask("PATCH", f"show.item/{item['id']}", {"name": "b"}, if_match=tag)
    assert (changed.status, changed.json["name"]) == (200, "b")
    late = ben.ask("PATCH", f"show.item/{item['id']}", {"name": "c"}, if_match=tag)
    assert (late.status, late.kind, late.json["fields"]) == (412, "changed-meanwhile", ["name"])
    assert ben.ask("DELETE", f"show.item/{item['id']}", if_match=tag).status == 412
    assert ben.ask("DELETE", f"show.item/{item['id']}").status == 204
    assert ben.get(f"show.item/{item['id']}").kind == "not-found"
    assert ben.ask("DELETE", f"show.item/{item['id']}").kind == "not-found"


def test_links_and_lines_are_objects_and_can_be_sent_back(ben: Software) -> None:
    owner = ben.ok("POST", "show.owner", {"name": "Kyo", "city": "Kyoto"})["id"]
    tags = [ben.ok("POST", "show.tag", {"name": name})["id"] for name in ("red", "blue")]
    lines = [{"name": "x", "quantity": 2}, {"name": "y", "owner_id": {"id": owner}}]
    item = ben.ok("POST", "show.item", {"name": "a", "owner_id": owner, "tag_ids": tags, "line_ids": lines})["id"]
    fields = "name,owner_id.city,tag_ids.name,line_ids.name,line_ids.quantity,line_ids.owner_id.name,total"
    found = ben.get(f"show.item/{item}", fields=fields).json
    assert found["owner_id"] == {"id": owner, "name": "Kyo", "city": "Kyoto"}
    assert {tag["name"] for tag in found["tag_ids"]} == {"red", "blue"}
    assert [(line["name"], line["quantity"]) for line in found["line_ids"]] == [("x", "2.000000"), ("y", "1.000000")]
    assert found["line_ids"][1]["owner_id"] == {"id": owner, "name": "Kyo"}
    assert found["total"] == "3.000000"
    # What was read goes back as it is, but for what is worked out: nothing changes.
    sent = {name: value for name, value in found.items() if name not in {"id", "total"}}
    ben.ok("PATCH", f"show.item/{item}", sent)
    assert ben.get(f"show.item/{item}", fields=fields).json == found
    # One line changed, one gone, one new.
    first = found["line_ids"][0]["id"]
    ben.ok("PATCH", f"show.item/{item}", {"line_ids": [{"id": first, "name": "z"}, {"name": "new", "quantity": "5"}]})
    after = ben.get(f"show.item/{item}", fields="line_ids.name,total").json
    assert [line["name"] for line in after["line_ids"]] == ["z", "new"]
    assert after["total"] == "7.000000"
    assert ben.ask("PATCH", f"show.item/{item}", {"line_ids": [{"id": 10**6}]}).kind == "invalid"
    assert ben.get(f"show.item/{item}", fields="tag_ids").json["tag_ids"] == tags[::-1]  # by name


def test_pages_by_id_have_no_gaps_while_others_write(ben: Software) -> None:
    ids = [row["id"] for row in ben.ok("POST", "show.item", [{"name": f"i{n:02}"} for n in range(25)])["items"]]
    seen: list[int] = []
    cursor = ""
    while True:
        page = ben.get("show.item", limit=4, fields="id", **({"cursor": cursor} if cursor else {})).json
        seen += [row["id"] for row in page["items"]]
        if (gone := page["items"][0]["id"]) != ids[0]:
            ben.ok("DELETE", f"show.item/{gone}")  # whoever works off a list deletes what he has seen
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == ids


def test_pages_in_another_order_and_counts(ben: Software) -> None:
    ben.ok("POST", "show.item", [{"name": f"i{n:02}", "count": n % 3} for n in range(10)])
    first = ben.get("show.item", order="count desc, name", fields="name", limit=4, count="true").json
    second = ben.get("show.item", order="count desc, name", fields="name", limit=4, cursor=first["next"]).json
    assert first["count"] == 10
    assert [row["name"] for row in (*first["items"], *second["items"])] == [
        "i02", "i05", "i08", "i01", "i04", "i07", "i00", "i03",
    ]  # fmt: skip
    assert ben.get("show.item", order="name", limit=4, cursor=first["next"]).kind == "not-found"
    found = ben.get("show.item", filter=json.dumps([["count", "=", 2]]), fields="name", order="name").json
    assert ([row["name"] for row in found["items"]], found["next"]) == (["i02", "i05", "i08"], None)


def test_archived_records_are_there_when_asked_for(ben: Software) -> None:
    ben.ok("POST", "show.item", [{"name": "here"}, {"name": "away", "active": False}])
    assert [row["name"] for row in ben.get("show.item").json["items"]] == ["here"]
    assert [row["name"] for row in ben.get("show.item", archived="true").json["items"]] == ["here", "away"]


def test_an_export_streams_all_that_meets_a_filter(ben: Software) -> None:
    ben.ok("POST", "show.item", [{"name": f"i{n:04}", "count": n % 2} for n in range(1000)])
    ben.ok("POST", "show.item", [{"name": f"j{n:04}", "count": n % 2} for n in range(1000)])
    asked = "show.item/export?fields=name,count&filter=" + '[["count","=",1]]'
    answer = ben.ask("GET", asked)
    assert answer.answer.response.content_type == "application/x-ndjson"
    rows = [json.loads(line) for line in answer.streamed().splitlines()]
    assert len(rows) == 1000
    assert {row["count"] for row in rows} == {1}
    assert ben.ask("GET", "show.item/export?fields=secret").kind == "forbidden"
    assert ben.ask("GET", "show.item/export?limit=5").kind == "invalid"


def test_a_key_for_one_request_makes_nothing_twice(ben: Software) -> None:
    first = ben.ask("POST", "show.item", {"name": "once"}, idempotency_key="k1")
    again = ben.ask("POST", "show.item", {"name": "once"}, idempotency_key="k1")
    assert (first.status, again.status) == (201, 201)
    assert first.json == again.json
    assert ben.ask("POST", "show.item", {"name": "other"}, idempotency_key="k1").kind == "invalid"
    many = [ben.ok("POST", "show.item", [{"name": "m"}] * 3, idempotency_key="k2") for _ in range(2)]
    assert many[0] == many[1]
    assert ben.get("show.item", count="true").json["count"] == 4
    # What failed was not done, so it is done when it comes again.
    assert ben.ask("POST", "show.item", {"name": "forbidden"}, idempotency_key="k3").kind == "invalid"
    assert ben.ask("POST", "show.item", {"name": "forbidden"}, idempotency_key="k3").kind == "invalid"


def test_the_same_request_at_the_same_moment_makes_one(ben: Software) -> None:
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(ben.ask, "POST", "show.item", {"name": "race"}, idempotency_key="r") for _ in range(8)]
        answers = [future.result() for future in asked]
    assert {answer.status for answer in answers} <= {201, 409}
    assert len({answer.json["id"] for answer in answers if answer.status == 201}) == 1
    assert ben.get("show.item", count="true").json["count"] == 1


def test_keys_for_requests_are_ones_own(ben: Software, software: Any) -> None:  # noqa: ANN401 - the fixture's type
    mine = ben.ok("POST", "show.tag", {"name": "mine"}, idempotency_key="same")
    theirs = software("ada").ok("POST", "show.tag", {"name": "theirs"}, idempotency_key="same")
    assert mine["id"] != theirs["id"]


def test_a_batch_is_done_whole_or_not_at_all(ben: Software) -> None:
    operations: list[dict[str, Any]] = [
        {"do": "create", "model": "show.owner", "values": {"name": "Kyo"}},
        {"do": "create", "model": "show.item", "values": {"name": "a", "owner_id": {"$id": 0}}},
        {"do": "change", "model": "show.item", "id": {"$id": 1}, "values": {"count": 3}},
        {"do": "call", "model": "show.item", "method": "rename", "ids": [{"$id": 1}], "arguments": {"name": "z"}},
    ]
    done = ben.ok("POST", "batch", {"operations": operations}, idempotency_key="b")["results"]
    assert done[3] == {"result": 1}
    item = ben.get(f"show.item/{done[1]['id']}").json
    assert (item["name"], item["count"], item["owner_id"]["name"]) == ("z", 3, "Kyo")
    assert ben.ok("POST", "batch", {"operations": operations}, idempotency_key="b")["results"] == done
    for wrong in (
        {"do": "create", "model": "show.item", "values": {"name": "forbidden"}},
        {"do": "delete", "model": "show.item", "id": 10**6},
        {"do": "change", "model": "show.item", "id": {"$id": 9}, "values": {}},
        {"do": "call", "model": "show.item", "method": "unlink", "ids": [item["id"]]},
    ):
        answer = ben.ask("POST", "batch", {"operations": [operations[0], wrong]})
        assert (answer.status, answer.json["operation"]) in {(422, 1), (404, 1)}
    assert ben.ask("POST", "batch", {"operations": [{"do": "sudo"}]}).kind == "invalid"
    assert ben.get("show.owner", count="true").json["count"] == 1


def test_public_methods_are_called_and_no_others(ben: Software) -> None:
    item = ben.ok("POST", "show.item", {"name": "a"})["id"]
    assert ben.ok("POST", f"show.item/{item}/call/rename", {"name": "b"}) == {"result": 1}
    assert ben.ok("POST", "show.item/call/greeting", {"ids": [item]})["result"]["names"] == ["b"]
    assert ben.ask("POST", f"show.item/{item}/call/rename", {"name": 5}).kind == "invalid"
    assert ben.ask("POST", f"show.item/{item}/call/rename", {}).kind == "invalid"
    for method in ("unlink", "sudo", "_check_name", "__class__", "write", "search"):
        assert ben.ask("POST", f"show.item/{item}/call/{method}", {}).kind == "not-found"
    assert ben.ask("POST", f"show.item/{10**6}/call/rename", {"name": "b"}).kind == "not-found"


def test_answers_are_in_the_language_that_is_asked_for(ben: Software) -> None:
    answer = ben.ask("GET", "show.item/999999", accept_language="de")
    assert "Eintrag" in answer.json["detail"]


def test_what_was_not_foreseen_says_nothing_of_itself(ben: Software, showcase: Showcase) -> None:
    item = ben.ok("POST", "show.item", {"name": "a"})["id"]
    answer = ben.ask("POST", f"show.item/{item}/call/lying", {})
    assert answer.status in {403, 500}
    assert "sudo" not in answer.json["detail"]
    with showcase.elevated() as env:
        assert env["show.item"].browse(item).read(["name"])[0]["name"] == "a"
