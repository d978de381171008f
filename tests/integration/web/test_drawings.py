"""Drawings: charts, pivots and boards of what a list finds, with the rights of their reader, and cards that move."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

import pytest

from tests.support.served import Answer, Browser, Showcase


@pytest.fixture(scope="module")
def items(shared: Showcase) -> dict[str, int]:
    """Four items of two owners, and one that is hidden from everybody."""
    with shared.elevated() as env:
        kyo = env["show.owner"].create({"name": "Kyoto <b>"})
        ber = env["show.owner"].create({"name": "Berlin AG"})
        eur, usd = (env["res.currency"].search([["name", "=", name]]) for name in ("EUR", "USD"))
        rows: list[dict[str, object]] = [
            {"name": "Chai", "owner_id": kyo, "count": 5, "state": "open", "day": date(2024, 5, 17), "secret": "s1",
             "currency_id": eur, "price": 10},
            {"name": "Chang", "owner_id": ber, "count": 500, "state": "open", "day": date(2024, 6, 1), "secret": "s2",
             "currency_id": eur, "price": 20},
            {"name": "Tofu", "owner_id": ber, "count": 50, "state": "draft", "day": date(2024, 6, 2),
             "currency_id": usd, "price": 40},
            {"name": "hidden", "count": 9000, "state": "draft", "day": date(2024, 6, 3), "currency_id": eur},
        ]  # fmt: skip
        made = env["show.item"].create(rows)
    return dict(zip((str(row["name"]) for row in rows), made.ids, strict=True))


@pytest.fixture
def ben(items: dict[str, int], people: Callable[[str], Browser]) -> Browser:
    """Ben, who may use the showcase."""
    assert items
    return people("ben")


def table(page: Answer) -> list[list[str]]:
    """The rows of the table twin."""
    body = page.text.partition('<table class="list')[2].partition("</table>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    return [[re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)] for row in rows]


@pytest.mark.parametrize(
    ("asked", "rows"),
    [
        ("group=state", [["State", "Number"], ["Open", "2"], ["Draft", "1"]]),
        ("group=owner_id&measure=count", [["Owner", "Count"], ["Berlin AG", "550"], ["Kyoto &lt;b&gt;", "5"]]),
        ("group=day:month&measure=count", [["Day: Month", "Count"], ["May 2024", "5"], ["June 2024", "550"]]),
        ("group=day:month&drawn=line", [["Day: Month", "Number"], ["May 2024", "1"], ["June 2024", "2"]]),
        ("group=state&drawn=pie", [["State", "Number"], ["Open", "2"], ["Draft", "1"]]),
        (
            "group=owner_id&group=state",
            [["Owner", "Draft", "Open"], ["Berlin AG", "1", "1"], ["Kyoto &lt;b&gt;", "0", "1"]],
        ),
        ("group=state&measure=price&f=currency_id:EUR", [["State", "Price"], ["Open", "30.00\xa0€"]]),
        ("group=state&filter=many", [["State", "Number"], ["Open", "1"]]),
    ],
)  # fmt: skip
def test_a_chart_says_the_same_in_its_table(ben: Browser, asked: str, rows: list[list[str]]) -> None:
    page = ben.get(f"/app/show.item?view=chart&{asked}")
    found = table(page)
    assert [found[0], *sorted(found[1:])] == [rows[0], *sorted(rows[1:])]
    marks = re.findall(r'<(?:rect|circle|path) class="s\d" [^>]*><title>', page.text)
    assert len(marks) >= len(rows) - 1
    assert "9,000" not in page.text


def test_amounts_in_several_currencies_have_no_common_sum(ben: Browser) -> None:
    assert "several currencies" in ben.get("/app/show.item?view=chart&group=state&measure=price").shown()
    assert "several currencies" in ben.get("/app/show.item?view=pivot&group=state&measure=price").shown()


def test_a_pivot_adds_up_in_both_directions(ben: Browser) -> None:
    page = ben.get("/app/show.item?view=pivot&group=owner_id&across=state&measure=count")
    assert table(page) == [
        ["Owner", "Draft", "Open", "Count"],
        ["Berlin AG", "50", "500", "550"],
        ["Kyoto &lt;b&gt;", "", "5", "5"],
        ["Total", "50", "505", "555"],
    ]


@pytest.mark.parametrize("view", ["chart", "pivot", "kanban", "calendar", "nonsense", "list"])
@pytest.mark.parametrize("asked", ["group=secret", "across=secret&group=state", "measure=secret", "drawn=<script>", ""])
def test_no_drawing_tells_what_is_kept_from_its_reader(ben: Browser, view: str, asked: str) -> None:
    page = ben.get(f"/app/show.item?view={view}&{asked}")
    assert page.status == 200
    assert not re.search(r"\bs[12]\b", page.shown())
    assert "9,000" not in page.shown()
    assert "<script>" not in page.text.replace("<script src", "")


# -- boards ------------------------------------------------------------------------------------------------------------


def lanes(page: Answer) -> dict[str, list[str]]:
    """The cards of each column."""
    found = re.findall(r'<section class="lane"[^>]*aria-label="([^"]*)">(.*?)</section>', page.text, re.DOTALL)
    return {label: re.findall(r"<article[^>]*>\s*<a [^>]*>([^<]*)</a>", cards) for label, cards in found}


def test_a_board_has_a_column_for_each_choice_also_an_empty_one(ben: Browser) -> None:
    assert lanes(ben.get("/app/show.item?view=kanban")) == {"Draft": ["Tofu"], "Open": ["Chai", "Chang"], "Done": []}
    by_owner = lanes(ben.get("/app/show.item?view=kanban&group=owner_id"))
    assert by_owner == {"Berlin AG": ["Chang", "Tofu"], "Kyoto &lt;b&gt;": ["Chai"]}


def test_a_card_moves_and_moves_back(ben: Browser, items: dict[str, int]) -> None:
    ben.get("/app/show.item?view=kanban")
    path = f"/app/show.item/{items['Tofu']}/move"
    moved = ben.post(path, {"value": "done", "asked": "view=kanban"})
    assert moved.location == "/app/show.item?view=kanban"
    assert lanes(ben.follow(moved))["Done"] == ["Tofu"]
    assert lanes(ben.follow(ben.post(path, {"value": "draft", "asked": "view=kanban"})))["Draft"] == ["Tofu"]


@pytest.mark.parametrize(
    ("record", "value", "asked"),
    [
        ("Tofu", "nowhere", "view=kanban"),
        ("hidden", "done", "view=kanban"),
        ("Tofu", "999999", "view=kanban&group=owner_id"),
        ("Tofu", "1 OR 1=1", "view=kanban&group=owner_id"),
    ],
)
def test_a_card_moves_nowhere_else(
    ben: Browser, items: dict[str, int], shared: Showcase, record: str, value: str, asked: str
) -> None:
    ben.get("/app/show.item?view=kanban")
    answer = ben.post(f"/app/show.item/{items[record]}/move", {"value": value, "asked": asked})
    assert answer.status == 404
    with shared.elevated() as env:
        row = env["show.item"].browse(items[record]).read(["state", "owner_id"])[0]
    assert str(getattr(row["state"], "value", row["state"])) == "draft"


def test_who_may_only_look_moves_nothing(people: Callable[[str], Browser], items: dict[str, int]) -> None:
    eve = people("eve")
    eve.get("/app")
    assert eve.post(f"/app/show.item/{items['Tofu']}/move", {"value": "done", "asked": ""}).status == 404
