"""Models and records used wrongly: each marked line must be refused by the type checkers (`both` = mypy too)."""

from datetime import UTC, date, datetime
from decimal import Decimal

from growsoft.orm import Access, Check, Condition, Env, Model, Rule, api, current, fields
from growsoft.postgres.sql import sql
from tests.typing.orders import Country, Order, OrderLine, OrderState, Partner


class Wrong(Model):
    """Wrong: fields that are declared with what they do not take."""

    _name = "orders.wrong"

    misspelt = fields.Char(requird=True)  # refused: both
    size_of_text = fields.Integer(size=10)  # refused: both
    default_type = fields.Integer(default="1")  # refused: both
    default_float = fields.Decimal(default=0.1)  # refused: both
    default_result = fields.Char(default=lambda env: env.user_id)  # refused: both
    no_enum = fields.Selection(["draft", "sale"])  # refused: both
    other_enum = fields.Selection(OrderState, default="draft")  # refused: both
    no_inverse = fields.One2many(Order)  # refused: both
    no_model = fields.Many2one(OrderState)  # refused: both
    no_choice = fields.Many2one(Order, ondelete="set null")  # refused: both
    verb = Access("orders.manager", "delete")  # refused: both
    no_condition = Rule("user_id = 1", group="orders.manager")  # refused: both
    no_message = Check(size_of_text > 0)  # refused: both
    no_path = fields.Char(related=5)  # refused: both
    lines_of_companies = fields.Many2many(Partner, company_dependent=True)  # refused: both
    indexed_choices = fields.Reference([OrderState])  # refused: both
    no_json = fields.Json(default={1, 2})  # refused: both
    no_text = fields.Html(default=5)  # refused: both

    @api.computed("misspelt", store="yes")  # refused: both
    def stored(self) -> str:
        """Stored by a word."""
        return ""

    @api.computed("misspelt")
    def number(self) -> int:
        """A number."""
        return 1

    @number.inverse  # refused: both
    def _set_number(self, value: str) -> None: ...

    @number.search  # refused: both
    def _search_number(self, operator: int, value: object) -> Condition:
        return Order.name == "x"


def conditions(env: Env, country: Country, partner: Partner) -> None:
    """Conditions that could never hold, or that ask for what is not there."""
    env[Order].search(Order.amuont_total > 100)  # refused: both
    env[Order].search(Order.name == 5)  # refused: both
    env[Order].search(Order.name > 5)  # refused: both
    env[Order].search(Order.amount_total > "100")  # refused: both
    env[Order].search(Order.amount_total > 0.5)  # refused: both
    env[Order].search(Order.date_order >= date(2026, 1, 1))  # refused: both
    env[Order].search(Order.delivered_on >= "2026-01-01")  # refused: both
    env[Order].search(Order.state == "draft")  # refused: both
    env[Order].search(Order.partner_id == country)  # refused: both
    env[Order].search(Order.partner_id.in_(country))  # refused: both
    env[Order].search(Order.partner_id.any("name = x"))  # refused: both
    env[Order].search(Order.amount_total.ilike("1"))  # refused: both
    env[Order].search(Order.name.in_([1, 2]))  # refused: both
    env[Order].search(Order.name == current.user)  # refused: both
    env[Order].search(True)  # refused: both
    env[Order].search(limt=5)  # refused: both
    env[Order].search(limit="5")  # refused: both
    partner.filtered("name")  # refused: both


def records(env: Env, country: Country, orders: Order) -> None:
    """Values and links of another kind."""
    orders.nmae = "x"  # refused: both
    orders.name = 5  # refused: both
    orders.state = "sale"  # refused: both
    orders.partner_id = country  # refused: both
    orders.amount_total = 5.5  # refused: both
    orders.date_order = None  # refused: both
    orders.date_order = "2026-01-01"  # refused: both
    names: list[int] = orders.mapped(Order.name)  # refused: both
    lines: Partner = orders.mapped(Order.order_line)  # refused: both
    unset: date = orders.delivered_on  # refused: both
    orders | country  # refused: both
    orders | env["orders.order"]  # refused: both
    orders.create(5)  # refused: both
    orders.write([("name", "x")])  # refused: both
    orders.search([]).action_confrim()  # refused: both
    del names, lines, unset


def elevation(env: Env, orders: Order, reason: str) -> None:
    """Reasons and statements that nobody can have reviewed."""
    orders.sudo(reason)  # refused: basedpyright
    orders.sudo(f"because {reason}")  # refused: basedpyright
    env.sudo("because " + reason)  # refused: basedpyright
    env.sudo(str("because"))  # refused: basedpyright
    env.sudo()  # refused: both
    env.execute("SELECT 1")  # refused: both
    env.execute(f"SELECT {reason}")  # refused: both


def allowed(env: Env, country: Country, partner: Partner, orders: Order) -> tuple[str, Decimal, date | None, OrderLine]:
    """The ways that are right pass both checkers."""
    orders.name = "x"
    orders.state = OrderState.SALE
    orders.partner_id = partner
    orders.delivered_on = None
    found = env[Order].search(
        (Order.amount_total >= Decimal("0.5"))
        & (Order.amount_total != 5)
        & Order.state.in_([OrderState.SALE])
        & (Order.date_order > datetime(2026, 1, 1, tzinfo=UTC))
        & ((Order.delivered_on == None) | Order.partner_id.any(Partner.country_id == country))  # noqa: E711  a condition
        & ~Order.order_line.any(OrderLine.quantity > 3)
        & (Order.partner_id == 5)
        & (Order.user_id == current.user)
    )
    found |= env[Order].search([("name", "ilike", "x")], limit=1, order="name desc").with_env(env)
    found |= orders.filtered(lambda order: order.amount_total > 5).sorted(lambda order: order.name, reverse=True)
    env.execute(sql("SELECT {one}", one=1))
    found.sudo("a literal reason").action_confirm()
    return found.name, found.amount_total, found[0].delivered_on, found.order_line
