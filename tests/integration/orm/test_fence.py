"""Text searches with an order and a limit give the same rows whichever way PostgreSQL takes to them."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growsoft.orm import Env, fence
from growsoft.postgres.sql import sql
from tests.integration.orm.conftest import Trade
from tests.integration.orm.trade import Tag


@pytest.fixture(scope="module")
def tags(shared: Trade) -> Generator[Env]:
    """Two thousand tags; of some words there are more than are probed, of others fewer."""
    with shared.undone() as env:
        words = ("oak", "elm", "oak elm")
        env[Tag].create([{"name": f"{words[i % 3]} {i * 7919 % 2000}", "weight": i % 5} for i in range(2000)])
        env.flush()
        yield env


@settings(max_examples=80, deadline=None)
@given(
    word=st.sampled_from(["oak", "elm", "oak elm", "elm 1", "7", "zz", "199"]),
    weight=st.none() | st.integers(0, 5),
    order=st.sampled_from(["", "name desc", "weight, name", "id desc"]),
    limit=st.sampled_from([0, 1, 7, 80, 1000, 1500]),
    offset=st.sampled_from([0, 3, 400, 990]),
)
def test_the_same_rows_come_with_and_without_a_limit(
    tags: Env, word: str, weight: int | None, order: str, limit: int, offset: int
) -> None:
    domain: list[object] = [["name", "ilike", word], *([] if weight is None else [["weight", "=", weight]])]
    whole = tags[Tag].search(domain, order=order).ids
    assert tags[Tag].search(domain, order=order, limit=limit, offset=offset).ids == whole[offset : offset + limit]
    rows = tags[Tag].search_read(domain, ["name"], order=order, limit=limit, offset=offset)
    assert tuple(row["id"] for row in rows) == whole[offset : offset + limit]


def test_the_walk_is_left_out_where_all_hits_are_known(tags: Env) -> None:
    def plan(word: str) -> str:
        domain = Tag.name.ilike(word)
        where = tags.compiler().where(tags.registry["trade.tag"], domain)
        condition = fence.fenced(sql("trade_tag"), where, sql("lower(trade_tag.name), id"), 10)
        explained = tags.execute(sql("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) SELECT FROM trade_tag {w}", w=condition))
        return "\n".join(explained.column(str))

    assert "never executed" in plan("elm 19")
    assert "loops=1" in plan("elm").rpartition("One-Time Filter")[2]
