"""Files of records over the web: who may see, add and delete them, and that none of them becomes a page of ours."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from growsoft.web.http import Headers, Request
from tests.support.served import Browser, Showcase

PIXEL = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\xff\xff?\0"
    b"\x05\xfe\x02\xfe\xa75\x81\x84\0\0\0\0IEND\xaeB`\x82"
)
EVIL = b"<script>alert(document.cookie)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(2)</script></svg>'


@pytest.fixture
def item(showcase: Showcase) -> int:
    with showcase.elevated() as env:
        return env["show.item"].create({"name": "Chair"}).id


def add(browser: Browser, item: int, name: str, content: bytes) -> int:
    """Attach a file as a browser does, and return its id."""
    browser.get(f"/app/show.item/{item}")
    assert browser.upload(f"/app/show.item/{item}/files", (name, content)).status == 303
    shown = browser.get(f"/app/show.item/{item}").text
    return int(shown.split(f"/app/show.item/{item}/files/")[1].split('"')[0])


def test_a_file_is_added_seen_read_and_deleted(ben: Browser, item: int) -> None:
    file = add(ben, item, "terms.txt", b"net 30 days")
    shown = ben.get(f"/app/show.item/{item}").shown()
    assert "terms.txt" in shown
    assert "11 bytes · text/plain" in shown
    assert "Ben Example" in shown
    assert "net 30 days" in ben.get(f"/app/show.item/{item}/files/{file}").shown()
    kept = ben.get(f"/app/show.item/{item}/files/{file}/content")
    assert kept.response.body == b"net 30 days"
    assert kept.headers["content-disposition"] == "attachment; filename=\"terms.txt\"; filename*=UTF-8''terms.txt"
    ben.get(f"/app/show.item/{item}")
    assert ben.post(f"/app/show.item/{item}/files/{file}/delete", {}).status == 303
    assert ben.get(f"/app/show.item/{item}/files/{file}").status == 404
    assert "terms.txt" not in ben.get(f"/app/show.item/{item}").shown()


def test_several_files_come_at_once_and_an_empty_choice_is_said(ben: Browser, item: int) -> None:
    ben.get(f"/app/show.item/{item}")
    assert ben.upload(f"/app/show.item/{item}/files", ("a.txt", b"a"), ("b.txt", b"b")).status == 303
    assert ben.get(f"/app/show.item/{item}/files").shown().count(" bytes · ") == 2
    answer = ben.upload(f"/app/show.item/{item}/files")
    assert answer.status == 422
    assert "Choose a file first." in answer.shown()
    assert ben.upload(f"/app/show.item/{item}/files", accept="text/plain").text == "Choose a file first."


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("page.html", EVIL), ("picture.svg", SVG), ("photo.png", EVIL), ("doc.pdf", SVG), ("x.xhtml", EVIL),
        ("polyglot.gif", b"GIF89a/*" + EVIL), ("polyglot.js", b"\x89PNG\r\n\x1a\n" + EVIL), ("noname", EVIL),
        ("sheet.xml", b"<?xml version='1.0'?><x xmlns='http://www.w3.org/1999/xhtml'><script/></x>"),
    ],
)  # fmt: skip
def test_sw3_no_uploaded_bytes_are_a_page_of_ours(ben: Browser, item: int, name: str, content: bytes) -> None:
    file = add(ben, item, name, content)
    for path in ("content", "shown"):
        answer = ben.get(f"/app/show.item/{item}/files/{file}/{path}")
        assert answer.headers["x-content-type-options"] == "nosniff"
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "script-src" not in policy
        assert "sandbox" in policy
        kind = answer.headers["content-type"]
        assert kind == "application/octet-stream" or (kind.startswith("image/") and kind != "image/svg+xml")
        if kind == "application/octet-stream":
            assert answer.headers["content-disposition"].startswith("attachment;")
    page = ben.get(f"/app/show.item/{item}/files/{file}")
    assert "<script>alert" not in page.text
    assert "<svg xmlns" not in page.text


def test_a_picture_is_shown_and_a_pdf_in_a_viewer_without_scripts(ben: Browser, item: int) -> None:
    picture = add(ben, item, "pixel.txt", PIXEL)
    answer = ben.get(f"/app/show.item/{item}/files/{picture}/shown")
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"].startswith("inline;")
    assert (
        f'<img src="/app/show.item/{item}/files/{picture}/shown"'
        in ben.get(f"/app/show.item/{item}/files/{picture}").text
    )
    pdf = add(ben, item, "doc.pdf", b"%PDF-1.7\n1 0 obj")
    answer = ben.get(f"/app/show.item/{item}/files/{pdf}/shown")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; object-src 'self'")


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\\..\\b.txt", "x\u202etxt.exe", '"><img src=x>.txt'])
def test_a_name_leads_nowhere_and_is_no_markup(ben: Browser, item: int, name: str) -> None:
    file = add(ben, item, name.replace('"', "%22"), b"x")
    text = ben.get(f"/app/show.item/{item}").text
    assert "<img src=x>" not in text
    assert "\u202e" not in text
    header = ben.get(f"/app/show.item/{item}/files/{file}/content").headers["content-disposition"]
    assert not set(header.removeprefix("attachment; ")) & set("/\\")
    assert header.count('"') == 2


def test_sw7_a_file_of_a_hidden_record_is_nowhere(
    showcase: Showcase, ben: Browser, item: int, signed_in: Callable[[str], Browser]
) -> None:
    file = add(ben, item, "secret.txt", b"only for ben")
    with showcase.elevated() as env:
        env["show.item"].browse(item).write({"name": "hidden"})
        other = env["show.item"].create({"name": "Open"}).id
    for browser in (ben, signed_in("eve")):
        for model, record in (("show.item", item), ("show.item", other), ("show.owner", 1), ("ir.attachment", file)):
            for path in ("", f"/{file}", f"/{file}/content", f"/{file}/shown"):
                answer = browser.get(f"/app/{model}/{record}/files{path}")
                assert answer.status == 404 or (browser is ben and record == other and path == "")
                assert "secret" not in answer.text
            browser.get("/app")
            assert browser.post(f"/app/{model}/{record}/files/{file}/delete", {}).status == 404
        browser.get("/app")
        assert browser.upload(f"/app/show.item/{item}/files", ("a.txt", b"a")).status == 404
    with showcase.elevated() as env:
        assert env["ir.attachment"].search_count([["name", "=", "secret.txt"]]) == 1


def test_sw7_who_may_only_read_adds_and_deletes_nothing(
    showcase: Showcase, signed_in: Callable[[str], Browser]
) -> None:
    with showcase.elevated() as env:
        country = env["res.country"].search([], limit=1).id
        kept = env["ir.attachment"].create(
            {"name": "map.txt", "res_model": "res.country", "res_id": country, "datas": b"x"}
        )
        env.flush()
        file = kept.id
    eve = signed_in("eve")
    page = eve.get(f"/app/res.country/{country}")
    assert "map.txt" in page.shown()
    assert "Add files" not in page.shown()
    assert eve.upload(f"/app/res.country/{country}/files", ("a.txt", b"a")).status in {403, 422}
    assert eve.post(f"/app/res.country/{country}/files/{file}/delete", {}).status in {403, 404}
    assert "map.txt" in eve.get(f"/app/res.country/{country}").shown()


def test_a_form_that_takes_no_files_refuses_them(ben: Browser, item: int) -> None:
    ben.get(f"/app/show.item/{item}")
    assert ben.upload(f"/app/show.item/{item}/delete", ("a.txt", b"a")).status == 415


def test_sw5_a_file_needs_the_token_of_its_page(ben: Browser, item: int) -> None:
    ben.get(f"/app/show.item/{item}")
    ben.last = None
    assert ben.upload(f"/app/show.item/{item}/files", ("a.txt", b"a")).status == 403


def test_only_somebody_signed_in_may_send_much(showcase: Showcase, ben: Browser, item: int) -> None:
    application = showcase.application()

    def asked(path: str, browser: Browser) -> bool:
        cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        head = Headers([("host", browser.host), ("cookie", cookies)])
        return application.takes_files(Request("POST", path, headers=head))

    stranger = Browser(application)
    assert asked(f"/app/show.item/{item}/files", ben)
    assert not asked(f"/app/show.item/{item}/delete", ben)
    assert not asked("/web/login", stranger)
    assert not asked(f"/app/show.item/{item}/files", stranger)
    ben.cookies = dict.fromkeys(ben.cookies, "x" * 43)
    with pytest.raises(Exception, match="sign in"):
        asked(f"/app/show.item/{item}/files", ben)
