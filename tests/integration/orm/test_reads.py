"""Reading: one query for a whole set, plain rows with names of links, orders that are complete, and sets of records."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest

from growsoft.errors import MissingError, UserError
from growsoft.orm import Env
from growsoft.orm.reader import PREFETCH_MAX
from tests.integration.orm.conftest import Counted
from tests.integration.orm.trade import Order, Partner, Size, Tag, Thing


@pytest.fixture
def things(env: Env) -> Thing:
    """A thousand things of fifty owners in ten companies."""
    companies = env[Partner].create([{"name": f"company {i}"} for i in range(10)])
    owners = env[Partner].create([{"name": f"owner {i}", "parent_id": companies[i % 10]} for i in range(50)])
    tags = env[Tag].create([{"name": f"tag {i}"} for i in range(5)])
    made = env[Thing].create(
        [
            {
                "name": f"t{i:04}",
                "owner_id": owners[i % 50],
                "tag_ids": tags[: i % 3],
                "part_ids": [{"name": "p"}] * (i % 2),
            }
            for i in range(1000)
        ]
    )
    env.flush()
    env.cache.forget()
    return made


READS: list[tuple[int, Callable[[Thing], object]]] = [
    (1, lambda t: t.name),
    (1, lambda t: (t.name, t.number, t.day, t.label)),
    (2, lambda t: t.owner_id.name),
    (3, lambda t: t.owner_id.parent_id.name),
    (1, lambda t: len(t.part_ids)),
    (2, lambda t: [part.name for part in t.part_ids]),
    (2, lambda t: [tag.name for tag in t.tag_ids]),
    (4, lambda t: [part.thing_id.owner_id.name for part in t.part_ids]),
]


@pytest.mark.parametrize(("queries", "read"), READS, ids=range(len(READS)))
def test_a_thousand_records_are_read_by_a_few_queries(
    things: Thing, counted: Counted, queries: int, read: Callable[[Thing], object]
) -> None:
    with counted() as statements:
        values = [read(thing) for thing in things]
    assert len(values) == 1000
    assert len(statements) == queries


def test_paths_and_mapped_take_as_few(things: Thing, counted: Counted) -> None:
    with counted() as statements:
        assert len(things.mapped("owner_id.parent_id.name")) == 10
        assert len(things.owner_id.parent_id) == 10
        assert len(things.tag_ids) == 2
    assert len(statements) == 4


def test_more_than_fits_is_fetched_part_by_part(env: Env, counted: Counted) -> None:
    made = env[Thing].create([{"name": f"t{i}"} for i in range(2 * PREFETCH_MAX + 5)])
    env.flush()
    env.cache.forget()
    with counted() as statements:
        assert [thing.name for thing in made] == [f"t{i}" for i in range(2 * PREFETCH_MAX + 5)]
    assert len(statements) == 3


def test_a_list_of_rows_with_names_of_links_is_one_query(things: Thing, counted: Counted) -> None:
    with counted() as statements:
        rows = things.search_read([], ["name", "owner_id", "size", "price", "currency_id"], limit=80, order="name")
    assert len(statements) == 1
    owner = things[0].owner_id
    assert rows[0] == {
        "id": things[0].id, "name": "t0000", "owner_id": (owner.id, "owner 0"), "size": "", "price": 0,
        "currency_id": None,
    }  # fmt: skip
    assert [row["name"] for row in rows] == [f"t{i:04}" for i in range(80)]


def test_lists_of_links_cost_one_query_each(things: Thing, counted: Counted) -> None:
    with counted() as statements:
        rows = things.search_read([], ["tag_ids", "part_ids", "label"], limit=100, order="name")
    assert len(statements) == 4  # the rows, tags, parts, and what the label is made of
    assert [len(row["tag_ids"]) for row in rows[:3]] == [0, 1, 2]
    assert rows[5] == {
        "id": things[5].id, "tag_ids": list(things[5].tag_ids.ids), "part_ids": list(things[5].part_ids.ids),
        "label": "t0005 0",
    }  # fmt: skip


def test_rows_hold_what_goes_to_the_wire(env: Env) -> None:
    thing = env[Thing].create({"name": "x", "size": Size.LARGE, "weight": "1.5", "day": "2026-02-03", "fragile": True})
    row = thing.read()[0]
    assert set(row) == set(env.registry["trade.thing"].fields)
    assert (row["size"], row["weight"], row["day"], row["fragile"], row["note"]) == (
        "large", Decimal("1.5"), date(2026, 2, 3), True, "",
    )  # fmt: skip
    assert (row["owner_id"], row["tag_ids"], row["version"], row["create_uid"]) == (None, [], 1, env.user_id)


def test_read_keeps_the_order_and_misses_what_is_not_there(env: Env) -> None:
    a, b = env[Thing].create([{"name": "a"}, {"name": "b"}])
    assert [row["name"] for row in (b | a).read(["name"])] == ["b", "a"]
    assert env[Thing].read(["name"]) == []
    with pytest.raises(MissingError):
        (a | env[Thing].browse(10**9)).read(["name"])


def test_orders_are_complete_and_text_minds_no_case(env: Env) -> None:
    partners = env[Partner].create([{"name": n} for n in ("b", "A", "a", "B", "ä", "Z")])
    assert partners.search([], order="name").mapped("name") == ["A", "a", "B", "b", "Z", "ä"]
    assert partners.search([], order="name desc").mapped("name") == ["ä", "Z", "b", "B", "a", "A"]
    things = env[Thing].create([{"name": "x", "number": n % 3, "owner_id": partners[n % 6]} for n in range(12)])
    by_owner = things.search([], order="owner_id, number desc")
    assert by_owner.mapped("owner_id.name") == ["A", "a", "b", "B", "Z", "ä"]
    assert [thing.owner_id.name for thing in by_owner][:4] == ["A", "A", "a", "a"]
    assert things.search([], order="number").ids == tuple(t.id for t in sorted(things, key=lambda t: (t.number, t.id)))
    assert things.search([]).ids == tuple(t.id for t in sorted(things, key=lambda t: (-t.number, t.id)))
    assert [row["id"] for row in things.search_read([], ["name"], order="id desc")] == sorted(things.ids, reverse=True)
    pages = [things.search([], order="fragile", limit=5, offset=at).ids for at in (0, 5, 10)]
    assert sorted(i for page in pages for i in page) == list(things.ids)


def test_limits_and_offsets(env: Env) -> None:
    things = env[Thing].create([{"name": f"t{i}"} for i in range(10)])
    assert things.search([], order="id", limit=3) == things[:3]
    assert things.search([], order="id", offset=8) == things[8:]
    assert things.search([], order="id", offset=3, limit=2).ids == things.ids[3:5]
    assert things.search([], limit=0) == env[Thing]
    assert (things.search_count(), things.search_count([], limit=4), things.search_count([["name", "=", "t1"]])) == (
        10,
        4,
        1,
    )
    assert things.search([], offset=100) == env[Thing]


def test_sets_of_records(env: Env) -> None:
    a, b, c = env[Thing].create([{"name": "a", "number": 2}, {"name": "b", "number": 1}, {"name": "c", "number": 2}])
    both = a | b
    assert (len(both), bool(both), bool(env[Thing]), a in both, c in both) == (2, True, False, True, False)
    assert both[:] in both
    assert (both & (b | c), both - b, both + c, a + a) == (b, a, a | b | c, a)
    assert both == (b | a)
    assert hash(both) == hash(b | a)
    assert both != a
    assert a != env[Partner].browse(a.id)
    assert (both[0], both[-1], both[:1], (a | b | c)[1:].ids) == (a, b, a, (b | c).ids)
    everything = a | b | c
    assert everything.filtered(lambda t: t.number == 2) == a | c
    assert everything.filtered(Thing.number == 2) == a | c
    assert everything.sorted("name", reverse=True).ids == (c | b | a).ids
    assert everything.sorted(lambda t: (t.number, t.name)).ids == (b | a | c).ids
    assert everything.sorted().ids == (a | c | b).ids
    assert everything.grouped(lambda t: t.number) == {2: a | c, 1: b}
    assert everything.mapped(Thing.name) == ["a", "b", "c"]
    assert everything.mapped(lambda t: t.number * 2) == [4, 2, 4]
    assert everything.mapped("owner_id") == env[Partner]
    assert repr(both) == f"trade.thing{both.ids}"
    assert (a.display_name, env[Thing].browse(0).ids, env[Thing].browse(a.id)) == ("a", (), a)
    assert (a | env[Thing].browse([b.id, 10**9])).exists() == a | b
    with pytest.raises(TypeError, match="do not mix"):
        _ = both | env[Partner]  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnknownVariableType]
    for many in (lambda: both.name, both.ensure_one, env[Thing].ensure_one):
        with pytest.raises(UserError, match="one record at a time"):
            many()


def test_what_is_gone_cannot_be_read(env: Env) -> None:
    thing = env[Thing].create({"name": "x"})
    thing.unlink()
    for read in (lambda: thing.name, thing.read, lambda: thing.owner_id):
        with pytest.raises(MissingError):
            assert read() == 5
    assert not thing.part_ids


def test_models_that_are_not_there(env: Env) -> None:
    for name in ("nope", "", "trade.Thing", "pg_class"):
        with pytest.raises(UserError, match="There is no model"):
            _ = env[name]
    assert env["trade.order"] == env[Order]
