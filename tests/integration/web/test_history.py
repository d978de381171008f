"""The history on the page of a record: who, when, old and new in words; nothing of what the reader may not see."""

from __future__ import annotations

from decimal import Decimal

import pytest

from growsoft.orm import Env
from tests.support.served import Browser, Showcase

PART = {"hx_request": "true", "hx_request_type": "partial"}


@pytest.fixture
def item(showcase: Showcase) -> int:
    """An item that was changed once by somebody and once by the system."""
    with showcase.elevated() as env:
        owners = env["show.owner"].create([{"name": "Kyoto Ltd"}, {"name": "Berlin <b>AG</b>"}])
        tags = env["show.tag"].create([{"name": "red"}, {"name": "blue"}])
        item = env["show.item"].create(
            {"name": "Chai", "owner_id": owners[:1], "weight": Decimal("1.5"), "secret": "s1", "tag_ids": tags[:1]}
        )
        ids = (item.id, owners[1:].id, tags.ids)
    with showcase.elevated() as env:
        _change(env, *ids)
    return ids[0]


def _change(env: Env, item: int, owner: int, tags: tuple[int, ...]) -> None:
    env["show.item"].browse(item).write(
        {
            "name": "Chai <tea>",
            "owner_id": owner,
            "weight": Decimal("2.25"),
            "secret": "s2",
            "tag_ids": [(6, 0, tags[1:])],
        }
    )


def test_the_page_of_a_record_leads_to_its_history_and_does_not_load_it(showcase: Showcase, item: int) -> None:
    user = Browser(showcase.application()).sign_in(showcase, "ben")
    page = user.get(f"/app/show.item/{item}")
    assert f'hx-get="/app/show.item/{item}/history"' in page.text
    assert "Kyoto" not in page.text


def test_a_history_says_who_when_and_what_in_words(showcase: Showcase, item: int) -> None:
    user = Browser(showcase.application()).sign_in(showcase, "ben")
    answer = user.get(f"/app/show.item/{item}/history", **PART)
    assert answer.status == 200
    assert "<html" not in answer.text
    newest, first = answer.text.split("<li>")[1:]
    for words in ("changed it", "<del>Chai</del>", "<ins>Chai &lt;tea&gt;</ins>", "<del>Kyoto Ltd</del>",
                  "Berlin &lt;b&gt;AG&lt;/b&gt;", "<del>1.5</del>", "<ins>2.25</ins>", "<del>red</del>",
                  "<ins>blue</ins>", "By the system"):  # fmt: skip
        assert words in newest, words
    assert "made it" in first
    assert "<ins>Chai</ins>" in first


def test_fields_that_a_reader_may_not_see_are_not_in_it(showcase: Showcase, item: int) -> None:
    path = f"/app/show.item/{item}/history"
    boss = Browser(showcase.application()).sign_in(showcase, "ada").get(path, **PART)
    user = Browser(showcase.application()).sign_in(showcase, "ben").get(path, **PART)
    assert "s2" in boss.text
    assert "s1" not in user.text
    assert "s2" not in user.text


def test_a_history_is_a_page_without_scripts_too(showcase: Showcase, item: int) -> None:
    user = Browser(showcase.application()).sign_in(showcase, "ben")
    answer = user.get(f"/app/show.item/{item}/history")
    assert answer.status == 200
    assert "History of Chai" in answer.text


def test_a_hidden_record_has_no_history_and_a_stranger_sees_none(showcase: Showcase, item: int) -> None:
    with showcase.elevated() as env:
        env["show.item"].browse(item).write({"name": "hidden"})
    path = f"/app/show.item/{item}/history"
    assert Browser(showcase.application()).sign_in(showcase, "ben").get(path, **PART).status == 404
    assert Browser(showcase.application()).get(path).status in {302, 303}
