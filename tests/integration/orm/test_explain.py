"""Why somebody may or may not: the answer is PostgreSQL's own, and groups, grants and rules are told beside it."""

from __future__ import annotations

from itertools import product

import pytest

from growsoft.errors import AccessError, GrowsoftError, MissingError
from growsoft.orm import Env
from growsoft.orm.access import VERBS, Verb
from growsoft.orm.explain import explain
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import superuser
from tests.integration.orm.conftest import USERS, Trade
from tests.integration.orm.trade import Order, Partner


class _Undo(Exception):
    """Takes back what was tried."""


def orders(trade: Trade) -> list[int]:
    """Orders of Ann, of Bob in his company, of Kim, and one of nobody for the partner called Open."""
    with trade.acting() as env:
        partner, opened = env[Partner].create([{"name": "p"}, {"name": "Open"}])
        north, south = env["res.company"].search([], order="id")
        people = trade.people
        made = env[Order].create(
            [
                {"name": "ann", "partner_id": partner, "user_id": people["ann"].user, "company_id": north},
                {"name": "bob", "partner_id": partner, "user_id": people["bob"].user, "company_id": south},
                {"name": "kim", "partner_id": partner, "user_id": people["kim"].user},
                {"name": "open", "partner_id": opened, "user_id": None, "company_id": north},
            ]
        )
        env[Partner].create({"name": "hidden", "hidden": True})
        return list(made.ids)


def does(env: Env, verb: Verb, model: str, record: int) -> bool:
    """Try it with the product's own calls."""
    found = env[model].browse(record)
    try:
        with env.savepoint():
            match verb:
                case "read":
                    found.read(["name"])
                case "write":
                    found.write({"name": "another"})
                    env.flush()
                case _:
                    found.unlink()
            raise _Undo  # noqa: TRY301  out of the savepoint
    except _Undo:
        return True
    except GrowsoftError:
        return False


def test_an_explanation_never_contradicts_the_wall(own: Trade) -> None:
    orders(own)
    with own.acting() as env:
        records = [("trade.order", i) for i in env[Order].search([]).ids]
        records += [("trade.partner", i) for i in env[Partner].search([]).ids]
    tried: dict[tuple[str, Verb, str, int], bool] = {}
    verbs: tuple[Verb, ...] = ("read", "write", "unlink")
    for login in USERS:
        with own.undone(login) as env:
            for verb, (model, record) in product(verbs, records):
                tried[login, verb, model, record] = does(env, verb, model, record)
    assert len(set(tried.values())) == 2
    with own.acting() as env:
        for (login, verb, model, record), allowed in tried.items():
            said = explain(env, login, verb, model, record)
            referred = any("other records refer" in note for note in said.notes)
            assert said.allowed == allowed or (referred and not allowed), (login, verb, model, record, said)


def test_it_says_groups_grants_and_rules_with_their_values(own: Trade) -> None:
    ann, bob, _kim, _opened = orders(own)
    with own.acting() as env:
        mine, his = (explain(env, "ann", "read", "trade.order", record) for record in (ann, bob))
    assert mine.allowed
    assert mine.verdict == "ann may read Order."
    groups = {group.key: group.via for group in mine.groups}
    assert groups["trade.seller"] == ()
    assert groups["base.user"] == ("trade.seller",)
    assert ("trade.seller", ("read", "create", "write")) in {(grant.group, grant.verbs) for grant in mine.grants}
    rules = {rule.name: rule for rule in mine.rules}
    assert (rules["own_orders"].holds, rules["own_orders"].concerns, rules["own_orders"].group) == (
        True, True, "trade.seller",
    )  # fmt: skip
    assert rules["own_orders"].words == "User is the user"
    assert rules["clerks_read"].words == 'Partner has one of which (Name is "Open")'
    assert rules["companies"].words == "Company is unset or Company is one of his companies"
    assert not rules["all_orders"].concerns
    assert not his.allowed
    assert "companies that binds everybody" in his.verdict
    assert {rule.name: rule.holds for rule in his.rules}["companies"] is False


def test_what_no_group_was_given_is_said_so(own: Trade) -> None:
    record = orders(own)[0]
    with own.acting() as env:
        said = explain(env, "joe", "read", "trade.order", record)
        delete = explain(env, "ann", "unlink", "trade.order", record)
    assert (said.answer, delete.answer) == ("no grant", "no grant")
    assert "no group of his was given that" in said.verdict


@pytest.mark.parametrize(
    ("login", "verb", "field", "allowed"),
    [
        ("ann", "read", "credit", False), ("kim", "read", "credit", True), ("sec", "read", "secret", True),
        ("ann", "read", "name", True), ("joe", "write", "name", False), ("ann", "write", "rating", False),
        ("ann", "read", "tag_ids", True), ("ann", "read", "secret_tag_ids", False), ("joe", "create", "name", False),
    ],
)  # fmt: skip
def test_a_field_is_explained_by_its_grant(own: Trade, login: str, verb: Verb, field: str, *, allowed: bool) -> None:
    with own.acting() as env:
        assert explain(env, login, verb, "trade.partner", field=field).allowed == allowed


def test_what_was_tried_leaves_nothing(own: Trade) -> None:
    record = orders(own)[0]
    with superuser(own.server, own.database.name) as connection:
        before = connection.run(sql("SELECT count(*), max(version) FROM trade_order")).one()
        rows = connection.run(sql("SELECT count(*) FROM gs_priv.audit WHERE table_name = 'trade_order'")).one()
        with own.acting() as env:
            for verb in VERBS:
                assert explain(env, "kim", verb, "trade.order", record).allowed
        assert connection.run(sql("SELECT count(*), max(version) FROM trade_order")).one() == before
        assert connection.run(sql("SELECT count(*) FROM gs_priv.audit WHERE table_name = 'trade_order'")).one() == rows


def test_only_administrators_ask_and_only_of_what_there_is(own: Trade) -> None:
    record = orders(own)[0]
    with own.acting("kim") as env, pytest.raises(AccessError, match="administrators"):
        explain(env, "ann", "read", "trade.order", record)
    with own.acting() as env:
        with pytest.raises(MissingError):
            explain(env, "nobody", "read", "trade.order", record)
        with pytest.raises(MissingError):
            explain(env, "ann", "read", "trade.order", 10**9)
        env["res.users"].search([["login", "=", "ann"]]).write({"active": False})
        assert explain(env, "ann", "read", "trade.order", record).answer == "no account"
