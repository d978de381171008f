"""Plans: what can be asked for, and a sentence for everything that cannot."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from growsoft.exchange.naming import naming_of
from growsoft.exchange.plan import Options, PlanRefused, importable, make_plan
from growsoft.exchange.report import MAX_ERRORS, Faults, FileRefused
from growsoft.exchange.targets import Plan
from growsoft.orm import Registry, load

NAMED = [("id", "ref"), ("company", "name")]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load(("base", "contacts", "products", "sale"))


def _plan(registry: Registry, model: str, options: Options) -> Plan:
    return make_plan(registry, registry[model], options)


def test_what_the_system_keeps_for_itself_cannot_be_imported(registry: Registry) -> None:
    fields = set(importable(registry["sale.order"]))
    assert {"name", "partner_id", "date_order", "state", "amount_delivery"} <= fields
    assert not fields & {"id", "amount_total", "order_line", "create_uid", "write_date", "version"}
    assert "key" not in importable(registry["res.groups"])


@pytest.mark.parametrize("field", [".id", "amount_total", "order_line", "create_date", "nothing", ""])
def test_a_field_that_cannot_be_filled_is_refused_with_those_that_can(registry: Registry, field: str) -> None:
    with pytest.raises(PlanRefused, match="these can be imported: name, partner_id"):
        _plan(registry, "sale.order", Options(maps=[("a", field)]))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (Options(maps=[]), "Nothing is mapped"),
        (Options(maps=[*NAMED, ("rank", "ref.name")]), "ref is no link"),
        (Options(maps=[*NAMED, ("c", "country_id.nothing")]), "res.country has no field 'nothing'"),
        (Options(maps=[*NAMED, ("c", "country_id.currency_id")]), "found by a text or by id"),
        (Options(maps=[*NAMED, ("c", "country_id.code.x")]), "code is no link"),
        (Options(maps=[*NAMED, ("a", "country_id"), ("b", "country_id")]), "country_id takes one column, not a, b"),
        (Options(maps=[*NAMED, ("a", "customer_rank"), ("b", "customer_rank")]), "customer_rank takes one column"),
        (Options(maps=[*NAMED, ("a", "country_id"), ("a", "country_id.code")]), "country_id is filled twice"),
        (Options(maps=NAMED, sets=[("name", "x")]), "name is filled twice"),
        (Options(maps=NAMED, sets=[("city", "x"), ("city", "y")]), "--set city is given twice"),
        (Options(maps=[*NAMED, ("a", "!city")]), "only yes and no have an opposite"),
        (Options(maps=[*NAMED, ("a", "active")], prefixes=[("active", "x")]), "only texts and links"),
        (Options(maps=NAMED, prefixes=[("city", "x")]), "--prefix city: no column is mapped"),
        (Options(maps=NAMED, scales=[("rank", "2")]), "--scale rank: this column is not mapped"),
        (Options(maps=NAMED, scales=[("company", "2")]), "--scale company: name is no number"),
        (Options(maps=[*NAMED, ("a", "country_id")], scales=[("a", "2")]), "--scale a: country_id is no number"),
        (Options(maps=[*NAMED, ("r", "customer_rank")], scales=[("r", "1,5")]), "--scale r: Write decimals"),
        (Options(maps=NAMED, key=["city"]), "--key city: no column is mapped"),
        (Options(maps=NAMED, key=["nothing"]), "has no field 'nothing'"),
        (Options(maps=[*NAMED, ("n", "comment")], key=["comment"]), "cannot be told apart by this kind"),
    ],
)
def test_what_makes_no_sense_is_refused_before_a_row_is_read(registry: Registry, options: Options, reason: str) -> None:
    with pytest.raises(PlanRefused, match=reason):
        _plan(registry, "res.partner", options)


def test_a_column_may_fill_several_fields_and_texts_may_come_from_several_columns(registry: Registry) -> None:
    maps = [("id", "ref"), ("id", "parent_id.ref"), ("first", "name"), ("last", "name")]
    plan = _plan(registry, "res.partner", Options(maps=maps))
    assert [(target.name, target.columns) for target in plan.targets] == [
        ("ref", ("id",)), ("parent_id", ("id",)), ("name", ("first", "last")),
    ]  # fmt: skip


def test_a_link_is_found_through_other_links(registry: Registry) -> None:
    maps = [("employee", "user_id.partner_id.ref"), ("customer", "partner_id.id"), ("order", "name")]
    plan = _plan(registry, "sale.order", Options(maps=maps, prefixes=[("user_id", "E-")]))
    assert [(target.path, target.prefix) for target in plan.targets] == [
        (("partner_id", "ref"), "E-"), (("id",), ""), ((), ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("header", "missing", "words"),
    [
        (["id", "firm"], ["company"], "it has: id, firm."),
        (["a", ""], ["id", "company"], "it has: a, (no name)."),
        (["ID", "Company"], ["id", "company"], "it has: ID, Company."),
        ([str(i) for i in range(100)], ["id", "company"], "and 60 more"),
    ],
)
def test_every_missing_column_is_named_with_those_that_are_there(
    registry: Registry, header: Sequence[str], missing: list[str], words: str
) -> None:
    with pytest.raises(FileRefused) as refused:
        _plan(registry, "res.partner", Options(maps=NAMED)).positions(header)
    assert [error.column for error in refused.value.errors] == missing
    assert words in refused.value.errors[0].reason


@pytest.mark.parametrize(
    ("model", "keys"),
    [
        ("res.partner", ("ref", "name")),
        ("product.product", ("default_code", "name")),
        ("product.category", ("code", "name")),
        ("sale.order", ("name",)),
        ("res.users", ("login", "name")),
        ("res.groups", ("key", "name")),
        ("res.company", ("name",)),
        ("res.currency", ("name",)),
        ("res.country", ("code", "alpha3", "name")),
        ("res.country.state", ("code", "name")),
    ],
)
def test_records_are_named_by_what_is_unique_and_then_by_their_name(
    registry: Registry, model: str, keys: tuple[str, ...]
) -> None:
    assert naming_of(registry[model]).keys == keys


def test_errors_are_in_the_order_of_the_file_and_not_more_than_anybody_reads() -> None:
    faults = Faults()
    for line in range(MAX_ERRORS + 5, 0, -1):
        faults.add(line, "a", "x" * 500, "wrong")
    assert faults.full
    assert faults.more
    listed = faults.in_order()
    assert len(listed) == MAX_ERRORS
    assert [error.line for error in listed] == sorted(error.line for error in listed)
    assert len(listed[0].value) == 201
