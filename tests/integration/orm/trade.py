"""Trade: an app of everything the ORM has, for its tests."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum

from growsoft.apps.base.models import Company, Currency, Users
from growsoft.errors import ValidationError
from growsoft.orm import Access, App, Check, Fulltext, Group, Model, Rule, api, current, fields

app = App(
    name="trade",
    version="1.0",
    package=__name__,
    depends=("base",),
    groups=(
        Group("trade.seller", "Seller", implied=("base.user",)),
        Group("trade.boss", "Boss", implied=("trade.seller",)),
        Group("trade.clerk", "Clerk", implied=("base.user",)),
        Group("trade.auditor", "Auditor", implied=("base.user",)),
        Group("trade.secrets", "Keeper of secrets"),
    ),
)


class Size(Enum):
    """How large something is."""

    SMALL = "small"
    LARGE = "large"


class Tag(Model):
    """Tag: a word for things."""

    _name = "trade.tag"
    _order = "name"

    name = fields.Char(required=True)
    weight = fields.Integer()

    everybody = Access("base.user", "read")
    bosses = Access("trade.boss")


class Partner(Model):
    """Partner: who buys."""

    _name = "trade.partner"
    _order = "name"
    _parent_name = "parent_id"
    _rec_names_search = ("code", "secret")

    name = fields.Char(required=True, index="trigram")
    code = fields.Char(unique="Another partner has this code.", size=10)
    parent_id: fields.Many2one[Partner] = fields.Many2one("trade.partner", "Company")
    child_ids: fields.One2many[Partner] = fields.One2many(inverse="parent_id")
    tag_ids = fields.Many2many(Tag, "Tags")
    credit = fields.Decimal("Credit limit", digits=2, groups="trade.boss")
    secret = fields.Char(groups="trade.secrets", default="none")
    secret_tag_ids = fields.Many2many(Tag, "Secret tags", groups="trade.boss")
    rating = fields.Integer(readonly=True, default=3)
    hidden = fields.Boolean()

    everybody = Access("base.user", "read")
    sellers = Access("trade.seller", "read", "create", "write")
    bosses = Access("trade.boss")
    shown = Rule(hidden == False)  # noqa: E712  a condition, not a truth value


class Thing(Model):
    """Thing: a value of every kind."""

    _name = "trade.thing"
    _order = "number desc, id"

    name = fields.Char(required=True, size=50)
    note = fields.Text()
    number = fields.Integer(index=True)
    weight = fields.Decimal(digits=3)
    exact = fields.Decimal(digits=None)
    currency_id = fields.Many2one(Currency)
    price = fields.Monetary()
    fragile = fields.Boolean()
    day = fields.Date()
    made_on = fields.Date(required=True, default=lambda _env: datetime(2026, 1, 2, tzinfo=UTC).date())
    moment = fields.Datetime()
    size = fields.Selection(Size)
    state = fields.Selection(Size, default=Size.SMALL)
    owner_id = fields.Many2one(Partner)
    tag_ids = fields.Many2many(Tag)
    part_ids: fields.One2many[Part] = fields.One2many(inverse="thing_id")
    words = Fulltext(name, note)

    sellers = Access("trade.seller")
    sane_number = Check((number >= -1000) & (number != 13), "A number is above -1001 and not 13.")

    @api.computed("name", "number")
    def label(self) -> str:
        """Name and number, worked out on each reading."""
        return f"{self.name} {self.number}"

    @api.constrains("name", "tag_ids")
    def _check_name(self) -> None:
        for thing in self:
            if thing.name == "forbidden" or any(tag.name == "forbidden" for tag in thing.tag_ids):
                raise ValidationError("Nothing is called like this.")


class Part(Model):
    """Part: a thing is made of some; they may lie around without one."""

    _name = "trade.part"
    _audit_without = ("place",)
    _order = "place, id"

    name = fields.Char(required=True)
    place = fields.Integer()
    thing_id = fields.Many2one(Thing)

    sellers = Access("trade.seller")


class Order(Model):
    """Order: what a partner buys."""

    _name = "trade.order"
    _order = "name desc"

    name = fields.Char(required=True)
    partner_id = fields.Many2one(Partner, required=True)
    user_id: fields.Many2one[Users] = fields.Many2one("res.users", default=lambda env: env[Users].browse(env.user_id))
    company_id = fields.Many2one(Company)
    currency_id = fields.Many2one(Currency)
    line_ids: fields.One2many[Line] = fields.One2many(inverse="order_id")

    sellers = Access("trade.seller", "read", "create", "write")
    bosses = Access("trade.boss")
    clerks = Access("trade.clerk", "read", "write")
    own_orders = Rule(user_id == current.user, group="trade.seller")
    all_orders = Rule(name != "", group="trade.boss")
    clerks_read = Rule(partner_id.any(Partner.name == "Open"), group="trade.clerk", verbs=("read",))
    companies = Rule((company_id == None) | company_id.in_(current.companies))  # noqa: E711  a condition

    @api.computed("line_ids.subtotal", store=True, currency="currency_id", string="Total")
    def total(self) -> Decimal:
        """The sum of the rounded lines."""
        return sum((line.subtotal for line in self.line_ids), Decimal(0))

    @api.computed("line_ids", store=True)
    def line_count(self) -> int:
        """How many lines there are."""
        return len(self.line_ids)

    @api.computed("partner_id.name", "partner_id.parent_id.name", store=True)
    def buyer(self) -> str:
        """The partner and its company."""
        return f"{self.partner_id.name} / {self.partner_id.parent_id.name}"

    @api.computed("partner_id.tag_ids.weight", "share", store=True)
    def weight(self) -> int:
        """What the tags of the partner weigh, and the lines."""
        return sum(tag.weight for tag in self.partner_id.tag_ids) + self.share

    @api.computed("line_ids.quantity")
    def share(self) -> int:
        """How many pieces, worked out on each reading."""
        return int(sum(line.quantity for line in self.line_ids))


class Line(Model):
    """Line: so many of something."""

    _name = "trade.line"
    _order = "place, id"

    order_id = fields.Many2one(Order, required=True, ondelete="cascade")
    name = fields.Char()
    place = fields.Integer(default=10)
    quantity = fields.Decimal(default=Decimal(1), digits=3)
    price = fields.Decimal()

    sellers = Access("trade.seller")
    clerks = Access("trade.clerk")

    @api.computed("quantity", "price", store=True, currency="order_id.currency_id")
    def subtotal(self) -> Decimal:
        """Quantity times price."""
        return self.quantity * self.price


class Dish(Model):
    """Dish: what a card says in each language."""

    _name = "trade.dish"
    _order = "name"

    name = fields.Char(required=True, size=40, translate=True, index="trigram")
    words = fields.Text(translate=True)
    recipe = fields.Text(translate=True, groups="trade.secrets", default="none")
    side_id: fields.Many2one[Dish] = fields.Many2one("trade.dish")

    everybody = Access("base.user", "read")
    sellers = Access("trade.seller")

    @api.computed("name")
    def shout(self) -> str:
        """The name, worked out on each reading."""
        return self.name.upper()


class Journal(Model):
    """Journal: everybody in the office reads it, and writes on pages that are not closed."""

    _name = "trade.journal"
    _audit = False

    name = fields.Char(required=True)
    closed = fields.Boolean()
    tag_ids = fields.Many2many(Tag)

    auditors = Access("trade.auditor")
    all_pages = Rule(name != "", group="trade.auditor", verbs=("read",))
    open_pages = Rule(closed == False, group="trade.auditor", verbs=("create", "write", "unlink"))  # noqa: E712  as above


class Fee(Model):
    """Fee: what an order costs besides, in its currency."""

    _name = "trade.fee"
    _rec_name = "amount"

    order_id = fields.Many2one(Order, required=True, ondelete="cascade")
    amount = fields.Monetary(currency="order_id.currency_id")

    sellers = Access("trade.seller")
