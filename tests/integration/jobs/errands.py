"""Errands: an app for the tests of jobs, whose methods succeed, fail and take long in every way."""

from __future__ import annotations

import os
import time
from datetime import date, timedelta
from decimal import Decimal

from growsoft.apps.base.models import Users
from growsoft.errors import ValidationError
from growsoft.jobs import progress
from growsoft.orm import Access, App, Group, Model, Rule, api, current, fields
from growsoft.postgres.connection import DatabaseUnavailable
from growsoft.postgres.sql import sql

app = App(
    name="errands",
    version="1.0",
    package=__name__,
    depends=("base",),
    groups=(Group("errands.runner", "Runner", implied=("base.user",)),),
)


class Errand(Model):
    """Errand: something that somebody has to do."""

    _name = "errand"

    name = fields.Char(required=True)
    user_id = fields.Many2one(Users)
    times = fields.Integer()
    noted = fields.Char()

    runners = Access("errands.runner")
    own = Rule(user_id == current.user, group="errands.runner")

    @api.job()
    def do(self) -> None:
        """Count what was done."""
        for errand in self:
            errand.times += 1
            self.env[Trace].create({"name": errand.name})

    @api.job()
    def note(self, text: str, when: date, amount: Decimal = Decimal(1), *, loud: bool = False) -> None:
        """Write down who acts, and what was given."""
        user = self.env.user_id
        self.noted = f"{text} {when:%d.%m.%Y} {amount} {loud} by {user} in {self.env.companies} {self.env.lang}"

    @api.job(attempts=3)
    def stumble(self) -> None:
        """Fail half-way."""
        self.times += 1
        self.env.flush()
        raise RuntimeError("a secret of the row")

    @api.job()
    def refuse(self) -> None:
        """Fail for good."""
        raise ValidationError("This errand is nonsense.")

    @api.job(timeout=timedelta(seconds=1))
    def dawdle(self) -> None:
        """Take longer in PostgreSQL than allowed."""
        self.env.execute(sql("SELECT pg_sleep(30)"))

    @api.job()
    def tell(self, seconds: float) -> None:
        """Tell how far it is."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            progress(0.5, "half-way")
            time.sleep(0.05)
        self.times += 1

    @api.job()
    def vanish(self) -> None:
        """Take the worker down with it."""
        os._exit(9)

    @api.job()
    def lose_the_database(self) -> None:
        """See PostgreSQL go away."""
        raise DatabaseUnavailable

    @api.job(schedule="every 15 minutes", elevated="errands are counted by nobody in particular")
    def round_up(self) -> None:
        """Run by itself, elevated."""
        for errand in self.search([]):
            errand.times += 100

    @api.job(schedule="daily 03:00", zone="Europe/Paris", user="ann")
    def tidy(self) -> None:
        """Run by itself, as somebody."""
        for errand in self.search([]):
            errand.noted = f"tidied by {self.env.user_id}"

    def no_job(self) -> None:
        """Be nothing that can run later."""
        raise AssertionError("this must never run as a job")


class Trace(Model):
    """Trace: one row for each effect of a job."""

    _name = "errand.trace"

    name = fields.Char(required=True)

    runners = Access("errands.runner", "read", "create")
