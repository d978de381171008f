"""Imports over the web: a file is checked before anything changes, and its bringer's rights are all it has."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from growsoft.jobs.queue import take
from growsoft.jobs.running import Runner
from growsoft.web.pages import imports
from tests.support.served import Answer, Browser, Showcase
from tests.support.workbooks import workbook

PATH = "/app/show.item/import"
FILE = b"Name;CODE;Count;Owner;nonsense\nChair;C1;3;Kyoto;x\nTable;T1;5;;y\n"


@pytest.fixture(autouse=True)
def owner(showcase: Showcase) -> None:
    with showcase.elevated() as env:
        env["show.owner"].create({"name": "Kyoto"})
        env["show.item"].create({"name": "Old chair", "code": "C1"})


def bring(browser: Browser, content: bytes, name: str = "items.csv") -> str:
    """Bring a file; give the address of its columns."""
    browser.get(PATH)
    answer = browser.upload(PATH, (name, content))
    assert answer.status == 303, answer.shown()
    return answer.location


def decided(browser: Browser, address: str, action: str, **changes: str) -> Answer:
    """Send the form of the columns as it stands, with these changes, and follow to what comes of it."""
    page = browser.get(address)
    headings = [part.split('"')[0] for part in page.text.split('name="heading" value="')[1:]]
    answer = browser.post(address, {**page.inputs(), "heading": headings, "action": action, **changes})
    return browser.follow(answer) if answer.status == 303 else answer


def names(showcase: Showcase) -> list[tuple[str, str]]:
    with showcase.elevated() as env:
        return [(one["code"], one["name"]) for one in env["show.item"].search_read([], ["code", "name"], order="code")]


def run_one_job(showcase: Showcase) -> None:
    """Do what a job worker does, once."""
    site = showcase.site
    showcase.keeper.ensure_profile(site.database.name)
    job = take(site.database, "a worker", 2)
    assert job is not None
    Runner(site.database, site.registry, showcase.keeper.ensure_profile).run(job)


def test_a_file_is_checked_then_imported_and_a_second_time_says_nothing_new(ben: Browser, showcase: Showcase) -> None:
    assert PATH in ben.get("/app/show.item").text
    address = bring(ben, FILE)
    page = ben.get(address)
    assert page.inputs()["path.0"] == "name"
    assert page.inputs()["path.1"] == "code"
    assert page.inputs()["path.3"] == "owner_id"
    assert page.inputs()["path.4"] == ""
    assert page.inputs()["key.1"] == "1"
    assert "Chair · Table" in page.shown()
    checked = decided(ben, address, "check")
    assert "1 would be created, 1 updated" in checked.shown()
    assert names(showcase) == [("C1", "Old chair")]
    done = ben.follow(ben.post(address, {"action": "do"}))
    assert "1 were created, 1 updated, 0 of them without a change" in done.shown()
    assert "/app/show.item?sort=-write_date" in done.text
    assert names(showcase) == [("C1", "Chair"), ("T1", "Table")]
    again = decided(ben, bring(ben, FILE), "check")
    assert "0 would be created, 2 updated, 2 of them without a change" in again.shown()


def test_a_workbook_with_decimal_commas_goes_in(ben: Browser, showcase: Showcase) -> None:
    file = workbook(
        {"One": [["name", "weight", "day"], ["Chair", "1.234,5", "31/12/2026"], ["Table", 2.5, "1.2.2026"]]}
    )
    address = bring(ben, file, "items.xlsx")
    assert "3 lines" not in decided(ben, address, "do", decimal="comma", dates="dmy").shown()
    with showcase.elevated() as env:
        rows = env["show.item"].search_read([["weight", ">", 0]], ["name", "weight", "day"], order="name")
    assert [(row["name"], str(row["weight"].normalize()), str(row["day"])) for row in rows] == [
        ("Chair", "1234.5", "2026-12-31"), ("Table", "2.5", "2026-02-01"),
    ]  # fmt: skip


def test_every_error_has_its_line_and_nothing_changes(ben: Browser, showcase: Showcase) -> None:
    address = bring(ben, b"name,code,count\nChair,C9,x\nTable,T1,5\n,T2,<b>\n")
    shown = decided(ben, address, "do")
    assert "Nothing was imported" in shown.shown()
    assert "2 count x Write a number" in shown.shown()
    assert "4 count &lt;b&gt;" in shown.text.replace('</th><td data-label="Column">', " ").replace(
        '</td><td data-label="Value">', " "
    )
    assert names(showcase) == [("C1", "Old chair")]


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old.xls", "old or protected kind"),
        (b"PK\x03\x04garbage", "broken.xlsx", "damaged, or no workbook"),
        (b"name\n\xff\n", "latin.csv", ""),
        (b"caf\xe9\nx\n", "latin.csv", "not UTF-8"),
        (b"a,a\n1,2\n", "double.csv", "more than once"),
    ],
)
def test_a_file_that_is_none_is_said_and_leaves_no_error_page(
    ben: Browser, content: bytes, name: str, words: str
) -> None:
    page = ben.get(bring(ben, content, name))
    assert page.status == (422 if words else 200)
    assert words in page.shown()
    assert "How the file is written" in page.shown()


def test_another_encoding_is_chosen_and_the_file_read_anew(ben: Browser) -> None:
    address = bring(ben, "name\nCaf\u00e9\n".encode("cp1252"))
    assert "Caf\u00e9" in decided(ben, address, "read", encoding="windows-1252").shown()


def test_a_form_without_a_file_and_one_that_maps_nothing_are_said(ben: Browser) -> None:
    ben.get(PATH)
    assert "Choose a file first." in ben.upload(PATH).shown()
    answer = decided(ben, bring(ben, FILE), "check", **{f"path.{n}": "" for n in range(5)})
    assert answer.status == 422
    assert "Choose a field for at least one column first." in answer.shown()


def test_a_large_file_is_a_job_that_says_how_far_it_is(
    ben: Browser, showcase: Showcase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "AT_ONCE", 10)
    address = bring(ben, FILE)
    shown = decided(ben, address, "do")
    assert "The file is being read." in shown.shown()
    assert names(showcase) == [("C1", "Old chair")]
    with showcase.elevated() as env:
        (job,) = env["ir.job"].search_read([["model_name", "=", "ir.import"]], ["method_name", "state"])
    assert (job["method_name"], str(job["state"])) == ("take", "waiting")
    run_one_job(showcase)
    assert names(showcase) == [("C1", "Chair"), ("T1", "Table")]
    assert "1 were created, 1 updated" in ben.get(f"{address}/result").shown()


def test_sw7_an_import_is_its_bringers_alone(ben: Browser, signed_in: Callable[[str], Browser]) -> None:
    address = bring(ben, FILE)
    ada = signed_in("ada")
    assert ada.get(address).status == 404
    assert ada.get(f"{address}/result").status == 404
    ada.get(PATH)
    assert ada.post(address, {"action": "do"}).status == 404


def test_sw7_an_import_writes_no_column_and_no_model_that_its_bringer_may_not_write(
    ben: Browser, showcase: Showcase
) -> None:
    address = bring(ben, b"name,code,secret\nChair,C9,oak\n")
    page = ben.get(address)
    assert 'value="secret"' not in page.text.replace('name="heading" value="secret"', "")
    answer = decided(ben, address, "do", **{"path.2": "secret"})
    assert "Nothing was imported" in answer.shown()
    assert "You may not" in answer.shown()
    assert names(showcase) == [("C1", "Old chair")]
    assert ben.get("/app/ir.sequence/import").status == 404
    ben.get(PATH)
    assert ben.upload("/app/ir.sequence/import", ("x.csv", FILE)).status == 404
    assert ben.get("/app/res.country/import").status == 404
