"""Claim SW-3: text is text in every kind of field and in every view."""

from __future__ import annotations

import re
from decimal import Decimal
from html.parser import HTMLParser
from urllib.parse import quote

import pytest

from tests.support.served import Browser, Showcase

PAYLOADS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</textarea><script>alert(1)</script>",
    "</title></style><svg onload=alert(1)>",
    "javascript:alert(1)",
    "{{ 7*7 }}{% raw %}",
    "<!--<script>",
    "&lt;script&gt;",
    "</template><img src=x onerror=alert(1)>",
    '<a hx-get="/app" hx-trigger="load">x</a>',
]
# Everything our own templates use; a payload that became markup would bring something else.
TAGS = {
    "html", "head", "meta", "title", "link", "script", "body", "a", "header", "button", "svg", "use", "span", "nav",
    "div", "h1", "h2", "ul", "ol", "li", "p", "b", "form", "label", "input", "kbd", "img", "main", "table", "thead",
    "tbody", "tr", "th", "td", "section", "dl", "dt", "dd", "details", "summary", "code", "template", "textarea",
    "select", "option", "fieldset", "legend", "dialog", "br", "output",
}  # fmt: skip


class Seen(HTMLParser):
    """Collects tags and attributes as a browser would make them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: set[str] = set()
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses |= {
            value or "" for name, value in attrs if name in {"href", "src", "action", "formaction", "hx-get", "hx-post"}
        }
        self.scripts += tag == "script"


def check(html: str) -> None:
    seen = Seen()
    seen.feed(html)
    assert seen.tags <= TAGS
    assert not [name for name in seen.attributes if name.startswith("on") or name in {"style", "srcdoc"}]
    assert all(address.startswith(("/", "#")) for address in seen.addresses), seen.addresses
    assert seen.scripts <= 4


@pytest.mark.parametrize("payload", PAYLOADS)
def test_sw3_text_is_text_wherever_it_is_shown(payload: str, ben: Browser, showcase: Showcase) -> None:
    name = payload[:60]
    with showcase.elevated() as env:
        owner = env["show.owner"].create({"name": payload, "city": payload})
        tag = env["show.tag"].create({"name": payload})
        item = env["show.item"].create({
            "name": name, "code": payload, "note": payload, "owner_id": owner, "tag_ids": [(6, 0, tag.ids)],
            "secret": payload,
        })  # fmt: skip
        env["show.line"].create({"item_id": item, "name": payload, "owner_id": owner, "quantity": Decimal(1)})
        env["res.users"].search([["login", "=", "ben"]]).write({"name": payload})
    query = quote(payload)
    pages = [
        "/app", "/app/show.item", "/app/show.owner", "/app/show.tag", "/app/show.line", f"/app/show.item?q={query}",
        f"/app/show.item?f=name:{query}&f={query}&sort={query}&page={query}&filter={query}", f"/app/find?q={query}",
        f"/app/show.item/{item.id}", f"/app/show.item/{item.id}/edit", f"/app/show.item/{item.id}/delete",
        f"/app/show.item/options?field={query}&{query}={query}", "/app/show.owner/options?field=x&x=", f"/app/{query}",
        f"/web/login?next={query}", f"/web/link/{quote(payload, safe='')}", "/web/password",
    ]  # fmt: skip
    for path in pages:
        answer = ben.get(path)
        check(answer.text)
        assert answer.status < 500, path
    shown = ben.get(f"/app/show.item/{item.id}")
    assert shown.text.count(payload) <= (payload in TAGS) + shown.text.count("javascript:alert(1)") * 2 + (
        payload.startswith(("{{", "javascript")) * 20
    )


@pytest.mark.parametrize("payload", PAYLOADS)
def test_sw3_what_was_typed_wrong_comes_back_as_text(payload: str, ben: Browser, showcase: Showcase) -> None:
    form = ben.get("/app/show.item/new").inputs()
    fields = {name: payload for name in form if name.startswith("v.")}
    answer = ben.post("/app/show.item/new", {**form, **fields, "l.line_ids": ["0", payload], "was": payload})
    assert answer.status == 422
    check(answer.text)
    inputs = answer.inputs()
    assert inputs["v.code"] == payload.strip()
    assert inputs["v.note"] == payload
    assert showcase.site.name == "show"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_sw3_names_of_hosts_and_paths_are_text_too(payload: str, visitor: Browser) -> None:
    for path in (f"/{quote(payload)}", f"/web/{quote(payload)}", f"/static/{quote(payload)}"):
        check(visitor.get(path).text)
    visitor.host = payload
    answer = visitor.get("/app")
    assert answer.status == 421
    check(answer.text)


def test_sw3_a_page_names_its_scripts_and_nothing_inline(ben: Browser) -> None:
    page = ben.get("/app")
    policy = page.headers["content-security-policy"]
    nonce = re.search(r"script-src 'nonce-([^']+)'", policy)
    assert nonce is not None
    assert len(nonce[1]) >= 22
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", page.text, re.DOTALL)
    assert len(scripts) == 3
    assert all(f'nonce="{nonce[1]}"' in attributes and not body for attributes, body in scripts)
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy
    assert ben.get("/app").headers["content-security-policy"] != policy
    assert page.headers["cache-control"] == "no-store"
