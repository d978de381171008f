"""Two apps that extend trade in place, one upon the other."""

from __future__ import annotations

import sys
from decimal import Decimal
from types import ModuleType

from growsoft.errors import ValidationError
from growsoft.orm import Access, App, Group, Rule, api, fields
from tests.integration.orm import trade
from tests.integration.orm.trade import Partner


def _module(name: str) -> str:
    """Make a module for the classes of one app; in real apps it is a package."""
    module = ModuleType(f"{__name__}_{name}")
    sys.modules[module.__name__] = module
    return module.__name__


FREIGHT = _module("freight")
MARGIN = _module("margin")

freight = App(name="freight", version="1.0", package=FREIGHT, depends=("trade",))
margin = App(
    name="margin",
    version="1.0",
    package=MARGIN,
    depends=("freight",),
    groups=(Group("margin.user", "Margins", implied=("trade.seller",)),),
)


class FreightOrder(trade.Order, extend=True):
    """An order that is carried."""

    __module__ = FREIGHT

    carrier_id = fields.Many2one(Partner)
    freight = fields.Decimal(digits=2)

    @api.computed("line_ids.subtotal", "freight", store=True, currency="currency_id")
    def total(self) -> Decimal:
        """The lines and the freight."""
        return sum((line.subtotal for line in self.line_ids), self.freight)

    def greeting(self) -> str:
        """What the extension says."""
        return f"freight of {self.name}"


class FreightThing(trade.Thing, extend=True):
    """A thing that checks more."""

    __module__ = FREIGHT

    def _check_name(self) -> None:
        super()._check_name()
        if any(thing.name == "unshippable" for thing in self):
            raise ValidationError("This cannot be shipped.")


class MarginOrder(FreightOrder, extend=True):
    """An order with a margin that few see."""

    __module__ = MARGIN

    margin = fields.Decimal(groups="margin.user")
    managers = Access("margin.user", "read", "write")
    all_margins = Rule(trade.Order.name != "", group="margin.user")

    def greeting(self) -> str:
        """What the second extension says."""
        return f"margin and {super().greeting()}"


class MarginPartner(trade.Partner, extend=True):
    """A partner with a value that belongs to a group without Access of its own."""

    __module__ = MARGIN

    worth = fields.Integer(groups="margin.user")
