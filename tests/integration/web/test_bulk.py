"""Bulk: what is done with many rows of a list is asked with their number, done in one transaction, and told."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.support.served import Answer, Browser, Showcase
from tests.support.showcase.models import Item


@pytest.fixture
def items(shared: Showcase) -> dict[str, int]:
    """Six items with a line in one of them, and one that is hidden from everybody."""
    with shared.elevated() as env:
        env["show.line"].search([]).unlink()
        env["show.item"].search([]).unlink()
        made = env["show.item"].create([{"name": f"Item {number}", "count": number} for number in range(6)])
        env["show.item"].create({"name": "hidden", "count": 3})
        env["show.line"].create({"item_id": made.ids[0], "name": "keeps it"})
    return dict(zip((f"Item {number}" for number in range(6)), made.ids, strict=True))


@pytest.fixture
def ben(people: Callable[[str], Browser]) -> Browser:
    """Ben, who may use the showcase."""
    return people("ben")


def inputs(page: Answer) -> dict[str, str]:
    """The hidden fields of the form that asks."""
    form = page.text.partition('<form class="card"')[2].partition("</form>")[0]
    return dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form))


def asked(ben: Browser, action: str, **fields: str | list[str]) -> Answer:
    """The page that asks."""
    ben.get("/app/show.item")
    return ben.post("/app/show.item/bulk", {"action": action, "asked": "", **fields})


def done(ben: Browser, page: Answer, **fields: str) -> Answer:
    """The page that tells the result."""
    return ben.post("/app/show.item/bulk/do", {**inputs(page), **fields})


def names(shared: Showcase, *, active: bool = True) -> list[str]:
    with shared.elevated() as env:
        return sorted(item.name for item in env[Item].search([["active", "=", active]]))


def test_chosen_rows_are_archived_and_taken_back(shared: Showcase, ben: Browser, items: dict[str, int]) -> None:
    page = asked(ben, "archive", row=[str(items["Item 1"]), str(items["Item 2"])])
    assert "2 records of Items are chosen" in page.shown()
    result = done(ben, page)
    assert "2 done" in result.shown()
    assert names(shared, active=False) == ["Item 1", "Item 2"]
    undo = dict(re.findall(r'name="(action|row)" value="([^"]*)"', result.text))
    assert "2 done" in ben.post("/app/show.item/bulk/do", undo).shown()
    assert names(shared, active=False) == []


def test_all_that_a_search_finds_is_changed_and_nothing_hidden(
    shared: Showcase, ben: Browser, items: dict[str, int]
) -> None:
    page = asked(ben, "archive", every="1", asked="f=count:>=3")
    assert "3 records of Items are chosen" in page.shown()
    assert "3 done" in done(ben, page).shown()
    assert names(shared) == ["Item 0", "Item 1", "Item 2", "hidden"]
    assert len(items) == 6


def test_it_is_asked_again_when_there_are_more_by_now(shared: Showcase, ben: Browser, items: dict[str, int]) -> None:
    page = asked(ben, "archive", every="1")
    with shared.elevated() as env:
        env["show.item"].create({"name": "Late"})
    again = done(ben, page)
    assert "7 records of Items are chosen" in again.shown()
    assert "Late" in names(shared)
    assert "7 done" in done(ben, again).shown()
    assert len(items) == 6


def test_what_refuses_is_told_and_the_others_are_deleted(shared: Showcase, ben: Browser, items: dict[str, int]) -> None:
    page = asked(ben, "delete", row=[str(record) for record in items.values()])
    assert "cannot be undone" in page.shown()
    result = done(ben, page)
    assert "5 done" in result.shown()
    assert "1 left as they were" in result.shown()
    assert f'/app/show.item/{items["Item 0"]}">Item 0</a>' in result.text
    assert names(shared) == ["Item 0", "hidden"]


def test_a_field_is_set_and_a_wrong_value_changes_nothing(
    shared: Showcase, ben: Browser, items: dict[str, int]
) -> None:
    rows = [str(items["Item 1"]), str(items["Item 2"])]
    fields = asked(ben, "set", row=rows)
    assert 'value="count"' in fields.text
    assert 'value="secret"' not in fields.text
    value = ben.post("/app/show.item/bulk", {**inputs(fields), "field": "count"})
    wrong = done(ben, value, **{"v.count": "many"})
    assert wrong.status == 422
    assert 'value="many"' in wrong.text
    assert "Check" not in wrong.shown()
    refused = done(ben, wrong, **{"v.count": "-5"})
    assert "2 left as they were" in refused.shown()
    assert "an item is there zero times or more often" in refused.shown()
    assert "2 done" in done(ben, value, **{"v.count": "77"}).shown()
    with shared.elevated() as env:
        assert [item.count for item in env[Item].search([["name", "like", "Item"]])] == [0, 77, 77, 3, 4, 5]


def test_hidden_records_and_hidden_fields_cannot_be_chosen(
    shared: Showcase, ben: Browser, items: dict[str, int]
) -> None:
    with shared.elevated() as env:
        hidden = env["show.item"].search([["name", "=", "hidden"]]).id
    page = asked(ben, "delete", row=str(hidden))
    assert "No record is chosen" in page.shown()
    assert "0 done" in ben.post(
        "/app/show.item/bulk/do", {"action": "delete", "row": str(hidden), "asked": "", "count": "1"}
    ).shown()  # fmt: skip
    secret = {"action": "set", "field": "secret", "v.secret": "x", "row": str(items["Item 1"])}
    assert ben.post("/app/show.item/bulk/do", secret).status == 404
    assert "hidden" in names(shared)


@pytest.mark.parametrize("action", ["run:unlink", "run:unmarked", "run:sudo", "run:__init__", "", "drop", "run:"])
def test_only_what_is_offered_is_done(ben: Browser, items: dict[str, int], action: str) -> None:
    ben.get("/app/show.item")
    asked_for = {"action": action, "row": str(items["Item 1"]), "asked": ""}
    assert ben.post("/app/show.item/bulk", asked_for).status == 404
    ben.get("/app/show.item")
    assert ben.post("/app/show.item/bulk/do", asked_for).status == 404


def test_who_may_not_change_a_model_is_offered_nothing(people: Callable[[str], Browser]) -> None:
    eve = people("eve")
    page = eve.get("/app/res.country")
    assert page.status == 200
    assert 'name="row"' not in page.text
    assert eve.post("/app/res.country/bulk/do", {"action": "delete", "row": "1", "asked": ""}).status == 404
    eve.get("/app/res.country")
    assert eve.post("/app/show.item/bulk/do", {"action": "delete", "row": "1", "asked": ""}).status == 404
