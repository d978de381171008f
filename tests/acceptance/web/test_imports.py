"""Imports in a real browser: from a file to records, with and without scripts, in both themes, on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.acceptance.web.conftest import Stage

FILE = "Code;Name;Count;Owner\nP-001;First of all;7;Bern AG\nN-1;New one;x;\n"


@pytest.mark.parametrize(("scripts", "width", "dark"), [(True, 1280, False), (False, 390, True)])
def test_a_file_is_checked_corrected_and_imported(
    stage: Stage, items: list[int], tmp_path: Path, scripts: bool, width: int, dark: bool
) -> None:
    del items
    page = stage.signed_in(scripts=scripts, width=width, dark=dark)
    for text in (FILE, FILE.replace(";x;", ";8;")):
        (tmp_path / "items.csv").write_text(text, encoding="utf-8")
        page.goto("/app/show.item")
        page.click(".head >> text=Import")
        page.set_input_files("#file", tmp_path / "items.csv")
        page.click("text=Continue")
        expect(page.get_by_label("Field for Count")).to_have_value("count")
        expect(page.get_by_label("Code tells records apart")).to_be_checked()
        if scripts:
            narrow = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
            assert page.evaluate(narrow)
            unnamed = "all => all.filter(one => !one.labels.length && !one.ariaLabel).length"
            assert page.locator("main input:visible, main select:visible").evaluate_all(unnamed) == 0
        page.click("button >> text=Check")
        if ";x;" in text:
            expect(page.locator("#imported")).to_contain_text("Nothing was imported")
            expect(page.locator("#imported tbody tr")).to_contain_text("Write a number")
    expect(page.locator("#imported")).to_contain_text("1 would be created, 1 updated")
    page.click("#imported button >> text=Import")
    expect(page.locator("#imported")).to_contain_text("1 were created, 1 updated")
    page.click("text=Show the records")
    expect(page.locator("#list tbody")).to_contain_text("New one")
