"""Links and lines: every command, on lines of one's own only, and lists that are never stale."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from growsoft.errors import AccessError, ValidationError
from growsoft.orm import Env
from tests.integration.orm.conftest import Counted, Trade
from tests.integration.orm.trade import Journal, Line, Order, Part, Partner, Tag, Thing

CHOOSE = "choose a record that exists and that you may see"


def names(records: Thing | Part | Tag | Line) -> list[str]:
    """Give the names in order."""
    return [record.name for record in records]


def test_lines_are_made_changed_taken_out_put_in_and_replaced(env: Env) -> None:
    thing = env[Thing].create({"name": "t", "part_ids": [(0, 0, {"name": "b", "place": 2}), {"name": "a", "place": 1}]})
    assert names(thing.part_ids) == ["a", "b"]
    first, second = thing.part_ids
    thing.write({"part_ids": [(1, first.id, {"name": "c", "place": 3})]})
    assert names(thing.part_ids) == ["b", "c"]
    thing.write({"part_ids": [(3, second.id, 0)]})
    assert (names(thing.part_ids), second.thing_id) == (["c"], env[Thing])
    thing.write({"part_ids": [(4, second.id)]})
    assert (names(thing.part_ids), second.thing_id) == (["b", "c"], thing)
    thing.write({"part_ids": [(2, second.id)]})
    assert (names(thing.part_ids), len(second.exists())) == (["c"], 0)
    thing.write({"part_ids": [(5,)]})
    assert (names(thing.part_ids), names(first.exists())) == ([], ["c"])
    loose = env[Part].create([{"name": "x"}, {"name": "y"}])
    thing.write({"part_ids": [(6, 0, [loose[0].id, first.id])]})
    assert names(thing.part_ids) == ["x", "c"]
    thing.write({"part_ids": [(6, 0, loose.ids)]})
    assert names(thing.part_ids) == ["x", "y"]
    thing.part_ids = first
    assert names(thing.part_ids) == ["c"]
    thing.write({"part_ids": None})
    assert names(thing.part_ids) == []


def test_lines_that_cannot_be_alone_go_when_they_are_taken_out(env: Env) -> None:
    partner = env[Partner].create({"name": "p"})
    order = env[Order].create({"name": "o", "partner_id": partner, "line_ids": [{"name": n} for n in "abcd"]})
    a, b, c, d = order.line_ids
    order.write({"line_ids": [(3, a.id)]})
    order.write({"line_ids": [(2, b.id)]})
    assert (names(order.line_ids), order.line_count) == (["c", "d"], 2)
    order.write({"line_ids": [(6, 0, [d.id])]})
    assert [len(line.exists()) for line in (a, b, c, d)] == [0, 0, 0, 1]
    order.write({"line_ids": [(5,)]})
    assert (len(order.line_ids), order.line_count) == (0, 0)


def test_links_are_made_put_in_taken_out_and_replaced(env: Env) -> None:
    red, blue, green = env[Tag].create([{"name": "red"}, {"name": "blue"}, {"name": "green"}])
    thing = env[Thing].create({"name": "t", "tag_ids": [red.id, (4, blue.id), (0, 0, {"name": "new"})]})
    assert names(thing.tag_ids) == ["blue", "new", "red"]
    thing.write({"tag_ids": [(3, red.id), (3, green.id)]})
    assert (names(thing.tag_ids), len(red.exists())) == (["blue", "new"], 1)
    thing.write({"tag_ids": [(1, blue.id, {"name": "sky"})]})
    assert (blue.name, names(thing.tag_ids)) == ("sky", ["new", "sky"])
    thing.write({"tag_ids": [(2, blue.id)]})
    assert (names(thing.tag_ids), len(blue.exists())) == (["new"], 0)
    thing.write({"tag_ids": [(6, 0, [red.id, green.id, red.id])]})
    assert names(thing.tag_ids) == ["green", "red"]
    thing.write({"tag_ids": [red.id]})
    assert names(thing.tag_ids) == ["green", "red"]
    thing.tag_ids = green
    assert names(thing.tag_ids) == ["green"]
    thing.write({"tag_ids": [(5,)]})
    assert names(thing.tag_ids) == []


def test_a_thousand_records_with_links_and_lines_are_a_few_statements(shared: Trade, counted: Counted) -> None:
    with shared.undone() as env:
        tags = env[Tag].create([{"name": "red"}, {"name": "blue"}])
        rows = [
            {"name": f"t{i}", "tag_ids": tags.ids[: i % 3], "part_ids": [{"name": "p"}] * (i % 2)} for i in range(1000)
        ]
        with counted() as statements:
            things = env[Thing].create(rows)
            env.flush()
        assert len(statements) < 15
        assert [len(thing.tag_ids) for thing in things] == [min(i % 3, 2) for i in range(1000)]
        assert [len(thing.part_ids) for thing in things] == [i % 2 for i in range(1000)]


def test_commands_reach_lines_of_the_record_only(env: Env) -> None:
    mine, theirs = env[Thing].create(
        [{"name": "mine", "part_ids": [{"name": "m"}]}, {"name": "t", "part_ids": [{"name": "t"}]}]
    )
    foreign = theirs.part_ids
    tag = env[Tag].create({"name": "tag"})
    theirs.tag_ids = tag
    for command in ((1, foreign.id, {"name": "x"}), (2, foreign.id), (1, 10**9, {"name": "x"}), (2, 10**9)):
        with pytest.raises(AccessError), env.savepoint():
            mine.write({"part_ids": [command]})
    for command in ((1, tag.id, {"name": "x"}), (2, tag.id)):
        with pytest.raises(AccessError), env.savepoint():
            mine.write({"tag_ids": [command]})
    mine.write({"part_ids": [(3, foreign.id)], "tag_ids": [(3, tag.id)]})
    assert (foreign.thing_id, names(foreign), names(theirs.tag_ids)) == (theirs, ["t"], ["tag"])
    order = env[Order].create(
        {"name": "o", "partner_id": env[Partner].create({"name": "p"}), "line_ids": [{"name": "l"}]}
    )
    other = order.create({"name": "o2", "partner_id": order.partner_id})
    other.write({"line_ids": [(3, order.line_ids.id)]})
    assert names(order.line_ids) == ["l"]


def test_what_one_does_not_see_cannot_be_linked_to(shared: Trade) -> None:
    with shared.undone() as env:
        hidden = env[Partner].create({"name": "hidden", "hidden": True})
        env.flush()
        ann = shared.as_user(env, "ann")
        partner = ann[Partner].create({"name": "mine"})
        order = ann[Order].create({"name": "mine", "partner_id": partner})
        thing = ann[Thing].create({"name": "t"})
        for one in (hidden.id, 10**9):
            attempts: list[Callable[[int], object]] = [
                lambda one: ann[Order].create({"name": "x", "partner_id": one}),
                lambda one: order.write({"partner_id": one}),
                lambda one: thing.write({"owner_id": one}),
                lambda one: partner.write({"parent_id": one}),
                lambda one: partner.write({"child_ids": [one]}),
                lambda one: partner.write({"child_ids": [(6, 0, [one])]}),
                lambda one: thing.write({"tag_ids": [one]}),
            ]
            for attempt in attempts:
                with (
                    pytest.raises(AccessError, match=CHOOSE),
                    ann.savepoint(),
                ):
                    attempt(one)
        with pytest.raises(AccessError, match=CHOOSE), ann.savepoint():
            order.write({"line_ids": [(4, 10**9)]})
        assert (order.partner_id.name, thing.owner_id.id) == ("mine", 0)


def test_lists_follow_what_happens_to_their_lines(env: Env) -> None:
    one, two = env[Thing].create([{"name": "one"}, {"name": "two"}])
    assert (names(one.part_ids), names(two.part_ids)) == ([], [])
    part = env[Part].create({"name": "p", "thing_id": one.id, "place": 1})
    assert (names(one.part_ids), names(two.part_ids)) == (["p"], [])
    other = env[Part].create({"name": "q", "thing_id": one, "place": 2})
    assert names(one.part_ids) == ["p", "q"]
    part.place = 3
    assert names(one.part_ids) == ["q", "p"]
    part.thing_id = two
    assert (names(one.part_ids), names(two.part_ids)) == (["q"], ["p"])
    other.unlink()
    assert names(one.part_ids) == []
    tags = env[Tag].create([{"name": "a"}, {"name": "b"}])
    one.tag_ids = tags
    assert names(one.tag_ids) == ["a", "b"]
    tags[0].name = "c"
    assert names(one.tag_ids) == ["b", "c"]
    tags[1].unlink()
    assert names(one.tag_ids) == ["c"]


def test_what_others_do_in_the_same_transaction_is_seen(shared: Trade) -> None:
    with shared.undone("ann") as env:
        thing = env[Thing].create({"name": "t", "part_ids": [{"name": "p"}]})
        assert (names(thing.part_ids), names(thing.tag_ids)) == (["p"], [])
        raised = thing.sudo("a test changes in elevated hands what it has read in its own")
        raised.write({"name": "u", "tag_ids": [{"name": "tag"}], "part_ids": [{"name": "q"}]})
        raised.env.flush()
        assert (thing.name, names(thing.part_ids), names(thing.tag_ids)) == ("u", ["p", "q"], ["tag"])
        thing.name = "v"
        assert raised.name == "v"
        thing.part_ids[0].unlink()
        assert names(raised.part_ids) == ["q"]


def test_links_are_changed_by_those_who_may_change_the_record(shared: Trade) -> None:
    with shared.undone() as env:
        tag = env[Tag].create({"name": "tag"})
        pages = env[Journal].create(
            [{"name": "open", "tag_ids": tag}, {"name": "closed", "closed": True, "tag_ids": tag}]
        )
        partner = env[Partner].create({"name": "p", "tag_ids": tag, "secret_tag_ids": tag})
        env.flush()
        aud = pages.with_env(shared.as_user(env, "aud"))
        assert [names(page.tag_ids) for page in aud] == [["tag"], ["tag"]]
        aud[0].write({"tag_ids": [(3, tag.id)]})
        aud[0].write({"tag_ids": [(4, tag.id)]})
        refused: list[tuple[object, ...]] = [(3, tag.id), (5,), (6, 0, []), (2, tag.id)]
        for command in refused:
            with pytest.raises(AccessError), aud.env.savepoint():
                aud[1].write({"tag_ids": [command]})
        assert names(aud[1].tag_ids) == ["tag"]
        joe = partner.with_env(shared.as_user(env, "joe"))
        assert names(joe.tag_ids) == ["tag"]
        for attempt in (lambda: joe.write({"tag_ids": [(5,)]}), lambda: joe.secret_tag_ids):
            with pytest.raises(AccessError), joe.env.savepoint():
                attempt()
        kim = partner.with_env(shared.as_user(env, "kim"))
        assert names(kim.secret_tag_ids) == ["tag"]


def test_links_take_records_of_their_model_only(env: Env) -> None:
    tag = env[Tag].create({"name": "tag"})
    thing = env[Thing].create({"name": "t"})
    for field in ("owner_id", "part_ids"):
        with pytest.raises(ValidationError, match="a Tag is not a record of trade"):
            thing.write({field: tag})
    with pytest.raises(ValidationError, match="not one record"):
        thing.write({"owner_id": env[Partner].create([{"name": "a"}, {"name": "b"}])})
    with pytest.raises(ValidationError, match="a Tag is not a record of"):
        env[Thing].search(Thing.owner_id.in_(tag))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
