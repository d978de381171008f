"""Rules that are odd are named; those of an ordinary app are not."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from growsoft.errors import AccessError
from growsoft.orm import Access, Env, Rule, Unique, open_env
from growsoft.orm.lint import LARGE, Finding, lint
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import superuser
from tests.integration.orm.conftest import Trade
from tests.integration.orm.trade import Thing
from tests.support.shop import Shop


def with_rules(env: Env, *access: Access, **rules: Rule) -> Env:
    """Give the same environment where things have these rights and rules and nothing else has any."""
    bare = {name: replace(info, rules={}) for name, info in env.registry.models.items()}
    bare["trade.thing"] = replace(bare["trade.thing"], access=access, rules=rules)
    return Env(env.work, env.database, replace(env.registry, models=bare), env.door, env.context, env.locale)


def told(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.kind, finding.group) for finding in findings]


@pytest.fixture
def things(own: Trade) -> Trade:
    """A database with more things than can be read in passing."""
    with superuser(own.server, own.database.name) as connection:
        connection.run(
            sql("INSERT INTO trade_thing (name, number, note, made_on)"
                " SELECT 'thing ' || n, n + 100, 'note ' || n, now() FROM generate_series(1, {n}) n", n=LARGE * 2)
        )  # fmt: skip
        connection.run(sql("ANALYZE"))
    return own


def test_rights_that_no_rule_opens_are_named(own: Trade) -> None:
    with own.acting() as env:
        env[Thing].create({"name": "x"})
        odd = with_rules(
            env, Access("trade.seller", "read", "write"), Access("trade.boss"),
            mine=Rule(Thing.name != "", group="trade.seller", verbs=("read",)),
            all=Rule(Thing.name != "", group="trade.boss"),
        )  # fmt: skip
        (finding,) = lint(odd)
    assert (finding.kind, finding.group) == ("opens nothing", "trade.seller")
    assert "may write Thing" in finding.text


def test_rules_that_exclude_each_other_are_named(own: Trade) -> None:
    with own.acting() as env:
        env[Thing].create({"name": "x", "number": 3})
        seller = Access("trade.seller", "read")
        own_rule = Rule(Thing.number > 10, group="trade.seller", verbs=("read",))
        assert told(lint(with_rules(env, seller, mine=own_rule, few=Rule(Thing.number < 5, verbs=("read",))))) == [
            ("never true", "trade.seller")
        ]
        assert told(lint(with_rules(env, seller, mine=own_rule))) == [("no rows", "trade.seller")]
        env[Thing].create({"name": "y", "number": 30})
        assert lint(with_rules(env, seller, mine=own_rule)) == []


def test_a_rule_without_an_index_on_a_large_table_is_named(things: Trade) -> None:
    seller = Access("trade.seller", "read")
    with things.acting() as env:
        found = lint(with_rules(env, seller, mine=Rule(Thing.note == "note 7", group="trade.seller", verbs=("read",))))
        assert set(told(found)) == {("no index", "trade.seller"), ("sequential scan", "trade.seller")}
        assert "Note is" in next(one.text for one in found if one.kind == "sequential scan")
        indexed = Rule(Thing.number == 107, group="trade.seller", verbs=("read",))
        assert lint(with_rules(env, seller, mine=indexed)) == []


def test_a_key_over_all_companies_is_named(own: Trade) -> None:
    with own.acting() as env:
        apart = env.registry["trade.order"]
        name = apart.fields["name"]
        odd = {label: copy.copy(name) for label in ("number", "numbered")}
        odd["number"].unique, odd["numbered"].unique, odd["numbered"].unique_per = "Taken.", "Taken.", "company_id"
        both = Unique("name", "company_id"), Unique("name", "partner_id")
        keys = dict(zip(("within", "beyond"), both, strict=True))
        info = replace(apart, fields={**apart.fields, **odd}, indexes=keys)
        models = {**{key: replace(one, rules={}) for key, one in env.registry.models.items()}, "trade.order": info}
        asked = Env(env.work, env.database, replace(env.registry, models=models), env.door, env.context, env.locale)
        found = [one for one in lint(asked) if one.kind == "unique for all"]
    assert [one.text.split(" is unique")[0] for one in found] == ["number", "beyond"]


def test_the_rules_of_the_built_in_apps_are_in_order(northwind: Shop) -> None:
    door = northwind.database.elevated("a test looks at all rules")
    with open_env(northwind.database, northwind.registry, door) as env:
        assert lint(env) == []


def test_the_rules_of_these_apps_are_in_order_and_only_administrators_look(own: Trade) -> None:
    with own.acting() as env:
        assert {finding.kind for finding in lint(env)} <= {"no rows", "opens nothing"}
    with own.acting("kim") as env, pytest.raises(AccessError, match="administrators"):
        lint(env)
