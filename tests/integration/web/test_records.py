"""Records: shown, changed, added and deleted, with what can go wrong on the way."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tests.support.served import Browser, Showcase

PART = {"hx_request": "true", "hx_request_type": "partial"}


@pytest.fixture
def item(showcase: Showcase) -> int:
    """An item with a value of every kind and two lines."""
    with showcase.elevated() as env:
        owner = env["show.owner"].create({"name": "Kyoto Ltd", "city": "Kyoto"})
        env["show.owner"].create([{"name": "Berlin AG"}, {"name": "Bern AG"}, {"name": "Bern AG"}])
        tags = env["show.tag"].create([{"name": "red"}, {"name": "blue"}])
        item = env["show.item"].create({
            "name": "Chai", "code": "A-1", "state": "open", "owner_id": owner, "count": 1234, "weight": Decimal("1.5"),
            "currency_id": env["res.currency"].search([["name", "=", "JPY"]]), "price": Decimal(1500), "active": True,
            "day": date(2024, 5, 17), "moment": datetime(2024, 5, 17, 14, 30, tzinfo=UTC), "note": "one\ntwo",
            "secret": "s1", "tag_ids": [(6, 0, tags[:1].ids)],
        })  # fmt: skip
        env["show.line"].create(
            [{"item_id": item, "name": "first"}, {"item_id": item, "name": "second", "quantity": 2}]
        )
        return item.id


def read(showcase: Showcase, item: int, *names: str) -> dict[str, object]:
    """What the database holds."""
    with showcase.elevated() as env:
        return dict(env["show.item"].browse(item).read(list(names))[0])


def first_of(browser: Browser, path: str) -> str:
    """The id of the first record in a list."""
    found = re.search(r'<th scope="row"><a href="[^"]*/(\d+)"', browser.get(path).text)
    assert found is not None
    return found[1]


def test_a_record_shows_every_kind_of_value(item: int, ben: Browser) -> None:
    shown = ben.get(f"/app/show.item/{item}").shown().replace("\N{NO-BREAK SPACE}", " ")
    for text in (
        "Chai",
        "A-1",
        "Open",
        "Kyoto Ltd",
        "1,234",
        "1.5",
        "1,500 ¥",
        "Yes",
        "17 May 2024",
        "17 May 2024, 14:30",
        "red",
        "first",
        "second",
        "Total 3",
    ):
        assert text in shown, text
    assert "s1" not in shown


def test_a_form_that_is_sent_as_it_came_changes_nothing(item: int, ben: Browser, showcase: Showcase) -> None:
    before = read(showcase, item, "version", "write_date", "line_ids")
    assert ben.submit(f"/app/show.item/{item}/edit").location == f"/app/show.item/{item}"
    assert read(showcase, item, "version", "write_date", "line_ids") == before


def test_every_kind_of_value_can_be_changed(item: int, ben: Browser, showcase: Showcase) -> None:
    answer = ben.submit(
        f"/app/show.item/{item}/edit",
        v__name="Chang", v__code="", v__state="done", v__owner_id="berlin ag", v__count="-0", v__weight="1,234.5",
        v__price="99", v__active="", v__day="2025-01-31", v__moment="2025-01-31T08:00", v__note="three\r\nfour  ",
        v__tag_ids="blue",
    )  # fmt: skip
    assert answer.location == f"/app/show.item/{item}"
    found = read(showcase, item, "name", "code", "state", "owner_id", "count", "weight", "price", "active", "day",
                 "moment", "note", "tag_ids", "secret")  # fmt: skip
    assert str(found.pop("owner_id")).endswith("'Berlin AG')")
    assert str(found.pop("tag_ids")).count(",") == 1
    assert found == {
        "id": item, "name": "Chang", "code": "", "state": "done", "count": 0, "weight": Decimal("1234.5"),
        "price": Decimal(99), "active": False, "day": date(2025, 1, 31),
        "moment": datetime(2025, 1, 31, 8, tzinfo=UTC), "note": "three\nfour", "secret": "s1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("field", "text", "sentence"),
    [
        ("name", "  ", "Fill this in."),
        ("name", "x" * 61, "60 characters at most"),
        ("count", "many", "Write a whole number"),
        ("count", "99999999999", "between"),
        ("count", "-1", "zero times or more often"),
        ("weight", "1,5", "decimals after “.”"),
        ("weight", "1e99", "Write a number, such as"),
        ("day", "17.5.2024", "year-month-day"),
        ("moment", "noon", "year-month-day"),
        ("state", "gone", "Choose one of: Draft, Open, Done."),
        ("owner_id", "Nobody", "There is no owner of this name."),
        ("owner_id", "Bern AG", "Choose which one is meant."),
        ("tag_ids", "green", "There is none called green."),
        ("name", "forbidden", "an item is not called like this"),
    ],
)
def test_what_is_wrong_is_said_at_the_field(
    item: int, ben: Browser, showcase: Showcase, field: str, text: str, sentence: str
) -> None:
    answer = ben.submit(f"/app/show.item/{item}/edit", **{f"v__{field}": text, "v__note": "kept while it is wrong"})
    assert answer.status == 422
    assert sentence in answer.shown()
    assert 'aria-invalid="true"' in answer.text
    assert "kept while it is wrong" in answer.text
    assert read(showcase, item, "note")["note"] == "one\ntwo"


def test_one_of_several_records_of_a_name_is_chosen(item: int, ben: Browser, showcase: Showcase) -> None:
    asked = ben.submit(f"/app/show.item/{item}/edit", v__owner_id="bern")
    assert asked.text.count('name="pick.owner_id"') == 2
    with showcase.elevated() as env:
        wanted = env["show.owner"].search([["name", "=", "Bern AG"]]).ids[1]
    answer = ben.post(f"/app/show.item/{item}/edit", {**asked.inputs(), "pick.owner_id": str(wanted)})
    assert answer.status == 303
    assert read(showcase, item, "owner_id")["owner_id"] == (wanted, "Bern AG")


def test_a_link_is_cleared_by_clearing_its_text(item: int, ben: Browser, showcase: Showcase) -> None:
    assert ben.submit(f"/app/show.item/{item}/edit", v__owner_id="").status == 303
    assert read(showcase, item, "owner_id")["owner_id"] is None


def test_a_value_that_another_record_has_is_refused_with_the_words_of_the_model(item: int, ben: Browser) -> None:
    answer = ben.submit("/app/show.item/new", v__name="Second", v__code="A-1")
    assert answer.status == 422
    assert "Another item has this code." in answer.shown()
    assert item > 0


def test_a_record_is_added_with_its_lines(ben: Browser, showcase: Showcase) -> None:
    form = ben.get("/app/show.item/new")
    assert form.inputs()["v.state"] == "draft"
    more = ben.post("/app/show.item/new", {**form.inputs(), "v.name": "New one", "add": "line_ids"})
    assert more.status == 200
    lines = {**more.inputs(), "l.line_ids.n0.v.name": "a line", "l.line_ids.n0.v.quantity": "2.5"}
    made = ben.post("/app/show.item/new", lines)
    assert made.status == 303
    record = int(made.location.rpartition("/")[2])
    assert read(showcase, record, "name", "total") == {"id": record, "name": "New one", "total": Decimal("2.5")}


def test_lines_are_changed_added_and_deleted_together(item: int, ben: Browser, showcase: Showcase) -> None:
    answer = ben.submit(
        f"/app/show.item/{item}/edit",
        l__line_ids=["0", "1", "n7", "n8"],
        l__line_ids__0__v__name="first, renamed", l__line_ids__1__delete="1",
        l__line_ids__n7__v__name="third", l__line_ids__n7__v__quantity="10",
        l__line_ids__n8__v__name="", l__line_ids__n8__v__quantity="1",
    )  # fmt: skip
    assert answer.status == 303
    with showcase.elevated() as env:
        lines = env["show.line"].search_read([["item_id", "=", item]], ["name", "quantity"], order="id")
    assert [(line["name"], line["quantity"]) for line in lines] == [("first, renamed", 1), ("third", 10)]
    assert read(showcase, item, "total")["total"] == 11


def test_a_wrong_line_keeps_the_whole_record_as_it_was(item: int, ben: Browser, showcase: Showcase) -> None:
    answer = ben.submit(
        f"/app/show.item/{item}/edit", v__name="Changed", l__line_ids=["0", "1"], l__line_ids__0__v__name=""
    )
    assert answer.status == 422
    assert "Fill this in." in answer.shown()
    assert read(showcase, item, "name")["name"] == "Chai"


def test_a_line_of_another_record_cannot_be_reached_through_this_one(
    item: int, ben: Browser, showcase: Showcase
) -> None:
    with showcase.elevated() as env:
        other = env["show.item"].create({"name": "hidden"})
        line = env["show.line"].create({"item_id": other, "name": "safe"})
    form = ben.get(f"/app/show.item/{item}/edit").inputs()
    foreign = {"l.line_ids": ["0"], "l.line_ids.0.record": str(line.id), "l.line_ids.0.version": "1"}
    ben.post(f"/app/show.item/{item}/edit", {**form, **foreign, "l.line_ids.0.v.name": "stolen"})
    ben.post(f"/app/show.item/{item}/edit", {**form, **foreign, "l.line_ids.0.delete": "1"})
    with showcase.elevated() as env:
        assert env["show.line"].browse(line.id).read(["name"])[0]["name"] == "safe"


def test_a_conflict_names_who_changed_what_and_keeps_what_was_typed(
    item: int, ben: Browser, showcase: Showcase, signed_in: Callable[[str], Browser]
) -> None:
    opened = ben.get(f"/app/show.item/{item}/edit").inputs()
    assert signed_in("ada").submit(f"/app/show.item/{item}/edit", v__name="Ada's", v__count="7").status == 303
    answer = ben.post(f"/app/show.item/{item}/edit", {**opened, "v.name": "Ben's", "v.note": "mine"})
    assert answer.status == 409
    assert "Ada Example changed Name and Count" in answer.shown()
    assert "nothing was saved yet" in answer.shown()
    assert "made this \N{LEFT DOUBLE QUOTATION MARK}Ada's\N{RIGHT DOUBLE QUOTATION MARK}" in answer.shown()
    again = answer.inputs()
    assert (again["v.name"], again["v.count"], again["v.note"]) == ("Ben's", "7", "mine")
    assert read(showcase, item, "name")["name"] == "Ada's"
    assert ben.post(f"/app/show.item/{item}/edit", again).status == 303
    assert read(showcase, item, "name", "count", "note") == {"id": item, "name": "Ben's", "count": 7, "note": "mine"}


def test_a_conflict_in_the_lines_is_one_too(
    item: int, ben: Browser, showcase: Showcase, signed_in: Callable[[str], Browser]
) -> None:
    opened = ben.get(f"/app/show.item/{item}/edit")
    lines = {"l.line_ids": ["0", "1"], "l.line_ids.0.v.name": "Ben's line"}
    ada = signed_in("ada").submit(
        f"/app/show.item/{item}/edit", l__line_ids=["0", "1"], l__line_ids__0__v__name="Ada's line"
    )
    assert ada.status == 303
    answer = ben.post(f"/app/show.item/{item}/edit", {**opened.inputs(), **lines})
    assert answer.status == 409
    assert "Ada Example changed Lines: Name on " in answer.shown()
    with showcase.elevated() as env:
        assert "Ada's line" in env["show.line"].search([["item_id", "=", item]]).mapped("name")


def test_errors_come_as_a_part_of_the_page_when_asked_so(item: int, ben: Browser) -> None:
    form = ben.get(f"/app/show.item/{item}/edit").inputs()
    answer = ben.post(f"/app/show.item/{item}/edit", {**form, "v.name": ""}, **PART)
    assert answer.status == 422
    assert answer.text.lstrip().startswith("<form")
    saved = ben.post(f"/app/show.item/{item}/edit", {**form, "v.name": "Other"}, **PART)
    assert (saved.status, saved.headers["hx-redirect"]) == (204, f"/app/show.item/{item}")


def test_deleting_asks_first(item: int, ben: Browser, showcase: Showcase) -> None:
    with showcase.elevated() as env:
        tag = env["show.tag"].create({"name": "gone soon"}).id
    assert "cannot be undone" in ben.get(f"/app/show.tag/{tag}/delete").shown()
    assert ben.post(f"/app/show.tag/{tag}/delete", {}).location == "/app/show.tag"
    assert ben.get(f"/app/show.tag/{tag}").status == 404
    assert item > 0


def test_what_others_need_is_not_deleted(item: int, ben: Browser) -> None:
    owner = first_of(ben, "/app/show.owner?q=kyoto")
    ben.get(f"/app/show.owner/{owner}/delete")
    answer = ben.post(f"/app/show.owner/{owner}/delete", {})
    assert answer.status == 422
    assert ben.get(f"/app/show.owner/{owner}").status == 200
    assert item > 0


def test_missing_and_hidden_records_are_answered_alike(item: int, ben: Browser, showcase: Showcase) -> None:
    with showcase.elevated() as env:
        hidden = env["show.item"].create({"name": "hidden"}).id
    for suffix in ("", "/edit", "/delete"):
        answers = [ben.get(f"/app/show.item/{record}{suffix}") for record in (hidden, 999_999_999, 10**17)]
        assert {answer.status for answer in answers} == {404}
        assert len({answer.shown().rpartition("Reference")[0] for answer in answers}) == 1
    form = ben.get(f"/app/show.item/{item}/edit").inputs()
    posted = [ben.post(f"/app/show.item/{record}/edit", form) for record in (hidden, 999_999_999)]
    assert {answer.status for answer in posted} == {404}
    assert read(showcase, hidden, "name")["name"] == "hidden"


def test_what_a_model_does_not_allow_is_not_offered_and_not_done(ben: Browser) -> None:
    assert "/app/res.country/new" not in ben.get("/app/res.country").text
    record = first_of(ben, "/app/res.country?q=japan")
    page = ben.get(f"/app/res.country/{record}")
    assert page.status == 200
    assert "/edit" not in page.text
    for path in (f"/app/res.country/{record}/edit", "/app/res.country/new", f"/app/res.country/{record}/delete"):
        assert ben.get(path).status == 404, path
        assert ben.post(path, {"csrf": ben.get("/app").inputs()["csrf"], "v.name": "x"}).status == 404, path


def test_models_that_may_not_be_read_are_not_there(ben: Browser) -> None:
    for model in ("ir.config_parameter", "ir.sequence", "no.such", "res_users", "gs_priv.session"):
        for suffix in ("", "/1", "/new", "/1/edit", "/1/delete", "/options?field=x"):
            assert ben.get(f"/app/{model}{suffix}").status == 404, model + suffix


def test_fields_that_a_form_does_not_have_are_not_written(item: int, ben: Browser, showcase: Showcase) -> None:
    answer = ben.submit(
        f"/app/show.item/{item}/edit",
        v__secret="taken", v__creator_id="Ben Example", v__total="99", v__id="7", v__create_uid="1", v__version="9",
    )  # fmt: skip
    assert answer.status == 303
    found = read(showcase, item, "secret", "creator_id", "total")
    assert found == {"id": item, "secret": "s1", "creator_id": None, "total": 3}


def test_who_may_see_a_kept_field_also_changes_it(
    item: int, showcase: Showcase, signed_in: Callable[[str], Browser]
) -> None:
    assert signed_in("ada").submit(f"/app/show.item/{item}/edit", v__secret="s2").status == 303
    assert read(showcase, item, "secret")["secret"] == "s2"
