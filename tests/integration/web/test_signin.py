"""Signing in and out, by password and by one-time link."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from growsoft.apps.base.data import group_ids
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import superuser
from tests.support.served import Browser, Showcase
from tests.support.showcase import PASSWORD

WRONG = {"login": "ben", "password": "not this one at all"}


def test_somebody_signs_in_and_out(visitor: Browser) -> None:
    asked = visitor.get("/app/show.item")
    assert (asked.status, asked.location) == (303, "/web/login?next=%2Fapp%2Fshow.item")
    visitor.follow(asked)
    signed_in = visitor.post("/web/login", {"login": "ben", "password": PASSWORD, "next": "/app/show.item"})
    assert (signed_in.status, signed_in.location) == (303, "/app/show.item")
    assert "Ben Example" in visitor.follow(signed_in).shown()
    stolen = dict(visitor.cookies)
    out = visitor.post("/web/logout", {})
    assert "You are signed out" in visitor.follow(out).shown()
    assert visitor.get("/app").status == 303
    visitor.cookies = stolen
    assert visitor.get("/app").status == 303


def test_a_wrong_password_and_an_unknown_login_are_answered_alike(visitor: Browser) -> None:
    visitor.get("/web/login")
    wrong = visitor.post("/web/login", WRONG)
    unknown = visitor.post("/web/login", {**WRONG, "login": "nobody"})
    assert (wrong.status, unknown.status) == (401, 401)
    assert wrong.shown() == unknown.shown()
    assert "ask your administrator" in wrong.shown()
    assert WRONG["password"] not in wrong.text


def test_after_too_many_tries_somebody_is_told_how_long_to_wait(visitor: Browser) -> None:
    visitor.get("/web/login")
    answers = [visitor.post("/web/login", WRONG) for _ in range(12)]
    assert answers[-1].status == 429
    assert "Wait" in answers[-1].shown()
    assert int(answers[-1].headers["retry-after"]) > 0


def test_signing_in_leads_nowhere_else(visitor: Browser) -> None:
    visitor.get("/web/login")
    for target in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/web/logout"):
        answer = visitor.post("/web/login", {"login": "ben", "password": PASSWORD, "next": target})
        assert answer.location == "/app", target
        visitor.cookies.pop("__Host-gs", None)
        visitor.get("/web/login")


def test_cookies_are_for_this_host_and_for_https_alone(visitor: Browser, showcase: Showcase) -> None:
    asked = visitor.get("/web/login")
    signed_in = visitor.post("/web/login", {"login": "ben", "password": PASSWORD})
    for cookie in (*asked.headers.every("set-cookie"), *signed_in.headers.every("set-cookie")):
        assert cookie.startswith("__Host-")
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
    assert showcase.site.name == "show"


def test_each_sign_in_makes_another_session(visitor: Browser) -> None:
    visitor.cookies["__Host-gs"] = "planted"
    visitor.get("/app")
    visitor.get("/web/login")
    visitor.post("/web/login", {"login": "ben", "password": PASSWORD})
    assert visitor.cookies["__Host-gs"] not in {"", "planted"}


def test_a_link_shows_first_works_once_and_is_gone(visitor: Browser, showcase: Showcase) -> None:
    link = f"/web/link/{showcase.link('ben')}"
    for _ in range(3):
        assert "signs you in to show once" in visitor.get(link).shown()
    assert visitor.post(link, {}).location == "/web/password"
    assert visitor.get("/app").status == 200
    other = Browser(showcase.application())
    other.get(link)
    again = other.post(link, {})
    assert again.status == 410
    assert "used already" in again.shown()


def test_who_has_no_password_chooses_one_before_anything_else(visitor: Browser, showcase: Showcase) -> None:
    with showcase.elevated() as env:
        groups = [(6, 0, group_ids(env, ["base.user"]))]
        env["res.users"].create({"name": "New Here", "login": "new", "groups_id": groups})
    visitor.sign_in(showcase, "new")
    for path in ("/app", "/app/res.country", "/app/find?q=x"):
        assert visitor.get(path).location == "/web/password", path
    page = visitor.get("/web/password")
    assert "At least" in page.shown()
    short = visitor.post("/web/password", {"new": "short", "again": "short"})
    assert short.status == 422
    assert "short" not in short.inputs().values()
    different = visitor.post("/web/password", {"new": "one plum tractor", "again": "two plum tractor"})
    assert "not the same" in different.shown()
    assert visitor.post("/web/password", {"new": "one plum tractor", "again": "one plum tractor"}).location == "/app"
    assert visitor.get("/app").status == 200


def test_changing_a_password_needs_the_old_one_and_ends_other_sessions(
    visitor: Browser, showcase: Showcase, signed_in: Callable[[str], Browser]
) -> None:
    other = signed_in("ben")
    visitor.get("/web/login")
    visitor.post("/web/login", {"login": "ben", "password": PASSWORD})
    visitor.get("/web/password")
    new = {"new": "seven quiet lanterns", "again": "seven quiet lanterns"}
    assert visitor.post("/web/password", {"old": "wrong one", **new}).status == 422
    assert other.get("/app").status == 200
    assert visitor.post("/web/password", {"old": PASSWORD, **new}).location == "/app"
    assert visitor.get("/app").status == 200
    assert other.get("/app").status == 303
    assert showcase.site.name == "show"


def test_a_script_gets_a_session_that_pages_refuse(visitor: Browser) -> None:
    body = f"login=ben&password={PASSWORD.replace(' ', '+')}".encode()
    kind = {"content-type": "application/x-www-form-urlencoded"}
    answer = visitor.ask("POST", "/web/login", body, kind)
    assert answer.status == 200
    assert set(visitor.cookies) >= {"__Host-gs-api"}
    assert "__Host-gs" not in visitor.cookies
    assert visitor.get("/app").status == 303
    refused = visitor.ask("POST", "/web/login", b"login=ben&password=wrong", kind)
    assert (refused.status, refused.response.content_type) == (401, "application/json")


def test_a_deactivated_user_is_out_at_once(ben: Browser, showcase: Showcase) -> None:
    assert ben.get("/app").status == 200
    with showcase.elevated() as env:
        env["res.users"].search([["login", "=", "ben"]]).write({"active": False})
    assert ben.get("/app").status == 303


def test_somebody_with_a_new_set_of_groups_gets_in_with_the_help_of_the_keeper(
    visitor: Browser, showcase: Showcase
) -> None:
    with showcase.elevated() as env:
        groups = [(6, 0, group_ids(env, ["base.admin", "show.boss"]))]
        env["res.users"].create({"name": "Both", "login": "both", "groups_id": groups})
    visitor.sign_in(showcase, "both")
    assert visitor.get("/app").location == "/web/password"


def test_reading_counts_as_being_there(ben: Browser, showcase: Showcase, server: Endpoint) -> None:
    with superuser(replace(server, dbname=showcase.site.database.name)) as connection:
        connection.run(sql("UPDATE gs_priv.session_seen SET at = at - interval '7 h'"))
        assert ben.get("/app").status == 200
        connection.run(sql("UPDATE gs_priv.session_seen SET at = at - interval '7 h'"))
    assert ben.get("/app").status == 200


def test_an_idle_session_has_ended_and_says_so(ben: Browser, showcase: Showcase, server: Endpoint) -> None:
    with superuser(replace(server, dbname=showcase.site.database.name)) as connection:
        connection.run(sql("UPDATE gs_priv.session_seen SET at = at - interval '9 h'"))
    asked = ben.get("/app/show.item")
    assert asked.location == "/web/login?next=%2Fapp%2Fshow.item&ended=1"
    assert "Your session has ended" in ben.follow(asked).shown()
