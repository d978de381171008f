"""What is asked for: fields, filter, order and page, read from the query of a request."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Final

import msgspec

from growsoft.errors import ValidationError
from growsoft.orm import Condition, ModelInfo
from growsoft.orm.domain import Every, Leaf
from growsoft.web.errors import PageNotFound
from growsoft.web.http import Fields
from growsoft.web.odoo.domains import condition

PAGE: Final = 80
MOST: Final = 1000
# PostgreSQL steps over what comes before a page: who wants all of it pages by id, or asks for an export.
FARTHEST: Final = 100_000
KNOWN: Final = frozenset(("fields", "filter", "order", "limit", "cursor", "count", "archived"))


class Cursor(msgspec.Struct, array_like=True):
    """Where a page begins: behind an id, or behind so many records; and which question it belongs to."""

    question: int
    after: int = 0
    skip: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """One question to a model. ``by_id`` is the order in which pages stay right while others write."""

    fields: tuple[str, ...]
    condition: Condition
    order: str
    limit: int
    cursor: Cursor
    count: bool

    @property
    def by_id(self) -> bool:
        """Whether records come in the order of their ids."""
        return self.order == "id"

    @property
    def page(self) -> Condition:
        """What the records of this page, and those behind it, have in common."""
        after = Leaf(("id",), ">", self.cursor.after)
        return Every((self.condition, after)) if self.cursor.after else self.condition

    def next(self, last: int) -> str:
        """Name the page behind this one, whose last record has this id."""
        here = self.cursor
        place = Cursor(here.question, last) if self.by_id else Cursor(here.question, 0, here.skip + self.limit)
        return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def asked(info: ModelInfo, query: Fields, *, known: frozenset[str] = KNOWN) -> Asked:
    """Read a question. Raises ``ValidationError`` for whatever is not understood, also for names that nobody knows."""
    for name in query:
        if name not in known:
            raise ValidationError(f"{name[:60]} is not asked here; known are {', '.join(sorted(known))}.")
    order = query.text("order").strip() or "id"
    wanted = _filter(query.text("filter"))
    archived = _truth(query, "archived")
    question = hash_of(f"{order}\0{query.text('filter')}\0{archived}")
    return Asked(
        names(query.text("fields")), condition(info, wanted, {"active_test": not archived}), order,
        _limit(query.text("limit")), _cursor(query.text("cursor"), question), _truth(query, "count"),
    )  # fmt: skip


def names(text: str) -> tuple[str, ...]:
    """Read a list of names with commas between them."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def hash_of(text: str) -> int:
    """Give a number by which a question is known again; it proves nothing."""
    return binascii.crc32(text.encode("utf-8", "replace"))


def _filter(text: str) -> object:
    if not text:
        return []
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise ValidationError('filter is a JSON list of conditions, such as [["name", "ilike", "kyo"]].') from None


def _limit(text: str) -> int:
    if not text:
        return PAGE
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MOST):
        raise ValidationError(f"limit is a number from 1 to {MOST}.")
    return int(text)


def _truth(query: Fields, name: str) -> bool:
    text = query.text(name)
    if text not in {"", "true", "false"}:
        raise ValidationError(f"{name} is true or false.")
    return text == "true"


def _cursor(text: str, question: int) -> Cursor:
    if not text:
        return Cursor(question)
    try:
        found = msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=Cursor)
    except (msgspec.DecodeError, binascii.Error, ValueError):
        raise PageNotFound("There is no such page: take the cursor that the page before it gave.") from None
    if found.question != question or not 0 <= found.after < 2**63 or not 0 <= found.skip < 2**63:
        raise PageNotFound("This cursor belongs to another filter or order; begin with the first page.")
    if found.skip > FARTHEST:
        raise ValidationError(f"Pages go as far as {FARTHEST:,} records in this order; page by id, or export.")
    return found
