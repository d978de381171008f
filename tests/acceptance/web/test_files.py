"""Files in a real browser: chosen, dropped, looked at, deleted; and what was uploaded runs nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.acceptance.web.conftest import Stage
from tests.integration.web.test_files import EVIL, PIXEL, SVG

DROP = """([element, name]) => {
  const data = new DataTransfer();
  data.items.add(new File(["dropped"], name, { type: "text/plain" }));
  for (const type of ["dragenter", "dragover", "drop"])
    element.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


def test_a_file_is_chosen_dropped_looked_at_and_deleted(stage: Stage, items: list[int], tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(PIXEL)
    page = stage.signed_in()
    page.goto(f"/app/show.item/{items[0]}")
    page.set_input_files("#upload", tmp_path / "photo.png")
    expect(page.locator(".filelist li")).to_have_count(1)
    expect(page.locator("#toasts")).to_contain_text("The files are there.")
    page.evaluate(DROP, [page.locator("#files").element_handle(), "note.txt"])
    expect(page.locator(".filelist li")).to_have_count(2)
    assert page.evaluate("document.querySelector('.thumb img').naturalWidth") == 1
    page.click(".filelist >> text=note.txt")
    expect(page.locator(".preview pre")).to_have_text("dropped")
    page.go_back()
    page.click("[aria-label='Delete note.txt']")
    page.click("#files .ask:popover-open >> text=Keep it")
    page.click("[aria-label='Delete note.txt']")
    page.keyboard.press("Enter")
    expect(page.locator(".filelist li")).to_have_count(1)
    expect(page.locator("#toasts")).to_contain_text("note.txt was deleted.")
    with page.expect_download() as download:
        page.click("[aria-label='Download photo.png']")
    assert download.value.suggested_filename == "photo.png"
    assert download.value.path().read_bytes() == PIXEL


def test_files_work_without_scripts(stage: Stage, items: list[int], tmp_path: Path) -> None:
    (tmp_path / "terms.txt").write_text("net 30", encoding="utf-8")
    page = stage.signed_in(scripts=False)
    page.goto(f"/app/show.item/{items[0]}")
    page.set_input_files("#upload", tmp_path / "terms.txt")
    page.click("#files >> text=Upload")
    expect(page.locator(".filelist")).to_contain_text("terms.txt")
    page.click("[aria-label='Delete terms.txt']")
    page.click(".ask:popover-open button.danger")
    expect(page.locator(".filelist")).to_have_count(0)


@pytest.mark.parametrize(("name", "content"), [("a.html", EVIL), ("a.svg", SVG), ("a.gif", b"GIF89a/*" + EVIL)])
def test_sw3_an_uploaded_page_runs_nothing(
    stage: Stage, items: list[int], tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    page = stage.signed_in()
    page.goto(f"/app/show.item/{items[0]}")
    page.set_input_files("#upload", tmp_path / name)
    address = page.locator(".filelist li div a").get_attribute("href")
    assert address is not None
    page.goto(address)
    page.wait_for_timeout(100)
    for path in ("shown", "content"):
        # Asked for in the one way in which a browser would make a page of it.
        page.evaluate("(path) => { location.href = path }", f"{address}/{path}")
        page.wait_for_timeout(300)
    assert stage.told == []
    # Not even a page of ours, were it made to, could show it in a frame.
    page.goto("/app")
    frame = "(path) => { const f = document.createElement('iframe'); f.src = path; document.body.append(f) }"
    page.evaluate(frame, f"{address}/shown")
    page.wait_for_timeout(300)
    assert not [line for line in stage.told if line.startswith("a script ran")]
    stage.told.clear()
    stage.errors.clear()


def test_a_large_file_goes_up_and_comes_down_whole(stage: Stage, items: list[int], tmp_path: Path) -> None:
    content = bytes(range(256)) * 48_000
    (tmp_path / "large.bin").write_bytes(content)
    page = stage.signed_in()
    page.goto(f"/app/show.item/{items[0]}")
    page.set_input_files("#upload", tmp_path / "large.bin")
    expect(page.locator(".filelist")).to_contain_text("12.3 MB")
    with page.expect_download() as download:
        page.click("[aria-label='Download large.bin']")
    assert download.value.path().read_bytes() == content
