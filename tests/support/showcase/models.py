"""Models of the showcase: a field of every kind, rules, and a field that is kept from most."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum

from growsoft.apps.base.models import Currency, Users
from growsoft.errors import UserError, ValidationError
from growsoft.orm import Access, Check, Model, Rule, api, current, fields


class State(Enum):
    """Where an item is in its life."""

    DRAFT = "draft"
    OPEN = "open"
    DONE = "done"


class Owner(Model):
    """Owner: somebody who has items."""

    _name = "show.owner"
    _order = "name"

    name = fields.Char(required=True, index="trigram")
    city = fields.Char()

    users = Access("show.user")


class Tag(Model):
    """Tag: a word that items have in common."""

    _name = "show.tag"
    _order = "name"

    name = fields.Char(required=True)

    users = Access("show.user")


class Item(Model):
    """Item: something with a value of every kind."""

    _name = "show.item"
    _order = "name"

    name = fields.Char(required=True, size=60, index="trigram", help="What people call it.")
    code = fields.Char(unique="Another item has this code.")
    state = fields.Selection(State, default=State.DRAFT)
    owner_id = fields.Many2one(Owner)
    count = fields.Integer()
    weight = fields.Decimal(digits=3)
    currency_id = fields.Many2one(Currency)
    price = fields.Monetary()
    active = fields.Boolean(default=True)
    day = fields.Date()
    moment = fields.Datetime()
    note = fields.Text()
    secret = fields.Char(groups="show.boss")
    tag_ids = fields.Many2many(Tag, "Tags")
    line_ids: fields.One2many[Line] = fields.One2many(inverse="item_id", string="Lines")
    creator_id: fields.Many2one[Users] = fields.Many2one("res.users", "Creator", readonly=True)

    users = Access("show.user")
    bosses = Access("show.boss")
    visible = Rule(name != "hidden", group="show.user")
    visible_to_bosses = Rule(name != "hidden", group="show.boss")
    sane_count = Check(count >= 0, "Count: an item is there zero times or more often.")

    @api.computed("line_ids.quantity", store=True)
    def total(self) -> Decimal:
        """The sum of its lines."""
        return sum((line.quantity for line in self.line_ids), Decimal(0))

    @api.public
    def rename(self, name: str, times: int = 1) -> int:
        """Give another name, and say to how many."""
        for item in self:
            item.name = name * times
        return len(self)

    @api.public(readonly=True)
    def greeting(self) -> dict[str, object]:
        """Say what a script may know."""
        return {"names": [item.name for item in self], "weight": sum(item.weight for item in self), "items": self}

    @api.public(readonly=True)
    def lying(self) -> None:
        """Promise to read, and write."""
        self.sudo("a test must see that a promise to read is kept by PostgreSQL").write({"name": "changed"})

    @api.public  # pyright: ignore[reportUnknownArgumentType]  what is tested
    def untyped(self, what) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001  # pyright: ignore  what is tested
        """Take something without saying what it is."""

    @api.public
    def action_open(self) -> None:
        """Open items."""
        self.write({"state": State.OPEN})

    @api.public
    def action_finish(self) -> None:
        """Finish items, if there are any of them."""
        for item in self:
            item.state = State.DONE
            if not item.count:
                raise UserError(f"There is none of {item.name}; say how many there are.")

    def unmarked(self) -> str:
        """Nobody outside gets here."""
        return "reached"

    @api.constrains("name")
    def _check_name(self) -> None:
        for item in self:
            if item.name == "forbidden":
                raise ValidationError("Name: an item is not called like this.")


class Line(Model):
    """Line: a part of an item."""

    _name = "show.line"
    _order = "sequence, id"

    item_id = fields.Many2one(Item, required=True)
    sequence = fields.Integer(default=10)
    name = fields.Char(required=True)
    owner_id = fields.Many2one(Owner)
    quantity = fields.Decimal(default=Decimal(1))

    users = Access("show.user")


class Private(Model):
    """Private: what only its creator sees."""

    _name = "show.private"

    name = fields.Char(required=True)
    user_id: fields.Many2one[Users] = fields.Many2one("res.users")

    users = Access("show.user")
    own = Rule(user_id == current.user, group="show.user")
