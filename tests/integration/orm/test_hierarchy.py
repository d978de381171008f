"""Hierarchies: child_of and parent_of are what walking the links gives, whoever moved what, and never a circle."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growsoft.errors import GrowsoftError, MissingError, ValidationError
from growsoft.orm import DomainError, Env, run
from growsoft.orm.domain import Leaf
from growsoft.postgres.sql import Sql, sql
from growsoft.postgres.superuser import superuser
from tests.integration.orm.conftest import Trade
from tests.integration.orm.trade import Order, Partner, Thing

PLACES = 8


def descended(above: Mapping[int, int], top: int) -> set[int]:
    """A record and all below it, by walking."""
    found = {top}
    while more := {child for child, parent in above.items() if parent in found} - found:
        found |= more
    return found


def ascended(above: Mapping[int, int], one: int) -> set[int]:
    """A record and all above it."""
    found = {one}
    while (one := above.get(one, 0)) and one not in found:
        found.add(one)
    return found


class Family:
    """Partners that are moved about, by the ORM and by raw SQL, beside what they should be."""

    def __init__(self, env: Env) -> None:
        self.env = env
        self.partners = env[Partner].create([{"name": f"p{i}"} for i in range(PLACES)])
        self.above: dict[int, int] = {}

    def move(self, moves: Mapping[int, int | None], *, raw: bool) -> None:
        """Give some new parents at once; expect a refusal where that makes a circle."""
        ids = self.partners.ids
        wanted = {ids[one]: None if parent is None else ids[parent] for one, parent in moves.items()}
        after = {child: parent for child, parent in {**self.above, **wanted}.items() if parent}
        circle = any(child in ascended(after, parent) for child, parent in after.items())
        refused = ""
        try:
            with self.env.savepoint():
                self._try(wanted, raw=raw)
        except ValidationError as error:
            refused = str(error)
        assert bool(refused) == circle
        if not refused:
            self.above = after
        assert raw or not refused or "below itself" in refused

    def _try(self, wanted: Mapping[int, int | None], *, raw: bool) -> None:
        if raw:
            self.env.execute(_raw_move(wanted))
            self.env.cache.forget()  # whoever goes past the ORM says so
            return
        for child, parent in wanted.items():
            self.env[Partner].browse(child).write({"parent_id": parent})
        self.env.flush()

    def check(self) -> None:
        """Compare both directions for every partner, in PostgreSQL and in memory."""
        for one in self.partners:
            among = Leaf(("id",), "in", self.partners.ids)
            for operator, expected in (
                ("child_of", descended(self.above, one.id)),
                ("parent_of", ascended(self.above, one.id)),
            ):
                asked = [["id", operator, one.id]]
                assert set(one.search(asked).ids) == expected
                assert len(self.partners.search([*asked, ["id", "in", list(self.partners.ids)]])) == len(expected)
            below = descended(self.above, one.id)
            assert set(self.partners.filtered(Partner.id.child_of(one.id)).ids) == below
            with_parent = {child for child, parent in self.above.items() if parent in below}
            assert set(one.search(Partner.parent_id.child_of(one) & among).ids) == with_parent


def _raw_move(wanted: Mapping[int, int | None]) -> Sql:
    return sql(
        "UPDATE trade_partner SET parent_id = n.parent, write_uid = gs.user_id()"
        " FROM unnest({ids}::bigint[], {parents}::bigint[]) AS n(id, parent) WHERE trade_partner.id = n.id",
        ids=list(wanted), parents=list(wanted.values()),
    )  # fmt: skip


MOVES = st.dictionaries(st.integers(0, PLACES - 1), st.none() | st.integers(0, PLACES - 1), min_size=1, max_size=PLACES)


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(st.tuples(MOVES, st.booleans()), min_size=1, max_size=5))
def test_any_moves_leave_what_walking_the_links_finds(
    shared: Trade, steps: list[tuple[dict[int, int | None], bool]]
) -> None:
    with shared.undone() as env:
        family = Family(env)
        for moves, raw in steps:
            family.move(moves, raw=raw)
        family.check()


def test_records_made_and_deleted_are_in_their_place(env: Env) -> None:
    top = env[Partner].create(
        {"name": "top", "child_ids": [{"name": "a", "child_ids": [{"name": "b"}]}, {"name": "c"}]}
    )
    below = env[Partner].search(Partner.id.child_of(top.id))
    assert sorted(below.mapped("name")) == ["a", "b", "c", "top"]
    c = below.filtered(Partner.name == "c")
    c.unlink()
    assert len(env[Partner].search(Partner.id.child_of(top.id))) == 3
    loose = env[Partner].create([{"name": "d"}, {"name": "e", "parent_id": top}, {"name": "f", "parent_id": top}])
    loose[0].parent_id = loose[1]
    assert len(env[Partner].search(Partner.id.child_of(top.id))) == 6
    assert len(env[Partner].search(Partner.id.parent_of(loose[0].id))) == 3


def test_links_lead_into_a_hierarchy(env: Env) -> None:
    top, middle, leaf, other = env[Partner].create([{"name": n} for n in ("top", "middle", "leaf", "other")])
    middle.parent_id, leaf.parent_id = top, middle
    things = env[Thing].create([{"name": p.name, "owner_id": p} for p in (top, middle, leaf, other)])
    among = Leaf(("id",), "in", things.ids)

    def found(term: list[object]) -> list[str]:
        return sorted(env[Thing].search([term, ["id", "in", list(things.ids)]]).mapped("name"))

    assert found(["owner_id", "child_of", middle.id]) == ["leaf", "middle"]
    assert found(["owner_id", "child_of", [middle.id, other.id]]) == ["leaf", "middle", "other"]
    assert found(["owner_id", "parent_of", leaf.id]) == ["leaf", "middle", "top"]
    assert found(["owner_id.parent_id", "child_of", top.id]) == ["leaf", "middle"]
    assert found(["owner_id", "any", [["id", "child_of", middle.id]]]) == ["leaf", "middle"]
    assert found(["owner_id.child_ids", "child_of", leaf.id]) == ["middle"]
    assert found(["owner_id", "child_of", None]) == found(["owner_id", "child_of", []]) == []
    assert sorted(env[Thing].search(~Thing.owner_id.child_of(middle) & among).mapped("name")) == ["other", "top"]
    assert things.filtered(Thing.owner_id.child_of(middle)) == things[1:3]
    assert things.filtered(Thing.owner_id.parent_of(middle)) == things[:2]


def test_what_is_no_hierarchy_is_refused(env: Env) -> None:
    for model, term in (
        ("trade.thing", ["id", "child_of", 1]),
        ("trade.thing", ["name", "child_of", "x"]),
        ("trade.thing", ["tag_ids", "child_of", 1]),
        ("trade.thing", ["number", "parent_of", 1]),
        ("trade.partner", ["name", "child_of", 1]),
    ):
        with pytest.raises(DomainError, match="_parent_name"):
            env[model].search([term])
    wrong: list[object] = ["1", "1 OR true", 1.5, True, ["x"], [[1]], 2**70, {}]
    for value in wrong:
        with pytest.raises(ValidationError):
            env[Partner].search([["id", "child_of", value]])


def test_nothing_is_too_far_down(env: Env) -> None:
    above = env[Partner].create({"name": "top"})
    _chain(above, 100)
    with pytest.raises(ValidationError, match="too far below the top"), env.savepoint():
        _chain(above, 600)


def _chain(above: Partner, length: int) -> None:
    for i in range(length):
        above = above.create({"name": f"p{i}", "parent_id": above})


# -- what is hidden ----------------------------------------------------------------------------------------------------


def test_a_way_leads_through_what_is_hidden_and_shows_nothing_of_it(shared: Trade) -> None:
    with shared.undone() as env:
        top = env[Partner].create({"name": "top"})
        hidden = env[Partner].create({"name": "hidden", "hidden": True, "parent_id": top})
        leaf = env[Partner].create({"name": "leaf", "parent_id": hidden})
        env[Thing].create({"name": "of hidden", "owner_id": hidden})
        env.flush()
        ann = shared.as_user(env, "ann")
        assert ann[Partner].search(Partner.id.child_of(top.id)).mapped("name") == ["leaf", "top"]
        assert ann[Partner].search(Partner.id.parent_of(leaf.id)).mapped("name") == ["leaf", "top"]
        assert ann[Partner].search(Partner.id.child_of(hidden.id)).mapped("name") == ["leaf"]
        assert ann[Thing].search([["owner_id", "any", [["id", "child_of", top.id]]]]).ids == ()
        with pytest.raises(MissingError), ann.savepoint():
            ann[Partner].browse(hidden.id).write({"parent_id": None})
        # Whoever moves what he sees moves what he does not see with it.
        other = ann[Partner].create({"name": "other"})
        top.with_env(ann).parent_id = other
        ann.flush()
        assert set(env[Partner].search(Partner.id.child_of(other.id)).ids) == {other.id, top.id, hidden.id, leaf.id}
        with pytest.raises(ValidationError, match="below itself"), ann.savepoint():
            other.write({"parent_id": leaf.id})  # written when the savepoint ends


def test_raw_sql_is_told_of_a_hierarchy_only_where_it_may_read_the_links(shared: Trade) -> None:
    with shared.undone() as env:
        top = env[Partner].create({"name": "top", "child_ids": [{"name": "below"}]})
        env.flush()
        asked = sql("SELECT gs.below('trade_partner', 'parent_id', {ids}::bigint[])", ids=[top.id])
        for login, told in (("ann", 2), ("joe", 2)):
            assert len(shared.as_user(env, login).execute(asked).one()[0]) == told
        for column in ("credit", "secret"):
            asked = sql(
                "SELECT gs.above('trade_partner', {c}, {ids}::bigint[])", c=column, ids=[top.id]
            )  # fmt: skip
            assert shared.as_user(env, "joe").execute(asked).scalar(list) == []
        for statement in (
            sql("SELECT * FROM gs_priv.tree"),
            sql("SELECT gs_priv.tree_move('trade_partner', '{{1}}', '{{2}}')"),
            sql("SELECT gs_priv.tree_fill('trade_partner', 'parent_id')"),
            sql("UPDATE gs_priv.tree SET path = '/1/'"),
            sql("SELECT gs.below('gs_priv.tree', 'id', '{{1}}')"),
            sql("ALTER TABLE trade_partner DISABLE TRIGGER gs_tree_update"),
        ):
            for login in ("joe", "kim", ""):
                acting = shared.as_user(env, login) if login else env
                with pytest.raises(GrowsoftError), acting.savepoint():
                    acting.execute(statement)


# -- at the same time --------------------------------------------------------------------------------------------------


def _at_once(*work: Callable[[], None]) -> list[BaseException | None]:
    """Run functions in threads; give what each ended with."""
    ends: list[BaseException | None] = [None] * len(work)

    def one(place: int) -> None:
        try:
            work[place]()
        except BaseException as error:  # noqa: BLE001  looked at by the test
            ends[place] = error

    threads = [threading.Thread(target=one, args=(place,)) for place in range(len(work))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return ends


class Together:
    """Changes that all have looked at a partner before the first of them is made."""

    def __init__(self, own: Trade, seen: int, changes: int) -> None:
        self.own = own
        self.seen = seen
        self.start = threading.Barrier(changes)

    def __call__(self, change: Callable[[Env], object]) -> Callable[[], None]:
        first = [True]

        def work(env: Env) -> None:
            assert env[Partner].browse(self.seen).name  # takes the snapshot
            if first:
                first.clear()
                self.start.wait(30)
            change(env)

        return lambda: run(self.own.database, self.own.registry, self.own.door, work)


def test_two_who_move_each_into_the_other_make_no_circle(own: Trade) -> None:
    with own.acting() as env:
        one, two = env[Partner].create([{"name": "one"}, {"name": "two"}]).ids
    together = Together(own, one, 2)
    ends = _at_once(
        together(lambda env: env[Partner].browse(one).write({"parent_id": two})),
        together(lambda env: env[Partner].browse(two).write({"parent_id": one})),
    )
    (refused,) = [end for end in ends if end is not None]  # the second one began again, and saw what the first had done
    assert isinstance(refused, ValidationError)
    with own.acting() as env:
        (child,) = [p.id for p in env[Partner].browse((one, two)) if p.parent_id]
        assert set(env[Partner].search(Partner.id.parent_of(child)).ids) == {one, two}


@pytest.mark.parametrize("child_first", [True, False])
def test_a_child_that_comes_while_its_parent_moves_is_in_its_place(own: Trade, *, child_first: bool) -> None:
    for _round in range(3):
        with own.acting() as env:
            parent, target = env[Partner].create([{"name": "parent"}, {"name": "target"}]).ids
        together = Together(own, parent, 2)
        changes = [
            together(partial(_make_below, parent)),
            together(partial(_move_below, parent, target)),
        ]
        assert _at_once(*(changes if child_first else reversed(changes))) == [None, None]
        with own.acting() as env:
            assert len(env[Partner].search(Partner.id.child_of(target))) == 3


def _make_below(parent: int, env: Env) -> None:
    env[Partner].create({"name": "child", "parent_id": parent})


def _move_below(child: int, parent: int, env: Env) -> None:
    env[Partner].browse(child).write({"parent_id": parent})


def test_a_table_becomes_a_hierarchy_with_the_rows_it_has(own: Trade) -> None:
    with own.acting() as env:
        top = env[Partner].create({"name": "top", "child_ids": [{"name": "a", "child_ids": [{"name": "b"}]}]})
        order = env[Order].create({"name": "o", "partner_id": top})
    with superuser(replace(own.server, dbname=own.database.name)) as owner:
        ways = owner.run(sql("SELECT id, path FROM gs_priv.tree WHERE tab = 'trade_partner' ORDER BY id")).all()
        owner.run(sql("UPDATE gs_priv.tree SET path = '/0/' WHERE tab = 'trade_partner'"))
        owner.run(sql("SELECT gs_priv.tree_fill('trade_partner', 'parent_id')"))
        again = owner.run(sql("SELECT id, path FROM gs_priv.tree WHERE tab = 'trade_partner' ORDER BY id")).all()
    assert ways == again
    assert len(ways) == 3
    with own.acting() as env:
        assert env[Order].search([["partner_id", "child_of", top.id]]).ids == order.ids
