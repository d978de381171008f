"""Pages of a list: planned once or each time, names joined or looked up, they are pieces of the whole list."""

from __future__ import annotations

from typing import Any

import pytest

from growsoft.orm import Env
from growsoft.orm.paging import REACHES
from tests.integration.orm.conftest import Counted, Trade
from tests.integration.orm.trade import Partner, Thing

NAMES = ("name", "owner_id", "currency_id", "number", "day", "label", "tag_ids")
ORDERS = ("", "name desc, id desc", "owner_id, number desc", "owner_id.name, id", "fragile desc, day, id")


def _fill(env: Env) -> list[dict[str, Any]]:
    owners = env[Partner].create([{"name": name} for name in ("elm", "Ash", "oak")])
    rows = [
        {"name": f"t{i % 50}", "number": i % 7, "owner_id": owners[i % 4] if i % 4 < 3 else None, "fragile": i % 3 == 0}
        for i in range(230)
    ]
    env[Thing].create(rows)
    return env[Thing].search_read([], NAMES, order="id")


@pytest.mark.parametrize("order", ORDERS)
def test_pages_are_pieces_of_the_whole_list(env: Env, order: str) -> None:
    _fill(env)
    whole = env[Thing].search_read([], NAMES, order=order)
    assert len(whole) == 230
    for limit in (0, 1, 80, 99, 100, 201, 1001):
        for offset in (0, 1, 19, 20, 120, 229, 230, 20_000):
            wanted = whole[offset : offset + limit]
            assert env[Thing].search_read([], NAMES, order=order, limit=limit, offset=offset) == wanted
            ids = env[Thing].search([], order=order, limit=limit, offset=offset).ids
            assert list(ids) == [row["id"] for row in wanted]


def test_pages_of_a_condition_are_pieces_of_what_meets_it(env: Env) -> None:
    rows = [row for row in _fill(env) if row["number"] > 3]
    for limit, offset in ((10, 0), (10, 85), (300, 0)):
        asked = [["number", ">", 3]]
        assert env[Thing].search_read(asked, NAMES, order="id", limit=limit, offset=offset) == rows[offset:][:limit]


def test_a_page_answers_the_next_limit_and_the_next_place_too(env: Env) -> None:
    ids = [row["id"] for row in _fill(env)]
    for _round in range(8):  # PostgreSQL keeps a plan from the sixth time on
        for limit, offset in ((3, 5), (4, 5), (3, 6), (3, 0), (80, 100)):
            assert list(env[Thing].search([], order="id", limit=limit, offset=offset).ids) == ids[offset:][:limit]


def test_names_of_hidden_records_stay_hidden_on_a_page(shared: Trade) -> None:
    with shared.undone() as env:
        shown, hidden = env[Partner].create([{"name": "shown"}, {"name": "nobody's", "hidden": True}])
        env[Thing].create([{"name": f"z{i}", "owner_id": one.id} for i, one in enumerate((shown, hidden))])
        env.flush()
        ann = shared.as_user(env, "ann")
        for limit in (2, REACHES[0] + 101):
            rows = ann[Thing].search_read([["name", "in", ["z0", "z1"]]], ["owner_id"], limit=limit, order="name")
            assert [row["owner_id"] for row in rows] == [(shown.id, "shown"), (hidden.id, "")]
            first = {row["id"]: row["owner_id"] for row in ann[Thing].search_read([], ["owner_id"], limit=limit)}
            assert first.items() >= {(row["id"], row["owner_id"]) for row in rows}


def test_a_list_without_a_condition_has_one_statement_for_many_pages(env: Env, counted: Counted) -> None:
    with counted() as statements:
        for offset in range(100, 900, 80):
            env[Thing].search_read([], ("name", "fragile"), limit=80, offset=offset)
    assert len(statements) == 10
    assert len(set(statements)) == 1
