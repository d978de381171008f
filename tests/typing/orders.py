"""Orders: the example of the design, which both type checkers must take as it stands, without any plugin."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum

from growsoft.orm import Access, App, Check, Env, Group, Model, Rule, api, current, fields

app = App(
    name="orders",
    version="1.0",
    package=__name__,
    groups=(Group("orders.salesperson", "Salesperson"), Group("orders.manager", "Manager", ("orders.salesperson",))),
)


class OrderState(Enum):
    """Where an order is in its life."""

    DRAFT = "draft"
    SALE = "sale"


class Country(Model):
    """Country: where a partner is."""

    _name = "orders.country"

    name = fields.Char(required=True)
    everybody = Access("orders.salesperson", "read")


class Partner(Model):
    """Partner: who buys."""

    _name = "orders.partner"

    name = fields.Char(required=True, index="trigram")
    country_id = fields.Many2one(Country)
    parent_id: fields.Many2one[Partner] = fields.Many2one("orders.partner", "Company")
    everybody = Access("orders.salesperson", "read", "create", "write")


class Order(Model):
    """Order: a quotation until somebody confirms it."""

    _name = "orders.order"
    _order = "date_order desc, id desc"

    name = fields.Char(required=True, default="New")
    date_order = fields.Datetime(required=True, default=lambda _env: datetime.now(UTC))
    delivered_on = fields.Date()
    state = fields.Selection(OrderState, default=OrderState.DRAFT)
    partner_id = fields.Many2one(Partner, required=True)
    user_id = fields.Many2one(Partner, "Salesperson")
    order_line: fields.One2many[OrderLine] = fields.One2many(inverse="order_id")

    salespeople = Access("orders.salesperson", "read", "create", "write")
    managers = Access("orders.manager")
    own_orders = Rule(user_id == current.user, group="orders.salesperson")
    all_orders = Rule((state == OrderState.SALE) | (state == OrderState.DRAFT), group="orders.manager")

    @api.computed("order_line.price_subtotal", store=True)
    def amount_total(self) -> Decimal:
        """The sum of the lines."""
        return sum((line.price_subtotal for line in self.order_line), Decimal(0))

    @api.public
    def action_confirm(self) -> None:
        """Turn quotations into orders."""
        for order in self:
            order.state = OrderState.SALE


class OrderLine(Model):
    """Order line: so many of something."""

    _name = "orders.line"

    name = fields.Char()
    order_id = fields.Many2one(Order, required=True, ondelete="cascade")
    quantity = fields.Decimal(default=Decimal(1), digits=3)
    price_subtotal = fields.Decimal(digits=2)

    positive = Check(quantity > 0, "The quantity is above zero.")
    everybody = Access("orders.salesperson")


def large_orders(env: Env, country: Country) -> list[tuple[str, Decimal]]:
    """Find orders by typed conditions, and read typed values."""
    from_here = Order.partner_id.any(Partner.country_id == country)
    orders = env[Order].search((Order.amount_total > 100) & from_here & ~Order.name.ilike("test"), limit=20)
    partners: Partner = orders.mapped(Order.partner_id)
    return [(f"{order.name} {partners[0].country_id.name}", order.amount_total) for order in orders]
