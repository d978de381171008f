"""Following: what follows from an entry is told before it is saved, to whoever may know it, and nothing is written."""

from __future__ import annotations

import pytest

from tests.support.served import Browser, Showcase

OURS = {
    "origin": "https://show.localhost:8443",
    "sec-fetch-site": "same-origin",
    "content-type": "application/x-www-form-urlencoded",
}
LINE = {"l.line_ids": "n1", "l.line_ids.n1.v.name": "first", "changed": "l.line_ids.n1.v.quantity"}


@pytest.fixture
def item(showcase: Showcase) -> int:
    """An item without lines."""
    with showcase.elevated() as env:
        return env["show.item"].create({"name": "Chai"}).id


def test_a_total_follows_and_nothing_is_saved(item: int, ben: Browser, showcase: Showcase) -> None:
    opened = ben.get(f"/app/show.item/{item}/edit").inputs()
    answer = ben.post(f"/app/show.item/{item}/following", {**opened, **LINE, "l.line_ids.n1.v.quantity": "2.5"})
    assert answer.status == 200
    assert '<data data-for="f-total" value="">2.5</data>' in answer.text
    with showcase.elevated() as env:
        assert not env["show.line"].search([])


def test_what_nobody_types_cannot_be_sent(item: int, ben: Browser, showcase: Showcase) -> None:
    ben.submit(f"/app/show.item/{item}/edit", v__total="999", v__name="Tea")
    with showcase.elevated() as env:
        (found,) = env["show.item"].browse(item).read(["name", "total"])
        assert (found["name"], found["total"]) == ("Tea", 0)


def test_sw5_what_follows_is_told_only_to_our_own_page(item: int, ben: Browser) -> None:
    token = ben.get(f"/app/show.item/{item}/edit").inputs()["csrf"]
    path = f"/app/show.item/{item}/following"
    assert ben.ask("POST", path, f"csrf={token}".encode(), OURS).status == 200
    assert ben.ask("POST", path, b"csrf=none", OURS).status == 403
    assert ben.ask("POST", path, f"csrf={token}".encode(), {**OURS, "sec-fetch-site": "cross-site"}).status == 403


def test_sw7_nothing_follows_for_a_record_that_is_hidden(ben: Browser, showcase: Showcase) -> None:
    with showcase.elevated() as env:
        hidden = env["show.item"].create({"name": "hidden"}).id
    ben.get("/app/show.item/new")
    assert ben.post(f"/app/show.item/{hidden}/following", {"v.name": "x"}).status == 404
