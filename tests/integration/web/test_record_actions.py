"""What is done with one record: its app's actions, copies, archiving, the order of its lines, names made on the way."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from tests.support.served import Browser, Showcase


@pytest.fixture
def item(showcase: Showcase) -> int:
    with showcase.elevated() as env:
        made = env["show.item"].create({"name": "Chair", "code": "C-1", "count": 3, "note": "oak"}).id
        env["show.line"].create([{"item_id": made, "name": name} for name in ("legs", "seat", "back")])
        return made


def value(showcase: Showcase, item: int, name: str) -> object:
    with showcase.elevated() as env:
        return env["show.item"].browse(item).read([name])[0][name]


def test_an_action_is_offered_run_and_then_no_more(showcase: Showcase, ben: Browser, item: int) -> None:
    page = ben.get(f"/app/show.item/{item}")
    assert "Open it" in page.shown()
    assert "Finish" not in page.shown()
    assert ben.post(f"/app/show.item/{item}/do/action_open", {}).status == 303
    assert value(showcase, item, "state") == "open"
    page = ben.get(f"/app/show.item/{item}")
    assert "Finish? It is not opened again." in page.shown()
    again = ben.post(f"/app/show.item/{item}/do/action_open", {})
    assert again.status == 422
    assert "Open it is not possible any more" in again.shown()


def test_an_action_that_refuses_says_why_and_changes_nothing(showcase: Showcase, ben: Browser, item: int) -> None:
    with showcase.elevated() as env:
        env["show.item"].browse(item).write({"state": "open", "count": 0})
    ben.get(f"/app/show.item/{item}")
    answer = ben.post(f"/app/show.item/{item}/do/action_finish", {})
    assert answer.status == 422
    assert "There is none of Chair" in answer.shown()
    assert value(showcase, item, "state") == "open"


@pytest.mark.parametrize("method", ["rename", "unmarked", "unlink", "sudo", "__class__", "write", "greeting"])
def test_sw4_only_what_the_form_offers_is_run(showcase: Showcase, ben: Browser, item: int, method: str) -> None:
    ben.get(f"/app/show.item/{item}")
    assert ben.post(f"/app/show.item/{item}/do/{method}", {}).status == 404
    assert value(showcase, item, "name") == "Chair"


def test_sw7_nobody_acts_on_what_he_may_not_change(
    showcase: Showcase, item: int, signed_in: Callable[[str], Browser]
) -> None:
    with showcase.elevated() as env:
        hidden = env["show.item"].create({"name": "hidden"}).id
    for login, record in (("eve", item), ("ben", hidden)):
        browser = signed_in(login)
        for path, fields in (("do/action_open", {}), ("archive", {"active": ""})):
            browser.get("/app")
            assert browser.post(f"/app/show.item/{record}/{path}", fields).status == 404
    assert value(showcase, hidden, "state") == "draft"


def test_a_copy_begins_with_what_may_be_copied_and_is_made_when_it_is_saved(
    showcase: Showcase, ben: Browser, item: int
) -> None:
    form = ben.get(f"/app/show.item/new?copy={item}")
    fields = form.inputs()
    assert (fields["v.name"], fields["v.code"], fields["v.count"], fields["v.note"]) == ("Chair", "", "3", "oak")
    assert form.text.count("<tr data-line>") == 3 + 1
    with showcase.elevated() as env:
        assert env["show.item"].search_count([]) == 1
    keys = [key for key in ("n0", "n1", "n2") if f"l.line_ids.{key}.v.name" in fields]
    saved = ben.post("/app/show.item/new", {**fields, "v.name": "Stool", "l.line_ids": keys})
    with showcase.elevated() as env:
        copy = env["show.item"].browse(int(saved.location.rpartition("/")[2]))
        assert copy.display_name == "Stool"
        assert [line["name"] for line in env["show.line"].search_read([["item_id", "=", copy.id]], ["name"])] == [
            "legs", "seat", "back",
        ]  # fmt: skip
    assert ben.get("/app/show.item/new?copy=999999").status == 404


def test_a_record_is_archived_and_used_again(showcase: Showcase, ben: Browser, item: int) -> None:
    ben.get(f"/app/show.item/{item}")
    assert ben.post(f"/app/show.item/{item}/archive", {"active": ""}).status == 303
    assert value(showcase, item, "active") is False
    page = ben.get(f"/app/show.item/{item}")
    assert "Archived" in page.shown()
    assert ben.post(f"/app/show.item/{item}/archive", {"active": "1"}).status == 303
    assert value(showcase, item, "active") is True
    assert ben.post("/app/show.owner/1/archive", {"active": "1"}).status == 404


def test_lines_are_moved(showcase: Showcase, ben: Browser, item: int) -> None:
    def named() -> list[tuple[str, int]]:
        with showcase.elevated() as env:
            rows = env["show.line"].search_read([["item_id", "=", item]], ["name", "sequence"])
            return [(row["name"], row["sequence"]) for row in rows]

    fields = ben.get(f"/app/show.item/{item}/edit").inputs()
    ben.post(f"/app/show.item/{item}/edit", {**fields, "l.line_ids": ["2", "0", "1"]})
    assert named() == [("back", 10), ("legs", 20), ("seat", 30)]
    fields = ben.get(f"/app/show.item/{item}/edit").inputs()
    added = {"l.line_ids.n9.v.name": "screws", "l.line_ids.n9.v.quantity": "4", "l.line_ids.n9.record": ""}
    ben.post(f"/app/show.item/{item}/edit", {**fields, **added, "l.line_ids": ["0", "1", "2", "n9"]})
    assert named() == [("back", 10), ("legs", 20), ("seat", 30), ("screws", 30)]


def test_what_a_combobox_does_not_find_is_made_by_its_name(showcase: Showcase, ben: Browser) -> None:
    offered = ben.get("/app/show.owner/options?field=v.owner_id&v.owner_id=Kyoto")
    assert "Create “Kyoto”" in offered.shown()
    ben.get("/app")
    made = ben.post("/app/show.owner/options", {"name": "  Kyoto   Ltd "})
    found = msgspec.json.decode(made.response.body, type=dict[str, object])
    with showcase.elevated() as env:
        assert env["show.owner"].browse(int(str(found["id"]))).display_name == "Kyoto Ltd" == found["name"]
    assert "Create" not in ben.get("/app/show.owner/options?field=v.owner_id&v.owner_id=kyoto+ltd").shown()


def test_what_needs_more_than_a_name_or_other_rights_is_not_offered(
    ben: Browser, signed_in: Callable[[str], Browser]
) -> None:
    for browser, model in ((ben, "show.line"), (ben, "res.country"), (signed_in("eve"), "res.company")):
        assert "Create" not in browser.get(f"/app/{model}/options?field=f&f=xyz").shown()
        browser.get("/app")
        assert browser.post(f"/app/{model}/options", {"name": "xyz"}).status == 404
