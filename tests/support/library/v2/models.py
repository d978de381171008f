"""Library 2.0: `name` of a book became `title`, there is a year, and a book can be lost."""

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
    author = fields.Char()
    note = fields.Text()
    year = fields.Integer(default=1900)
    state = fields.Selection(State, default=State.THERE)
    shelf_id = fields.Many2one(Shelf)
    also_on = fields.Many2many(Shelf)

    printed = Check(year >= 1450, "Before 1450 nothing was printed.")
    readers = Access("library.user", "read", "write")
