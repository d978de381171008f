"""Screens: an administrator changes lists and forms, and nothing that anybody wrote down can break or open one."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.support.served import Answer, Browser, Showcase

SCREEN = "/app/show.item/screen"


@pytest.fixture(autouse=True)
def unchanged(shared: Showcase) -> None:
    """One item, and nothing changed yet."""
    with shared.elevated() as env:
        env["ir.ui.view"].search([]).unlink()
        env["show.item"].search([]).unlink()
        env["show.item"].create({"name": "Chai", "code": "A-1", "count": 5, "secret": "s1"})
        boss, admin = (env["res.groups"].search([["key", "=", key]]).id for key in ("show.boss", "base.admin"))
        env["res.users"].search([["login", "=", "ada"]]).write({"groups_id": [(4, boss), (4, admin)]})


@pytest.fixture
def ada(people: Callable[[str], Browser]) -> Browser:
    """Ada, boss and administrator."""
    return people("ada")


@pytest.fixture
def ben(people: Callable[[str], Browser]) -> Browser:
    """Ben, who may use the showcase."""
    return people("ben")


def heads(page: Answer) -> list[str]:
    """The heads of the columns of a list."""
    head = page.text.partition("<thead>")[2].partition("</thead>")[0]
    cells = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', head, re.DOTALL)
    return [re.sub(r"<[^>]+>", "", cell).strip() for cell in cells]


def change(ada: Browser, what: str, field: str, kind: str = "list", **more: str) -> Answer:
    ada.get(SCREEN)
    return ada.post(SCREEN, {"type": kind, "change": what, "field": field, **more})


def test_columns_are_hidden_moved_added_and_called_otherwise(ada: Browser, ben: Browser) -> None:
    before = heads(ben.get("/app/show.item"))
    assert before[:2] == ["Name", "Code"]
    change(ada, "hide", "code")
    change(ada, "move", "name@state")
    change(ada, "add", "day")
    change(ada, "relabel", "count", label="How <many>")
    after = heads(ben.get("/app/show.item"))
    assert "Code" not in after
    assert after[:2] == ["State", "Name"]
    assert after[-1] == "Day"
    assert "How &lt;many&gt;" in after
    assert "<many>" not in ben.get("/app/show.item").text


def test_a_form_follows_too_and_everything_can_be_taken_back(ada: Browser, ben: Browser) -> None:
    item = re.findall(r"/app/show.item/\d+", ben.get("/app/show.item").text)[0]
    change(ada, "hide", "code", "form")
    assert "A-1" not in ben.get(item).shown()
    assert 'name="v.code"' not in ben.get(f"{item}/edit").text
    ada.get(SCREEN)
    ada.post(f"{SCREEN}/reset", {})
    assert "A-1" in ben.get(item).shown()


def test_nobody_but_an_administrator_changes_screens(ben: Browser) -> None:
    page = ben.get("/app/show.item")
    assert "/screen" not in page.text
    assert ben.get(SCREEN).status == 404
    ben.get("/app/show.item")
    assert ben.post(SCREEN, {"type": "list", "change": "hide", "field": "code"}).status == 404
    ben.get("/app/show.item")
    assert ben.post(f"{SCREEN}/reset", {}).status == 404
    assert heads(ben.get("/app/show.item"))[:2] == ["Name", "Code"]


def test_a_hidden_field_that_is_put_on_a_screen_is_seen_by_those_who_may_read_it(ada: Browser, ben: Browser) -> None:
    change(ada, "add", "secret")
    assert "Secret" in heads(ada.get("/app/show.item"))
    page = ben.get("/app/show.item")
    assert "Secret" not in heads(page)
    assert "s1" not in page.shown()


@pytest.mark.parametrize(
    "field", ["gone", "x_gone", "name; DROP TABLE show_item", "<script>alert(1)</script>", "id.id"]
)
def test_a_change_whose_field_is_gone_is_out_of_use_and_told(
    shared: Showcase, ada: Browser, ben: Browser, field: str
) -> None:
    with shared.elevated() as env:
        for kind in ("list", "form"):
            for what in ("add", "move", "hide", "relabel"):
                row = {"model": "show.item", "type": kind, "change": what, "field": field, "anchor": field}
                env["ir.ui.view"].create({**row, "label": "<img src=x onerror=alert(1)>"})
    for browser in (ada, ben):
        page = browser.get("/app/show.item")
        assert page.status == 200
        assert heads(page)[:2] == ["Name", "Code"]
        item = re.findall(r"/app/show.item/\d+", page.text)[0]
        assert browser.get(f"{item}/edit").status == 200
        assert "<img src=x" not in page.text
        assert "<script>alert" not in page.text
    assert "Changes of this screen are out of use" in ada.get("/app/show.item").shown()
    assert "out of use" not in ben.get("/app/show.item").shown()
    screen = ada.get(SCREEN)
    assert "<img src=x" not in screen.text
    assert "<script>alert" not in screen.text


def test_the_last_column_is_not_hidden(shared: Showcase, ada: Browser, ben: Browser) -> None:
    with shared.elevated() as env:
        env["show.owner"].create({"name": "Kyoto Ltd"})
        for name in env.registry["show.owner"].fields:
            env["ir.ui.view"].create({"model": "show.owner", "type": "list", "change": "hide", "field": name})
    assert len(heads(ben.get("/app/show.owner"))) == 1
    ada.get("/app/show.owner/screen")
    ada.post("/app/show.owner/screen", {"type": "list", "change": "hide", "field": "city"})
    assert len(heads(ben.get("/app/show.owner"))) == 1


@pytest.mark.parametrize(
    "sent",
    [
        {"type": "list", "change": "drop", "field": "name"},
        {"type": "menu", "change": "hide", "field": "name"},
        {"type": "list", "change": "hide", "field": "nothing"},
        {"type": "list", "change": "move", "field": "name@nothing"},
        {},
    ],
)
def test_what_is_no_change_is_refused(ada: Browser, sent: dict[str, str]) -> None:
    ada.get(SCREEN)
    assert ada.post(SCREEN, sent).status == 404
