"""Streams and JSON: the rows of a search, in batches under the rights of whoever asked, or as bytes for the wire."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec
import pytest

from growsoft.errors import AccessError, MissingError
from growsoft.orm import DomainError, Env
from growsoft.orm.work import WorkEnded
from growsoft.postgres.sql import sql
from growsoft.postgres.transaction import ContextRefused
from tests.integration.orm.conftest import Counted, Trade
from tests.integration.orm.trade import Partner, Size, Tag, Thing


@pytest.fixture
def things(env: Env) -> Thing:
    """A hundred things with owners and tags."""
    owners = env[Partner].create([{"name": f"owner {i}"} for i in range(3)])
    tags = env[Tag].create([{"name": "red"}, {"name": "blue"}])
    made = env[Thing].create(
        [{"name": f"t{i:03}", "number": i % 7, "owner_id": owners[i % 3], "tag_ids": tags[: i % 3]} for i in range(100)]
    )
    env.flush()
    env.cache.forget()
    return made


def test_batches_together_are_what_a_search_reads(things: Thing, counted: Counted) -> None:
    domain = [["id", "in", list(things.ids)]]
    names = ["name", "owner_id", "number"]
    with counted() as statements:
        batches = list(things.stream(domain, names, batch=30))
    assert [len(batch) for batch in batches] == [30, 30, 30, 10]
    assert [row for batch in batches for row in batch] == things.search_read(domain, names, order="id")
    assert statements == []  # the cursor alone
    by_number = [row for batch in things.stream(domain, names, batch=7, order="number desc, id") for row in batch]
    assert by_number == things.search_read(domain, names, order="number desc, id")
    assert list(things.stream([["id", "=", None]], names)) == []
    with_lists = [row for batch in things.stream(domain, ["tag_ids", "label"], batch=40) for row in batch]
    assert with_lists == things.search_read(domain, ["tag_ids", "label"], order="id")


def test_whoever_streams_may_write_and_act_elevated_in_between(shared: Trade) -> None:
    with shared.undone("ann") as env:
        things = env[Thing].create([{"name": f"t{i}", "number": 1} for i in range(50)])
        env.flush()
        seen = 0
        for batch in env[Thing].stream([["id", "in", list(things.ids)]], ["number"], batch=10):
            seen += len(batch)
            found = env[Thing].browse([row["id"] for row in batch])
            found.write({"number": 2})
            env[Thing].create({"name": "new"})  # comes too late for this stream
            assert found.sudo("a test acts elevated between two batches").mapped("number") == [2] * 10
            with env.savepoint():
                found[0].number = 3
            assert not env.cache.dirty.get("trade.thing")
        assert seen == 50
        assert sorted(things.mapped("number")) == [2] * 45 + [3] * 5


def test_a_stream_shows_what_its_caller_may_see_and_nothing_else(shared: Trade) -> None:
    with shared.undone() as env:
        env[Partner].create([{"name": f"p{i}", "hidden": i % 2 == 0} for i in range(40)])
        env.flush()
        ann = shared.as_user(env, "ann")
        names: list[str] = []
        for batch in ann[Partner].stream([["name", "=like", "p%"]], ["name"], batch=5):
            names += [row["name"] for row in batch]
            assert env[Partner].search_count([["name", "=like", "p%"]]) == 40  # others act in the same transaction
        assert names == [f"p{i}" for i in range(1, 40, 2)]
        for wrong in (["secret"], ["credit"], ["name", "secret_tag_ids"]):
            with pytest.raises(AccessError):
                ann[Partner].stream([], wrong)
            with pytest.raises(AccessError):
                ann[Partner].search_read_json([], wrong)
            with pytest.raises(AccessError):
                ann[Partner].search([]).read_json(wrong)
        for asked in ({"order": "secret"}, {"domain": [["credit", ">", 1]]}):
            with pytest.raises(AccessError):
                ann[Partner].stream(**asked)  # pyright: ignore[reportArgumentType]  a domain list
        for batch_size in (0, -1, 10**6, "5", True):
            with pytest.raises(DomainError):
                ann[Partner].stream([], batch=batch_size)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_rows_of_a_stream_are_fetched_by_nobody_else(shared: Trade) -> None:
    """A cursor that is planned for one and fetched by another gives nothing (decision 0013)."""
    with shared.undone() as env:
        env[Partner].create([{"name": f"p{i}"} for i in range(40)])
        env.flush()
        elevated = env[Partner].stream([], ["secret"], batch=5)
        next(elevated)
        ann = shared.as_user(env, "ann")
        assert ann[Partner].search([], limit=1)
        raw = env.work.transaction.stream(sql("SELECT secret FROM trade_partner"), 5)
        with pytest.raises(AccessError), env.work.savepoint():  # planned as ann, who may not read it
            next(raw)
        assert len(next(elevated)) == 5  # as the one who began it
        raw = env.work.transaction.stream(sql("SELECT secret FROM trade_partner"), 5)
        next(raw)
        assert ann[Partner].search([], limit=1)
        with pytest.raises(ContextRefused):
            next(raw)
        raw.close()
        elevated.close()


def test_a_stream_ends_with_its_transaction(own: Trade) -> None:
    with own.acting("ann") as env:
        env[Thing].create([{"name": f"t{i}"} for i in range(30)])
        env.flush()
        left = env[Thing].stream([], ["name"], batch=10)
        assert len(next(left)) == 10
    with own.acting("ann") as other:
        with pytest.raises(WorkEnded):
            next(left)
        assert other[Thing].search_count([]) == 30
        abandoned = other[Thing].stream([], ["name"], batch=10)
        next(abandoned)
        del abandoned
        assert other[Thing].search_count([]) == 30


def test_memory_does_not_grow_with_the_rows(shared: Trade) -> None:
    with shared.undone() as env:
        env.execute(sql("INSERT INTO trade_tag (name) SELECT 'tag ' || i FROM generate_series(1, 60000) i"))
        tracemalloc.start()
        rows = 0
        for batch in env[Tag].stream([["name", "=like", "tag %"]], ["name", "weight"], batch=1000):
            rows += len(batch)
        _size, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert rows == 60_000
        assert peak < 4_000_000  # all of them would take five times as much


def test_json_is_what_the_rows_say(env: Env, things: Thing) -> None:
    things[0].write(
        {"weight": Decimal("1.500"), "day": date(2026, 1, 2), "moment": datetime(2026, 1, 2, 3, tzinfo=UTC),
         "size": Size.LARGE, "owner_id": None, "fragile": True, "note": 'a "quoted"\nline'}
    )  # fmt: skip
    names = ["name", "note", "number", "weight", "fragile", "day", "moment", "size", "owner_id"]
    domain = [["id", "in", list(things.ids)]]
    for asked in (names, ["owner_id"], [], [*names, "tag_ids", "label"]):
        rows = things.search_read(domain, asked, order="id", limit=40)
        as_json = things.search_read_json(domain, asked, order="id", limit=40)
        assert msgspec.json.decode(as_json) == msgspec.json.decode(msgspec.json.encode(rows))
        assert list(msgspec.json.decode(as_json)[0]) == list(rows[0])
    (first,) = msgspec.json.decode(things[0].read_json(names))
    assert first == {
        "id": things[0].id, "name": "t000", "note": 'a "quoted"\nline', "number": 0, "weight": "1.500", "fragile": True,
        "day": "2026-01-02", "moment": "2026-01-02T03:00:00Z", "size": "large", "owner_id": None,
    }  # fmt: skip
    assert msgspec.json.decode(things[1].read_json(["owner_id"])) == [
        {"id": things[1].id, "owner_id": [things[1].owner_id.id, "owner 1"]}
    ]
    backwards = env[Thing].browse(things.ids[::-1])
    assert msgspec.json.decode(backwards.read_json(["name"])) == backwards.read(["name"])
    assert env[Thing].search_read_json([["id", "=", None]], names) == b"[]"
    assert env[Thing].browse(()).read_json(names) == b"[]"
    with pytest.raises(MissingError):
        env[Thing].browse((things.ids[0], 10**9)).read_json(["name"])
