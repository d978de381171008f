"""SW-7: what PostgreSQL shows and lets change is what a plain reading of the declarations says, in worlds of chance."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from growsoft.orm import Condition, ModelInfo, Registry
from growsoft.orm.compile import Compiler, Declared
from growsoft.orm.domain import Every, Some
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.policies import TRUE, Declarations
from growsoft.postgres.provision import MAINTENANCE_DATABASE, drop_database, new_template
from growsoft.postgres.sql import Sql, sql
from growsoft.postgres.superuser import superuser
from tests.security.oracle.compare import News, differences
from tests.security.oracle.drawing import GROUPS, rows_of, worlds
from tests.security.oracle.product import made
from tests.security.oracle.world import (
    Access,
    Box,
    Compare,
    Delegate,
    Either,
    Linked,
    Mine,
    Opposite,
    Ours,
    Row,
    Rule,
    Table,
    User,
    Value,
    Verb,
    Within,
    World,
)

# A sample with every run of the tests; `make oracle` draws many more.
EXAMPLES: Final = int(os.environ.get("GROWSOFT_ORACLE_EXAMPLES", "15"))


@pytest.fixture(scope="module")
def empty(server: Endpoint) -> Generator[str]:
    """A template with the private side and no tables."""
    name = "oracle_empty"
    with new_template(server, name, Declarations({}, (), (), ())):
        pass
    yield name
    with superuser(server, MAINTENANCE_DATABASE) as connection:
        drop_database(connection, name)


# A difference names the user, the row and the change: nothing is won by drawing it smaller for minutes.
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(data=st.data(), world=worlds())
def test_sw7_every_user_sees_and_may_do_what_the_declarations_say(
    server: Endpoint, empty: str, data: st.DataObject, world: World
) -> None:
    news = {
        name: data.draw(st.lists(rows_of(_targets(world, table)), min_size=2, max_size=4))
        for name, table in world.tables.items()
    }
    with made(server, empty, world) as product:
        assert differences(product, news) == []


def _targets(world: World, table: Table) -> tuple[int, ...]:
    return tuple(world.tables[table.target].rows) if table.target else ()


# -- the oracle finds what it is there to find -------------------------------------------------------------------------

ALL: Final = frozenset[Verb](("read", "create", "write", "unlink"))
READ: Final = frozenset[Verb](("read",))
MADE: Final = frozenset[Verb](("create", "write"))
FLAGGED: Final = Compare("flag", "=", value=True)


def _row(number: int, owner: int | None, company: int | None, **links: Value) -> Row:
    return {
        "name": "ab"[number % 2], "num": number % 3, "flag": number > 1, "secret": number % 3, "owner_id": owner,
        "x_kept": number % 3, "company_id": company, **links,
    }  # fmt: skip


PARENTS: Final = Table(
    "w.m0",
    (Access("w.everybody", READ), Access("w.two", ALL)),
    (Rule(Either((Compare("num", "<", 1), FLAGGED)), "w.everybody", ALL), Rule(Mine("owner_id"), "w.two", ALL)),
    {1: _row(0, 101, 1), 2: _row(1, 102, 2), 3: _row(2, 103, None), 4: _row(3, 104, 1)},
    kept_group="w.two",
)
CHILDREN: Final = Table(
    "w.m1",
    (Access("w.everybody", READ), Access("w.one", ALL), Access("w.three", ALL)),
    (
        Rule(Linked("link_id", Opposite(Compare("name", "=", "a"))), "w.everybody", READ),
        Rule(Mine("owner_id"), "w.one", ALL),
        Rule(Opposite(Compare("num", "in", (9,))), "w.three", ALL),
        Rule(Opposite(Compare("num", "=", 2)), "", MADE),
        Rule(Either((Ours("company_id"), Within("company_id", below=True), Opposite(FLAGGED))), "", ALL),
    ),
    {
        1: _row(1, 101, 1, link_id=1, tag_ids=frozenset((1, 2))),
        2: _row(2, 101, 2, link_id=2, tag_ids=frozenset((3,))),
        3: _row(3, 101, 1, link_id=3, tag_ids=frozenset[int]()),
        4: _row(4, 104, None, link_id=4, tag_ids=frozenset((1, 4))),
        5: _row(5, None, 3, link_id=None, tag_ids=frozenset((2,))),
        6: _row(6, 102, 1, link_id=4, tag_ids=frozenset((1,))),
    },
    target="w.m0",
    tagged=True,
    secret_group="w.two",
    tags_group="w.three",
)
FIXED: Final = World(
    {group: frozenset(GROUPS[:1] if group != GROUPS[0] else ()) for group in GROUPS},
    {"w.m0": PARENTS, "w.m1": CHILDREN},
    (
        User(101, frozenset(("w.one",)), (1,)),
        User(102, frozenset(("w.two",)), (1, 2)),
        User(103, frozenset(("w.three",)), (1, 3)),
        User(104, frozenset(("w.one", "w.two")), ()),
        User(105, frozenset(("w.everybody",)), (2,)),
    ),
    above={3: 2, 2: 1},
    box=Box((Access("w.one", READ), Access("w.two", ALL)), {1: 1, 2: 2}),
    delegate=Delegate((Access("w.everybody", READ), Access("w.two", ALL)), {1: 1, 2: 3, 3: 3}),
)
NEWS: Final[News] = {
    "w.m0": [_row(0, 101, 1), _row(2, 102, None)],
    "w.m1": [
        _row(1, 101, 1, link_id=1, tag_ids=frozenset[int]()),
        _row(2, 103, 1, link_id=1, tag_ids=frozenset[int]()),
        _row(0, 104, None, link_id=2, tag_ids=frozenset[int]()),
    ],
}


def test_a_world_without_defects_has_no_differences(server: Endpoint, empty: str) -> None:
    with made(server, empty, FIXED) as product:
        assert differences(product, NEWS) == []


def without_a_global_rule(declared: Declarations) -> Declarations:
    """One restrictive policy is forgotten."""
    return replace(declared, policies=tuple(p for p in declared.policies if not p.name.startswith("rule_rule_4")))


def without_a_rule_for_new_rows(declared: Declarations) -> Declarations:
    """Restrictive policies are not applied to INSERT."""
    return replace(declared, policies=tuple(p for p in declared.policies if p.role or p.command != "INSERT"))


def with_a_group_that_sees_all(declared: Declarations) -> Declarations:
    """The conditions of one group are lost."""
    return replace(
        declared, policies=tuple(replace(p, condition=TRUE) if p.role == "g_w_one" else p for p in declared.policies)
    )


def with_rules_of_another_group(declared: Declarations) -> Declarations:
    """A policy is written to the role of another group."""
    swapped = (replace(p, role="g_w_one", name=p.name + "x") if p.role == "g_w_three" else p for p in declared.policies)
    return replace(declared, policies=tuple(swapped))


def with_reading_for_writing(declared: Declarations) -> Declarations:
    """Policies of reading open rows to be changed."""
    reading = (p for p in declared.policies if p.command == "SELECT" and p.role)
    more = tuple(replace(p, command="UPDATE", name=p.name + "x") for p in reading)
    return replace(declared, policies=declared.policies + more)


def with_the_secret_column(declared: Declarations) -> Declarations:
    """A column of one group is granted to those who read the others."""
    grants = (replace(g, select=(*g.select, "secret")) if "num" in g.select else g for g in declared.grants)
    return replace(declared, grants=tuple(grants))


def with_writing_for_readers(declared: Declarations) -> Declarations:
    """Who may read a column may write it."""
    kept = {"id", "create_uid", "create_date"}
    grants = (replace(g, update=tuple({*g.update, *g.select} - kept)) for g in declared.grants)
    return replace(declared, grants=tuple(grants))


def with_deleting_for_all(declared: Declarations) -> Declarations:
    """DELETE is granted to every group."""
    return replace(declared, grants=tuple(replace(g, delete=True) for g in declared.grants))


def with_the_field_of_an_administrator(declared: Declarations) -> Declarations:
    """A column that an administrator added for one group is granted to those who read the others."""
    grants = (replace(g, select=(*g.select, "x_kept")) if "num" in g.select else g for g in declared.grants)
    return replace(declared, grants=tuple(grants))


def with_the_model_of_an_administrator(declared: Declarations) -> Declarations:
    """Whoever may read what an administrator made may change it, too."""
    grants = (replace(g, update=g.select[1:], delete=True) if g.table == "x_box" else g for g in declared.grants)
    return replace(declared, grants=tuple(grants))


def with_open_links(declared: Declarations) -> Declarations:
    """Links are shown without the record they belong to."""
    policies = (replace(p, condition=TRUE) if p.table.endswith("_rel") and p.role else p for p in declared.policies)
    return replace(declared, policies=tuple(policies))


DEFECTS: Final = (
    without_a_global_rule, without_a_rule_for_new_rows, with_a_group_that_sees_all, with_rules_of_another_group,
    with_reading_for_writing, with_the_secret_column, with_writing_for_readers, with_deleting_for_all, with_open_links,
    with_the_field_of_an_administrator, with_the_model_of_an_administrator,
)  # fmt: skip


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.__name__)
def test_a_planted_defect_is_found(
    server: Endpoint, empty: str, defect: Callable[[Declarations], Declarations]
) -> None:
    with made(server, empty, FIXED, defect) as product:
        assert differences(product, NEWS)


def _or_for_and(monkeypatch: pytest.MonkeyPatch) -> None:
    swap = {Every: Some, Some: Every}
    original = Compiler.where

    def where(self: Compiler, info: ModelInfo, condition: Condition, alias: Sql | None = None, depth: int = 0) -> Sql:
        if isinstance(condition, Every | Some):
            condition = swap[type(condition)](condition.parts)
        return original(self, info, condition, alias, depth)

    monkeypatch.setattr(Compiler, "where", where)


def _one_user_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def user(_self: Declared) -> Sql:
        return sql("101")

    monkeypatch.setattr(Declared, "user", user)


def _all_companies_for_mine(monkeypatch: pytest.MonkeyPatch) -> None:
    def companies(_self: Declared) -> Sql:
        return sql("ARRAY[1, 2, 3]::bigint[]")

    monkeypatch.setattr(Declared, "companies", companies)


def _near_end_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def far_end(_registry: Registry, _target: ModelInfo, _group: str) -> str:
        return "open"

    monkeypatch.setattr("growsoft.orm.linking.far_end", far_end)


def _no_company_below(monkeypatch: pytest.MonkeyPatch) -> None:
    def itself(column: Sql, _way: str, _table: str, _parent: str, ids: Sql) -> Sql:
        return sql("{c} = ANY ({ids})", c=column, ids=ids)

    monkeypatch.setattr("growsoft.orm.compile.in_tree", itself)


@pytest.mark.parametrize(
    "defect", [_or_for_and, _one_user_for_all, _all_companies_for_mine, _near_end_alone, _no_company_below]
)
def test_a_planted_defect_of_the_compiler_is_found(
    server: Endpoint, empty: str, monkeypatch: pytest.MonkeyPatch, defect: Callable[[pytest.MonkeyPatch], None]
) -> None:
    defect(monkeypatch)
    with made(server, empty, FIXED) as product:
        monkeypatch.undo()
        assert differences(product, NEWS)
