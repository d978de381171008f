"""Locks: one at a time by name or by record, whoever loses runs again, and nobody's change is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import pytest

from growsoft.errors import AccessError
from growsoft.orm import Env, run
from growsoft.postgres.refusals import Conflict, Locked
from growsoft.postgres.sql import sql
from tests.integration.orm.conftest import Trade
from tests.integration.orm.trade import Tag
from tests.support.attacker import Attacker
from tests.support.notes import Notes


def _tag(own: Trade) -> int:
    with own.acting() as env:
        return env[Tag].create({"name": "red"}).id


def _work(own: Trade, work: Callable[[Env], None], login: str = "") -> None:
    run(own.database, own.registry, lambda: own.door(login), work)


def _at_once(*works: Callable[[], None]) -> None:
    failed: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  raised again below
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def test_two_writers_lose_no_change(own: Trade) -> None:
    tag = _tag(own)

    def add(env: Env) -> None:
        record = env[Tag].browse(tag)
        record.weight += 1

    def many() -> None:
        for _ in range(40):
            _work(own, add)

    _at_once(many, many)
    with own.acting() as env:
        assert env[Tag].browse(tag).weight == 80


@pytest.mark.slow
def test_eight_writers_under_load_lose_no_change(own: Trade) -> None:
    tags = [_tag(own) for _ in range(4)]

    def add(env: Env) -> None:
        for tag in tags:
            env[Tag].browse(tag).weight += 1
        env.flush()

    def back(env: Env) -> None:
        for tag in reversed(tags):  # the other way round: deadlocks, too
            env[Tag].browse(tag).weight += 1
            env.flush()

    given_up = [0]

    def many(work: Callable[[Env], None]) -> None:
        left = 25
        while left:
            try:
                _work(own, work)
                left -= 1
            except Conflict:
                given_up[0] += 1

    _at_once(*(partial(many, work) for work in (add, back) * 4))
    with own.acting() as env:
        assert [env[Tag].browse(tag).weight for tag in tags] == [200] * 4


def test_a_named_lock_lets_one_in_and_the_other_sees_what_he_did(own: Trade) -> None:
    tag = _tag(own)
    seen: list[int] = []

    def count(env: Env) -> None:
        weight = env[Tag].browse(tag).weight
        env.lock("count")
        seen.append(weight)
        env[Tag].browse(tag).weight = weight + 1

    _at_once(*[lambda: _work(own, count)] * 5)
    assert sorted(seen) == [0, 1, 2, 3, 4], "nobody began with what another was about to change"


def test_a_named_lock_that_is_taken_says_so(own: Trade) -> None:
    with own.acting() as first, own.acting() as second:
        assert first.lock("nightly")
        assert first.lock("nightly")
        assert not second.lock("nightly", wait=False)
        assert second.lock("other", wait=False)
    with own.acting() as third:
        assert third.lock("nightly", wait=False), "it ended with its transaction"


def test_sql_that_was_injected_cannot_guess_a_named_lock(own: Trade) -> None:
    with own.acting() as env:
        env.lock("nightly")
        with Attacker(Notes(own.database, own.server)) as login:
            login.enter(own.people["ann"])
            for guess in ("hashtext('nightly')", "hashtextextended('nightly', 0)", "1"):
                assert login.attempt(f"SELECT pg_try_advisory_xact_lock({guess})").rows == [(True,)]
            assert login.attempt("SELECT objid FROM pg_locks WHERE locktype = 'advisory'").refused


def test_records_are_locked_skipped_or_refused_at_once(own: Trade) -> None:
    red, blue = _tag(own), _tag(own)
    with own.acting() as first, own.acting() as second:
        first[Tag].browse(red).lock()
        both = second[Tag].browse((red, blue))
        assert both.lock(skip=True).ids == (blue,)
        with pytest.raises(Locked, match="Somebody else works on this"):
            both.lock(nowait=True)
        assert second[Tag].browse(blue).name == "red", "the transaction goes on"
    with pytest.raises(AccessError), own.acting("ann") as env:
        env[Tag].browse(red).lock(skip=True)  # she may read tags, but not write them


def test_links_raise_the_version_of_their_record(own: Trade) -> None:
    red, blue = _tag(own), _tag(own)
    with own.acting() as env:
        partner = env["trade.partner"].create({"name": "P", "tag_ids": [(6, 0, [red])]})
        assert partner.version == 1, "made with its links"
        partner.write({"tag_ids": [(4, blue)]})
        assert partner.version == 2
        partner.write({"tag_ids": [(4, blue)]})
        assert partner.version == 2, "nothing changed"
        partner.write({"tag_ids": [(3, red)]})
        assert partner.version == 3
    assert own.database.lock_key("a") != own.database.lock_key("b")
    with own.acting() as env:
        assert env.execute(sql("SELECT version FROM trade_partner WHERE name = 'P'")).scalar(int) == 3
