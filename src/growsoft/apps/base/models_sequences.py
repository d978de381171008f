"""Base sequences: numbers for documents, without gaps or without waiting, of each company and each year."""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# The steps of a recordset in elevated hands are still its own.

from __future__ import annotations

import re
from datetime import date
from enum import Enum
from typing import Final
from zoneinfo import ZoneInfo

from growsoft.apps.base.models import Company
from growsoft.errors import ValidationError
from growsoft.orm import Access, Check, Model, Unique, api, fields
from growsoft.orm.companies import company_rule
from growsoft.postgres.sql import Sql, sql
from growsoft.words import _

_PLACE: Final = re.compile(r"%\((\w+)\)s")
_PLACES: Final = {"year": "%Y", "y": "%y", "month": "%m", "day": "%d"}


class Numbering(Enum):
    """How numbers are taken.

    Without gaps: a number belongs to the transaction that takes it; whoever else asks waits until that has ended. Fast
    (standard): a number is taken at once in a transaction of its own and is lost when the other one is undone.
    """

    NO_GAP = "no_gap"
    STANDARD = "standard"


class Period(Enum):
    """When numbers begin at 1 again."""

    NEVER = "never"
    YEAR = "year"
    MONTH = "month"


class Sequence(Model):
    """Sequence: numbers for documents, one after the other."""

    _name = "ir.sequence"
    _order = "name"
    _audit_without = ("next_number",)

    name = fields.Char(required=True)
    code = fields.Char(required=True)
    company_id = fields.Many2one(Company, help="Empty: for every company that has none of its own.")
    prefix = fields.Char(size=40, help="May hold %(year)s, %(y)s, %(month)s and %(day)s: SO%(year)s/")
    suffix = fields.Char(size=40)
    padding = fields.Integer(default=5)
    next_number = fields.Integer(default=1, help="Where numbers never begin again.")
    implementation = fields.Selection(Numbering, default=Numbering.NO_GAP)
    restart = fields.Selection(Period, "Begins again", default=Period.NEVER)
    range_ids: fields.One2many[SequenceRange] = fields.One2many(inverse="sequence_id")

    one_each = Unique(code, company_id, message="This company has a sequence with this code already.")
    one_for_all = Unique(code, where=company_id == None, message="A sequence with this code exists already.")  # noqa: E711  a condition

    administrators = Access("base.admin", "read", "create", "write")
    own_companies = company_rule()

    sane_padding = Check((padding >= 0) & (padding <= 20), "Numbers have between 0 and 20 digits.")
    sane_number = Check(next_number >= 1, "Numbers begin at 1 or later.")

    @api.constrains("prefix", "suffix")
    def _check_places(self) -> None:
        for sequence in self:
            for text in (sequence.prefix, sequence.suffix):
                unknown = set(_PLACE.findall(text)) - set(_PLACES)
                if unknown or "%" in _PLACE.sub("", text):
                    known = ", ".join(f"%({name})s" for name in _PLACES)
                    raise ValidationError(_("{text}: places for the date are {known}.", text=repr(text), known=known))

    def next_by_code(self, code: str, day: date | None = None) -> str:
        """Take the next number: of the sequence of whoever acts' first company, else of the one for all companies.

        ``day`` decides the period and what stands in prefix and suffix; without it today, where the user is.
        """
        found = self.sudo("everybody who makes a document takes its number")._for_company(code, self.env.companies[:1])
        if not found:
            raise ValidationError(_("There is no sequence {code}; ask an administrator to add it.", code=repr(code)))
        when = day or self.env.now().astimezone(ZoneInfo(self.env.tz)).date()
        return found._written(found._take(found._period_of(when)), when)

    def _for_company(self, code: str, companies: tuple[int, ...]) -> Sequence:
        same = self.search(Sequence.code == code)
        own = same.filtered(lambda sequence: sequence.company_id.id in companies)
        return (own or same.filtered(lambda sequence: not sequence.company_id))[:1]

    def _period_of(self, when: date) -> str:
        return {Period.NEVER: "", Period.YEAR: f"{when:%Y}", Period.MONTH: f"{when:%Y-%m}"}[self.restart]

    def _take(self, period: str) -> int:
        if self.implementation is Numbering.NO_GAP:
            return self._take_here(period)
        database = self.env.database
        door = database.elevated("a fast number is taken in a transaction of its own", caller=__name__)
        with database.transaction(door, "counting") as transaction:
            transaction.execute(_PATIENCE)
            taken = transaction.execute(_next(self.id, period)).column(int)
        # Who makes a sequence and takes from it in one transaction is alone with it.
        return taken[0] if taken else self._take_here(period)

    def _take_here(self, period: str) -> int:
        # Whoever comes second stands in line; without it he would lose against each who comes after him.
        self.env.lock(f"ir.sequence {self.id}")
        self.env.flush()
        number = self.env.execute(_next(self.id, period)).scalar(int)
        self.env.cache.forget_field(self._name, "next_number", self.ids)
        return number

    def _written(self, number: int, when: date) -> str:
        def put(found: re.Match[str]) -> str:
            return f"{when:{_PLACES[found[1]]}}"

        return f"{_PLACE.sub(put, self.prefix)}{number:0{self.padding}d}{_PLACE.sub(put, self.suffix)}"


class SequenceRange(Model):
    """Range: the numbers of one year or month of a sequence."""

    _name = "ir.sequence.date_range"
    _order = "period desc"
    _rec_name = "period"
    _audit = False

    sequence_id = fields.Many2one(Sequence, required=True, ondelete="cascade")
    period = fields.Char(required=True, size=7)
    next_number = fields.Integer(default=1)

    once = Unique(sequence_id, period, message="This period has its numbers already.")
    administrators = Access("base.admin", "read", "create", "write")
    own_companies = company_rule("sequence_id.company_id")


def _next(sequence: int, period: str) -> Sql:
    return _NEXT_IN.rebind((period, sequence)) if period else _NEXT.rebind((sequence,))


_NEXT: Final[Sql] = sql(
    "UPDATE ir_sequence SET next_number = next_number + 1, write_uid = (SELECT gs.user_id()), write_date = now()"
    " WHERE id = {id}::bigint RETURNING next_number - 1",
    id=0,
)
_NEXT_IN: Final[Sql] = sql(
    "INSERT INTO ir_sequence_date_range AS r (sequence_id, period, next_number)"
    " SELECT id, {period}::text, 2 FROM ir_sequence WHERE id = {id}::bigint"
    " ON CONFLICT (sequence_id, period) DO UPDATE SET next_number = r.next_number + 1,"
    " write_uid = (SELECT gs.user_id()), write_date = now() RETURNING next_number - 1",
    period="", id=0,
)  # fmt: skip
# Somebody who changes the sequence on a screen at this moment is not waited for any longer.
_PATIENCE: Final[Sql] = sql("SELECT set_config('lock_timeout', '3s', true)")
