"""Rows: a record is changed in its list and saved explicitly, with the checks, conflicts and rights of its form."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.served import Answer, Browser, Showcase

PART = {"hx_request": "true", "hx_request_type": "partial"}


@pytest.fixture
def item(shared: Showcase) -> int:
    """One item."""
    with shared.elevated() as env:
        return env["show.item"].create({"name": "Chai", "count": 5, "secret": "s1"}).id


@pytest.fixture
def ben(people: Callable[[str], Browser]) -> Browser:
    """Ben, who may use the showcase."""
    return people("ben")


def saved(ben: Browser, item: int, row: Answer, **fields: str) -> Answer:
    """The row after it was sent."""
    return ben.post(f"/app/show.item/{item}/row", {**row.inputs(), **fields}, **PART)


def test_a_row_is_changed_in_its_list(ben: Browser, item: int) -> None:
    row = ben.get(f"/app/show.item/{item}/row", **PART)
    assert row.text.count("<tr") == 1
    assert 'name="v.count"' in row.text
    assert "secret" not in row.text
    shown = saved(ben, item, row, **{"v.count": "77"})
    assert shown.status == 200
    assert ">77</td>" in shown.text
    assert 'name="v.count"' not in shown.text
    again = ben.get(f"/app/show.item/{item}/row?shown=1", **PART)
    assert ">77</td>" in again.text


def test_what_is_wrong_and_who_was_faster_is_told_in_the_row(shared: Showcase, ben: Browser, item: int) -> None:
    row = ben.get(f"/app/show.item/{item}/row", **PART)
    wrong = saved(ben, item, row, **{"v.count": "many"})
    assert wrong.status == 422
    assert 'value="many"' in wrong.text
    with shared.elevated() as env:
        env["show.item"].browse(item).write({"count": 9})
    late = saved(ben, item, row, **{"v.count": "7"})
    assert late.status == 409
    assert "changed Count" in late.shown()
    with shared.elevated() as env:
        assert env["show.item"].browse(item).read(["count"])[0]["count"] == 9


def test_a_field_that_is_kept_from_a_reader_is_not_saved_by_a_row(shared: Showcase, ben: Browser, item: int) -> None:
    row = ben.get(f"/app/show.item/{item}/row", **PART)
    assert saved(ben, item, row, **{"v.secret": "mine", "v.creator_id": "1"}).status == 200
    with shared.elevated() as env:
        assert env["show.item"].browse(item).read(["secret"])[0]["secret"] == "s1"


def test_without_scripts_a_row_is_a_form_and_nobody_without_rights_gets_one(
    ben: Browser, people: Callable[[str], Browser], item: int
) -> None:
    assert ben.get(f"/app/show.item/{item}/row").location == f"/app/show.item/{item}/edit"
    eve = people("eve")
    assert eve.get("/app/res.country/1/row", **PART).status == 404
    assert eve.get(f"/app/show.item/{item}/row", **PART).status == 404
