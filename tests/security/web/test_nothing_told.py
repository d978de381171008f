"""What a stranger is not told: who has an account, what there is to see, and what went wrong inside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pytest

from growsoft.auth.passwords import PasswordAuthenticator
from growsoft.security.passwords import Hasher, Parameters
from growsoft.web.app import Application
from growsoft.web.ports import Site
from growsoft.web.static import StaticFiles
from tests.support.served import Answer, Browser, OneSite, Showcase

# Known with a wrong password, unknown, without a password, deactivated, without any group, and the system's own.
LOGINS: Final = (
    "ben",
    "nobody",
    "guest",
    "former",
    "lonely",
    "__system__",
    "b" * 200,
    "\u0441\u0435\u043d",
    "ben' --",
    "%",
)
PASSWORDS: Final = (
    "wrong", "", " ", "x" * 1024, "\u00e9" * 200, "e\u0301" * 200, "\U0001f511" * 200, "' OR 1=1", "\t\n", "\x7f",
)  # fmt: skip
IMPOSSIBLE: Final = ("x" * 1025, "x" * 60_000, "x" * 1_000_000, "\0", "a\0b", "\u0301" * 5000, "\x1b[0m")
FOREIGN: Final = (
    "/web/database/manager", "/web/database/selector", "/web/database/list", "/web/database/create",
    "/web/database/restore", "/admin", "/api", "/api/1/", "/metrics", "/debug", "/server-status",
    "/.git/config", "/.env", "/docs", "/openapi.json", "/web/signup", "/web/reset_password", "/static",
    "/static/", "/favicon.ico",
    "/web/login/", "/WEB/LOGIN", "//web/login", "/web//login", "/./web/login", "/app/..",
)  # fmt: skip


class WatchedHasher(Hasher):
    """A hasher that remembers how much work it was given."""

    def __init__(self) -> None:
        super().__init__(2)
        self.rounds: list[int] = []

    def derive(self, password: str, parameters: Parameters, pepper: bytes = b"") -> bytes:
        """Derive as ever."""
        derived = super().derive(password, parameters, pepper)
        self.rounds.append(parameters.rounds)
        return derived


@dataclass(frozen=True)
class Door:
    """The sign-in page of the showcase, and how hard each attempt made it work."""

    showcase: Showcase
    hasher: WatchedHasher

    def knock(self, login: str, password: str) -> tuple[int, str, tuple[int, ...]]:
        """Try to sign in with a new browser; gives what can be told apart."""
        browser = Browser(Application(OneSite(self.showcase.site), PasswordAuthenticator(self.hasher)))
        browser.get("/web/login")
        before = len(self.hasher.rounds)
        answer = browser.post("/web/login", {"login": login, "password": password})
        return answer.status, re.sub(r"[0-9a-f]{4}-[0-9a-f]{4}", "", answer.shown()), tuple(self.hasher.rounds[before:])


@pytest.fixture
def door(showcase: Showcase) -> Iterator[Door]:
    with showcase.elevated() as env:
        group = env["res.groups"].search([["key", "=", "base.user"]]).ids
        for login, active, groups in (("guest", True, group), ("former", False, group), ("lonely", True, ())):
            given = [(6, 0, list(groups))]
            env["res.users"].create({"name": login, "login": login, "active": active, "groups_id": given})
    with WatchedHasher() as hasher:
        yield Door(showcase, hasher)


def test_pw4_the_answer_and_the_work_are_the_same_for_every_login(door: Door) -> None:
    outcomes = {login: door.knock(login, "wrong") for login in LOGINS}
    assert len(set(outcomes.values())) == 1, outcomes
    status, _, rounds = outcomes["ben"]
    assert (status, rounds) == (401, (600_000,))


def test_pw4_the_answer_is_the_same_for_every_password(door: Door) -> None:
    with door.showcase.elevated() as env:
        ben = env["res.users"].search([["login", "=", "ben"]]).id
    assert len({door.knock(f"nobody {number}", password) for number, password in enumerate(PASSWORDS)}) == 1
    for number, password in enumerate(IMPOSSIBLE):
        with door.showcase.elevated() as env:
            env["res.users"].browse(ben).write({"login": f"ben{number}"})
        known, unknown = door.knock(f"ben{number}", password), door.knock(f"nobody{number}", password)
        assert known == unknown
        assert known[0] == (413 if len(password) == 1_000_000 else 401)


def test_a_blocked_login_is_blocked_whether_or_not_it_exists(door: Door) -> None:
    blocked: list[tuple[int, str, tuple[int, ...]]] = []
    for login in ("ben", "nobody"):
        for _ in range(5):
            door.knock(login, "\0")
        status, shown, rounds = door.knock(login, "wrong")
        blocked.append((status, re.sub(r"\d+", "#", shown), rounds))
    assert blocked[0] == blocked[1]
    assert blocked[0][0] == 429
    assert blocked[0][2] == ()


def test_a_link_is_looked_at_like_none_and_spent_like_an_unknown_one(visitor: Browser, showcase: Showcase) -> None:
    real, unknown = showcase.link("ben"), "A" * 43
    looks = [visitor.get(f"/web/link/{link}") for link in (real, unknown)]
    assert looks[0].status == looks[1].status == 200
    assert looks[0].shown() == looks[1].shown()
    visitor.post(f"/web/link/{real}", {})
    tries: list[Answer] = []
    for link in (real, unknown, "x", "%FF", "'"):
        other = Browser(visitor.application)
        other.get(f"/web/link/{link}")
        tries.append(other.post(f"/web/link/{link}", {}))
    assert {answer.status for answer in tries} == {410}
    assert len({answer.shown() for answer in tries}) == 1


def test_who_is_not_signed_in_cannot_tell_what_there_is(visitor: Browser) -> None:
    paths = (
        "/app/show.item",
        "/app/no.such",
        "/app/show.item/1",
        "/app/show.item/999/edit",
        "/app/res.users/options?field=x",
    )
    for path in paths:
        answer = visitor.get(path)
        assert answer.status == 303
        assert answer.location.startswith("/web/login?next=")
        assert answer.text == ""


def test_there_are_no_pages_but_ours(visitor: Browser, ben: Browser) -> None:
    for browser in (visitor, ben):
        for path in FOREIGN:
            assert browser.get(path).status == 404, path
            assert browser.ask("POST", path, b"{}", {"content-type": "application/json"}).status in {403, 404}, path


def test_static_files_are_those_of_the_client_alone(visitor: Browser) -> None:
    good = StaticFiles().url("app.css")
    assert visitor.get(good).status == 200
    version = good.split("/")[2]
    for name in (
        "../app.py", "..%2fapp.py", "%2e%2e/app.py", "....//app.py", "/etc/passwd", "//etc/passwd",
        "../templates/layout.html", "app.css/../../app.py", "app.css%00.py", "app.css%00", "APP.CSS", "", ".",
        "vendor", "vendor/", "vendor/../app.css", "app.py", "app.css?x=..", "__init__.py", "..\\app.py",
    ):  # fmt: skip
        answer = visitor.get(f"/static/{version}/{name}")
        assert answer.status == (200 if name.startswith("app.css?") else 404), name
        assert b"from __future__" not in answer.response.body


@dataclass(frozen=True)
class Broken:
    """A directory that fails with something that nobody should read."""

    def find(self, host: str) -> Site | None:
        raise RuntimeError(f"the password of {host} is hunter2 in /srv/secret.py")


def test_an_error_shows_a_reference_and_nothing_of_itself(showcase: Showcase) -> None:
    browser = Browser(Application(Broken(), showcase.authenticator))
    for path in ("/web/login", "/app", "/readyz"):
        answer = browser.get(path)
        assert answer.status == 500
        assert re.search(r"[0-9a-f]{4}-[0-9a-f]{4}", answer.shown())
        for secret in ("hunter2", "secret.py", "RuntimeError", "Traceback", "growsoft/"):
            assert secret not in answer.text
