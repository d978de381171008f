"""External ids: files know records by names of their own, and never get at records of others by them."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from growsoft.apps.base.models import Company
from growsoft.apps.contacts.models import Partner
from growsoft.apps.products.models import Category, Product
from growsoft.exchange.externals import EXPORTED, given_ids, known_ids
from growsoft.exchange.report import Report
from growsoft.orm import Env
from growsoft.orm.external import MODEL
from growsoft.postgres.context import Context
from tests.acceptance.importing.conftest import bring
from tests.support.shop import Shop

FIRMS = "id,name,city\nfirm-1,Alfreds,Berlin\nfirm-2,Berglund,Luleå\n"


def test_the_second_run_finds_the_records_of_the_first(shop: Shop) -> None:
    with shop.elevated() as env:
        assert bring(env, "res.partner", FIRMS) == Report(2, 0, 0)
        assert bring(env, "res.partner", FIRMS) == Report(0, 2, 2)
        assert bring(env, "res.partner", FIRMS.replace("Berlin", "Bonn")) == Report(0, 2, 1)
        assert sorted(env[Partner].search([]).mapped("city")) == ["Bonn", "Luleå"]
        assert set(known_ids(env, "res.partner", ["firm-1", "__import__.firm-1"])) == {"firm-1", "__import__.firm-1"}


def test_links_lead_to_records_of_other_files_and_of_this_one(shop: Shop) -> None:
    categories = "id,name,parent_id/id\ntea,Tea,drinks\ndrinks,Drinks,\n"
    products = "id,name,categ_id/id\np1,Assam,tea\np2,Water,__import__.drinks\n"
    with shop.elevated() as env:
        assert bring(env, "product.category", categories) == Report(2, 0, 0)
        assert bring(env, "product.product", products) == Report(2, 0, 0)
        assert bring(env, "product.category", categories) == Report(0, 2, 2)
        assert env[Category].search([["name", "=", "Tea"]]).parent_id.name == "Drinks"
        assert env[Product].search([["name", "=", "Assam"]]).categ_id.name == "Tea"
        country = bring(env, "res.partner", "name,country_id/id\nAnn,\nBob,base.nowhere\n")
    assert [(error.line, error.column, error.reason) for error in country.errors] == [
        (3, "country_id/id", "There is no Country with this external id.")
    ]


def test_a_dry_run_notes_no_ids(shop: Shop) -> None:
    with shop.elevated() as env:
        assert bring(env, "res.partner", FIRMS, dry_run=True) == Report(2, 0, 0)
        assert env[MODEL].search_count([["module", "=", "__import__"]]) == 0
        assert bring(env, "res.partner", FIRMS) == Report(2, 0, 0)


def test_the_id_of_a_deleted_record_can_be_given_again(shop: Shop) -> None:
    with shop.elevated() as env:
        bring(env, "res.partner", FIRMS)
        env[Partner].search([["name", "=", "Alfreds"]]).unlink()
        assert bring(env, "res.partner", FIRMS) == Report(1, 1, 1)


def test_two_rows_of_a_file_cannot_have_one_id(shop: Shop) -> None:
    with shop.elevated() as env:
        report = bring(env, "res.partner", "id,name\na,A\na,B\n")
    assert [(error.line, error.reason) for error in report.errors] == [
        (3, "Line 2 has the same external id; keep one of them.")
    ]


@pytest.mark.parametrize("text", ["a b", "a/b", "Ä", "base..", "'; DROP TABLE x --", "Base.x", "x" * 200])
def test_what_is_no_id_is_refused_with_its_cell(shop: Shop, text: str) -> None:
    with shop.elevated() as env:
        report = bring(env, "res.partner", f"id,name\n{text},A\n")
    (error,) = report.errors
    assert (error.line, error.column) == (2, "id")
    assert "external id" in error.reason or "app base" in error.reason


def test_ids_of_apps_are_theirs_alone(shop: Shop) -> None:
    """Whoever could note base.something would decide what the next upgrade of the app writes to."""
    with shop.elevated() as env:
        report = bring(env, "res.partner", "id,name\nbase.partner_next,A\nsale.x,B\n")
        assert [error.line for error in report.errors] == [2, 3]
        assert all("its own" in error.reason for error in report.errors)
        assert env[Partner].search_count([]) == 0


def test_an_id_of_a_record_of_another_model_is_taken(shop: Shop) -> None:
    with shop.elevated() as env:
        bring(env, "product.category", "id,name\nx,Food\n")
        report = bring(env, "res.partner", "id,name\nx,A\n")
        assert "another record has this external id" in report.errors[0].reason
        link = bring(env, "product.product", "name,supplier_id/id\nTea,x\n")
        assert link.errors[0].reason == "There is no Contact with this external id."


# -- records of others -------------------------------------------------------------------------------------------------


@pytest.fixture
def ann(shop: Shop) -> Generator[tuple[Env, int]]:
    """Ann of one company, who knows the external id of a contact of the other one; and that contact."""
    with shop.elevated() as env:
        here = env[Company].search([])
        there = env[Company].create({"name": "South", "currency_id": here.currency_id})
        secret = env[Partner].create({"name": "Secret", "company_id": there})
        bring(env, "res.partner", f"id,name,company_id\nsecret,Secret,{there.name}\n")
        hidden = env[Partner].search([["name", "=", "Secret"]]) - secret
        own = here.id
    context: Context = shop.user("ann", "contacts.manager", "products.manager", companies=[own])
    with shop.acting(context) as env:
        yield env, hidden.id


def test_a_record_of_a_foreign_company_is_not_found_by_its_id(ann: tuple[Env, int]) -> None:
    env, hidden = ann
    assert known_ids(env, "res.partner", ["secret"]) == {}
    changed = bring(env, "res.partner", "id,name\nsecret,Mine\n")
    assert "another record has this external id" in changed.errors[0].reason
    linked = bring(env, "product.product", "name,supplier_id/id\nTea,secret\n")
    assert linked.errors[0].reason == "There is no Contact with this external id."
    by_number = bring(env, "product.product", f"name,supplier_id/.id\nTea,{hidden}\n")
    assert by_number.errors[0].reason == "There is no Contact with this id."


def test_the_id_of_a_foreign_record_cannot_be_taken_over_by_deleting_and_giving_it_again(ann: tuple[Env, int]) -> None:
    env, hidden = ann
    bring(env, "res.partner", "id,name\nsecret,Mine\n")
    noted = env.sudo("a test looks at where the id leads")[MODEL].search([["name", "=", "secret"]])
    assert [row["res_id"] for row in noted.search_read([["id", "in", noted.ids]], ["res_id"])] == [hidden]


def test_somebody_who_may_not_write_a_model_changes_nothing_by_its_ids(shop: Shop) -> None:
    with shop.elevated() as env:
        bring(env, "product.category", "id,name\nx,Food\n")
    with shop.acting(shop.user("bob", "sale.salesperson")) as env:
        report = bring(env, "product.category", "id,name\nx,Mine\n")
    assert report.errors
    with shop.elevated() as env:
        assert env[Category].search([]).mapped("name") == ["Food"]


def test_an_export_gives_each_record_an_id_that_lasts(shop: Shop) -> None:
    with shop.elevated() as env:
        bring(env, "res.partner", FIRMS)
        ids = (
            env[Partner].create([{"name": "A"}, {"name": "B"}]).ids + env[Partner].search([["city", "=", "Berlin"]]).ids
        )
        first = given_ids(env, "res.partner", ids)
        assert given_ids(env, "res.partner", ids) == first
        assert first[ids[-1]] == "__import__.firm-1"
        assert first[ids[0]].startswith(f"{EXPORTED}.res_partner_{ids[0]}_")
        assert known_ids(env, "res.partner", first.values()) == {text: record for record, text in first.items()}
