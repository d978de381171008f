"""Works: an app of the kinds of fields that trade does not have."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum

from growsoft.apps.base.models import Currency
from growsoft.orm import Access, App, Group, Model, Rule, fields

app = App(
    name="works",
    version="1.0",
    package=__name__,
    depends=("base",),
    groups=(
        Group("works.worker", "Worker", implied=("base.user",)),
        Group("works.secrets", "Keeper of secrets", implied=("works.worker",)),
    ),
)


class Grade(Enum):
    """How good something is."""

    FAIR = "fair"
    FINE = "fine"


class Site(Model):
    """Site: where work is done."""

    _name = "works.site"
    _order = "name"

    name = fields.Char(required=True)
    hidden = fields.Boolean()

    workers = Access("works.worker")
    shown = Rule(hidden == False)  # noqa: E712  a condition, not a truth value


class Tool(Model):
    """Tool: what work is done with."""

    _name = "works.tool"

    name = fields.Char(required=True)
    site_id = fields.Many2one(Site)

    workers = Access("works.worker")


class Sheet(Model):
    """Sheet: a field of each kind."""

    _name = "works.sheet"
    _order = "name"

    name = fields.Char(required=True)
    note = fields.Html()
    duty = fields.Html("Duties", required=True, default="<p>None</p>")
    secret_note = fields.Html(groups="works.secrets")
    data = fields.Json()
    settings = fields.Json(default={"colour": "blue", "sizes": [1, 2.5]})
    secret_data = fields.Json(groups="works.secrets")
    subject = fields.Reference([Site, "works.tool"])
    secret_subject = fields.Reference([Site], groups="works.secrets")

    workers = Access("works.worker")


class Price(Model):
    """Price: what each company says of the same thing."""

    _name = "works.price"
    _order = "name"

    name = fields.Char(required=True)
    word = fields.Char(company_dependent=True, size=20)
    text = fields.Text(company_dependent=True, default="as usual")
    number = fields.Integer(company_dependent=True, default=7)
    weight = fields.Decimal(company_dependent=True, digits=2)
    currency_id = fields.Many2one(Currency)
    cost = fields.Monetary(company_dependent=True)
    sold = fields.Boolean(company_dependent=True)
    since = fields.Date(company_dependent=True, default=date(2026, 1, 1))
    moment = fields.Datetime(company_dependent=True)
    grade = fields.Selection(Grade, company_dependent=True, default=Grade.FAIR)
    site_id = fields.Many2one(Site, company_dependent=True)
    secret = fields.Decimal(company_dependent=True, groups="works.secrets")
    fixed = fields.Integer(company_dependent=True, readonly=True, default=3)
    needed = fields.Char(company_dependent=True, required=True, default="x")

    workers = Access("works.worker")


MOMENT = datetime(2026, 3, 4, 5, 6, 7, 123456, tzinfo=UTC)
OWN = {
    "word": "ü 'x' %", "text": "a\nb", "number": -5, "weight": Decimal("1.25"), "cost": Decimal("9.99"), "sold": True,
    "since": date(2026, 5, 6), "moment": MOMENT, "grade": Grade.FINE,
}  # fmt: skip
SHARED = {
    "word": "", "text": "as usual", "number": 7, "weight": Decimal(0), "cost": Decimal(0), "sold": False,
    "since": date(2026, 1, 1), "moment": None, "grade": Grade.FAIR,
}  # fmt: skip
