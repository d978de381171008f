"""What the built-in apps declare: they are found, they have screens, and nobody has more rights than meant."""

from __future__ import annotations

import pytest

from growsoft.orm import Registry, company_rule, load
from growsoft.orm.fields import Many2one
from growsoft.orm.registry import installed_apps
from growsoft.views.declared import declarations

SHOP = ("base", "contacts", "products", "sale")


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load(SHOP)


def test_the_apps_are_found_by_their_entry_points() -> None:
    assert set(SHOP) <= set(installed_apps())


def test_an_app_brings_those_it_needs_in_their_order() -> None:
    assert [app.name for app in load(["sale"]).apps] == list(SHOP)


def test_every_app_stands_without_those_that_need_it() -> None:
    for number in range(1, len(SHOP) + 1):
        assert [app.name for app in load(SHOP[:number]).apps] == list(SHOP[:number])


def test_every_model_of_the_menu_has_its_own_screens(registry: Registry) -> None:
    declared = declarations(registry)
    entries = [menu.model for menu in declared.menus if registry[menu.model].app in SHOP[1:]]
    assert entries == ["sale.order", "res.partner", "product.product", "product.category"]
    for model in entries:
        own = declared.of(model)
        assert own.form is not None
        assert own.list is not None
        assert own.search is not None
        assert own.search.fields


def test_implied_groups_lead_from_the_administrator_to_every_user(registry: Registry) -> None:
    implied = registry.implied("base.admin")
    assert implied >= {"base.user", "contacts.manager", "products.manager", "sale.manager", "sale.salesperson"}
    assert registry.implied("sale.salesperson") == {"sale.salesperson", "contacts.user", "base.user"}
    assert "contacts.manager" not in registry.implied("sale.manager")


@pytest.mark.parametrize("model", ["sale.order", "sale.order.line"])
def test_orders_are_shown_by_rules_to_groups_of_sales_alone(registry: Registry, model: str) -> None:
    info = registry[model]
    assert {access.group for access in info.access} == {"sale.salesperson", "sale.manager"}
    assert {rule.group for rule in info.rules.values()} == {"sale.salesperson", "sale.manager", ""}


def test_a_user_of_no_app_may_only_read(registry: Registry) -> None:
    for name in ("res.partner", "product.product", "product.category"):
        verbs = {verb for access in registry[name].access if access.group == "base.user" for verb in access.verbs}
        assert verbs == {"read"}


def test_a_model_with_a_company_says_who_sees_it_and_keeps_its_links_there(registry: Registry) -> None:
    scoped = {info.name for info in registry.models.values() if "company_id" in info.fields} - {"res.users"}
    assert scoped == {"res.partner", "product.product", "sale.order", "ir.sequence"}
    for name in scoped:
        info = registry[name]
        assert company_rule() in info.rules.values()
        for field in info.fields.values():
            if isinstance(field, Many2one) and field.comodel in scoped:
                assert field.check_company, f"{name}.{field.name}"
