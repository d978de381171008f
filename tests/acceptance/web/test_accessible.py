"""Every kind of page is used by everybody: axe-core finds nothing, in light and in dark, and keys are enough."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from growsoft.auth.passwords import PasswordAuthenticator
from growsoft.keeper.keeper import Keeper
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.pool import Pools
from growsoft.security.passwords import Hasher
from tests.acceptance.web.conftest import Stage
from tests.integration.web.test_files import PIXEL
from tests.support.served import Showcase, served

VENDOR: Final = Path(__file__).parent / "vendor"
# WCAG 2.2 A and AA, and what axe counts as good practice.
RUN: Final = """() => axe.run(document, { resultTypes: ["violations"] }).then((found) => found.violations.map(
  (one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`))"""


@pytest.fixture
def showcase(keeper: Keeper, server: Endpoint, pools: Pools, tmp_path: Path) -> Iterator[Showcase]:
    with Hasher(2) as hasher:
        yield served(keeper, server, pools, PasswordAuthenticator(hasher), tmp_path / "files", ("show", "mail"))


def test_axe_is_as_its_authors_published_it() -> None:
    (entry,) = tomllib.loads((VENDOR / "vendor.toml").read_text(encoding="utf-8"))["file"]
    assert hashlib.sha256((VENDOR / entry["path"]).read_bytes()).hexdigest() == entry["sha256"]


def violations(page: Page) -> list[str]:
    page.evaluate((VENDOR / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate(RUN)
    return [f"{page.url}: {one}" for one in found]


def filled(stage: Stage, items: list[int]) -> int:
    """Give an item lines, a file, a note and an activity, and return its id."""
    with stage.showcase.elevated() as env:
        ben = env["res.users"].search([["login", "=", "ben"]])
        here = {"res_model": "show.item", "res_id": items[0]}
        env["show.line"].create([{"item_id": items[0], "name": name} for name in ("legs", "seat")])
        env["ir.attachment"].create({**here, "name": "photo.png", "datas": PIXEL})
        env["mail.message"].create({"model": "show.item", "res_id": items[0], "body": "Look, @ben"})
        env["mail.activity"].create({**here, "summary": "call", "user_id": ben})
    return items[0]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_on_any_kind_of_page(stage: Stage, items: list[int], dark: bool) -> None:
    item = filled(stage, items)
    page = stage.open(dark=dark)
    page.goto("/web/login")
    found = violations(page)
    page = stage.signed_in(dark=dark)
    found += violations(page)
    paths = (
        "/app", "/app/find?q=item", "/app/notifications", "/web/preferences", "/app/show.item?q=item+01",
        "/app/show.item?q=nothing+at+all", f"/app/show.item/{item}", f"/app/show.item/{item}/edit",
        "/app/show.item/new",
        f"/app/show.item/{item}/delete", f"/app/show.item/{item}/files", f"/app/show.item/{item}/history", "/app/none",
    )  # fmt: skip
    for path in paths:
        page.goto(path)
        page.wait_for_load_state("networkidle")
        found += violations(page)
    page.goto(f"/app/show.item/{item}/edit")
    page.fill("#f-count", "many")
    page.fill("#f-owner_id", "ber")
    page.locator("#f-owner_id-options [role=option]").first.wait_for()
    found += violations(page)
    page.keyboard.press("Escape")
    page.keyboard.press("Control+s")
    expect(page.get_by_role("alert")).to_be_visible()
    found += violations(page)
    assert found == []


def test_axe_finds_what_is_wrong(stage: Stage) -> None:
    page = stage.signed_in()
    page.evaluate("document.querySelector('label').remove(); document.documentElement.removeAttribute('lang')")
    assert {line.split(": ")[1] for line in violations(page)} >= {"html-has-lang", "label"}


def test_an_item_is_made_corrected_and_followed_without_a_mouse(stage: Stage, items: list[int]) -> None:
    page = stage.signed_in()
    page.goto("/app/show.item")
    page.keyboard.press("c")
    page.wait_for_url("**/new")
    page.get_by_label("Name", exact=False).first.focus()
    page.keyboard.type("Table")
    page.get_by_role("combobox", name="Owner").focus()
    page.keyboard.type("kyo")
    page.locator("#f-owner_id-options [role=option]").first.wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Add a line").press("Enter")
    page.keyboard.type("leg")
    page.keyboard.press("Control+s")
    page.wait_for_url("**/app/show.item/*")
    expect(page.locator("h1")).to_have_text("Table")
    page.get_by_role("button", name="Open it").press("Enter")
    expect(page.locator(".steps [aria-current]")).to_have_text("Open")
    page.keyboard.press("e")
    page.wait_for_url("**/edit")
    page.get_by_label("Code").fill("T-1")
    page.keyboard.press("Control+s")
    expect(page.locator("dl").first).to_contain_text("T-1")
    page.get_by_role("button", name="Follow", exact=True).press("Enter")
    expect(page.get_by_role("button", name="Stop following")).to_be_visible()
    page.get_by_role("textbox", name="Note").focus()
    page.keyboard.type("made with keys only")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#talk .note")).to_contain_text("made with keys only")
    assert len(items) == 200


def test_the_palette_opens_lists_and_records_and_runs_what_its_page_can(stage: Stage, items: list[int]) -> None:
    page = stage.signed_in()
    page.goto(f"/app/show.item/{items[0]}")
    for text, there in (
        ("owne", "**/app/show.owner"),
        ("item 012", f"**/app/show.item/{items[12]}"),
        ("edit", "**/edit"),
    ):
        page.keyboard.press("Control+k")
        page.keyboard.type(text)
        page.locator("#find-options [role=option]").first.wait_for()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_url(there)


def test_somebody_chooses_the_dark_in_this_browser(stage: Stage) -> None:
    page = stage.signed_in()
    page.goto("/web/preferences")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.select_option("#theme", "dark")
    page.click("text=Save")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    page.select_option("#theme", "")
    page.click("text=Save")
    expect(page.locator("html")).not_to_have_attribute("data-theme", "dark")
