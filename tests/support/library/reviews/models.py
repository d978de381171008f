"""Reviews of books. The library's model is named, not imported: it comes in several versions."""

from __future__ import annotations

from typing import Any

from growsoft.apps.base.models import Company
from growsoft.orm import Access, Model, fields


class Review(Model):
    """Review: what somebody thinks of a book."""

    _name = "reviews.review"
    _rec_name = "text"

    text = fields.Text(required=True)
    stars = fields.Integer()
    book_id: fields.Many2one[Any] = fields.Many2one("library.book")

    critics = Access("reviews.critic")


class Praised(Company, extend=True):
    """The company, with the review it is proud of."""

    best_review_id = fields.Many2one(Review)
    praise = fields.Char(required=True, default="none yet")
