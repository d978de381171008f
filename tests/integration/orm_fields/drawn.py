"""Drawn models: families of models with links and computed fields by chance, and what their values would be anew.

The oracle walks plain dictionaries and shares nothing with the ORM but the declarations.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any, Final

from growsoft.orm import App, Env, Model, api, fields
from growsoft.postgres.sql import ident, sql

FAMILIES: Final = 8
LETTERS: Final = "xyz"
MODULUS: Final = 9973
# Each model links to the next one of its family, to the one before it by lines, to itself up and down, and to any.
LINKS: Final = ("one", "lines", "up", "downs", "many")

Path = tuple[str, ...]


@dataclass
class Family:
    """Three models: where ``many`` leads, and for each computed field its paths and whether it is stored."""

    number: int
    many: dict[str, str] = field(default_factory=dict[str, str])
    computed: dict[tuple[str, str], tuple[tuple[Path, ...], bool]] = field(
        default_factory=dict[tuple[str, str], tuple[tuple[Path, ...], bool]]
    )

    def model(self, letter: str) -> str:
        """Name a model."""
        return f"drawn.{letter}{self.number}"

    def beyond(self, letter: str, link: str) -> str:
        """Say where a link leads."""
        at = LETTERS.index(letter)
        return {"one": LETTERS[(at + 1) % 3], "lines": LETTERS[at - 1], "many": self.many[letter]}.get(link, letter)

    def end(self, letter: str, path: Iterable[str]) -> str:
        """Say where a path leads."""
        for link in path:
            letter = self.beyond(letter, link)
        return letter


def family(number: int) -> Family:
    """Draw a family; the same number gives the same one."""
    chance = random.Random(number)  # noqa: S311  models for a test
    made = Family(number, {letter: chance.choice(LETTERS) for letter in LETTERS})
    for letter in LETTERS:
        way = chance.choice(("up", "downs"))
        made.computed[letter, "r"] = (((way, "r"), ("one", "a")), True)
    for order in range(7):
        letter = chance.choice(LETTERS)
        paths = tuple(_path(chance, made, letter) for _ in range(chance.randint(1, 2)))
        made.computed[letter, f"c{order}"] = (paths, chance.random() < 0.75)
    return made


def _path(chance: random.Random, made: Family, letter: str) -> Path:
    links = tuple(chance.choice(LINKS) for _ in range(chance.randint(0, 3)))
    end = made.end(letter, links)
    known = [name for where, name in made.computed if where == end]
    return (*links, chance.choice(known) if known and chance.random() < 0.7 else "a")


def app_of(families: Iterable[Family]) -> App:
    """Make an app of families."""
    module = ModuleType("tests_drawn")
    sys.modules[module.__name__] = module
    for made in families:
        for letter in LETTERS:
            type("Drawn", (Model,), {**_members(made, letter), "__module__": module.__name__})
    return App(name="drawn", version="1", package=module.__name__)


def _members(made: Family, letter: str) -> dict[str, object]:
    before, after = made.model(made.beyond(letter, "lines")), made.model(made.beyond(letter, "one"))
    own = made.model(letter)
    members: dict[str, object] = {
        "_name": own,
        "name": fields.Char(),
        "a": fields.Integer(),
        "one": fields.Many2one[Model](after),
        "lines": fields.One2many[Model](before, inverse="one"),
        "up": fields.Many2one[Model](own),
        "downs": fields.One2many[Model](own, inverse="up"),
        "many": fields.Many2many[Model](made.model(made.many[letter])),
    }
    for (where, name), (paths, store) in made.computed.items():
        if where == letter:
            depends = ("a", *map(".".join, paths))
            members[name] = api.computed(*depends, store=store, recursive=name == "r")(_method(paths))
    return members


def _method(paths: tuple[Path, ...]) -> Callable[[Model], int]:
    def worked_out(self: Model) -> int:
        total = sum(sum(self.mapped(".".join(path))) for path in paths)
        return int(3 * total + getattr(self, "a")) % MODULUS  # noqa: B009  drawn models have no types

    return worked_out


# -- the oracle --------------------------------------------------------------------------------------------------------


Row = Mapping[str, Any]


class Oracle:
    """What the database holds of a family, and what its computed fields would be if they were worked out from it."""

    def __init__(self, env: Env, made: Family) -> None:
        """Read the tables."""
        self._family = made
        self.stored: dict[tuple[str, str], dict[int, int]] = {}
        self._rows: dict[str, dict[int, dict[str, Any]]] = {}
        for letter in LETTERS:
            table = ident(made.model(letter).replace(".", "_"))
            found = env.execute(sql("SELECT id, a, one, up FROM {t} ORDER BY id", t=table)).rows
            self._rows[letter] = {i: {"a": a, "one": {one} - {None}, "up": {up} - {None}} for i, a, one, up in found}
            links = ident(made.model(letter).replace(".", "_") + "_many_rel")
            pairs = env.execute(sql("SELECT source_id, target_id FROM {t}", t=links)).rows
            for record, row in self._rows[letter].items():
                row["many"] = {target for source, target in pairs if source == record}
            for (where, name), (_paths, store) in made.computed.items():
                if store and where == letter:
                    query = sql("SELECT id, {c} FROM {t}", c=ident(name), t=table)
                    self.stored[letter, name] = dict(env.execute(query).rows)
        self.value = cache(self._value)

    def ids(self, letter: str) -> Iterable[int]:
        """Give the records of a model."""
        return self._rows[letter]

    def _value(self, letter: str, record: int, name: str) -> int:
        row = self._rows[letter][record]
        if name == "a":
            return int(row["a"])
        paths, _store = self._family.computed[letter, name]
        return (3 * sum(self._sum(letter, record, path) for path in paths) + int(row["a"])) % MODULUS

    def _sum(self, letter: str, record: int, path: Path) -> int:
        *links, last = path
        here = {record}
        for link in links:
            here = {other for one in here for other in self._linked(letter, one, link)}
            letter = self._family.beyond(letter, link)
        return sum(self.value(letter, one, last) for one in here)

    def _linked(self, letter: str, record: int, link: str) -> set[int]:
        back = {"lines": "one", "downs": "up"}.get(link)
        if back is None:
            return set(self._rows[letter][record][link])
        other = self._family.beyond(letter, link)
        return {one for one, row in self._rows[other].items() if record in row[back]}
