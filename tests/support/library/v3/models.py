"""Library 3.0: the author of a book is two fields, and there are loans."""

from __future__ import annotations

from enum import Enum

from growsoft.orm import Access, Check, Model, fields


class State(Enum):
    """Whether a book can be had."""

    THERE = "there"
    LENT = "lent"
    LOST = "lost"


class Shelf(Model):
    """Shelf: where books stand."""

    _name = "library.shelf"

    name = fields.Char(required=True)
    floor = fields.Integer()

    readers = Access("library.user", "read")


class Book(Model):
    """Book."""

    _name = "library.book"
    _rec_name = "title"

    title = fields.Char(required=True, index=True)
    first_name = fields.Char()
    last_name = fields.Char()
    year = fields.Integer(default=1900)
    state = fields.Selection(State, default=State.THERE)
    shelf_id = fields.Many2one(Shelf)
    also_on = fields.Many2many(Shelf)

    printed = Check(year >= 1450, "Before 1450 nothing was printed.")
    readers = Access("library.user", "read", "write")


class Loan(Model):
    """Loan: somebody has a book."""

    _name = "library.loan"
    _rec_name = "who"

    who = fields.Char(required=True)
    book_id = fields.Many2one(Book, required=True)

    readers = Access("library.user")
