"""Why somebody may or may not, in a browser: by the keyboard, without scripts, with a label on every control."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.web.conftest import Stage

UNLABELLED = """() => [...document.querySelectorAll("main input:not([type=hidden]), main select")]
  .filter((control) => !control.labels.length).map((control) => control.name)"""


def _kept(page: Page, name: str) -> None:
    """Keep a picture for whoever asked for some, and see that nothing sticks out or is without a label."""
    if folder := os.environ.get("GROWSOFT_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
    assert page.evaluate(UNLABELLED) == []
    width = page.viewport_size
    assert width is not None
    assert page.evaluate("document.documentElement.scrollWidth") <= width["width"]


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_an_administrator_asks_by_the_keyboard(stage: Stage, items: list[int], width: int, *, dark: bool) -> None:
    page = stage.signed_in("root", width=width, dark=dark)
    page.goto("/app/access?login=ben")
    expect(page.get_by_label("Login")).to_have_value("ben")
    page.get_by_label("Model", exact=True).select_option("show.item")
    page.get_by_label("Number of the record").fill(str(items[0]))
    page.keyboard.press("Enter")
    expect(page.get_by_text("ben may read Item.")).to_be_visible()
    _kept(page, f"access-{width}")
    page.get_by_role("link", name="All rights by group").click()
    page.get_by_label("Model", exact=True).select_option("show.private")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_text("User is the user")).to_be_visible()
    _kept(page, f"matrix-{width}")


def test_he_asks_without_scripts_from_the_page_of_a_user(stage: Stage) -> None:
    page = stage.signed_in("root", scripts=False)
    page.goto("/app/res.users")
    page.get_by_role("link", name="Eve Example", exact=True).click()
    page.get_by_role("button", name="More").click()
    page.get_by_role("link", name="Access…").click()
    page.get_by_label("Model", exact=True).select_option("show.item")
    page.get_by_role("button", name="Explain").click()
    expect(page.get_by_text("eve may not read Item: no group of his was given that.")).to_be_visible()
