"""Sessions: nobody chooses one for somebody else, none outlives what ends it, and none is good at another database."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from growsoft.auth.passwords import PasswordAuthenticator
from growsoft.keeper.keeper import Keeper
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.context import SessionDoor
from growsoft.postgres.pool import Pools
from growsoft.postgres.sql import sql
from growsoft.security.tokens import token_hash
from growsoft.web.app import Application
from growsoft.web.ports import Site
from growsoft.web.session import COOKIES
from tests.support.served import Browser, Showcase, served
from tests.support.showcase import PASSWORD

SESSION = COOKIES["browser"]


def _signed_in(browser: Browser) -> str:
    """Sign Ben in from a sign-in page that is open, and return the token of his session."""
    assert browser.post("/web/login", {"login": "ben", "password": PASSWORD}).status == 303
    return browser.cookies[SESSION]


def _works(showcase: Showcase, token: str) -> bool:
    return Browser(showcase.application(), cookies={SESSION: token}).get("/app").status == 200


def test_a_session_that_somebody_chose_never_becomes_one(visitor: Browser, showcase: Showcase) -> None:
    chosen = "c" * 43
    visitor.cookies[SESSION] = chosen
    assert visitor.get("/app").location.startswith("/web/login")
    assert SESSION not in visitor.cookies
    visitor.get("/web/login")
    visitor.cookies[SESSION] = chosen
    assert _signed_in(visitor) != chosen
    assert not _works(showcase, chosen)


def test_signing_in_again_ends_the_session_that_the_browser_had(visitor: Browser, showcase: Showcase) -> None:
    visitor.get("/web/login")
    first = _signed_in(visitor)
    second = _signed_in(visitor)  # the page was still open in another tab
    assert _works(showcase, second)
    assert not _works(showcase, first)


def test_a_one_time_link_ends_the_session_that_the_browser_had(ben: Browser, showcase: Showcase) -> None:
    first = ben.cookies[SESSION]
    ben.sign_in(showcase, "ada")
    assert _works(showcase, ben.cookies[SESSION])
    assert not _works(showcase, first)


def test_a_session_is_over_when_its_holder_says_so(ben: Browser, showcase: Showcase) -> None:
    token = ben.cookies[SESSION]
    other = Browser(showcase.application()).sign_in(showcase, "ben").cookies[SESSION]
    ben.get("/app")
    assert ben.post("/web/logout", {}).status == 303
    assert SESSION not in ben.cookies
    assert not _works(showcase, token)
    assert _works(showcase, other)


def test_a_new_password_changes_the_token_of_this_session_and_ends_the_others(
    visitor: Browser, showcase: Showcase
) -> None:
    other = Browser(showcase.application()).sign_in(showcase, "ben").cookies[SESSION]
    visitor.get("/web/login")
    before, opened = _signed_in(visitor), visitor.get("/web/password").inputs()
    changed = {**opened, "old": PASSWORD, "new": "four unrelated garden words", "again": "four unrelated garden words"}
    assert visitor.post("/web/password", {**changed, "old": "a wrong one"}).status == 422
    assert visitor.cookies[SESSION] == before, "what was refused changes nothing"
    assert visitor.post("/web/password", changed).status == 303
    after = visitor.cookies[SESSION]
    assert after != before
    assert [_works(showcase, token) for token in (before, other, after)] == [False, False, True]


def test_a_session_is_moved_by_its_own_holder_alone(ben: Browser, showcase: Showcase) -> None:
    hers = Browser(showcase.application()).sign_in(showcase, "ada").cookies[SESSION]
    mine, chosen = ben.cookies[SESSION], "a" * 43
    rotate = sql("SELECT gs.rotate_session({o}::bytea, {n}::bytea)", o=token_hash(hers), n=token_hash(chosen))
    with showcase.site.database.transaction(SessionDoor(token_hash(mine))) as transaction:
        assert transaction.execute(rotate).scalar() is False
    with showcase.elevated() as env:
        assert env.execute(rotate).scalar() is False, "nor in elevated hands: that is nobody's session"
    assert [_works(showcase, token) for token in (hers, mine, chosen)] == [True, True, False]


def test_the_session_of_a_script_is_no_browser_s_whatever_cookie_it_comes_in(
    visitor: Browser, showcase: Showcase
) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    answer = visitor.ask("POST", "/web/login", f"login=ben&password={PASSWORD.replace(' ', '+')}".encode(), form)
    assert answer.status == 200
    token = visitor.cookies[COOKIES["api"]]
    assert not _works(showcase, token)
    assert not _works(showcase, token.removeprefix("api."))


def test_other_forms_of_a_token_are_no_session(ben: Browser, showcase: Showcase) -> None:
    token = ben.cookies[SESSION]
    assert _works(showcase, token)
    for other in (
        token.upper(),
        token[:-1],
        token + "=",
        f" {token}x",
        token + "\\000",
        f'"{token}',
        token * 2,
        "%00",
        "*",
    ):
        assert not _works(showcase, other), other


@dataclass(frozen=True)
class TwoSites:
    """A directory of two databases that are alike to the last user."""

    a: Site
    b: Site

    def find(self, host: str) -> Site | None:
        return {"a.localhost": self.a, "b.localhost": self.b}.get(host)


@dataclass(frozen=True)
class Neighbours:
    """Two customers of one host."""

    a: Showcase
    application: Application

    def browser(self, host: str) -> Browser:
        return Browser(self.application, host)


@pytest.fixture
def neighbours(
    showcase: Showcase, keeper: Keeper, server: Endpoint, pools: Pools, authenticator: PasswordAuthenticator
) -> Neighbours:
    other = served(keeper, server, pools, authenticator)
    return Neighbours(showcase, Application(TwoSites(showcase.site, other.site), authenticator, keeper=keeper))


def test_db2_a_session_is_good_at_its_own_database_alone(neighbours: Neighbours) -> None:
    here = neighbours.browser("a.localhost:8443").sign_in(neighbours.a, "ben")
    assert here.get("/app").status == 200
    there = neighbours.browser("b.localhost:8443")
    there.cookies = dict(here.cookies)
    assert there.get("/app").location.startswith("/web/login")
    assert there.get("/app/show.item").status == 303


def test_db2_a_link_and_a_token_are_good_at_their_own_database_alone(neighbours: Neighbours) -> None:
    link = neighbours.a.link("ben")
    there = neighbours.browser("b.localhost:8443")
    there.get(f"/web/link/{link}")
    assert there.post(f"/web/link/{link}", {}).status == 410
    here = neighbours.browser("a.localhost:8443")
    here.get(f"/web/link/{link}")
    assert here.post(f"/web/link/{link}", {}).status == 303
    page = here.get("/app/show.tag/new").inputs()["csrf"]
    forged = f"csrf={page}&v.name=x".encode()
    from_there = {
        "origin": "https://b.localhost:8443", "sec-fetch-site": "same-site",
        "content-type": "application/x-www-form-urlencoded",
    }  # fmt: skip
    assert here.ask("POST", "/app/show.tag/new", forged, from_there).status == 403
