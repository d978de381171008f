"""Northwind as demo data: which file and column becomes which record and field, by the same import as everybody's."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import Final

from growsoft.errors import ValidationError
from growsoft.exchange.importing import import_csv
from growsoft.exchange.plan import Options, make_plan
from growsoft.orm import Env

_ADDRESS: Final = (
    ("address", "street"),
    ("city", "city"),
    ("region", "state_id"),
    ("postal_code", "zip"),
    ("country", "country_id"),
)
_PERSON: Final = (("contact_name", "name"), ("contact_title", "function"))
_SHIPPED_TO: Final = ("ship_name", "ship_address", "ship_city", "ship_region", "ship_postal_code", "ship_country")


@dataclass(frozen=True, slots=True)
class Step:
    """One file into one model; ``name`` is what its records are called in the counts."""

    name: str
    file: str
    model: str
    options: Options


# References of one model that come from different files are told apart by their prefix.
STEPS: Final = (
    Step(
        "customers",
        "customers.csv",
        "res.partner",
        Options(
            maps=(("customer_id", "ref"), ("company_name", "name"), ("phone", "phone"), *_ADDRESS),
            sets=(("customer_rank", "1"), ("is_company", "yes")),
            key=("ref",),
        ),
    ),
    Step(
        "customer persons",
        "customers.csv",
        "res.partner",
        Options(
            maps=(("customer_id", "ref"), ("customer_id", "parent_id.ref"), *_PERSON),
            prefixes=(("ref", "P-"),),
            key=("ref",),
        ),
    ),
    Step(
        "suppliers",
        "suppliers.csv",
        "res.partner",
        Options(
            maps=(("supplier_id", "ref"), ("company_name", "name"), ("phone", "phone"), *_ADDRESS),
            sets=(("supplier_rank", "1"), ("is_company", "yes")),
            prefixes=(("ref", "S-"),),
            key=("ref",),
        ),
    ),
    Step(
        "supplier persons",
        "suppliers.csv",
        "res.partner",
        Options(
            maps=(("supplier_id", "ref"), ("supplier_id", "parent_id.ref"), *_PERSON),
            prefixes=(("ref", "SP-"), ("parent_id", "S-")),
            key=("ref",),
        ),
    ),
    Step(
        "shippers",
        "shippers.csv",
        "res.partner",
        Options(
            maps=(("shipper_id", "ref"), ("company_name", "name"), ("phone", "phone")),
            sets=(("is_company", "yes"),),
            prefixes=(("ref", "C-"),),
            key=("ref",),
        ),
    ),
    Step(
        "employees",
        "employees.csv",
        "res.partner",
        Options(
            maps=(
                ("employee_id", "ref"),
                ("first_name", "name"),
                ("last_name", "name"),
                ("title", "function"),
                ("home_phone", "phone"),
                ("notes", "comment"),
                ("reports_to", "parent_id.ref"),
                *_ADDRESS,
            ),
            prefixes=(("ref", "E-"), ("parent_id", "E-")),
            key=("ref",),
        ),
    ),
    Step(
        "categories",
        "categories.csv",
        "product.category",
        Options(
            maps=(("category_id", "code"), ("category_name", "name"), ("description", "description")), key=("code",)
        ),
    ),
    Step(
        "products",
        "products.csv",
        "product.product",
        Options(
            maps=(
                ("product_id", "default_code"),
                ("product_name", "name"),
                ("supplier_id", "supplier_id.ref"),
                ("category_id", "categ_id.code"),
                ("quantity_per_unit", "uom_name"),
                ("unit_price", "list_price"),
                ("units_in_stock", "qty_available"),
                ("units_on_order", "incoming_qty"),
                ("reorder_level", "reordering_min_qty"),
                ("discontinued", "!sale_ok"),
            ),
            prefixes=(("supplier_id", "S-"),),
            key=("default_code",),
        ),
    ),
    Step(
        "orders",
        "orders.csv",
        "sale.order",
        Options(
            maps=(
                ("order_id", "name"),
                ("customer_id", "partner_id.ref"),
                ("employee_id", "user_id.partner_id.ref"),
                ("order_date", "date_order"),
                ("required_date", "commitment_date"),
                ("shipped_date", "effective_date"),
                ("ship_via", "carrier_id.ref"),
                ("freight", "amount_delivery"),
                *((column, "delivery_address") for column in _SHIPPED_TO),
            ),
            sets=(("state", "sale"),),
            prefixes=(("user_id", "E-"), ("carrier_id", "C-")),
            key=("name",),
        ),
    ),
    Step(
        "lines",
        "order_details.csv",
        "sale.order.line",
        Options(
            maps=(
                ("order_id", "order_id.name"),
                ("product_id", "product_id.default_code"),
                ("unit_price", "price_unit"),
                ("quantity", "product_uom_qty"),
                ("discount", "discount"),
            ),
            scales=(("discount", "100"),),
            key=("order_id", "product_id"),
        ),
    ),
)


def load_northwind(env: Env) -> dict[str, int]:
    """Import everything; give the number of records by what they are. Doing it again doubles nothing."""
    counts: dict[str, int] = {}
    for step in STEPS:
        if step.name == "orders":
            counts["salespeople"] = _import(env, _salespeople(env))
        counts[step.name] = _import(env, step)
    return counts


def _import(env: Env, step: Step) -> int:
    plan = make_plan(env.registry, env.registry[step.model], step.options)
    with resources.files("growsoft.apps.sale.demo").joinpath("northwind", step.file).open("rb") as stream:
        report = import_csv(env, plan, stream)
    if report.errors:
        first = report.errors[0]
        raise ValidationError(f"{step.file}, line {first.line}, {first.column} {first.value!r}: {first.reason}")
    return report.created + report.updated


def _salespeople(env: Env) -> Step:
    """Employees sign in as their first name, once somebody gives them a link: they have no password."""
    company = env["res.company"].search([], limit=1, order="id").display_name
    return Step(
        "salespeople",
        "employees.csv",
        "res.users",
        Options(
            maps=(
                ("first_name", "login"),
                ("first_name", "name"),
                ("last_name", "name"),
                ("employee_id", "partner_id.ref"),
            ),
            sets=(("groups_id", "sale.salesperson"), ("company_id", company), ("company_ids", company)),
            prefixes=(("partner_id", "E-"),),
            key=("login",),
        ),
    )
