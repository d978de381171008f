"""Random requests: whatever addresses and forms are made of, nobody finds a defect, and nobody leaves his rights."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import pytest

from tests.support.served import Answer, Browser, Showcase

WORDS: Final = (
    "", "0", "-1", "9" * 18, str(2**63 - 1), "9" * 20, "a", "name", "%", "_", "\\", "'", '"', "\0", "\U0010ffff",
    "\u202e", "1e5", "NaN", "true", "on", "2024-01-01", "2024-01-01T00:00", "0000-00-00", "9999-12-31", "{}", "[]",
    '{"a":1}', '{"name":"x"}', "x" * 600, "draft", "Ben Example", "USD", "1,000", "1.5", "a,b,c", "," * 50, " ", "\r\n",
    "+", "kept",
)  # fmt: skip
FIELDS: Final = (
    "name", "code", "state", "owner_id", "count", "weight", "currency_id", "price", "active", "day", "moment", "note",
    "secret", "tag_ids", "line_ids", "creator_id", "total", "id", "version", "create_uid", "login", "groups_id", "tz",
)  # fmt: skip
MODELS: Final = (
    "show.item",
    "show.item",
    "show.owner",
    "show.line",
    "show.private",
    "res.users",
    "res.groups",
    "ir.sequence",
)
PREFIXES: Final = (
    "v.",
    "id.",
    "pick.",
    "l.line_ids.0.v.",
    "l.line_ids.n1.v.",
    "l.line_ids.0.",
    "l.line_ids.n1.id.",
    "",
)


@dataclass
class Dice:
    """Makes requests up; the seed says which."""

    chance: random.Random

    def word(self) -> str:
        if self.chance.random() < 0.7:
            return self.chance.choice(WORDS)
        signs = (self.chance.choice((self.chance.randrange(32, 127), self.chance.randrange(0xD7FF))) for _ in range(9))
        return "".join(map(chr, signs))

    def query(self) -> Iterator[str]:
        for _ in range(self.chance.randrange(6)):
            name = self.chance.choice(("q", "f", "sort", "page", "filter", "field", "x", self.word()[:9]))
            field, sign = self.chance.choice(FIELDS), self.chance.choice(("", "=", ">", "<", ">=", "<="))
            value = self.chance.choice((self.word(), f"{field}:{sign}{self.word()}", f"-{field}", field))
            yield f"{quote(name, safe='')}={quote(value, safe='')}"

    def path(self, *ends: str) -> str:
        return f"/app/{self.chance.choice(MODELS)}{self.chance.choice(ends)}".format(self.chance.randrange(1, 5))

    def fields(self) -> Iterator[tuple[str, str | list[str]]]:
        for _ in range(self.chance.randrange(6)):
            value: str | list[str] = self.chance.choice((self.word(), [self.word(), self.word()]))
            yield self.chance.choice(PREFIXES) + self.chance.choice(FIELDS), value
        if self.chance.random() < 0.4:
            yield "l.line_ids", [self.chance.choice(("0", "n1", "new", self.word()[:8])) for _ in range(3)]
            yield "l.line_ids.0.record", self.chance.choice(("1", "2", self.word()))
        for name, odds in (("was", 0.3), ("version", 0.3), ("add", 0.1)):
            if self.chance.random() < odds:
                yield name, self.word()


def _request(dice: Dice, browser: Browser) -> Answer:
    if dice.chance.random() < 0.5:
        partial = {"hx-request": "true", "hx-request-type": "partial"} if dice.chance.random() < 0.3 else {}
        return browser.get(
            f"{dice.path('', '/{}', '/{}/edit', '/options', '/new')}?{'&'.join(dice.query())}", **partial
        )
    path = dice.path("/new", "/{}/edit", "/{}/edit", "/{}/delete")
    opened = browser.get(path)
    held = opened.inputs() if opened.status == 200 else browser.get("/app/show.item/new").inputs()
    return browser.post(path, {**held, **dict(dice.fields())})


@pytest.mark.parametrize("seed", range(3))
def test_sw7_random_requests_find_no_defect_and_change_nothing_that_is_kept(
    showcase: Showcase, signed_in: Callable[[str], Browser], seed: int
) -> None:
    with showcase.elevated() as env:
        root = env["res.users"].search([["login", "=", "root"]])
        owner = env["show.owner"].create([{"name": name} for name in ("A", "a")]).ids[0]
        items = env["show.item"].create(
            [{"name": "I", "owner_id": owner, "secret": "kept"}, {"name": "hidden", "note": "kept"}]
        )
        env["show.line"].create([{"item_id": item.id, "name": "l", "owner_id": owner} for item in items])
        env["show.private"].create({"name": "kept", "user_id": root})
        users = env["res.users"].search_read([], ["login", "name", "groups_id", "active", "company_ids"], order="id")
    dice = Dice(random.Random(seed))  # noqa: S311  chance that can be repeated, no secret
    people = [signed_in("ben"), signed_in("eve")]
    for number in range(150):
        answer = _request(dice, dice.chance.choice(people))
        assert answer.status < 500, (number, answer.shown())
    with showcase.elevated() as env:
        assert env["show.item"].browse(items.ids[1]).read(["name", "note", "line_ids"])[0]["note"] == "kept"
        assert env["show.item"].search_count([["secret", "!=", ""], ["secret", "!=", "kept"]]) == 0
        assert env["show.private"].search_count([["name", "=", "kept"]]) == 1
        assert users == env["res.users"].search_read(
            [], ["login", "name", "groups_id", "active", "company_ids"], order="id"
        )
