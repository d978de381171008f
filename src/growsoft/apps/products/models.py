"""Products models: products with prices and quantities, and the categories they are in."""

from __future__ import annotations

from growsoft.apps.base.models import Company
from growsoft.apps.contacts.models import Partner
from growsoft.orm import Access, Check, Model, company_rule, fields


class Category(Model):
    """Product category: products that belong together."""

    _name = "product.category"
    _order = "name"
    _parent_name = "parent_id"

    name = fields.Char(required=True, translate=True)
    code = fields.Char(index=True, unique="Another category has this code.", size=64)
    parent_id: fields.Many2one[Category] = fields.Many2one("product.category", "Part of")
    child_id: fields.One2many[Category] = fields.One2many("product.category", "Parts", inverse="parent_id")
    description = fields.Text(translate=True)

    everybody = Access("base.user", "read")
    managers = Access("products.manager")


class Product(Model):
    """Product: something that is bought or sold."""

    _name = "product.product"
    _order = "name"

    name = fields.Char(required=True, index="trigram", translate=True)
    default_code = fields.Char(
        "Reference", index=True, unique="Another product has this reference.", unique_per="company_id", size=64
    )
    categ_id = fields.Many2one(Category, "Category")
    supplier_id = fields.Many2one(Partner, "Supplier", check_company=True)
    uom_name = fields.Char("Unit", translate=True, help="What one unit is, in words: 24 bottles of 12 oz.")
    list_price = fields.Decimal("Sales price")
    standard_price = fields.Decimal("Cost", groups="products.manager")
    qty_available = fields.Decimal("On hand", digits=3)
    incoming_qty = fields.Decimal("On order", digits=3)
    reordering_min_qty = fields.Decimal("Reorder at", digits=3)
    description_sale = fields.Text("Description for customers", translate=True)
    sale_ok = fields.Boolean("Can be sold", default=True)
    company_id = fields.Many2one(Company, help="Empty: all companies share the product.")
    active = fields.Boolean(default=True)

    sane_price = Check(list_price >= 0, "A sales price is zero or more.")

    own_companies = company_rule()
    everybody = Access("base.user", "read")
    managers = Access("products.manager")
