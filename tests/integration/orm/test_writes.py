"""Writing: set by set and not before it is needed; errors in the words of the model; nothing half done."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal

import pytest

from growsoft.errors import AccessError, MissingError, ValidationError
from growsoft.orm import Env, run
from growsoft.orm.versions import ChangedMeanwhile
from growsoft.orm.work import WorkEnded, WorkSpoiled
from growsoft.postgres.sql import sql
from growsoft.postgres.transaction import Conflict, ConstraintViolated
from tests.integration.orm.conftest import Counted, Trade
from tests.integration.orm.trade import Journal, Order, Part, Partner, Size, Tag, Thing


def written(statements: list[str]) -> list[str]:
    """Pick what changes something."""
    return [text.split()[0] for text in statements if text.startswith(("INSERT", "UPDATE", "DELETE"))]


def write(records: Thing | Order, name: str) -> None:
    """Write names now, not later."""
    records.write({"name": name})
    records.env.flush()


def test_a_thousand_new_records_are_one_statement(ann: Env, counted: Counted) -> None:
    with counted() as statements:
        things = ann[Thing].create([{"name": f"t{i}", "number": i * 10} for i in range(1000)])
        ann.flush()
    assert written(statements) == ["INSERT"]
    assert [thing.number for thing in things] == [i * 10 for i in range(1000)]
    assert list(things.ids) == sorted(things.ids)


def test_a_thousand_changed_records_are_one_statement(ann: Env, counted: Counted) -> None:
    things = ann[Thing].create([{"name": f"t{i}"} for i in range(1000)])
    ann.flush()
    with counted() as statements:
        for i, thing in enumerate(things):
            thing.number = 100 + i
            thing.note = f"note {i}"
        assert statements == []
        ann.flush()
        things.write({"state": Size.LARGE, "fragile": True})
        ann.flush()
    assert written(statements) == ["UPDATE", "UPDATE"]
    ann.cache.forget()
    assert [(t.number, t.note, t.state, t.fragile) for t in things] == [
        (100 + i, f"note {i}", Size.LARGE, True) for i in range(1000)
    ]


def test_no_change_is_no_write(ann: Env, counted: Counted) -> None:
    thing = ann[Thing].create({"name": "x", "weight": "1.50", "size": "small"})
    ann.flush()
    with counted() as statements:
        thing.write({"name": "x", "weight": Decimal("1.5"), "size": Size.SMALL, "day": None, "owner_id": ann[Partner]})
        ann.flush()
    assert written(statements) == []
    assert thing.version == 1


def test_a_search_sees_what_waits(ann: Env) -> None:
    thing = ann[Thing].create({"name": "before"})
    thing.name = "after"
    assert ann[Thing].search([["name", "=", "after"]]) == thing
    assert ann[Thing].search_count([["name", "=", "before"]]) == 0
    thing.number = 5
    assert ann[Thing].search_read([["number", "=", 5]], ["name"]) == [{"id": thing.id, "name": "after"}]
    thing.note = "n"
    assert thing.read(["note"]) == [{"id": thing.id, "note": "n"}]


def test_a_write_stamps_and_counts(shared: Trade) -> None:
    with shared.undone() as env:
        thing = env[Thing].create({"name": "x"})
        env.flush()
        ann = thing.with_env(shared.as_user(env, "ann"))
        ann.name = "y"
        ann.number = 2
        ann.env.flush()
        assert (ann.version, ann.create_uid, ann.write_uid) == (2, env.user_id, shared.people["ann"].user)
        thing.ensure_version(2)
        with pytest.raises(ChangedMeanwhile, match=r"^Ann changed this record at .* UTC \(Name, Number\); reload"):
            thing.ensure_version(1)


def test_who_writes_over_another_is_told(own: Trade) -> None:
    with own.acting("ann") as env:
        thing = env[Thing].create({"name": "x"})
        seen = thing.version
    with own.acting("bob") as env:
        thing.with_env(env).name = "bob was here"
    with pytest.raises(ChangedMeanwhile, match="reload it") as told, own.acting("ann") as env:
        thing.with_env(env).ensure_version(seen)
    assert (told.value.user, told.value.fields) == (own.people["bob"].user, ("name",))


def test_who_is_told_what_changed_learns_of_no_field_that_he_may_not_read(own: Trade) -> None:
    with own.acting() as env:
        tag = env["trade.tag"].create({"name": "t"})
        partner = env["trade.partner"].create({"name": "P"})
        partner.write({"code": "before"})
        env.flush()
        seen = partner.version
        partner.write({"credit": 5, "secret": "x", "code": "c"})
        env.flush()
        partner.write({"tag_ids": [(4, tag.id)]})
    for login, fields in (("kim", ("code", "tag_ids", "credit")), ("ann", ("code", "tag_ids"))):
        with pytest.raises(ChangedMeanwhile) as told, own.acting(login) as env:
            env["trade.partner"].browse(partner.id).ensure_version(seen)
        assert set(told.value.fields) == set(fields), login
    with pytest.raises(AccessError), own.acting("ann") as env:
        env.execute(sql("SELECT gs.changed_since('trade_partner', {id}::bigint, 5)", id=partner.id))


def test_checks_speak_in_the_words_of_the_model(env: Env) -> None:
    thing = env[Thing].create({"name": "x"})
    for number in (-1001, 13):
        with pytest.raises(ValidationError, match="above -1001 and not 13"), env.savepoint():
            env[Thing].create({"name": "x", "number": number})
        with pytest.raises(ValidationError, match="above -1001 and not 13"), env.savepoint():
            thing.number = number
    assert thing.number == 0


def test_unique_values_are_unique_and_unset_ones_are_not(env: Env) -> None:
    first, second, third = env[Partner].create([{"name": "a", "code": "A"}, {"name": "b"}, {"name": "c"}])
    with pytest.raises(ConstraintViolated, match="Another partner has this code"), env.savepoint():
        second.code = "A"
    with pytest.raises(ConstraintViolated, match="Another partner has this code"), env.savepoint():
        env[Partner].create({"name": "d", "code": "A"})
    first.code, third.code = "B", "A"
    env.flush()
    assert (first.code, second.code, third.code) == ("B", "", "A")


def test_selections_are_held_by_postgresql_too(env: Env) -> None:
    thing = env[Thing].create({"name": "x"})
    with pytest.raises(ValidationError), env.savepoint():
        env.execute(sql("UPDATE trade_thing SET size = {v} WHERE id = {id}", v="medium", id=thing.id))


def test_methods_that_check_run_before_anything_is_kept(env: Env) -> None:
    thing = env[Thing].create({"name": "x"})
    bad = env[Tag].create({"name": "forbidden"})
    attempts: list[Callable[[], object]] = [
        lambda: env[Thing].create({"name": "forbidden"}),
        lambda: thing.write({"name": "forbidden"}),
        lambda: thing.write({"tag_ids": bad}),
        lambda: thing.write({"tag_ids": [[0, 0, {"name": "forbidden"}]]}),
    ]
    for attempt in attempts:
        with pytest.raises(ValidationError, match="Nothing is called like this"), env.savepoint():
            attempt()
        assert (thing.name, len(thing.tag_ids)) == ("x", 0)
    thing.write({"name": "forbidden"})
    thing.write({"name": "fine again"})
    env.flush()


def test_what_failed_without_a_savepoint_is_never_committed(own: Trade) -> None:
    with own.acting() as env:
        things = env[Thing].create([{"name": "one"}, {"name": "two"}])
    attempts: list[Callable[[Env], object]] = [
        lambda env: write(things.with_env(env), "forbidden"),
        lambda env: (things.with_env(env) | env[Thing].browse(10**6)).unlink(),
        lambda env: write(things.with_env(env) | env[Thing].browse(10**6), "half"),
        lambda env: env[Thing].create({"name": "x", "part_ids": [{"name": "fine"}, {"name": ""}]}),
    ]
    for attempt in attempts:
        with pytest.raises(WorkSpoiled), own.acting() as env, pytest.raises((ValidationError, MissingError)):
            attempt(env)
    with own.acting() as env:
        assert env[Thing].search([]).mapped("name") == ["one", "two"]


def test_a_refusal_before_anything_happened_does_no_harm(own: Trade) -> None:
    with own.acting("ann") as env:
        with pytest.raises(ValidationError):
            env[Thing].create({"name": ""})
        thing = env[Thing].create({"name": "x"})
        with pytest.raises(ValidationError):
            thing.write({"number": "five"})
        with pytest.raises(AccessError):
            env[Tag].create({"name": "x"})
    with own.acting() as env:
        assert env[Thing].search([]).mapped("name") == ["x"]


def test_a_savepoint_undoes_rows_and_what_is_in_memory(env: Env) -> None:
    thing = env[Thing].create({"name": "x", "part_ids": [{"name": "p"}]})
    thing.note = "kept"

    def change() -> None:
        thing.name = "changed"
        thing.number = 5
        env[Part].create({"name": "q", "thing_id": thing.id})
        thing.write({"tag_ids": [[0, 0, {"name": "t"}]]})
        assert (len(thing.part_ids), len(thing.tag_ids)) == (2, 1)
        raise RuntimeError

    with pytest.raises(RuntimeError), env.savepoint():
        change()
    assert (thing.name, thing.number, thing.note) == ("x", 0, "kept")
    assert (thing.part_ids.mapped("name"), len(thing.tag_ids)) == (["p"], 0)
    with env.savepoint(), pytest.raises(ValidationError), env.savepoint():
        thing.number = 13
    assert thing.number == 0


def test_who_may_not_write_is_told_and_existence_is_not(shared: Trade) -> None:
    with shared.undone() as env:
        partner = env[Partner].create({"name": "Open"})
        others = env[Order].create({"name": "o", "partner_id": partner, "user_id": shared.people["bob"].user})
        env.flush()
        ann = shared.as_user(env, "ann")
        hidden, nowhere = ann[Order].browse(others.id), ann[Order].browse(10**9)
        said: list[tuple[str, ...]] = []
        for order in (hidden, nowhere):
            told: list[str] = []
            asked: list[Callable[[Order], object]] = [
                lambda order: order.name,
                lambda order: order.read(["name"]),
                lambda order: write(order, "x"),
                lambda order: order.lock(),
                lambda order: order.ensure_version(1),
                lambda order: ann["trade.line"].create({"order_id": order.id}),
                lambda order: ann["trade.line"].create({"order_id": order}),
            ]
            for ask in asked:
                with pytest.raises((MissingError, AccessError)) as error, ann.savepoint():
                    ask(order)
                told.append(f"{type(error.value).__name__} {error.value}")
            told.append(str(len(order.exists())))
            said.append(tuple(told))
        assert said[0] == said[1]


def test_reading_is_not_writing(shared: Trade) -> None:
    with shared.undone() as env:
        tags = env[Tag].create([{"name": "a"}, {"name": "b"}])
        page = env[Journal].create({"name": "closed", "closed": True, "tag_ids": tags[0]})
        env.flush()
        aud = page.with_env(shared.as_user(env, "aud"))
        assert aud.read(["name"])[0]["name"] == "closed"
        attempts: list[Callable[[], None]] = [
            lambda: aud.write({"name": "x"}),
            lambda: aud.write({"tag_ids": [[5]]}),
            lambda: aud.write({"tag_ids": tags[1].ids}),
            aud.unlink,
        ]
        for attempt in attempts:
            with pytest.raises(AccessError), aud.env.savepoint():
                attempt()  # written when the savepoint ends, at the latest
            assert (aud.exists().name, aud.tag_ids.mapped("name")) == ("closed", ["a"])


def test_deleting_takes_what_belongs_to_a_record_and_nothing_else(env: Env) -> None:
    partner = env[Partner].create({"name": "p"})
    order = env[Order].create({"name": "o", "partner_id": partner, "line_ids": [{"name": "a"}, {"name": "b"}]})
    tag = env[Tag].create({"name": "t"})
    thing = env[Thing].create({"name": "x", "owner_id": partner, "tag_ids": tag, "part_ids": [{"name": "part"}]})
    assert order.line_ids
    with (
        pytest.raises(
            ConstraintViolated, match=r"(Owner of Thing|Partner of Order) refers to this record: [xo]\. Change"
        ),
        env.savepoint(),
    ):
        partner.unlink()
    with (
        pytest.raises(ConstraintViolated, match=r"Thing of Part refers to this record: part\. Change"),
        env.savepoint(),
    ):
        thing.unlink()
    lines = order.line_ids
    order.unlink()
    assert not lines.exists()
    tag.unlink()
    assert not thing.tag_ids
    thing.write({"part_ids": [[5]]})
    thing.unlink()
    assert not thing.exists()
    partner.unlink()
    assert not (env[Thing] | thing).exists()
    with pytest.raises(MissingError):
        partner.unlink()


def test_a_transaction_that_lost_is_repeated_as_a_whole(own: Trade) -> None:
    with own.acting() as env:
        thing = env[Thing].create({"name": "x", "number": 100})
    rounds: list[int] = []
    both = threading.Barrier(2)

    def add(env: Env) -> None:
        found = env[Thing].browse(thing.id)
        seen = found.number
        rounds.append(seen)
        if len(rounds) <= 2:
            both.wait(10)
        found.number = seen + 1

    def work() -> None:
        run(own.database, own.registry, lambda: own.door("ann"), add)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rounds == [100, 100, 101]
    with own.acting() as env:
        assert env[Thing].browse(thing.id).number == 102


def test_what_always_loses_gives_up(own: Trade) -> None:
    tries: list[int] = []

    def lose(_env: Env) -> None:
        tries.append(1)
        raise Conflict

    with pytest.raises(Conflict):
        run(own.database, own.registry, lambda: own.door("ann"), lose)
    assert len(tries) == 6


def test_records_do_not_outlive_their_transaction(own: Trade) -> None:
    with own.acting("ann") as env:
        thing = env[Thing].create({"name": "x"})
        env.flush()
        env.cache.forget()
    for ask in (lambda: thing.name, lambda: thing.search([]), thing.exists, lambda: env.execute(sql("SELECT 1"))):
        with pytest.raises(WorkEnded):
            ask()


def test_a_lock_is_taken_in_one_order(own: Trade, counted: Counted) -> None:
    with own.acting() as env:
        things = env[Thing].create([{"name": "a"}, {"name": "b"}])
    with own.acting("ann") as env:
        with counted() as statements:
            locked = env[Thing].browse(reversed(things.ids)).lock()
        assert locked.ids == tuple(reversed(things.ids))
        assert "ORDER BY id FOR UPDATE" in statements[-1]
        with pytest.raises(MissingError):
            env[Thing].browse(10**9).lock()
