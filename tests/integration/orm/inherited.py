"""Apps that build upon trade in every way: in place, by a copy, by mixins, and for a moment."""

from __future__ import annotations

import sys
from enum import Enum
from types import ModuleType

from growsoft.errors import ValidationError
from growsoft.orm import Access, App, Check, Group, Model, Rule, api, fields
from tests.integration.orm import trade
from tests.integration.orm.trade import Partner, Size, Tag


def _module(name: str) -> str:
    """Make a module for the classes of one app; in real apps it is a package."""
    module = ModuleType(f"{__name__}_{name}")
    sys.modules[module.__name__] = module
    return module.__name__


CUSTOMS = _module("customs")

shipping = App(
    name="shipping",
    version="1.0",
    package=__name__,
    depends=("trade",),
    groups=(Group("shipping.packer", "Packer", implied=("base.user",)),),
)
customs = App(name="customs", version="1.0", package=CUSTOMS, depends=("shipping",))


class Carried(Enum):
    """Sizes that only a carrier knows."""

    PALLET = "pallet"


class Cleared(Enum):
    """Sizes that only the customs know."""

    CONTAINER = "container"


# -- in place ----------------------------------------------------------------------------------------------------------


class ShippedThing(trade.Thing, extend=True):
    """A thing that is shipped: some of what its fields say is changed."""

    name = fields.Char("Title")
    exact = fields.Decimal(groups="trade.boss")
    number = fields.Integer(default=7)
    carried_state = trade.Thing.state.adding(Carried, after=Size.SMALL)
    carried_size = trade.Thing.size.adding(Carried)

    packers = Access("shipping.packer", "read")
    light = Check(trade.Thing.weight <= 1000, "Nobody carries more than a ton.")
    unbroken = Rule(trade.Thing.fragile == False)  # noqa: E712  a condition, not a truth value

    @api.constrains("number")
    def _check_number(self) -> None:
        if any(thing.number == 666 for thing in self):
            raise ValidationError("No carrier takes this number.")


class ClearedThing(trade.Thing, extend=True):
    """A thing that passes the customs; it knows nothing of the shipping's class, but stands behind it."""

    __module__ = CUSTOMS

    name = fields.Char(help="As it stands in the papers", size=20)
    cleared_state = trade.Thing.state.adding(Cleared)

    def carriers(self) -> list[object]:
        """Say each state that is known."""
        return [thing.state for thing in self]


# -- mixins ------------------------------------------------------------------------------------------------------------


class Traced(Model, abstract=True):
    """Traced: has a code by which it is followed."""

    _name = "shipping.traced"

    trace = fields.Char("Trace", index=True, size=12)
    hidden_trace = fields.Boolean()

    readers = Access("shipping.packer", "read", "create", "write")
    not_hidden = Rule(hidden_trace == False)  # noqa: E712  a condition, not a truth value

    @api.public
    def follow(self) -> str:
        """Say where it is."""
        return f"{self.trace}?"

    @api.constrains("trace")
    def _check_trace(self) -> None:
        if any(record.trace == "lost" for record in self):
            raise ValidationError("This code is not given.")


class Sealed(Traced, abstract=True):
    """Sealed: traced, with a seal."""

    _name = "shipping.sealed"

    seal = fields.Char()


class Parcel(Sealed):
    """Parcel: what is carried."""

    _name = "shipping.parcel"

    name = fields.Char(required=True)


class TracedTag(trade.Tag, Traced, extend=True):
    """A tag that is traced, too."""


class ClearedTraced(Traced, extend=True):
    """What is traced has papers since the customs are there."""

    __module__ = CUSTOMS

    papers = fields.Char(default="none")

    @api.public  # whoever writes a method anew decides anew whether the outside may call it
    def follow(self) -> str:
        """Say what the papers say."""
        return f"{super().follow()} {self.papers}"


# -- a copy ------------------------------------------------------------------------------------------------------------


class FormerTag(trade.Tag):
    """Former tag: a tag that is not used any more."""

    _name = "shipping.former"

    reason = fields.Char()
    weight = fields.Integer("Weight then", default=1)


class FormerPartner(trade.Partner):
    """Former partner: with the rule that hides some, and without anybody's rights."""

    _name = "shipping.former.partner"

    child_ids = None  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType, reportIncompatibleVariableOverride]  those are the partner's lines
    packers = Access("shipping.packer", "read")


# -- a record of another model ---------------------------------------------------------------------------------------


class Carrier(trade.Partner, delegate="partner_id"):
    """Carrier: a partner who has trucks."""

    _name = "shipping.carrier"

    partner_id = fields.Many2one(Partner, required=True)
    name = fields.Char(related="partner_id.name", store=True, readonly=False)
    trucks = fields.Integer()

    readers = Access("base.user", "read")
    sellers = Access("trade.seller", "read", "create", "write", "unlink")
    packers = Access("shipping.packer", "read", "create", "write")


# -- for a moment ------------------------------------------------------------------------------------------------------


class Wizard(Model, transient=True):
    """Wizard: asks what to pack."""

    _name = "shipping.wizard"
    _transient_max_hours = 2.0
    _transient_max_count = 5

    name = fields.Char()
    partner_id = fields.Many2one(Partner)
    tag_ids = fields.Many2many(Tag)
    line_ids: fields.One2many[WizardLine] = fields.One2many(inverse="wizard_id")

    everybody = Access("base.user")


class WizardLine(Model, transient=True):
    """Wizard line: so many of it."""

    _name = "shipping.wizard.line"

    name = fields.Char()
    wizard_id = fields.Many2one(Wizard, required=True, ondelete="cascade")

    everybody = Access("base.user")
