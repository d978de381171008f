"""Groups in lists: subtotals, groups that are opened by their address, builders of conditions, and saved searches."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from tests.support.served import Answer, Browser, Showcase


@pytest.fixture(scope="module")
def items(shared: Showcase) -> Showcase:
    """Four items of two owners, one of them archived, and one that is hidden; the tests of this file share them."""
    with shared.elevated() as env:
        kyo = env["show.owner"].create({"name": "Kyoto <b>", "city": "Kyoto"})
        ber = env["show.owner"].create({"name": "Berlin AG", "city": "Berlin"})
        rows: list[dict[str, object]] = [
            {"name": "Chai", "owner_id": kyo, "count": 5, "weight": Decimal("1.5"), "state": "open", "secret": "s1",
             "day": date(2024, 5, 17), "moment": datetime(2024, 5, 31, 23, 30, tzinfo=UTC)},
            {"name": "Chang", "owner_id": ber, "count": 500, "weight": Decimal(20), "state": "done", "secret": "s2",
             "day": date(2024, 6, 1)},
            {"name": "Tofu", "owner_id": ber, "count": 50, "weight": Decimal("0.25"), "state": "draft",
             "day": date(2023, 12, 31)},
            {"name": "Old", "owner_id": ber, "count": 7, "active": False},
            {"name": "hidden", "count": 1000},
        ]  # fmt: skip
        env["show.item"].create(rows)
    return shared


@pytest.fixture
def ben(items: Showcase, people: Callable[[str], Browser]) -> Browser:
    """Ben, who may use the showcase with its items."""
    assert items.site.name == "show"
    return people("ben")


@pytest.fixture(autouse=True)
def nothing_saved(items: Showcase) -> None:
    """Nobody has saved a search yet."""
    with items.elevated() as env:
        env["ir.filters"].search([]).unlink()


def groups(answer: Answer) -> list[str]:
    """The heads of groups, in words."""
    heads = re.findall(r'<th scope="rowgroup">(.*?)</th>', answer.text, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>|⧉|Show only .*", " ", head).split()) for head in heads]


def names(answer: Answer) -> list[str]:
    """The names in the rows of a list."""
    return re.findall(r'<th scope="row"><a [^>]*>([^<]*)</a>', answer.text)


def toggles(answer: Answer) -> list[str]:
    """Where the heads of groups lead."""
    found = re.findall(r'<th scope="rowgroup"><a href="([^"]*)" aria-expanded', answer.text)
    return [address.replace("&amp;", "&") for address in found]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("group=owner_id", ["▸ Berlin AG (2)", "▸ Kyoto &lt;b&gt; (1)"]),
        ("group=state", ["▸ Done (1)", "▸ Draft (1)", "▸ Open (1)"]),
        ("group=day:month", ["▸ December 2023 (1)", "▸ May 2024 (1)", "▸ June 2024 (1)"]),
        ("group=day:year&sort=-day", ["▸ 2024 (2)", "▸ 2023 (1)"]),
        ("group=day:quarter", ["▸ Q4 2023 (1)", "▸ Q2 2024 (2)"]),
        ("group=day:week", ["▸ 2023-W52 (1)", "▸ 2024-W20 (1)", "▸ 2024-W22 (1)"]),
        ("group=moment:day", ["▸ 31 May 2024 (1)", "▸ Not set (2)"]),
        ("group=owner_id.city", ["▸ Berlin (2)", "▸ Kyoto (1)"]),
        ("group=day:nonsense", ["▸ December 2023 (1)", "▸ May 2024 (1)", "▸ June 2024 (1)"]),
        ("group=owner_id&archived=1", ["▸ Berlin AG (3)", "▸ Kyoto &lt;b&gt; (1)"]),
    ],
)
def test_a_list_is_grouped(ben: Browser, asked: str, expected: list[str]) -> None:
    assert groups(ben.get(f"/app/show.item?{asked}")) == expected


def test_a_moment_belongs_to_the_month_on_the_readers_clock(items: Showcase, ben: Browser) -> None:
    with items.elevated() as env:
        env["res.users"].search([["login", "=", "ben"]]).write({"tz": "Asia/Tokyo"})
    assert groups(ben.get("/app/show.item?group=moment:month&f=moment:*")) == ["▸ June 2024 (1)"]
    with items.elevated() as env:
        env["res.users"].search([["login", "=", "ben"]]).write({"tz": "UTC"})


def test_a_group_opens_at_an_address_and_folds_again(ben: Browser) -> None:
    folded = ben.get("/app/show.item?group=owner_id&group=state")
    assert names(folded) == []
    berlin = ben.get(toggles(folded)[0])
    assert groups(berlin) == ["▾ Berlin AG (2)", "▸ Done (1)", "▸ Draft (1)", "▸ Kyoto &lt;b&gt; (1)"]
    done = ben.get(toggles(berlin)[1])
    assert names(done) == ["Chang"]
    assert groups(ben.get(toggles(done)[0])) == groups(folded)


def test_only_one_group_is_shown_as_a_list(ben: Browser) -> None:
    page = ben.get("/app/show.item?group=day:month&filter=many")
    only = [link.replace("&amp;", "&") for link in re.findall(r'<a class="only" href="([^"]*)"', page.text)]
    assert [names(ben.get(link)) for link in only] == [["Chang"]]
    for asked in ("group=owner_id", "group=state", "group=active", "group=moment:week", "group=owner_id.city"):
        page = ben.get(f"/app/show.item?{asked}")
        only = [link.replace("&amp;", "&") for link in re.findall(r'<a class="only" href="([^"]*)"', page.text)]
        counts = [int(count) for group in groups(page) for count in re.findall(r"\((\d+)\)$", group)]
        assert [len(names(ben.get(link))) for link in only] == counts, asked


@pytest.mark.parametrize(
    "asked",
    [
        "group=secret", "group=owner_id.secret", "group=secret:month", "sort=secret", "f=secret:s1", "key=secret",
        "by=secret&sign=~&value=s", "measure=secret", "across=secret", "group=line_ids", "group=note", "group=id;x",
        "group=name.name", "group=owner_id.items.secret", "open=secret%3As1", "view=chart&group=secret",
        "view=pivot&group=state&across=secret", "view=kanban&group=secret", "f=tag_ids.secret:x",
        "f=owner_id.owner_id.owner_id.owner_id.name:x",
    ],
)  # fmt: skip
def test_a_field_that_is_kept_from_a_reader_does_nothing_in_an_address(ben: Browser, asked: str) -> None:
    """Not searched, not grouped, not sorted, not drawn: the list is that of an address without it."""
    answer = ben.get(f"/app/show.item?{asked}")
    answer = ben.follow(answer) if answer.status == 303 else answer
    assert answer.status == 200
    assert not re.search(r"\bs[12]\b", answer.shown())
    assert "group=secret" not in answer.text
    assert sorted(names(answer)) in (["Chai", "Chang", "Tofu"], [])


def test_a_boss_groups_by_what_others_do_not_see(people: Callable[[str], Browser]) -> None:
    assert groups(people("ada").get("/app/show.item?group=secret")) == ["▸ Not set (1)", "▸ s1 (1)", "▸ s2 (1)"]


def test_hidden_records_are_counted_nowhere(ben: Browser) -> None:
    page = ben.get("/app/show.item?group=active")
    assert groups(page) == ["▸ Yes (3)"]
    assert "1,000" not in page.shown()


@pytest.mark.parametrize(
    ("asked", "facet"),
    [
        ("by=count&sign=>=&value=50", "f=count:>=50"),
        ("by=name&sign=!~&value=a:b", "f=name:!~a:b"),
        ("by=day&sign=*&value=", "f=day:*"),
        ("by=name&sign=;DROP&value=x", "q="),
        ("by=name&sign=~&value=%00", "f=name:~\0"),
        ("by=nope&sign=~&value=x", "q="),
        ("key=day&unit=week", "group=day:week"),
        ("key=day&unit=';", "group=day:month"),
    ],
)
def test_a_builder_makes_a_short_address(ben: Browser, asked: str, facet: str) -> None:
    answer = ben.get("/app/show.item?" + asked.replace(">", "%3E").replace(";", "%3B"))
    assert answer.status == 303
    assert unquote(urlsplit(answer.location).query.replace("+", " ")) == facet
    assert ben.get(answer.location).status == 200


# -- saved searches ----------------------------------------------------------------------------------------------------


def saved(page: Answer) -> list[tuple[str, str]]:
    """The saved searches that a page offers, with their addresses."""
    menu = page.text.partition("Saved searches</summary>")[2].partition("</ul>")[0]
    found = re.findall(r'<li><a href="([^"]*)">([^<]*)</a>', menu)
    return [(name, address.replace("&amp;", "&")) for address, name in found]


def test_a_search_is_saved_and_opened_first(ben: Browser, people: Callable[[str], Browser]) -> None:
    ben.get("/app/show.item")
    ben.post("/app/show.item/searches", {"name": "Mine", "asked": "group=owner_id&f=count:>=50", "default": "1"})
    first = ben.get("/app/show.item")
    assert first.status == 303
    assert dict(parse_qsl(urlsplit(first.location).query)) == {"group": "owner_id", "f": "count:>=50"}
    assert saved(ben.get("/app/show.item?q="))[0][0] == "Mine"
    assert saved(people("ada").get("/app/show.item")) == []


def test_a_shared_search_is_seen_but_not_changed_by_others(
    items: Showcase, ben: Browser, people: Callable[[str], Browser]
) -> None:
    ben.get("/app/show.item")
    ben.post("/app/show.item/searches", {"name": "All <of> us", "asked": "filter=many", "shared": "1"})
    ada = people("ada")
    assert [name for name, _ in saved(ada.get("/app/show.item"))] == ["All &lt;of&gt; us"]
    with items.elevated() as env:
        record = env["ir.filters"].search([]).id
    assert ada.post(f"/app/show.item/searches/{record}/delete", {}).status in {403, 404}
    assert ben.post(f"/app/show.tag/searches/{record}/delete", {}).status == 404
    assert saved(ben.get("/app/show.item")) != []
    ben.post(f"/app/show.item/searches/{record}/delete", {})
    assert saved(ben.get("/app/show.item")) == []


def test_only_an_administrator_chooses_what_opens_for_everybody(ben: Browser) -> None:
    asked = {"name": "x", "asked": "filter=many", "shared": "1", "default": "1"}
    ben.get("/app/show.item")
    refused = ben.post("/app/show.item/searches", asked)
    assert refused.status == 422
    assert "Only an administrator" in refused.shown()
    assert ben.get("/app/show.item").status == 200


@pytest.mark.parametrize(
    "stored", ["https://evil.example/", "//evil", "f=secret:s1&group=secret", "q=<script>", "\n\r"]
)
def test_whatever_was_stored_leads_to_the_list_and_shows_nothing_hidden(
    items: Showcase, ben: Browser, stored: str
) -> None:
    with items.elevated() as env:
        ben_id = env["res.users"].search([["login", "=", "ben"]]).id
        values = {"name": "x", "model_id": "show.item", "user_id": ben_id, "query": stored, "is_default": True}
        env["ir.filters"].create(values)
    answer = ben.get("/app/show.item")
    assert answer.location.startswith("/app/show.item?")
    assert "secret" not in answer.location
    assert "<script>" not in ben.get(answer.location).text
