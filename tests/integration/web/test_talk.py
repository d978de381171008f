"""Notes, followers and activities on records: who may read and write them, who is told, and what is left to do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from growsoft.auth.passwords import PasswordAuthenticator
from growsoft.keeper.keeper import Keeper
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.pool import Pools
from tests.support.served import Browser, Showcase, served

TODAY = datetime.now(UTC).date()


@pytest.fixture
def showcase(
    keeper: Keeper, server: Endpoint, pools: Pools, authenticator: PasswordAuthenticator, tmp_path: Path
) -> Showcase:
    return served(keeper, server, pools, authenticator, tmp_path / "files", ("show", "mail"))


@pytest.fixture
def item(showcase: Showcase) -> int:
    with showcase.elevated() as env:
        return env["show.item"].create({"name": "Chair"}).id


def user(showcase: Showcase, login: str) -> int:
    with showcase.elevated() as env:
        return env["res.users"].search([["login", "=", login]]).ensure_one().id


def say(browser: Browser, item: int, body: str) -> int:
    browser.get(f"/app/show.item/{item}/talk")
    return browser.post(f"/app/show.item/{item}/notes", {"body": body}).status


def plan(browser: Browser, showcase: Showcase, item: int, login: str, due: str, summary: str) -> int:
    browser.get(f"/app/show.item/{item}/talk")
    with showcase.elevated() as env:
        kind = env["mail.activity.type"].search([["name", "=", "Call"]]).ensure_one().id
    fields = {"kind": str(kind), "user": str(user(showcase, login)), "due": due, "summary": summary}
    return browser.post(f"/app/show.item/{item}/activities", fields).status


def test_notes_and_changes_stand_in_one_line_of_time(ben: Browser, item: int) -> None:
    ben.submit(f"/app/show.item/{item}/edit", v__code="C-1")
    assert say(ben, item, "Ordered in <b>Kyoto</b>.\nTwo weeks.") == 303
    page = ben.get(f"/app/show.item/{item}/talk")
    shown = page.shown()
    assert shown.index("Ordered in") < shown.index("changed it") < shown.index("made it")
    assert "&lt;b&gt;Kyoto&lt;/b&gt;" in page.text
    part = ben.get(f"/app/show.item/{item}/talk", hx_request="true", hx_request_type="partial").text
    assert part.startswith(("<section", "\n<section")) or "<section" in part[:200]
    assert say(ben, item, "   ") == 422


def test_who_is_named_is_told_until_he_has_read_it(
    ben: Browser, item: int, signed_in: Callable[[str], Browser]
) -> None:
    for named in ("@ada", "@ADA,", "@Ada Example: look", "(@Ada) and @ada"):
        say(ben, item, f"Please look {named}")
    ada = signed_in("ada")
    assert "Notifications: 4 to read" in ada.get("/app").text
    assert "Please look" in ada.get("/app/notifications").shown()
    assert "Chair" in ada.get("/app/notifications").shown()
    assert "to read" not in signed_in("eve").get("/app").text
    assert "to read" not in ben.get("/app").text
    assert ada.post("/app/notifications/read", {}).status == 303
    assert "You have read everything." in ada.get("/app/notifications").shown()


def test_no_address_and_no_stranger_is_taken_for_a_mention(showcase: Showcase, ben: Browser, item: int) -> None:
    say(ben, item, "mail to x@ada and me@ben, @nobody, @Example, @ @@ @root2")
    with showcase.elevated() as env:
        assert env["mail.notification"].search_count([]) == 0


def test_followers_are_told_and_stop_when_they_like(
    ben: Browser, item: int, signed_in: Callable[[str], Browser]
) -> None:
    ada = signed_in("ada")
    for on, told in (("1", True), ("", False)):
        ada.get(f"/app/show.item/{item}/talk")
        assert ada.post(f"/app/show.item/{item}/follow", {"on": on}).status == 303
        say(ben, item, "News")
        assert ("1 to read" in ada.get("/app").text) is told
        ada.get("/app/notifications")
        ada.post("/app/notifications/read", {})
    assert "Followed by" not in ada.get(f"/app/show.item/{item}/talk").shown()


def test_an_activity_is_planned_seen_on_the_start_page_and_done_with_what_came_of_it(
    showcase: Showcase, ben: Browser, item: int, signed_in: Callable[[str], Browser]
) -> None:
    yesterday, later = str(TODAY - timedelta(days=1)), str(TODAY + timedelta(days=9))
    assert plan(ben, showcase, item, "ada", later, "ask for oak") == 303
    assert plan(ben, showcase, item, "ada", yesterday, "ask for pine") == 303
    ada = signed_in("ada")
    start = ada.get("/app").shown()
    assert start.index("ask for pine") < start.index("ask for oak")
    assert "Overdue since" in start
    assert "2 to read" in ada.get("/app").text
    with showcase.elevated() as env:
        activity = env["mail.activity"].search([["summary", "=", "ask for pine"]]).id
    ada.get(f"/app/show.item/{item}/talk")
    answer = ada.post(f"/app/show.item/{item}/activities/{activity}", {"as": "done", "feedback": "no pine left"})
    assert answer.status == 303
    shown = ada.get(f"/app/show.item/{item}/talk").shown()
    assert "no pine left" in shown
    assert "ask for pine" not in ada.get("/app").shown()


def test_an_activity_that_cannot_be_planned_says_why(showcase: Showcase, ben: Browser, item: int) -> None:
    good = {"kind": "1", "user": str(user(showcase, "ada")), "due": str(TODAY)}
    for wrong in ({"due": ""}, {"due": "soon"}, {"user": "x"}, {"kind": ""}, {"user": "99999"}, {"kind": "9" * 30}):
        ben.get(f"/app/show.item/{item}/talk")
        answer = ben.post(f"/app/show.item/{item}/activities", {**good, **wrong})
        assert answer.status in {404, 422}
    with showcase.elevated() as env:
        assert env["mail.activity"].search_count([]) == 0


def test_sw7_what_is_said_about_a_hidden_record_is_hidden(
    showcase: Showcase, ben: Browser, item: int, signed_in: Callable[[str], Browser]
) -> None:
    say(ben, item, "secret for @ada")
    plan(ben, showcase, item, "ada", str(TODAY), "secret call")
    with showcase.elevated() as env:
        env["show.item"].browse(item).write({"name": "hidden"})
        activity = env["mail.activity"].search([]).id
    ada = signed_in("ada")
    for path in (
        "/app/notifications",
        "/app",
        "/app/mail.message",
        "/app/mail.activity",
        f"/app/mail.activity/{activity}",
    ):
        assert "secret" not in ada.get(path).text, path
    for browser in (ada, ben, signed_in("eve")):
        assert browser.get(f"/app/show.item/{item}/talk").status == 404
        for path, fields in (
            ("notes", {"body": "x"}), ("follow", {"on": "1"}), (f"activities/{activity}", {"as": "done"}),
        ):  # fmt: skip
            browser.get("/app")
            assert browser.post(f"/app/show.item/{item}/{path}", fields).status == 404
    with showcase.elevated() as env:
        assert env["mail.message"].search_count([["body", "=", "x"]]) == 0


def test_sw7_nobody_changes_or_forges_what_was_said(showcase: Showcase, ben: Browser, item: int) -> None:
    say(ben, item, "as I said")
    with showcase.elevated() as env:
        note = env["mail.message"].search([]).id
    ben.get("/app")
    assert ben.post(f"/app/mail.message/{note}/edit", {"v.body": "as I never said"}).status == 404
    ben.get("/app")
    assert ben.post(f"/app/mail.message/{note}/delete", {}).status == 404
    with showcase.elevated() as env:
        row = env["mail.message"].browse(note).read(["body", "create_uid"])[0]
    assert row["body"] == "as I said"
    assert row["create_uid"] == user(showcase, "ben")


def test_what_belongs_to_a_record_has_no_notes_of_its_own(ben: Browser, item: int) -> None:
    say(ben, item, "hello")
    assert ben.get("/app/mail.message/1/talk").status == 404
    assert "Show notes" not in ben.get("/app/mail.message/1").text


def test_a_record_takes_what_was_said_of_it_along(showcase: Showcase, ben: Browser, item: int) -> None:
    say(ben, item, "gone soon @ada")
    plan(ben, showcase, item, "ben", str(TODAY), "throw away")
    ben.get(f"/app/show.item/{item}/delete")
    assert ben.post(f"/app/show.item/{item}/delete", {}).status == 303
    with showcase.elevated() as env:
        counts = [env[name].search_count([]) for name in ("mail.message", "mail.activity", "mail.notification")]
        assert counts == [0, 0, 0]
