"""Why somebody may or may not do something, and who may do what: on screens for administrators, for nobody else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.served import Browser, Showcase

ASK = "/app/access"


@pytest.fixture
def root(signed_in: Callable[[str], Browser]) -> Browser:
    """Root, who administrates."""
    return signed_in("root")


def ask(browser: Browser, **question: str) -> tuple[int, str]:
    opened = browser.get(ASK).inputs()
    answer = browser.post(ASK, {**opened, **question})
    return answer.status, answer.shown()


def test_an_administrator_reads_why(root: Browser, showcase: Showcase) -> None:
    with showcase.elevated() as env:
        hidden, shown = env["show.item"].create([{"name": "hidden"}, {"name": "<b>shown</b>"}]).ids
    status, said = ask(root, login="ben", verb="read", model="show.item", record=str(shown))
    assert status == 200
    assert "ben may read Item." in said
    assert "show.user" in said
    assert 'Name is not "hidden"' in said or 'not Name is "hidden"' in said
    status, said = ask(root, login="ben", verb="write", model="show.item", record=str(hidden))
    assert status == 200
    assert "ben may not write Item: none of the rules of his groups holds for it." in said
    status, said = ask(root, login="eve", verb="read", model="show.item")
    assert "eve may not read Item: no group of his was given that." in said
    status, said = ask(root, login="ben", verb="read", model="show.item", field="secret")
    assert "ben may not read Secret of Item" in said


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ({"login": "nobody"}, "Nobody has the login nobody."),
        ({"login": "ben", "verb": "eat"}, "Choose what it is about"),
        ({"login": "ben", "model": "no.such"}, "Choose a model of the list."),
        ({"login": "ben", "record": "1 OR 1=1"}, "A record is given by its number"),
        ({"login": "ben", "record": "999999"}, "This record does not exist any more"),
        ({"login": "ben", "field": "no_such"}, "The model has no field no_such."),
        ({"login": "<script>alert(1)</script>"}, "Nobody has the login <script>alert(1)</script>."),
    ],
    ids=str,
)
def test_what_is_not_understood_is_said_on_the_form(root: Browser, question: dict[str, str], says: str) -> None:
    status, said = ask(root, **{"verb": "read", "model": "show.item", **question})
    assert status == 422
    assert says in said


def test_all_rights_are_told_by_group_with_their_rules(root: Browser) -> None:
    page = root.get("/app/access/all")
    assert page.status == 200
    assert "show.boss" in page.shown()
    assert "User is the user" in page.shown()
    few = root.get("/app/access/all?model=show.private")
    assert "show.private" in few.text.partition("</form>")[2]
    assert "<code>show.item</code>" not in few.text
    assert "<code>base.user</code>" not in root.get("/app/access/all?group=show.boss").text


def test_a_german_reads_it_in_german(root: Browser) -> None:
    opened = root.get("/web/preferences").inputs()
    root.post("/web/preferences", {**opened, "lang": "de_DE", "tz": "UTC"})
    status, said = ask(root, login="eve", verb="read", model="show.item")
    assert status == 200
    assert "eve darf nicht Item lesen: Keine seiner Gruppen hat dieses Recht." in said
    assert "der Benutzer" in root.get("/app/access/all").shown()


def test_records_and_users_lead_there(root: Browser, showcase: Showcase) -> None:
    with showcase.elevated() as env:
        item = env["show.owner"].create({"name": "o"}).id
        ben = env["res.users"].search([["login", "=", "ben"]]).id
    assert "/app/access?login=ben" in root.get(f"/app/res.users/{ben}").text
    page = root.get("/app/ir.model/1").text
    assert "/app/access?model=ir.model&amp;record=1" in page
    assert "/app/access" in root.get("/app").text
    assert root.get(f"/app/access?model=show.owner&record={item}").inputs()["record"] == str(item)


@pytest.mark.parametrize("login", ["ben", "ada", "eve"])
def test_sw7_nobody_else_is_told(signed_in: Callable[[str], Browser], login: str) -> None:
    browser = signed_in(login)
    missing = browser.get("/app/no-such-page")
    for path in (ASK, "/app/access/all"):
        assert browser.get(path).status == missing.status == 404
    browser.get("/web/preferences")
    assert browser.post(ASK, {"login": "root", "verb": "read", "model": "res.users"}).status == 404
    assert ASK not in browser.get("/app").text


def test_sw5_another_site_asks_nothing(root: Browser) -> None:
    root.get(ASK)
    answer = root.post(ASK, {"login": "ben", "verb": "read", "model": "show.item", "csrf": "forged"})
    assert answer.status == 403
