"""Exports in a real browser: from a list to a file, with and without scripts, in both themes, on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.acceptance.web.conftest import Stage


@pytest.mark.parametrize("scripts", [True, False])
def test_a_list_becomes_a_file(stage: Stage, items: list[int], scripts: bool) -> None:
    del items
    page = stage.signed_in(scripts=scripts)
    page.goto("/app/show.item?q=item+01")
    page.click("nav.pages >> text=Export")
    expect(page.locator("h1")).to_contain_text("Export")
    page.check("text=CSV, for other programs")
    page.check("fieldset.choices >> label:has-text('Note')")
    with page.expect_download() as download:
        page.click("button >> text=Export")
    text = download.value.path().read_text(encoding="utf-8")
    assert text.splitlines()[0].startswith("Name,")
    assert "Note" in text.splitlines()[0]
    assert "Item 011" in text


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_every_column_can_be_ticked_with_the_keyboard_on_any_screen(
    stage: Stage, items: list[int], width: int, dark: bool
) -> None:
    del items
    page = stage.signed_in(width=width, dark=dark)
    page.goto("/app/show.item/export")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    box = page.get_by_label("Note", exact=True)
    box.focus()
    page.keyboard.press("Space")
    expect(box).to_be_checked()
    unnamed = page.locator("main input:visible").evaluate_all("all => all.filter(one => !one.labels.length).length")
    assert unnamed == 0
