"""Lists in a real browser: groups, rows that are chosen, boards whose cards are dragged or moved by keys, charts."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.acceptance.web.conftest import Stage


def test_groups_open_and_the_back_button_folds_them(stage: Stage, items: list[int]) -> None:
    page = stage.signed_in()
    page.goto("/app/show.item")
    page.locator("summary", has_text="Group by").click()
    page.get_by_label("Field").last.select_option("owner_id")
    page.get_by_role("button", name="Add").last.click()
    page.wait_for_url("**group=owner_id")
    head = page.locator("tr.group a[aria-expanded]").first
    head.click()
    expect(page.locator("tr.group a[aria-expanded=true]")).to_have_count(1)
    expect(page.locator("#list tbody tr:not(.group) th a")).to_have_count(67)  # of 200 items of three owners
    assert len(items) == 200
    page.go_back()
    expect(page.locator("tr.group a[aria-expanded=true]")).to_have_count(0)


def test_rows_are_chosen_and_archived_and_brought_back(stage: Stage, items: list[int]) -> None:
    page = stage.signed_in()
    page.goto("/app/show.item?f=count:<100")
    bar = page.locator("form.bulk")
    expect(bar).to_be_hidden()
    page.get_by_label("Choose all rows of this page").check()
    expect(bar).to_be_visible()
    expect(page.locator("[name=row]:checked")).to_have_count(3)
    bar.get_by_role("button", name="Archive", exact=True).click()
    page.get_by_role("button", name="Archive: 3").click()
    expect(page.locator("div.notice")).to_contain_text("3 done")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("div.notice")).to_contain_text("3 done")
    assert len(items) == 200


def test_a_row_is_edited_in_its_list(stage: Stage, items: list[int]) -> None:
    page = stage.signed_in()
    page.goto("/app/show.item?f=count:0")
    page.get_by_role("link", name="Edit Item 000").click()
    page.locator("#f-code").fill("P-NEW")
    page.get_by_role("button", name="Save", exact=True).last.click()
    expect(page.locator("#list tbody tr")).to_contain_text("P-NEW")
    assert len(items) == 200
    expect(page.locator("tr.editing")).to_have_count(0)


@pytest.mark.parametrize("scripts", [True, False])
def test_a_card_is_moved_by_its_menu_with_the_keyboard_alone(stage: Stage, items: list[int], *, scripts: bool) -> None:
    page = stage.signed_in(scripts=scripts)
    page.goto("/app/show.item?view=kanban&f=count:0")
    page.get_by_label("Move Item 000").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Move to").select_option(label="Done")
    page.get_by_role("button", name="Move").press("Enter")
    expect(page.locator("[data-lane=done] article")).to_have_count(1)
    assert len(items) == 200


def test_a_card_is_dragged_to_another_column(stage: Stage, items: list[int]) -> None:
    page = stage.signed_in()
    page.goto("/app/show.item?view=kanban&f=count:0")
    page.locator("[data-lane=draft] article").drag_to(page.locator("[data-lane=done]"))
    expect(page.locator("[data-lane=done] article")).to_have_count(1)
    assert len(items) == 200


@pytest.mark.parametrize("dark", [False, True])
def test_no_view_of_a_list_sticks_out_of_a_phone(stage: Stage, items: list[int], *, dark: bool) -> None:
    page = stage.signed_in(width=390, dark=dark)
    for asked in ("group=owner_id", "view=chart&group=state", "view=pivot&group=state&across=owner_id", "view=kanban"):
        page.goto(f"/app/show.item?{asked}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, asked
    page.goto("/app/show.item?view=chart&group=owner_id&measure=count")
    page.locator("summary", has_text="As a table").click()
    expect(page.locator("figure td").first).to_be_visible()
    assert len(items) == 200
