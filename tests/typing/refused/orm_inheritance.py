"""Models that are built upon others, used wrongly: each marked line must be refused by the type checkers."""

from __future__ import annotations

from enum import Enum

from growsoft.orm import Env, Model, fields
from tests.typing.orders import Order, OrderState, Partner


class Shipping(Enum):
    """What only a carrier knows of an order."""

    SHIPPED = "shipped"


class ShippedOrder(Order, extend=True):
    """An order that is carried."""

    name = fields.Char("Number")
    shipping_state = Order.state.adding(Shipping, after=OrderState.SALE)
    no_enum = Order.state.adding("shipped")  # refused: both
    no_selection = Order.name.adding(Shipping)  # refused: both


class Traced(Model, abstract=True):
    """Traced: has a code by which it is followed."""

    _name = "orders.traced"

    trace = fields.Char()


class Parcel(Traced):
    """Parcel: what is carried."""

    _name = "orders.parcel"

    name = fields.Char()


class TracedPartner(Partner, Traced, extend=True):
    """A partner that is traced."""


def extended(env: Env, orders: ShippedOrder, parcel: Parcel, partner: TracedPartner) -> str:
    """Fields of the extension and of what a model is built upon keep their types."""
    orders.shipping_state = Shipping.SHIPPED
    orders.shipping_state = OrderState.SALE
    orders.shipping_state = "shipped"  # refused: both
    orders.state = Shipping.SHIPPED  # refused: both
    env[ShippedOrder].search(ShippedOrder.shipping_state == Shipping.SHIPPED)
    env[Order].search(Order.state == Shipping.SHIPPED)  # refused: both
    return parcel.trace + partner.trace + partner.country_id.name + orders.name


def misused(parcel: Parcel) -> None:
    """Values of another kind, and a field of nobody."""
    parcel.trace = 5  # refused: both
    parcel.seal = "x"  # refused: both


class Carrier(Partner, delegate="partner_id"):
    """Carrier: a partner who has trucks."""

    _name = "orders.carrier"

    partner_id = fields.Many2one(Partner, required=True)
    trucks = fields.Integer()


def delegated(env: Env, carrier: Carrier) -> str:
    """Fields of the parent record have their types on the record that shows them."""
    env[Carrier].search(Carrier.name == 5)  # refused: both
    carrier.country_id = carrier.partner_id  # refused: both
    return carrier.name + carrier.country_id.name + str(carrier.trucks + 1)
