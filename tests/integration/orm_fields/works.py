"""Works: an app of the kinds of fields that trade does not have."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum

from growsoft.apps.base.models import Currency
from growsoft.orm import Access, App, Condition, Group, Model, Rule, api, fields
from growsoft.orm.domain import DomainError, Operator

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
    secret = fields.Char(groups="works.secrets")
    quality = fields.Selection(Grade)
    visits = fields.Integer()

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


class Project(Model):
    """Project: work in a tree of projects."""

    _name = "works.project"
    _order = "name"

    name = fields.Char(required=True)
    parent_id: fields.Many2one[Project] = fields.Many2one("works.project", "Part of")
    child_ids: fields.One2many[Project] = fields.One2many(inverse="parent_id")
    site_id = fields.Many2one(Site)
    tool_id = fields.Many2one(Tool)
    tag_ids: fields.Many2many[Tag] = fields.Many2many("works.tag")
    task_ids: fields.One2many[Task] = fields.One2many(inverse="project_id")
    currency_id = fields.Many2one(Currency)
    budget = fields.Monetary()

    site_name = fields.Char(related="site_id.name")
    tool_place = fields.Char("Place of the tool", related="tool_id.site_id.name", store=True, index=True)
    tool_site_id = fields.Many2one(Site, related="tool_id.site_id", readonly=False)
    parent_budget = fields.Monetary(related="parent_id.budget", readonly=False)
    parent_site = fields.Char(related="parent_id.site_name")
    site_secret = fields.Char(related="site_id.secret")
    site_quality = fields.Selection(Grade, related="site_id.quality")
    site_visits = fields.Integer(related="site_id.visits")

    workers = Access("works.worker")

    @api.computed("task_ids.hours", "child_ids.hours", store=True, recursive=True)
    def hours(self) -> Decimal:
        """The hours of the tasks, and of all parts."""
        own = sum((task.hours for task in self.task_ids), Decimal(0))
        return own + sum((child.hours for child in self.child_ids), Decimal(0))

    @api.computed("name", "parent_id.path", store=True, recursive=True)
    def path(self) -> str:
        """The names from the root to here."""
        return f"{self.parent_id.path} / {self.name}" if self.parent_id else self.name

    @api.computed("hours", "tag_ids.rate", "budget", store=True, currency="currency_id")
    def cost(self) -> Decimal:
        """What the hours cost at the highest rate of the tags."""
        return self.hours * max((tag.rate for tag in self.tag_ids), default=1) + self.budget

    @api.computed("site_id.name", "parent_id.title", store=True, recursive=True, readonly=False)
    def title(self) -> str:
        """What people call it: the place, unless somebody says otherwise."""
        return self.site_id.name or self.parent_id.title

    @api.computed("name", "budget")
    def label(self) -> str:
        """Name and budget in one; can be written and searched."""
        return f"{self.name}:{int(self.budget)}"

    @label.inverse
    def _set_label(self, value: str) -> None:
        name, _colon, budget = value.partition(":")
        self.write({"name": name, "budget": budget or 0})

    @label.search
    def _search_label(self, operator: Operator, value: object) -> Condition:
        if operator != "=" or not isinstance(value, str):
            raise DomainError("Label is found by =.")
        name, _colon, budget = value.partition(":")
        return (Project.name == name) & (Project.budget == Decimal(budget or 0))

    @api.computed("hours", store=True)
    def days(self) -> Decimal:
        """Hours as days; written, it becomes one task."""
        return self.hours / 8

    @days.inverse
    def _set_days(self, value: Decimal) -> None:
        self.write({"task_ids": [(5,), (0, 0, {"name": "all", "hours": value * 8})]})

    @api.computed("task_ids.late", "child_ids.late_count", store=True, recursive=True)
    def late_count(self) -> int:
        """How many tasks are late, here and in all parts; lateness itself is not stored."""
        return sum(task.late for task in self.task_ids) + sum(child.late_count for child in self.child_ids)

    @api.computed("site_id.name", groups="works.secrets")
    def whisper(self) -> str:
        """For a few."""
        return f"psst {self.site_id.name}"


class Tag(Model):
    """Tag: a word for projects, with a rate."""

    _name = "works.tag"

    name = fields.Char(required=True)
    rate = fields.Integer(default=1)

    workers = Access("works.worker")


class Task(Model):
    """Task: a part of a project that takes its time."""

    _name = "works.task"
    _order = "name, id"

    name = fields.Char()
    project_id = fields.Many2one(Project, required=True, ondelete="cascade")
    tag_id = fields.Many2one(Tag)
    planned = fields.Decimal(digits=2)
    limit = fields.Decimal(digits=2)

    workers = Access("works.worker")

    @api.computed("planned", "tag_id.rate", store=True, readonly=False)
    def hours(self) -> Decimal:
        """As planned, by the rate of the tag, unless somebody knows better."""
        return self.planned * (self.tag_id.rate or 1)

    @api.computed("hours", "limit")
    def late(self) -> bool:
        """Whether it takes longer than it may."""
        return self.hours > self.limit


MOMENT = datetime(2026, 3, 4, 5, 6, 7, 123456, tzinfo=UTC)
OWN = {
    "word": "ü 'x' %", "text": "a\nb", "number": -5, "weight": Decimal("1.25"), "cost": Decimal("9.99"), "sold": True,
    "since": date(2026, 5, 6), "moment": MOMENT, "grade": Grade.FINE,
}  # fmt: skip
SHARED = {
    "word": "", "text": "as usual", "number": 7, "weight": Decimal(0), "cost": Decimal(0), "sold": False,
    "since": date(2026, 1, 1), "moment": None, "grade": Grade.FAIR,
}  # fmt: skip
