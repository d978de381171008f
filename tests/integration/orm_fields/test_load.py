"""What cannot be worked out is refused when a registry is built, with the name of what is wrong."""

from __future__ import annotations

from decimal import Decimal

import pytest

from growsoft.errors import ConfigError
from growsoft.orm import Access, Model, Rule, api, fields
from growsoft.orm.domain import Leaf
from tests.integration.orm.test_refusals import Members, app_of, declared, lines, to_many, to_one

OTHER: Members = {
    "_name": "made.other", "amount": fields.Integer(), "secret": fields.Char(groups="made.user"),
    "own": fields.Integer(company_dependent=True), "text": fields.Char(),
    "all": Access("made.user"),
}  # fmt: skip


def number(*depends: str, store: bool = True, recursive: bool = False, readonly: bool = True) -> object:
    """A computed field."""

    def made(self: Model) -> int:
        return len(self)

    return api.computed(*depends, store=store, recursive=recursive, readonly=readonly)(made)


def with_search() -> object:
    """A stored computed field that names a method to search it."""

    def made(self: Model) -> int:
        return len(self)

    field = api.computed("name", store=True)(made)
    field.search_name = "made"
    return field


REFUSED: list[tuple[str, list[Members]]] = [
    ("in a circle: .*recursive=True", [{"up": to_one(), "made": number("up.made")}]),
    ("in a circle", [{"made": number("made", recursive=True)}]),
    ("in a circle", [{"up": to_one(), "a": number("up.b", recursive=True), "b": number("up.a", recursive=True)}]),
    ("in a circle", [{"up": to_one(), "down": lines("up"), "a": number("down.b"), "b": number("up.a")}]),
    ("store it, so that", [{"up": to_one(), "made": number("up.made", store=False, recursive=True)}]),
    ("would be lost", [{"made": number("name", store=False, readonly=False)}]),
    ("leave its search method out", [{"made": with_search()}]),
    ("value of its own; do not store it", [OTHER, {"o": to_one("made.other"), "made": number("o.own")}]),
    ("name is no link", [{"made": fields.Char(related="name.name")}]),
    ("made.other has no field nope", [OTHER, {"o": to_one("made.other"), "made": fields.Char(related="o.nope")}]),
    ("leads to no field", [{"made": fields.Char(related="name")}]),
    ("no link to one record", [{"o": to_many(), "made": fields.Char(related="o.name")}]),
    ("cannot show made.other.amount", [OTHER, {"o": to_one("made.other"), "made": fields.Char(related="o.amount")}]),
    (
        "give it the same groups",
        [OTHER, {"o": to_one("made.other"), "made": fields.Char(related="o.secret", store=True)}],
    ),
    (
        "no default of its own",
        [OTHER, {"o": to_one("made.other"), "made": fields.Char(related="o.text", default="x")}],
    ),
    (
        "value of its own; do not store it",
        [OTHER, {"o": to_one("made.other"), "made": fields.Integer(related="o.own", store=True)}],
    ),
    (
        "is not stored and cannot be searched",
        [{"made": number("name", store=False), "rule": Rule(Leaf(("made",), "=", 1)), "all": Access("made.user")}],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("why", "models"), REFUSED)
def test_what_does_not_fit_is_refused(why: str, models: list[Members]) -> None:
    app = app_of(*models)
    with pytest.raises(ConfigError, match=why):
        declared(app)


def test_what_fits_is_taken() -> None:
    declared(
        app_of(
            OTHER,
            {
                "o": to_one("made.other"),
                "up": to_one(),
                "down": lines("up"),
                "a": fields.Integer(related="o.own"),
                "b": fields.Char(related="o.secret", store=True, groups="made.user"),
                "c": number("a", store=False),
                "d": number("down.d", "up.o.amount", recursive=True),
                "e": number("d", readonly=False),
                "f": fields.Decimal(related="up.g", readonly=False),
                "g": fields.Decimal(default=Decimal(1)),
                "rule": Rule(Leaf(("a",), "=", 1)),
                "all": Access("made.user"),
            },
        )
    )
