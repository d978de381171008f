"""Sales models: orders with their lines, and who may see which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import Final, Self

from growsoft.apps.base.models import Company, Currency, Users, current_company
from growsoft.apps.base.models_sequences import Sequence as Numbers
from growsoft.apps.contacts.models import Partner
from growsoft.apps.products.models import Product
from growsoft.errors import UserError, ValidationError
from growsoft.orm import Access, Check, Env, Model, Rule, api, company_rule, current, fields
from growsoft.orm.domain import EVERYTHING
from growsoft.orm.narrow import is_id
from growsoft.words import _

NEW: Final = "New"

Values = Mapping[str, object]


class OrderState(Enum):
    """Where an order is in its life."""

    DRAFT = "draft"
    SENT = "sent"
    SALE = "sale"
    CANCEL = "cancel"


def _salesperson(env: Env) -> Users:
    return env[Users].browse(() if env.elevated else env.user_id)


class Order(Model):
    """Sales order: a quotation until somebody confirms it."""

    _name = "sale.order"
    _order = "date_order desc, id desc"

    name = fields.Char(
        "Number",
        required=True,
        default=NEW,
        unique="Another order has this number.",
        unique_per="company_id",
        index=True,
        copy=False,
    )
    partner_id = fields.Many2one(Partner, "Customer", required=True, check_company=True)
    user_id = fields.Many2one(Users, "Salesperson", default=_salesperson)
    date_order = fields.Datetime("Order date", required=True, default=lambda env: env.now())
    validity_date = fields.Date("Valid until")
    commitment_date = fields.Datetime("Promised for")
    effective_date = fields.Datetime("Shipped on")
    state = fields.Selection(OrderState, default=OrderState.DRAFT, copy=False)
    company_id = fields.Many2one(Company, required=True, default=current_company)
    currency_id = fields.Many2one(Currency, required=True, default=lambda env: current_company(env).currency_id)
    carrier_id = fields.Many2one(Partner, "Carrier", check_company=True)
    # What the customer pays the carrier's way: shown beside the total, which is the sum of the lines alone.
    amount_delivery = fields.Monetary("Freight")
    delivery_address = fields.Text(help="As it was when the order was made.")
    note = fields.Text("Terms")
    order_line: fields.One2many[OrderLine] = fields.One2many("sale.order.line", "Lines", inverse="order_id")

    salespeople = Access("sale.salesperson", "read", "create", "write")
    managers = Access("sale.manager")
    own_orders = Rule(user_id == current.user, group="sale.salesperson")
    all_orders = Rule(EVERYTHING, group="sale.manager")
    own_companies = company_rule()

    @api.computed("order_line.price_subtotal", store=True, currency="currency_id", string="Total")
    def amount_total(self) -> Decimal:
        """The sum of the rounded lines."""
        return sum((line.price_subtotal for line in self.order_line), Decimal(0))

    def create(self, values: Values | Sequence[Values]) -> Self:
        """Make orders; those without a number take the next ones."""
        many = [values] if isinstance(values, Mapping) else values
        return super().create([self._numbered(order) for order in _completed(self.env, many)])

    def unlink(self) -> None:
        """Delete orders with their lines."""
        self.mapped(Order.order_line).unlink()
        super().unlink()

    def _numbered(self, order: Values) -> Values:
        if order.get("name", NEW) not in (NEW, "", None):
            return order
        return {**order, "name": self.env[Numbers].next_by_code("sale.order")}

    @api.public
    def action_confirm(self) -> None:
        """Turn quotations into orders; for whoever may write them."""
        for order in self:
            if order.state is OrderState.CANCEL:
                raise UserError(_("{name} is cancelled; make a new quotation instead.", name=order.name))
            order.state = OrderState.SALE

    @api.public
    def action_cancel(self) -> None:
        """Cancel quotations and orders; for whoever may write them."""
        for order in self:
            order.state = OrderState.CANCEL


class OrderLine(Model):
    """Sales order line: so many of one product at a price."""

    _name = "sale.order.line"
    _company = "order_id.company_id"
    _order = "sequence, id"

    order_id = fields.Many2one(Order, required=True)
    sequence = fields.Integer(default=10)
    product_id = fields.Many2one(Product, check_company=True)
    product_uom_qty = fields.Decimal("Quantity", digits=3, default=Decimal(1))
    discount = fields.Decimal("Discount (%)", digits=4)

    # Both follow the product that is chosen, not its later prices: what was offered stays.
    @api.computed("product_id", store=True, readonly=False, multiline=True, string="Description")
    def name(self) -> str:
        """What is sold: the product's name unless something else is written."""
        return self.product_id.name if self.product_id else self.name

    @api.computed("product_id", store=True, readonly=False, string="Unit price")
    def price_unit(self) -> Decimal:
        """The product's sales price unless another one is agreed."""
        return self.product_id.list_price if self.product_id else self.price_unit

    sane_discount = Check((discount >= 0) & (discount <= 100), "A discount is between 0 and 100 percent.")

    salespeople = Access("sale.salesperson")
    managers = Access("sale.manager")
    own_lines = Rule(order_id.any(Order.user_id == current.user), group="sale.salesperson")
    all_lines = Rule(EVERYTHING, group="sale.manager")
    own_companies = company_rule("order_id.company_id")

    @api.computed(
        "product_uom_qty", "price_unit", "discount", store=True, currency="order_id.currency_id", string="Amount"
    )
    def price_subtotal(self) -> Decimal:
        """Quantity times price less the discount, rounded half up to the currency's decimals."""
        return self.product_uom_qty * self.price_unit * (100 - self.discount) / 100

    @api.constrains("order_id", "product_id", "name")
    def _check_description(self) -> None:
        for line in self:
            if not line.name.strip():
                raise ValidationError(_("A line says what is sold: choose a product or write a description."))

    def create(self, values: Values | Sequence[Values]) -> Self:
        """Make lines; an empty description is that of the product."""
        many = [values] if isinstance(values, Mapping) else values
        return super().create(
            [{name: value for name, value in line.items() if name != "name" or value} for line in many]
        )


def _completed(env: Env, many: Iterable[Values]) -> Iterable[Values]:
    """Work company and currency out once for all: the defaults of fields ask for each record."""
    company = current_company(env)
    for order in many:
        own = order.get("company_id") or company
        own = env[Company].browse(own) if is_id(own) else own
        currency = {"currency_id": own.currency_id} if isinstance(own, Company) else {}
        yield {**currency, **order, "company_id": own}
