"""Claim SW-5: no unsafe request is believed without a token of its own session and a page of ours behind it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from growsoft.web.pages import ROUTES, SIGNED_IN_ROUTES
from tests.support.served import Browser, Showcase

FORM = "application/x-www-form-urlencoded"
OURS = {"origin": "https://show.localhost:8443", "sec-fetch-site": "same-origin", "content-type": FORM}


def _post(browser: Browser, path: str, token: str, **headers: str) -> int:
    return browser.ask("POST", path, f"csrf={token}&v.name=made".encode(), {**OURS, **headers}).status


def _token(browser: Browser) -> str:
    return browser.get("/app/show.tag/new").inputs()["csrf"]


def _tags(showcase: Showcase) -> int:
    with showcase.elevated() as env:
        return env["show.tag"].search_count([])


def test_sw5_our_own_form_is_believed(ben: Browser, showcase: Showcase) -> None:
    assert _post(ben, "/app/show.tag/new", _token(ben)) == 303
    assert _tags(showcase) == 1


def test_sw5_a_token_alone_is_not_enough(ben: Browser, showcase: Showcase) -> None:
    token = _token(ben)
    for headers in (
        {"origin": "https://evil.example", "sec_fetch_site": "cross-site"},
        {"origin": "https://other.show.localhost:8443", "sec_fetch_site": "same-site"},
        {"origin": "https://show.localhost:8444", "sec_fetch_site": "same-site"},
        {"origin": "http://show.localhost:8443", "sec_fetch_site": "same-site"},
        {"origin": "null", "sec_fetch_site": "cross-site"},
        {"origin": "null", "sec_fetch_site": ""},
        {"origin": "https://evil.example", "sec_fetch_site": ""},
        {"origin": "", "sec_fetch_site": "none"},
        {"origin": "", "sec_fetch_site": ""},
        {"origin": "https://evil.example", "sec_fetch_site": "same-origin"},
    ):
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        assert _post(ben, "/app/show.tag/new", token, **fields) == 403, headers
    assert _tags(showcase) == 0


def test_sw5_a_page_of_ours_alone_is_not_enough(
    ben: Browser, showcase: Showcase, signed_in: Callable[[str], Browser]
) -> None:
    foreign = _token(signed_in("ada"))
    second = _token(signed_in("ben"))
    real = _token(ben)
    changed = ("A" if real[0] != "A" else "B") + real[1:]
    for token in ("", "x", "=" * 88, foreign, second, changed, real[:-4], real + real, "%C3%A9" * 40):
        assert _post(ben, "/app/show.tag/new", token) == 403, token
    assert _tags(showcase) == 0


def test_sw5_a_token_is_over_with_its_session(ben: Browser, showcase: Showcase) -> None:
    token = _token(ben)
    ben.sign_in(showcase, "ben")
    assert _post(ben, "/app/show.tag/new", token) == 403


def test_sw5_every_page_has_another_text_for_the_token(ben: Browser) -> None:
    assert len({_token(ben) for _ in range(5)}) == 5


def test_sw5_the_sign_in_form_is_no_exception(visitor: Browser) -> None:
    token = visitor.get("/web/login").inputs()["csrf"]
    assert _post(visitor, "/web/login", "") == 403
    assert (
        _post(visitor, "/web/login", token, **{"sec-fetch-site": "cross-site", "origin": "https://evil.example"}) == 403
    )
    device = visitor.cookies.pop("__Host-gs-device")
    assert _post(visitor, "/web/login", token) == 403
    visitor.cookies["__Host-gs-device"] = device
    assert _post(visitor, "/web/login", token) == 401


def test_sw5_every_address_that_takes_a_post_refuses_a_forged_one(ben: Browser, showcase: Showcase) -> None:
    with showcase.elevated() as env:
        tag = env["show.tag"].create({"name": "kept"}).id
    posts = [route.pattern for routes in (ROUTES, SIGNED_IN_ROUTES) for route in routes if route.method == "POST"]
    assert len(posts) >= 7
    for pattern in posts:
        path = re.sub(r"\{[a-z]+(:text)?\}", "t", pattern.replace("{model:model}", "show.tag"))
        path = re.sub(r"\{[a-z]+:id\}", str(tag), path)
        assert _post(ben, path, "") == 403, path
        assert _post(ben, path, _token(ben), **{"sec-fetch-site": "cross-site"}) == 403, path
    assert ben.get("/app").status == 200
    assert _tags(showcase) == 1


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "application/octet-stream", ""])
def test_sw5_another_content_type_is_no_way_around(ben: Browser, showcase: Showcase, kind: str) -> None:
    token = _token(ben)
    body = f"csrf={token}&v.name=made".encode()
    assert ben.ask("POST", "/app/show.tag/new", body, {**OURS, "content-type": kind}).status in {403, 415}
    assert _tags(showcase) == 0


def test_sw5_state_never_changes_on_get(ben: Browser, showcase: Showcase) -> None:
    with showcase.elevated() as env:
        tag = env["show.tag"].create({"name": "kept"}).id
    for path in (f"/app/show.tag/{tag}/delete", f"/app/show.tag/{tag}/edit", "/app/show.tag/new"):
        for query in ("?csrf=x&v.name=changed", f"?csrf={_token(ben)}&v.name=changed&version=1"):
            assert ben.get(path + query).status == 200
    assert ben.get("/web/logout").status == 405
    with showcase.elevated() as env:
        assert env["show.tag"].browse(tag).read(["name"])[0]["name"] == "kept"
    assert _tags(showcase) == 1


def test_sw5_methods_that_browsers_could_smuggle_are_not_taken(ben: Browser, showcase: Showcase) -> None:
    token = _token(ben)
    body = f"csrf={token}&v.name=made&_method=POST".encode()
    for method in ("PUT", "PATCH", "DELETE", "QUERY"):
        assert ben.ask(method, "/app/show.tag/new", body, OURS).status in {403, 405}
    answer = ben.ask("GET", "/app/show.tag/new", body, {**OURS, "x-http-method-override": "POST"})
    assert answer.status == 200
    assert _tags(showcase) == 0
