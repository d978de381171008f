"""Lists: search by words and facets, order, pages, and what a reader may not see."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tests.support.served import Answer, Browser, Showcase


@pytest.fixture
def items(showcase: Showcase) -> Showcase:
    """Three items that differ in everything."""
    with showcase.elevated() as env:
        kyo = env["show.owner"].create({"name": "Kyoto Ltd", "city": "Kyoto"})
        ber = env["show.owner"].create({"name": "Berlin AG", "city": "Berlin"})
        red = env["show.tag"].create({"name": "red"})
        rows: list[dict[str, object]] = [
            {"name": "Chai", "code": "A-1", "owner_id": kyo, "count": 5, "weight": Decimal("1.5"), "state": "open",
             "day": date(2024, 5, 17), "moment": datetime(2024, 5, 17, 23, 30, tzinfo=UTC), "active": True,
             "tag_ids": [(6, 0, red.ids)], "secret": "s1"},
            {"name": "Chang", "code": "B-2", "owner_id": ber, "count": 500, "weight": Decimal(20), "state": "done",
             "day": date(2024, 6, 1), "active": False, "secret": "s2"},
            {"name": "Tofu", "code": "C-3", "owner_id": ber, "count": 50, "weight": Decimal("0.25"), "state": "draft",
             "day": date(2023, 12, 31), "active": True},
        ]  # fmt: skip
        env["show.item"].create(rows)
        env["show.item"].create({"name": "hidden"})
    return showcase


def names(answer: Answer) -> list[str]:
    """The names in the rows of a list."""
    return re.findall(r'<th scope="row"><a [^>]*>([^<]*)</a>', answer.text)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["Chai", "Chang", "Tofu"]),
        ("q=cha", ["Chai", "Chang"]),
        ("q=CHA+a-1", ["Chai"]),
        ("q=state:open", ["Chai"]),
        ("f=state:Open", ["Chai"]),
        ("f=owner_id:berlin", ["Chang", "Tofu"]),
        ('q=owner_id:"Kyoto+Ltd"', ["Chai"]),
        ("f=count:>=50", ["Chang", "Tofu"]),
        ("f=count:<50", ["Chai"]),
        ("f=count:500", ["Chang"]),
        ("f=weight:>1&f=count:<100", ["Chai"]),
        ("f=day:2024", ["Chai", "Chang"]),
        ("f=day:2024-05", ["Chai"]),
        ("f=day:<2024", ["Tofu"]),
        ("f=day:>2024-05-17", ["Chang"]),
        ("f=day:<=2024-05-17", ["Chai", "Tofu"]),
        ("f=moment:2024-05-17", ["Chai"]),
        ("f=active:no", ["Chang"]),
        ("f=tag_ids:red", ["Chai"]),
        ("f=state:open&f=state:done", ["Chai", "Chang"]),
        ("f=name:%25", []),
        ("f=name:_", []),
        ("f=unknown:1", ["Chai", "Chang", "Tofu"]),
        ("sort=-count", ["Chang", "Tofu", "Chai"]),
        ("sort=owner_id", ["Chang", "Tofu", "Chai"]),
        ("f=count:>=5&f=count:<100", ["Chai", "Tofu"]),
        ("f=count:!%3D5", ["Chang", "Tofu"]),
        ("f=name:%3Dchai", ["Chai"]),
        ("f=name:!~ch", ["Tofu"]),
        ("f=owner_id:%23999999", []),
        ("f=owner_id.city:kyo", ["Chai"]),
        ("f=day:2024-Q2", ["Chai", "Chang"]),
        ("f=day:2024-W20", ["Chai"]),
        ("f=moment:!*", ["Chang", "Tofu"]),
        ("f=moment:*", ["Chai"]),
        ("f=state:!%3Ddraft", ["Chai", "Chang"]),
        ("sort=owner_id.city", ["Chang", "Tofu", "Chai"]),
        ("sort=secret", ["Chai", "Chang", "Tofu"]),
        ("sort=name;drop", ["Chai", "Chang", "Tofu"]),
    ],
)
def test_a_search_finds(items: Showcase, ben: Browser, query: str, expected: list[str]) -> None:
    answer = ben.get(f"/app/show.item?archived=1&{query}")
    assert answer.status == 200
    assert names(answer) == expected
    assert items.site.name == "show"


@pytest.mark.parametrize("query", ["f=count:many", "f=day:soon", "f=day:2024-13", "f=state:nowhere", "q=" + "x" * 600])
def test_a_search_that_is_not_understood_says_so(items: Showcase, ben: Browser, query: str) -> None:
    answer = ben.get(f"/app/show.item?{query}")
    assert answer.status == 200
    assert names(answer) == []
    assert ('role="alert"' in answer.text) == query.startswith("f=")
    assert items.site.name == "show"


def test_a_facet_can_be_taken_off(items: Showcase, ben: Browser) -> None:
    answer = ben.get("/app/show.item?q=state:open+ch&f=count:5&sort=-name")
    off = [link.replace("&amp;", "&") for link in re.findall(r'class="chip" href="([^"]*)"', answer.text)]
    assert (
        off == ["/app/show.item?q=ch&f=state%3Aopen&sort=-name", "/app/show.item?q=ch&f=count%3A5&sort=-name"][::-1]
        or len(off) == 2
    )
    assert {len(names(ben.get(link))) for link in off} == {1}
    assert items.site.name == "show"


def test_a_list_has_pages_and_a_total(showcase: Showcase, ben: Browser) -> None:
    with showcase.elevated() as env:
        env["show.tag"].create([{"name": f"tag {number:03}"} for number in range(200)])
    first = ben.get("/app/show.tag")
    assert "1\N{EN DASH}80 of 200" in first.shown()
    assert len(names(first)) == 80
    last = ben.get("/app/show.tag?page=3")
    assert "161\N{EN DASH}200 of 200" in last.shown()
    assert names(last)[-1] == "tag 199"
    assert "nothing on page 9" in ben.get("/app/show.tag?page=9").shown()
    assert ben.get("/app/show.tag?page=99999999999").status == 200


def test_an_empty_list_says_what_to_do(ben: Browser) -> None:
    assert "There is no tag yet" in ben.get("/app/show.tag").shown()
    assert "Nothing fits this search" in ben.get("/app/show.tag?q=x").shown()


def test_a_fragment_is_only_the_list(items: Showcase, ben: Browser) -> None:
    part = ben.get("/app/show.item?q=chai", hx_request="true", hx_request_type="partial")
    assert part.text.lstrip().startswith('<div id="list"')
    assert "<html" not in part.text
    assert items.site.name == "show"


def test_a_reader_sees_no_field_that_is_kept_from_him(items: Showcase, ben: Browser) -> None:
    for path in ("/app/show.item?f=secret:s1", "/app/show.item?q=secret:s1", "/app/show.item?sort=-secret"):
        page = ben.get(path)
        assert "secret" not in page.text.replace("q=secret", "").replace("secret:s1", "")
        assert "s2" not in page.shown()
    assert items.site.name == "show"


def test_a_combobox_offers_what_its_reader_may_see(items: Showcase, ben: Browser) -> None:
    offered = ben.get("/app/show.item/options?field=v.item_id&v.item_id=h")
    assert re.findall(r"data-id[^>]*>([^<]+)</li>", offered.text) == ["Chai", "Chang"]
    assert "hidden" not in offered.text
    assert ben.get("/app/ir.config_parameter/options?field=x").status == 404
    assert items.site.name == "show"


@pytest.mark.parametrize("text", ["%00", "%FF", "%ED%A0%80", "a" * 3000, "\\", "%25%5C", "%F0%9F%8D%B5", "'\"--"])
def test_odd_text_is_searched_for_like_any_other(ben: Browser, text: str) -> None:
    for path in ("/app/show.item?q=", "/app/show.item?f=name:", "/app/show.item?sort=", "/app/find?q=", "/app?x="):
        assert ben.get(path + text).status in {200, 422}, path
    assert ben.get(f"/app/show.item/options?field=x&x={text}").status in {200, 422}


def test_names_that_begin_with_the_text_are_offered_first(ben: Browser) -> None:
    offered = re.findall(r">([^<]+)</li>", ben.get("/app/res.country/options?field=x&x=ger").text)
    assert offered[0] == "Germany"
    assert {"Algeria", "Niger", "Nigeria"} <= set(offered)
    assert re.findall(r">([^<]+)</li>", ben.get("/app/res.country/options?field=x&x=%25").text)[0].startswith("Nothing")


def test_finding_looks_in_all_that_the_menu_shows(items: Showcase, ben: Browser) -> None:
    found = ben.get("/app/find?q=ber")
    assert "Berlin AG" in found.shown()
    assert "Nothing has this in its name" in ben.get("/app/find?q=zzzz").shown()
    assert items.site.name == "show"
