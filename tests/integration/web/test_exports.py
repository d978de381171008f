"""Exports over the web: a list becomes a file, of what its reader may see and of nothing else."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping

import pytest

from growsoft.exchange.opening import open_table
from growsoft.web.pages import exports
from tests.support.served import Answer, Browser, Showcase

PATH = "/app/show.item/export"


@pytest.fixture(autouse=True)
def items(showcase: Showcase) -> list[int]:
    with showcase.elevated() as env:
        values: list[Mapping[str, object]] = [
            {"name": "Chair", "code": "C1", "count": 3, "secret": "oak"},
            {
                "name": "=Table",
                "code": "T1",
                "count": 5,
                "line_ids": [(0, 0, {"name": "leg"}), (0, 0, {"name": "top"})],
            },
            {"name": "hidden", "code": "H1"},
        ]
        return list(env["show.item"].create(values).ids)


def content(answer: Answer) -> bytes:
    assert answer.response.stream is not None
    found = b"".join(iter(answer.response.stream.take, b""))
    answer.response.stream.close()
    assert str(len(found)) == answer.headers["content-length"]
    return found


def table(answer: Answer) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content(answer).decode(), newline="")))


def test_a_list_leads_to_its_export_with_what_it_searches(ben: Browser) -> None:
    assert "/app/show.item/export?q=chair&amp;sort=-name" in ben.get("/app/show.item?q=chair&sort=-name").text
    page = ben.get(f"{PATH}?q=chair&sort=-name")
    assert "Records that will be in the file: 1" in page.shown()
    fields = page.inputs()
    assert (fields["q"], fields["sort"]) == ("chair", "-name")
    assert "External id" in page.shown()


def test_the_ticked_columns_of_the_shown_records_come_as_an_attachment(ben: Browser) -> None:
    ben.get(PATH)
    answer = ben.post(PATH, {"kind": "csv", "what": "chosen", "column": ["name", "count"], "sort": "-name"})
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert table(answer) == [["name", "count"], ["Chair", "3"], ["'=Table", "5"]]
    answer = ben.post(PATH, {"kind": "csv", "what": "chosen", "column": ["name", "count"], "titled": "1", "q": "chair"})
    assert table(answer) == [["Name", "Count"], ["Chair", "3"]]


def test_the_rows_that_were_ticked_in_the_list_are_exported(ben: Browser, items: list[int]) -> None:
    ben.get("/app/show.item?sort=-name")
    page = ben.post(f"{PATH}/chosen", {"row": [str(items[0]), str(items[2])], "asked": "sort=-name"})
    assert "Records that will be in the file: 1" in page.shown()
    assert page.inputs()["ids"] == f"{items[0]},{items[2]}"
    page = ben.post(f"{PATH}/chosen", {"row": str(items[0]), "every": "1", "asked": "q=table"})
    assert "Records that will be in the file: 1" in page.shown()
    assert (page.inputs()["q"], page.inputs()["ids"]) == ("table", "")


def test_the_ticked_records_and_their_lines(ben: Browser, items: list[int]) -> None:
    ben.get(f"{PATH}?ids={items[1]}")
    columns = ["name", "line_ids/name"]
    answer = ben.post(PATH, {"kind": "xlsx", "what": "chosen", "column": columns, "ids": f"{items[1]},{items[2]}"})
    opened = open_table(io.BytesIO(content(answer)))
    assert [row.cells for row in opened.rows()] == [["'=Table", "leg"], ["", "top"]]


def test_everything_that_can_be_imported_has_technical_names_and_external_ids(ben: Browser) -> None:
    ben.get(PATH)
    header, *rows = table(ben.post(PATH, {"kind": "csv", "what": "all", "titled": "1"}))
    assert header[:2] == ["id", "name"]
    assert rows[0][0].startswith("__export__.show_item_")


def test_sw7_an_export_shows_no_hidden_record_and_no_hidden_column(
    ben: Browser, items: list[int], signed_in: Callable[[str], Browser]
) -> None:
    assert "secret" not in ben.get(PATH).text
    answer = ben.post(PATH, {"kind": "csv", "what": "chosen", "column": "name", "ids": ",".join(map(str, items))})
    assert "hidden" not in content(answer).decode()
    for column in ("secret", "line_ids/item_id/secret"):
        ben.get(PATH)
        answer = ben.post(PATH, {"kind": "csv", "what": "chosen", "column": ["name", column]})
        assert answer.status == 403
        assert "oak" not in answer.text
    boss = signed_in("ada")
    assert "secret" in boss.get(PATH).text
    assert "oak" in content(boss.post(PATH, {"kind": "csv", "what": "chosen", "column": "secret"})).decode()


def test_sw7_models_without_rights_have_no_export(ben: Browser) -> None:
    ben.get(PATH)
    assert ben.get("/app/ir.sequence/export").status == 404
    ben.get(PATH)
    assert ben.post("/app/ir.sequence/export", {"kind": "csv", "what": "all"}).status == 404


@pytest.mark.parametrize(
    ("more", "words"), [("nothing", "has no field"), ("", "Choose a column first."), ("name/x", "is no link")]
)
def test_columns_that_are_none_are_said_and_the_form_stays_filled(ben: Browser, more: str, words: str) -> None:
    ben.get(PATH)
    answer = ben.post(PATH, {"kind": "csv", "what": "chosen", "more": more, "q": "chair"})
    assert answer.status == 422
    assert words in answer.shown()
    assert answer.inputs()["q"] == "chair"
    assert answer.inputs()["kind"] == "csv"


def test_more_exports_at_once_than_there_is_room_for_are_asked_to_come_again(ben: Browser) -> None:
    ben.get(PATH)
    taken = 0
    while exports._room.acquire(blocking=False):  # pyright: ignore[reportPrivateUsage]  as others do
        taken += 1
    try:
        answer = ben.post(PATH, {"kind": "csv", "what": "all"})
        assert answer.status == 503
        assert "retry-after" in answer.headers
    finally:
        for _ in range(taken):
            exports._room.release()  # pyright: ignore[reportPrivateUsage]  as above
    ben.get(PATH)
    assert ben.post(PATH, {"kind": "csv", "what": "chosen", "column": "name"}).status == 200
