"""Showcase: an app with a field of every kind, for the tests of screens."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import Final

from growsoft.apps.base import app as base
from growsoft.apps.base.data import group_ids
from growsoft.apps.base.models import Currency, Users
from growsoft.auth.passwords import set_password
from growsoft.errors import ValidationError
from growsoft.orm import Access, App, Check, Env, Group, Model, Rule, api, current, fields


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

    @api.constrains("name")
    def _check_name(self) -> None:
        for item in self:
            if item.name == "forbidden":
                raise ValidationError("Name: an item is not called like this.")


class Line(Model):
    """Line: a part of an item."""

    _name = "show.line"
    _order = "id"

    item_id = fields.Many2one(Item, required=True)
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


PASSWORD: Final = "plum tractor lantern"
PEOPLE: Final = {"ada": "show.boss", "ben": "show.user", "eve": "base.user", "root": "base.admin"}


def people(env: Env) -> None:
    """Make the people of the tests; they all have the same password."""
    company = env["res.company"].search([], limit=1)
    for login, group in PEOPLE.items():
        values: dict[str, object] = {
            "name": f"{login.capitalize()} Example",
            "login": login,
            "groups_id": [(6, 0, group_ids(env, [group]))],
            "company_id": company,
            "company_ids": company,
        }
        user = env["res.users"].create(values)
        env.flush()
        set_password(env, user.id, PASSWORD)


app = App(
    name="show",
    version="1.0",
    package="tests.support.showcase",
    depends=("base",),
    groups=(Group("show.user", "Showcase", implied=("base.user",)), Group("show.boss", "Boss", implied=("show.user",))),
    load=people,
)
APPS: Final = {"base": base, "show": app}
