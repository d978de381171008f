"""Claims SW-3 and SW-5 in a real browser: what is typed never runs, and other sites cannot act in somebody's name."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from growsoft.security.certificates import Certificate
from growsoft.web.errors import Refusal
from growsoft.web.http import Request, Response
from tests.acceptance.web.conftest import Stage
from tests.acceptance.web.serving import running

PAYLOADS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</textarea><svg onload=alert(1)>",
    '<a href="javascript:alert(1)">x</a>',
    '<div hx-get="/web/logout" hx-trigger="load">x</div>',
)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_sw3_nothing_that_was_typed_runs(stage: Stage, payload: str) -> None:
    with stage.showcase.elevated() as env:
        owner = env["show.owner"].create({"name": payload})
        tag = env["show.tag"].create({"name": payload})
        item = (
            env["show.item"]
            .create(
                {
                    "name": payload[:60],
                    "code": payload,
                    "note": payload,
                    "owner_id": owner,
                    "tag_ids": [(6, 0, tag.ids)],
                }
            )
            .id
        )
        env["show.line"].create({"item_id": item, "name": payload})
        env["res.users"].search([["login", "=", "ben"]]).write({"name": payload})
    page = stage.signed_in()
    for path in (
        f"/app/show.item/{item}",
        "/app",
        f"/app/show.item?q={quote(payload)}",
        f"/app/find?q={quote(payload)}",
    ):
        page.goto(path)
        expect(page.locator("body")).to_contain_text(payload[:40])
    page.goto(f"/app/show.item/{item}/edit")
    page.locator("#f-owner_id").fill(payload[:5])
    expect(page.locator("#f-owner_id-options")).to_contain_text(payload)
    page.fill("#f-count", payload)
    page.click("text=Save")
    expect(page.locator("#f-count")).to_have_value(payload)
    assert page.locator("main img, main svg:not(.icon), main script, main [onerror], main [onload]").count() == 0


def test_sw3_the_policy_stops_what_a_hole_would_let_in(stage: Stage) -> None:
    page = stage.signed_in()
    page.goto("/app")
    for hole in (
        "const s = document.createElement('script'); s.textContent = 'alert(2)'; document.head.append(s)",
        "document.body.setAttribute('style', 'color: red')",
        "document.body.setAttribute('onclick', 'alert(3)'); document.body.click()",
        "const i = new Image(); i.src = 'https://evil.localhost/x'; document.body.append(i)",
        "fetch('https://evil.localhost/x').catch(() => 0)",
    ):
        stage.told.clear()
        page.evaluate(f"try {{ {hole} }} catch (e) {{}}")
        page.wait_for_timeout(200)
        assert stage.told, hole
        assert not [line for line in stage.told if line.startswith("a script ran")]
    assert page.evaluate("try { document.body.innerHTML = '<b>x</b>'; 'set' } catch (e) { e.name }") == "TypeError"
    page.wait_for_timeout(200)
    stage.told.clear()
    stage.errors.clear()


def test_sw3_htmx_obeys_only_elements_with_the_nonce_of_the_page(stage: Stage) -> None:
    page = stage.signed_in()
    page.goto("/app")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "planted" in request.url else None)
    planted = """nonce => {
      const planted = document.createElement('div');
      planted.setAttribute('hx-get', '/app/find?q=planted');
      planted.setAttribute('hx-trigger', 'load');
      if (nonce) planted.setAttribute('hx-nonce', nonce);
      document.body.append(planted);
      htmx.process(planted);
    }"""
    page.evaluate(planted, "")
    page.evaluate(planted, "guessed")
    page.wait_for_timeout(300)
    assert asked == []
    assert any("hx-csp" in line for line in stage.errors)
    page.evaluate(planted, page.evaluate("document.querySelector('script[nonce]').nonce"))
    page.wait_for_timeout(300)
    assert len(asked) == 1
    stage.errors.clear()


class Evil:
    """Another site: a page that sends a form, or asks by script, in the name of whoever looks at it."""

    def __init__(self, html: str) -> None:
        self._html = html

    def handle(self, request: Request) -> Response:
        del request
        return Response(body=self._html.encode())

    def takes_files(self, request: Request) -> bool:
        del request
        return False

    def refuse(self, request: Request, refusal: Refusal) -> Response:
        del request
        return Response(status=refusal.status)

    def finish(self, request: Request, response: Response) -> tuple[Response, tuple[tuple[str, str], ...]]:
        del request
        return response, (("content-type", "text/html"),)

    def broke(self, request: Request, error: Exception) -> None:
        raise AssertionError(request.path) from error


def attack(stage: Stage, certificate: Certificate, page: Page, host: str, html: str) -> None:
    """Let somebody look at a page of another site."""
    watched = replace(stage, told=[], errors=[])
    with running(Evil(html), certificate) as port:
        page.goto(f"https://{host}:{port}/")
        page.wait_for_timeout(700)
    assert watched.told == []


@pytest.mark.parametrize("host", ["evil.localhost", "evil.show.localhost", "show.localhost"])
def test_sw5_no_other_site_acts_in_somebodys_name(stage: Stage, certificate: Certificate, host: str) -> None:
    page = stage.signed_in()
    page.goto("/app/show.tag/new")
    token = page.locator("#form [name=csrf]").input_value()
    form = (
        f"<form id=f method=post action='{stage.address}/app/show.tag/new' %s><input name=csrf value='{token}'>"
        "<input name='v.name' value='forged'></form><script>document.getElementById('f').submit()</script>"
    )
    script = (
        f"<script>fetch('{stage.address}/app/show.tag/new', {{method: 'POST', credentials: 'include', mode: 'no-cors', "
        f"body: new URLSearchParams({{csrf: '{token}', 'v.name': 'forged'}})}})</script>"
    )
    frame = f"<iframe src='{stage.address}/app/show.tag/new'></iframe>"
    for html in (form % "", form % "enctype=text/plain", form % "enctype=multipart/form-data", script, frame):
        attack(stage, certificate, page, host, html)
    with stage.showcase.elevated() as env:
        assert env["show.tag"].search_count([]) == 0
    page.goto("/app")
    assert page.url.endswith("/app")
    stage.told.clear()
    stage.errors.clear()


def test_sw5_signing_somebody_in_or_out_from_elsewhere_fails(stage: Stage, certificate: Certificate) -> None:
    page = stage.signed_in()
    for action, fields in (
        ("/web/logout", ""),
        ("/web/login", "<input name=login value=ada><input name=password value=x>"),
    ):
        html = (
            f"<form id=f method=post action='{stage.address}{action}'>{fields}</form>"
            "<script>document.getElementById('f').submit()</script>"
        )
        attack(stage, certificate, page, "evil.localhost", html)
    page.goto("/app")
    expect(page.locator("button.person")).to_contain_text("Ben Example")
    stage.errors.clear()
