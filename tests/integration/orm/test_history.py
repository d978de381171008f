"""The history of a record, shown to those who see the record, with the fields that they may read now."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from growsoft.errors import UserError, ValidationError
from growsoft.orm.history import Change
from growsoft.postgres.context import numbered
from growsoft.postgres.sql import sql
from tests.integration.orm.conftest import Trade
from tests.integration.orm.trade import Partner, Tag, Thing


def made(trade: Trade) -> int:
    """Make a partner with tags, and change him three times."""
    with trade.acting() as env:
        tags = env[Tag].create([{"name": name} for name in "abc"])
        partner = env[Partner].create({"name": "Ada", "credit": Decimal(5), "tag_ids": tags[:2], "secret": "s1"})
    with trade.acting() as env:
        env[Partner].browse(partner.ids).write({"name": "Ada L.", "secret": "s2"})
    with trade.acting() as env:
        env[Partner].browse(partner.ids).write({"credit": Decimal("7.50"), "tag_ids": tags.with_env(env)[1:]})
    return partner.ids[0]


def test_entries_are_changes_of_people_newest_first(own: Trade) -> None:
    record = made(own)
    with own.acting() as env:
        newest, second, first = env[Partner].browse(record).history()
        tags = env[Tag].search([], order="id").ids
    assert [one.kind for one in (first, second, newest)] == ["create", "write", "write"]
    assert {change.field: change.after for change in first.changes}.items() >= {
        "name": "Ada", "credit": Decimal(5), "tag_ids": tags[:2],
    }.items()  # fmt: skip
    assert second.changes == (Change("name", "Ada", "Ada L."), Change("secret", "s1", "s2"))
    assert set(newest.changes) == {
        Change("credit", Decimal(5), Decimal("7.5")), Change("tag_ids", tags[:1], tags[2:]),
    }  # fmt: skip
    assert all(abs(one.at - datetime.now(UTC)) < timedelta(minutes=5) for one in (first, second, newest))
    assert (newest.user_id, newest.actor) == (1, 0)
    assert "a test prepares" in newest.reason


def test_what_was_changed_twice_in_one_transaction_is_one_change(own: Trade) -> None:
    with own.acting() as env:
        thing = env[Thing].create({"name": "x", "day": date(2026, 1, 1)})
    with own.acting() as env:
        same = env[Thing].browse(thing.ids)
        for number in (1, 2, 3):
            same.write({"number": number, "moment": datetime(2026, 1, number, tzinfo=UTC), "note": "n"})
            env.flush()
        same.write({"note": ""})
        (entry, *_rest) = same.history()
    assert set(entry.changes) == {
        Change("number", 0, 3), Change("moment", None, datetime(2026, 1, 3, tzinfo=UTC)),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("login", "hidden"), [("ann", {"credit", "secret", "secret_tag_ids"}), ("kim", {"secret"}), ("sec", {"credit"})]
)
def test_fields_of_other_groups_stay_hidden_also_in_the_past(own: Trade, login: str, hidden: set[str]) -> None:
    record = made(own)
    with own.acting(login) as env:
        fields = {change.field for entry in env[Partner].browse(record).history() for change in entry.changes}
    assert "name" in fields
    assert not fields & hidden
    assert {"credit", "secret"} - hidden <= fields


def test_an_entry_of_hidden_fields_alone_is_no_entry(own: Trade) -> None:
    record = made(own)
    with own.acting() as env:
        env[Partner].browse(record).write({"secret": "s3"})
    with own.acting("ann") as env:
        assert len(env[Partner].browse(record).history()) == 3
    with own.acting("sec") as env:
        assert env[Partner].browse(record).history()[0].changes == (Change("secret", "s2", "s3"),)


def test_who_does_not_see_a_record_does_not_see_its_history(own: Trade) -> None:
    record = made(own)
    with own.acting() as env:
        env[Partner].browse(record).write({"hidden": True})
    with own.acting("ann") as env:
        assert not env[Partner].browse(record).exists()
        assert env[Partner].browse(record).history() == []
        told = env.execute(sql("SELECT count(*) FROM gs.history WHERE record_id = {r} AND table_name = 'trade_partner'",
                               r=record)).scalar()  # fmt: skip
        assert told == 0


def test_a_deleted_record_s_history_is_for_elevated_code_alone(own: Trade) -> None:
    with own.acting() as env:
        tag = env[Tag].create({"name": "short-lived", "weight": 3})
    with own.acting() as env:
        env[Tag].browse(tag.ids).unlink()
    with own.acting("ann") as env:
        assert env[Tag].browse(tag.ids).history() == []
    with own.acting() as env:
        last, first = env[Tag].browse(tag.ids).history()
    assert (last.kind, first.kind) == ("unlink", "create")
    assert Change("name", "short-lived", None) in last.changes


def test_the_number_of_the_request_leads_to_the_log(own: Trade) -> None:
    with numbered("ab12-cd34"), own.acting() as env:
        tag = env[Tag].create({"name": "t"})
        assert env[Tag].browse(tag.ids).history()[0].request == "ab12_cd34"


def test_a_history_is_asked_of_one_record_and_in_bounds(own: Trade) -> None:
    with own.acting() as env:
        tags = env[Tag].create([{"name": "a"}, {"name": "b"}])
        with pytest.raises(UserError):
            tags.history()
        for limit in (0, 1001):
            with pytest.raises(ValidationError, match="1 to 1000"):
                tags[:1].history(limit)
        for number in range(5):
            tags[:1].write({"weight": number + 1})
            env.flush()
        assert len(tags[:1].history(limit=1)) == 1
