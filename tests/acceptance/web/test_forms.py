"""Forms in a real browser: tabs, lines that move, names made on the way, neighbours in the list somebody came from."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.acceptance.web.conftest import Stage


def test_tabs_are_walked_by_keys_and_show_what_is_wrong(stage: Stage, items: list[int]) -> None:
    page = stage.signed_in()
    page.goto(f"/app/show.item/{items[0]}/edit")
    notes, life = page.get_by_role("tab", name="Notes"), page.get_by_role("tab", name="Life")
    expect(notes).to_have_attribute("aria-selected", "true")
    expect(page.locator("#f-state")).to_be_hidden()
    notes.focus()
    page.keyboard.press("ArrowRight")
    expect(life).to_be_focused()
    expect(page.get_by_role("tabpanel", name="Life").locator("#f-state")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator("#f-note")).to_be_visible()
    page.emulate_media(media="screen")
    plain = stage.signed_in(scripts=False)
    plain.goto(f"/app/show.item/{items[0]}/edit")
    expect(plain.locator("#f-note")).to_be_visible()
    expect(plain.locator("#f-state")).to_be_visible()


def test_a_combobox_makes_what_is_missing_and_opens_what_is_there(stage: Stage, items: list[int]) -> None:
    page = stage.signed_in()
    page.goto(f"/app/show.item/{items[0]}/edit")
    box = page.locator("#f-owner_id")
    box.fill("Osaka")
    page.locator("#f-owner_id-options .creates").click()
    expect(box).to_have_value("Osaka")
    opened = page.get_by_role("link", name="Open Owner")
    expect(opened).to_have_attribute("href", "/app/show.owner/4")
    box.press("End")
    box.type("x")
    expect(opened).to_be_hidden()
    box.fill("Osak")
    page.locator("#f-owner_id-options >> text=/^Osaka$/").click()
    page.keyboard.press("Control+s")
    page.wait_for_url(f"**/app/show.item/{items[0]}")
    expect(page.locator("main")).to_contain_text("Osaka")


def test_lines_are_moved_by_their_buttons(stage: Stage, items: list[int]) -> None:
    page = stage.signed_in()
    page.goto(f"/app/show.item/{items[0]}/edit")
    for name in ("first", "second"):
        page.click("text=Add a line")
        page.keyboard.type(name)
    page.locator("[data-line]").last.get_by_label("Move this line up").press("Enter")
    expect(page.locator("[data-line]").first.get_by_label("Name")).to_have_value("second")
    page.click("text=Save")
    page.wait_for_url(f"**/app/show.item/{items[0]}")
    expect(page.locator("tbody tr")).to_contain_text(["second", "first"])


def test_neighbours_lead_through_the_list_that_was_searched(stage: Stage, items: list[int]) -> None:
    page = stage.signed_in()
    page.goto("/app/show.item?q=item+01")
    page.click("th >> text=Item 011")
    page.wait_for_url(f"**/app/show.item/{items[11]}")
    expect(page.locator("[data-neighbours]")).to_contain_text("3 of 12")
    page.get_by_role("link", name="Next", exact=True).click()
    page.wait_for_url(f"**/app/show.item/{items[12]}")
    page.click("[data-back]")
    page.wait_for_url("**/app/show.item?q=item+01")


def test_an_action_asks_before_it_runs(stage: Stage, items: list[int]) -> None:
    page = stage.signed_in()
    page.goto(f"/app/show.item/{items[1]}")
    page.click("text=Finish…")
    expect(page.get_by_text("Finish? It is not opened again.")).to_be_visible()
    page.click(".ask:popover-open >> text=Back")
    page.click("text=Finish…")
    page.keyboard.press("Enter")
    expect(page.locator(".steps [aria-current]")).to_have_text("Done")
    page.click("text=More")
    page.click("text=Archive")
    expect(page.locator("h1")).to_contain_text("Archived")
    page.click("text=More")
    page.click("text=Duplicate")
    expect(page.locator("#f-name")).to_have_value("Item 001")


def test_who_types_fast_never_picks_what_was_offered_for_another_text(stage: Stage, items: list[int]) -> None:
    page = stage.signed_in()
    page.goto(f"/app/show.item/{items[0]}/edit")
    box = page.locator("#f-owner_id")
    box.click()
    options = page.locator("#f-owner_id-options [role=option]")
    expect(options).to_have_count(1)
    box.press("ControlOrMeta+a")
    page.keyboard.type("kyo")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(box).to_have_value("kyo")
    expect(page.locator("#f-owner_id-options [role=option]:not(.creates)")).to_have_text(["Kyoto Ltd"])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(box).to_have_value("Kyoto Ltd")
