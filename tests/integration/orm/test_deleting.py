"""Deleting: nothing hidden goes, and whoever is refused is told what keeps a record, as far as he may know."""

from __future__ import annotations

import pytest

from growsoft.errors import AccessError
from growsoft.orm import ModelInfo
from growsoft.orm.blocking import HIDDEN
from growsoft.orm.rights import Rights
from growsoft.postgres.sql import sql
from growsoft.postgres.transaction import ConstraintViolated
from tests.integration.orm.conftest import Trade
from tests.integration.orm.trade import Journal, Line, Order, Partner, Tag, Thing


def test_what_refers_to_a_record_is_named(shared: Trade) -> None:
    with shared.undone("kim") as env:
        partner = env[Partner].create({"name": "p"})
        env[Order].create([{"name": f"order {i}", "partner_id": partner} for i in range(5)])
        with pytest.raises(
            ConstraintViolated, match="Partner of Order refers to this record: order 4, order 3, order 2, \u2026"
        ):
            partner.unlink()
        assert partner.exists()  # the refused statement alone was undone; the rest cannot be saved any more
    with shared.undone() as env:
        parent = env[Partner].create({"name": "above", "child_ids": [{"name": "below"}]})
        with (
            pytest.raises(ConstraintViolated, match="Company of Partner refers to this record: below"),
            env.savepoint(),
        ):
            parent.unlink()


def test_what_is_hidden_is_not_named_and_not_deleted(shared: Trade) -> None:
    with shared.undone() as env:
        parent = env[Partner].create({"name": "above"})
        env[Partner].create({"name": "secret subsidiary", "parent_id": parent, "hidden": True})
        env.flush()
        kim = parent.with_env(shared.as_user(env, "kim"))
        with pytest.raises(ConstraintViolated) as refused, kim.env.savepoint():
            kim.unlink()
        assert str(refused.value) == HIDDEN
        assert parent.exists()


def test_lines_that_may_not_be_deleted_keep_their_record(shared: Trade, monkeypatch: pytest.MonkeyPatch) -> None:
    with shared.undone() as env:
        order = env[Order].create({"name": "o", "partner_id": env[Partner].create({"name": "p"})})
        env[Line].create({"order_id": order, "name": "a line"})
        env.flush()
        kim = order.with_env(shared.as_user(env, "kim"))
        with monkeypatch.context() as patched:
            patched.setattr(Rights, "deletable", _all_but_lines)
            with pytest.raises(AccessError, match="Line would be deleted with it, which you may not delete: a line"):
                kim.unlink()
        kim.unlink()
        assert not order.exists()


def _all_but_lines(_rights: Rights, info: ModelInfo) -> bool:
    return info.name != "trade.line"


def test_links_are_seen_and_made_by_those_who_see_both_ends(shared: Trade) -> None:
    with shared.undone() as env:
        hidden, shown = env[Partner].create([{"name": "hidden", "hidden": True}, {"name": "shown"}])
        tag = env[Tag].create({"name": "tag"})
        hidden.tag_ids = tag
        page = env[Journal].create({"name": "page", "tag_ids": tag})
        env.flush()
        ann = shared.as_user(env, "ann")
        pairs = sql("SELECT source_id FROM trade_partner_tag_ids_rel")
        assert ann.execute(pairs).column() == []
        with pytest.raises(AccessError), ann.savepoint():
            ann.execute(sql("INSERT INTO trade_partner_tag_ids_rel VALUES ({p}, {t})", p=hidden.id, t=tag.id))
        ann.execute(sql("INSERT INTO trade_partner_tag_ids_rel VALUES ({p}, {t})", p=shown.id, t=tag.id))
        assert ann.execute(pairs).column() == [shown.id]
        assert page.with_env(shared.as_user(env, "aud")).tag_ids.ids == tag.ids


def test_deleting_a_record_takes_its_links_only_where_they_are_seen(shared: Trade) -> None:
    with shared.undone("ann") as env:
        tag = env["trade.tag"].sudo("a test makes a tag, which sellers may not").create({"name": "tag"})
        thing = env[Thing].create({"name": "t", "tag_ids": tag.with_env(env)})
        thing.unlink()
        assert not thing.exists()
        assert tag.exists()
