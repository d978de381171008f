"""Conditions of one form: compiled once, bound anew; the answers and the refusals are those of compiling each time."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growsoft.errors import AccessError, GrowsoftError, ValidationError
from growsoft.orm.domain import DomainError, from_wire
from growsoft.orm.forms import remembered
from growsoft.postgres.sql import Sql
from tests.integration.orm.conftest import Trade
from tests.integration.orm.trade import Partner, Size, Thing

TERMS = st.tuples(
    st.sampled_from(["name", "number", "weight", "day", "size", "owner_id", "owner_id.name", "tag_ids", "fragile"]),
    st.sampled_from(["=", "!=", "<", ">=", "in", "not in", "like", "not ilike", "=ilike"]),
    st.one_of(
        st.sampled_from(["", "a", "2026-01-01", "small", "x\\", None, False, True, 0, 7, 2**40, Decimal("0.5"), 0.5]),
        st.lists(st.sampled_from(["", "a", "large", 1, 2, None, False, True, Decimal(1)]), max_size=3),
    ),
)


@given(st.lists(TERMS, min_size=1, max_size=3))
@settings(max_examples=300, deadline=None)
def test_a_remembered_statement_is_the_one_that_compiling_gives(
    shared: Trade, terms: list[tuple[str, str, object]]
) -> None:
    with shared.undone() as env:
        info = env[Thing]._info  # pyright: ignore[reportPrivateUsage]
        domain = from_wire([list(term) for term in terms])

        def compose() -> Sql:
            return env.compiler().where(info, domain)

        def outcome(*, known: bool) -> object:
            try:
                return remembered(env, info, domain, "test", (), compose) if known else compose()
            except GrowsoftError as error:
                return type(error), str(error)

        fresh = outcome(known=False)
        assert outcome(known=True) == fresh
        assert outcome(known=True) == fresh  # by now remembered, if it ever is


def test_values_of_another_call_never_stay(shared: Trade) -> None:
    with shared.undone() as env:
        env[Thing].create([{"name": name, "number": i} for i, name in enumerate("abc")])
        for name in "abcab":
            assert env[Thing].search([["name", "=", name], ["number", "<", 3]]).mapped("name") == [name]
            assert env[Thing].search_count([["name", "=", name], ["number", "<", 3]]) == 1
        assert env[Thing].search([["number", "in", [0, 1, 2]]], limit=1, order="number").mapped("name") == ["a"]
        assert env[Thing].search([["number", "in", [1, 2]]], limit=2, order="number").mapped("name") == ["b", "c"]
        assert env[Thing].search([["number", "in", [1, 2]]], offset=1, order="number").mapped("name") == ["c"]


def test_unset_values_are_another_form(shared: Trade) -> None:
    with shared.undone() as env:
        owner = env[Partner].create({"name": "Owner"})
        env[Thing].create([{"name": "owned", "owner_id": owner}, {"name": "free"}])
        for _twice in range(2):
            assert env[Thing].search([["owner_id", "=", owner.id], ["name", "!=", ""]]).mapped("name") == ["owned"]
            assert env[Thing].search([["owner_id", "=", False], ["name", "=", "free"]]).mapped("name") == ["free"]
            assert env[Thing].search([["day", "=", "2026-01-01"], ["name", "=", "free"]]).ids == ()
            assert env[Thing].search([["day", "=", ""], ["name", "=", "free"]]).mapped("name") == ["free"]


def test_a_remembered_form_still_checks_its_values(shared: Trade) -> None:
    with shared.undone() as env:
        assert env[Thing].search_count([["size", "=", Size.SMALL.value], ["number", "=", 5]]) == 0
        for wrong in ("enormous", "small\0"):
            with pytest.raises(ValidationError):
                env[Thing].search_count([["size", "=", wrong], ["number", "=", 5]])
        assert env[Thing].search_count([["name", "like", "a"]]) >= 0
        with pytest.raises(DomainError, match="too long"):
            env[Thing].search_count([["name", "like", "a" * 600]])


def test_sw7_what_one_profile_may_ask_is_not_remembered_for_another(shared: Trade) -> None:
    for login, allowed in (("kim", True), ("ann", False), ("", True), ("bob", False)):
        with shared.undone(login) as env:
            asked = env[Partner]
            if allowed:
                assert asked.search_count([["credit", "=", Decimal(1)]]) >= 0
                asked.search([["name", "=", "x"]], order="credit")
            else:
                with pytest.raises(AccessError):
                    asked.search_count([["credit", "=", Decimal(1)]])
                with pytest.raises(AccessError):
                    asked.search([["name", "=", "x"]], order="credit")


@pytest.mark.parametrize("order", [["name"], 5, None, {"name": 1}])
def test_an_order_that_is_no_text_is_refused(shared: Trade, order: str) -> None:
    with shared.undone() as env, pytest.raises(DomainError):
        env[Thing].search([["name", "=", "x"]], order=order)
