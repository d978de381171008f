"""The chain over the history: sealed in the order of transactions, and whoever touches a sealed row is found out."""

import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from growsoft.postgres.sealing import SHORTEST_RETENTION, begin_era, seal_history, sweep_history
from growsoft.postgres.seals import IN_ORDER, ROWS, SEALS, Head, Seal, hash_of, new_seal, row_of, seal_of
from growsoft.postgres.sql import Sql, sql
from growsoft.postgres.superuser import Superuser, superuser
from growsoft.postgres.verifying import verify_history
from tests.support.notes import ANN, KIM, Notes

RENAME = sql("UPDATE note SET name = name || 'x' WHERE id = 1")


def change(notes: Notes, times: int = 1) -> None:
    """Change a note; each time is a row of the history."""
    for _ in range(times):
        with notes.database.transaction(notes.door(ANN)) as tx:
            tx.execute(RENAME)


def sealed(connection: Superuser, notes: Notes, batches: int = 3, each: int = 4) -> list[Head]:
    """Make batches of rows and seal each; give the heads."""
    heads: list[Head] = []
    for _ in range(batches):
        change(notes, each)
        done = seal_history(connection)
        assert (done.rows, done.waiting) == (each, False)
        assert done.head is not None
        heads.append(done.head)
    return heads


def test_what_is_sealed_verifies_and_is_sealed_once(notes: Notes) -> None:
    with superuser(notes.owner) as connection:
        heads = sealed(connection, notes)
        assert seal_history(connection).rows == 0
        change(notes)
        verdict = verify_history(connection, heads)
    assert verdict.findings == []
    assert (verdict.rows, verdict.seals, verdict.waiting, verdict.head) == (12, 3, 1, heads[-1])


def test_a_history_without_rows_is_whole(notes: Notes) -> None:
    with superuser(notes.owner) as connection:
        assert seal_history(connection).head is None
        assert verify_history(connection).findings == []


def test_rows_of_a_transaction_that_ends_late_are_neither_left_out_nor_out_of_order(notes: Notes) -> None:
    with superuser(notes.owner) as connection:
        change(notes)
        with notes.database.transaction(notes.door(KIM)) as slow:
            slow.execute(sql("UPDATE note SET name = 'slow' WHERE id = 4"))
            change(notes, 2)  # later transactions, committed earlier
            first = seal_history(connection)
            assert (first.rows, first.waiting) == (1, True)
            slow.execute(sql("UPDATE note SET name = 'slower' WHERE id = 4"))
        change(notes)
        second = seal_history(connection)
        assert (second.rows, second.waiting) == (5, False)
        verdict = verify_history(connection, [head for head in (first.head, second.head) if head])
        assert (verdict.findings, verdict.rows, verdict.waiting) == ([], 6, 0)


def test_many_writers_and_a_sealer_at_the_same_time(notes: Notes) -> None:
    chance = random.Random(5)  # noqa: S311  no secret
    delays = [[chance.random() / 100 for _ in range(12)] for _ in range(5)]
    ended = threading.Event()

    def write(mine: list[float]) -> None:
        for delay in mine:
            with notes.database.transaction(notes.door(KIM)) as tx:
                tx.execute(sql("INSERT INTO note (name, user_id, company_id) VALUES ('', 14, 1), ('', 14, 1)"))
                ended.wait(delay)
                tx.execute(sql("INSERT INTO note (name, user_id, company_id) VALUES ('', 14, 1)"))

    writers = [threading.Thread(target=write, args=(mine,)) for mine in delays]
    heads: list[Head] = []
    with superuser(notes.owner) as connection:
        for writer in writers:
            writer.start()
        while any(writer.is_alive() for writer in writers):
            head = seal_history(connection).head
            heads += [head] if head else []
        for writer in writers:
            writer.join()
        last = seal_history(connection)
        verdict = verify_history(connection, heads)
    assert not last.waiting
    assert (verdict.findings, verdict.rows, verdict.waiting) == ([], 5 * 12 * 3, 0)


def test_a_large_transaction_takes_several_seals(notes: Notes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("growsoft.postgres.sealing.BATCH", 100)
    with superuser(notes.owner) as connection:
        with notes.database.transaction(notes.door(KIM)) as tx:
            tx.execute(
                sql("INSERT INTO note (name, user_id, company_id) SELECT '', 14, 1 FROM generate_series(1, 250)")
            )
        assert seal_history(connection).rows == 250
        verdict = verify_history(connection)
    assert (verdict.findings, verdict.seals, verdict.rows) == ([], 3, 250)


def forged_chain(connection: Superuser) -> None:
    """Change a row and work out every seal anew, as somebody with the superuser's rights and this code could."""
    connection.run(sql("UPDATE gs_priv.audit SET user_id = 14 WHERE id = 2"))
    rows = [row_of(values) for values in connection.run(sql("{r} {o}", r=ROWS, o=IN_ORDER)).all()]
    before: Seal | None = None
    for old in [seal_of(values) for values in connection.run(sql("{s} ORDER BY number", s=SEALS)).all()]:
        mine = rows[4 * old.number : 4 * old.number + 4]
        made = new_seal(before, old.at, mine)
        connection.run(
            sql(
                "UPDATE gs_priv.seal SET leaves = {l}, root = {r}, hash = {h} WHERE number = {n}",
                l=made.leaves, r=made.root, h=made.hash, n=made.number,
            )
        )  # fmt: skip
        before = made
    assert hash_of(before)


def statement(query: Sql) -> Callable[[Superuser], object]:
    """Run a statement."""
    return lambda connection: connection.run(query)


def swept_by_hand(connection: Superuser) -> None:
    """Pretend that a policy had swept the first seal."""
    connection.run(sql("DELETE FROM gs_priv.audit WHERE id <= 4"))
    connection.run(sql("UPDATE gs_priv.seal SET leaves = NULL WHERE number = 0"))
    connection.run(sql("INSERT INTO gs_priv.audit (kind, user_id, details) VALUES ('sweep', 0, '{{\"through\": 0}}')"))


# What somebody does with the superuser's rights; what is found first; the seal; and the row that is named.
TAMPERING: dict[str, tuple[Callable[[Superuser], object], str, int, str]] = {
    "a value": (statement(sql("UPDATE gs_priv.audit SET details = '{{}}' WHERE id = 6")), "changed", 1, "row 6 "),
    "a user": (statement(sql("UPDATE gs_priv.audit SET user_id = 14 WHERE id = 3")), "changed", 0, "row 3 "),
    "a time": (
        statement(sql("UPDATE gs_priv.audit SET at = at - interval '1 us' WHERE id = 5")), "changed", 1, "row 5 ",
    ),
    "a reason": (statement(sql("UPDATE gs_priv.audit SET reason = 'good' WHERE id = 12")), "changed", 2, "row 12 "),
    "a row removed": (statement(sql("DELETE FROM gs_priv.audit WHERE id = 7")), "removed", 1, "after row 6 "),
    "the first row": (statement(sql("DELETE FROM gs_priv.audit WHERE id = 1")), "removed", 0, "at the beginning"),
    "the last row": (statement(sql("DELETE FROM gs_priv.audit WHERE id = 12")), "removed", 2, "after row 11 "),
    "all rows of a seal": (
        statement(sql("DELETE FROM gs_priv.audit WHERE id BETWEEN 5 AND 8")), "removed", 1, "at the beginning",
    ),
    "a row inserted": (
        statement(sql("INSERT INTO gs_priv.audit (era, xid, id, kind, user_id) OVERRIDING SYSTEM VALUE"
                      " SELECT era, xid, 999, 'write', 14 FROM gs_priv.audit WHERE id = 6")), "inserted", 1, "row 999 ",
    ),
    "two rows in another order": (
        statement(sql("UPDATE gs_priv.audit a SET xid = b.xid FROM gs_priv.audit b"
                      " WHERE (a.id, b.id) IN ((2, 3), (3, 2))")), "changed", 0, "row 3 ",
    ),
    "rows and seals at the end": (
        statement(sql("DELETE FROM gs_priv.audit WHERE id > 8; DELETE FROM gs_priv.seal WHERE number = 2")),
        "cut off", 2, "",
    ),
    "everything": (statement(sql("TRUNCATE gs_priv.audit, gs_priv.seal")), "cut off", 0, ""),
    "a seal in the middle": (statement(sql("DELETE FROM gs_priv.seal WHERE number = 1")), "chain", 1, ""),
    "the time of a seal": (
        statement(sql("UPDATE gs_priv.seal SET at = at - interval '3 years' WHERE number = 0")), "chain", 0, "",
    ),
    "the hashes of rows": (
        statement(sql("UPDATE gs_priv.seal SET leaves = substr(leaves, 33) WHERE number = 0")), "chain", 0, "",
    ),
    "the whole chain": (forged_chain, "replaced", 0, ""),
    "a sweep that no policy asked for": (swept_by_hand, "removed", 0, ""),
}  # fmt: skip


@pytest.mark.parametrize("what", TAMPERING)
def test_st2_tampering_with_every_right_is_found_and_named(notes: Notes, what: str) -> None:
    tamper, wrong, seal, where = TAMPERING[what]
    with superuser(notes.owner) as connection:
        heads = sealed(connection, notes)
        tamper(connection)
        findings = verify_history(connection, heads).findings
    assert findings, "nothing was found"
    assert (findings[0].wrong, findings[0].seal) == (wrong, seal)
    assert findings[0].where.startswith(where)
    assert (not where) or findings[0].where


def test_what_waits_for_its_seal_too_long_is_said(notes: Notes) -> None:
    with superuser(notes.owner) as connection:
        sealed(connection, notes, batches=1)
        change(notes)
        connection.run(sql("UPDATE gs_priv.audit SET at = at - interval '2 hours' WHERE id > 4"))
        assert [one.wrong for one in verify_history(connection).findings] == ["not sealed"]


def test_old_rows_are_swept_and_the_chain_still_holds(notes: Notes) -> None:
    long_ago = datetime.now(UTC) - SHORTEST_RETENTION - timedelta(days=3)
    with superuser(notes.owner) as connection:
        change(notes, 4)
        old = seal_history(connection, long_ago).head
        change(notes, 4)
        new = seal_history(connection).head
        assert sweep_history(connection, SHORTEST_RETENTION) == 4
        assert sweep_history(connection, SHORTEST_RETENTION) == 0
        seal_history(connection)
        verdict = verify_history(connection, [head for head in (old, new) if head])
        assert (verdict.findings, verdict.rows, verdict.seals, verdict.swept) == ([], 5, 3, 1)
        assert connection.run(sql("SELECT kind FROM gs_priv.audit ORDER BY id DESC LIMIT 1")).scalar() == "sweep"
        # Who puts a row back where all were swept is found, too.
        connection.run(
            sql(
                "INSERT INTO gs_priv.audit (xid, id, kind, user_id) OVERRIDING SYSTEM VALUE"
                " VALUES ('5', 1, 'write', 11)"
            )
        )
        assert [one.wrong for one in verify_history(connection).findings] == ["inserted"]


def test_nobody_sweeps_earlier_than_allowed(notes: Notes) -> None:
    with superuser(notes.owner) as connection, pytest.raises(ValueError, match="730 days"):
        sweep_history(connection, SHORTEST_RETENTION - timedelta(seconds=1))


def test_a_database_that_moved_to_another_cluster_goes_on_with_its_chain(notes: Notes) -> None:
    with superuser(notes.owner) as connection:
        heads = sealed(connection, notes, batches=1)
        change(notes, 2)
        # There the transactions were numbered far higher than here; some rows were not sealed yet.
        connection.run(sql("UPDATE gs_priv.audit SET xid = '99999999999' WHERE id > 4"))
        assert seal_history(connection).waiting
        begin_era(connection)
        change(notes, 3)
        done = seal_history(connection)
        assert (done.rows, done.waiting) == (3, False)
        verdict = verify_history(connection, heads)
        eras = connection.run(sql("SELECT era, count(*) FROM gs_priv.audit GROUP BY era ORDER BY era")).all()
    assert (verdict.findings, verdict.rows) == ([], 9)
    assert eras == [(1, 6), (2, 3)]


def test_a_hash_says_where_each_value_ends() -> None:
    texts = ["1", "2", "3", "4", "write", "11", "0", "0", "", "ab", "c", "", "", "0", "{}"]
    moved = [*texts[:9], "a", "bc", *texts[11:]]
    assert row_of(texts).digest != row_of(moved).digest
    assert row_of(texts).digest == sha256(b"".join(b"%d:%b" % (len(t), t.encode()) for t in texts)).digest()
