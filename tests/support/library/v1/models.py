"""Library 1.0: a book has one author, written as one text."""

from __future__ import annotations

from enum import Enum

from growsoft.orm import Access, Model, fields


class State(Enum):
    """Whether a book can be had."""

    THERE = "there"
    LENT = "lent"


class Shelf(Model):
    """Shelf: where books stand."""

    _name = "library.shelf"

    name = fields.Char(required=True)
    floor = fields.Integer()

    readers = Access("library.user", "read")


class Book(Model):
    """Book."""

    _name = "library.book"

    name = fields.Char(required=True)
    author = fields.Char()
    note = fields.Text()
    state = fields.Selection(State, default=State.THERE)
    shelf_id = fields.Many2one(Shelf)
    also_on = fields.Many2many(Shelf)

    readers = Access("library.user", "read", "write")
