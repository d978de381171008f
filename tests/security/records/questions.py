"""Questions that would tell somebody what is in a hidden field or a hidden record, if any answer came from it.

Each takes an environment and a world, and gives an answer that can be compared; a refusal is an answer, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeVar

from growsoft.errors import GrowsoftError
from growsoft.orm import Env
from growsoft.orm.copying import copied
from tests.integration.orm.conftest import Trade
from tests.integration.orm.trade import Dish, Order, Partner, Tag, Thing


@dataclass(frozen=True)
class World:
    """Records that everybody sees, and such as Ann does not see."""

    shown: int
    other: int
    hidden: int
    below: int
    order: int
    bobs: int
    thing: int
    dish: int
    tags: tuple[int, int]
    gone: int
    gone_partner: int


def make_world(env: Env, trade: Trade) -> World:
    """Make it; its hidden part is as in ``change_hidden`` before the change."""
    one, two = env[Tag].create([{"name": "one"}, {"name": "two"}])
    shown, other = env[Partner].create(
        [{"name": "shown", "credit": 10, "secret": "red", "secret_tag_ids": one}, {"name": "other", "credit": 50}]
    )
    hidden = env[Partner].create({"name": "hidden", "code": "h1", "hidden": True, "credit": 20, "tag_ids": one})
    below = env[Partner].create({"name": "below", "parent_id": hidden})
    mine = env[Order].create(
        {"name": "mine", "partner_id": hidden, "user_id": trade.people["ann"].user, "line_ids": [{"price": 3}]}
    )
    bobs = env[Order].create(
        {"name": "bobs", "partner_id": shown, "user_id": trade.people["bob"].user, "line_ids": [{"price": 4}]}
    )
    thing = env[Thing].create({"name": "thing", "owner_id": hidden, "tag_ids": one})
    dish, _stew = env[Dish].create([{"name": "soup", "recipe": "salt"}, {"name": "stew", "recipe": "sage"}])
    dish.side_id = dish
    env[Thing].create({"name": "other thing", "owner_id": other})
    other.code = "h15"
    other.parent_id = shown
    gone_partner = env[Partner].create({"name": "gone", "hidden": True})
    gone = env[Order].create({"name": "gone", "partner_id": other, "user_id": trade.people["bob"].user})
    env.flush()
    return World(
        shown.id,
        other.id,
        hidden.id,
        below.id,
        mine.id,
        bobs.id,
        thing.id,
        dish.id,
        (one.id, two.id),
        gone.id,
        gone_partner.id,
    )


def change_hidden(env: Env, world: World) -> None:
    """Change everything that Ann may not see, and nothing that she may."""
    env[Partner].browse(world.shown).write(
        {"credit": 90, "secret": "blue", "secret_tag_ids": [(6, 0, [world.tags[1]])]}
    )
    env[Partner].browse(world.hidden).write(
        {"name": "zzz", "code": "h2", "credit": Decimal(7), "rating": 9, "tag_ids": [(6, 0, [world.tags[1]])]}
    )
    bobs = env[Order].browse(world.bobs)
    bobs.write({"name": "zzz", "partner_id": world.other, "line_ids": [(0, 0, {"price": 5})]})
    env[Partner].create([{"name": "new", "hidden": True, "credit": 5, "secret": "grey"}] * 3)
    env[Dish].browse(world.dish).recipe = "pepper"
    env[Order].browse(world.gone).unlink()
    env[Partner].browse(world.gone_partner).unlink()
    env.flush()


Question = Callable[[Env, World], object]

T = TypeVar("T")


def _with(question: Callable[[Env, World, T], object], given: T) -> Question:
    return lambda env, world: question(env, world, given)


# -- hidden fields -----------------------------------------------------------------------------------------------------


def _conditions() -> Iterator[tuple[str, list[object]]]:
    for field, values in (("credit", (10, 90)), ("secret", ("red", "blue"))):
        for value in values:
            texts = ("like", "ilike", "=ilike", "not ilike")
            for operator in ("=", "!=", "in", "not in", *(("<", ">=") if field == "credit" else texts)):
                given: object = [value] if "in" in operator.split() else value
                yield f"partner {field} {operator} {value}", [[field, operator, given]]
    yield "partner by secret tags", [["secret_tag_ids", "any", [["name", "=", "one"]]]]
    yield "partner by no secret tag", [["secret_tag_ids.name", "not ilike", "one"]]
    yield "partner or", ["|", ["name", "=", "nobody"], ["credit", "=", 10]]
    yield "partner not", ["!", ["credit", "=", 10]]
    yield "partner by its parent's", [["parent_id.credit", "=", 20]]
    yield "partner by its children's", [["child_ids.parent_id.credit", "=", 7]]
    yield "partner by a way back", [["child_ids.parent_id.credit", "=", 20]]
    yield "partner by nested any", [["parent_id", "any", [["child_ids", "not any", [["parent_id.credit", "=", 7]]]]]]


def _field_questions() -> Iterator[tuple[str, Question]]:
    for name, domain in _conditions():
        yield f"search {name}", _with(lambda env, _w, d: env[Partner].search(d).mapped("id"), domain)
        yield f"count {name}", _with(lambda env, _w, d: env[Partner].search_count(d), domain)
    for order in ("credit", "secret desc", "parent_id.credit, name", "credit, name"):
        yield f"order {order}", _with(lambda env, _w, o: env[Partner].search([], order=o).ids, order)
    yield "order of orders", lambda env, _w: env[Order].search([], order="partner_id.credit").ids
    for key in ("credit", "secret", "secret_tag_ids", "parent_id.credit"):
        yield f"group {key}", _with(lambda env, _w, k: env[Partner].read_group([], [k]), key)
    for measure in ("credit:sum", "credit:max", "credit:avg", "credit:array_agg", "secret:min", "secret:max"):
        yield f"measure {measure}", _with(lambda env, _w, m: env[Partner].read_group([], [], [m]), measure)
    yield (
        "having",
        lambda env, _w: env[Partner].read_group([], ["name"], ["credit:sum"], having=[["credit:sum", ">", 15]]),
    )
    yield "order of groups", lambda env, _w: env[Partner].read_group([], ["name"], ["credit:sum"], order="credit:sum")
    for field in ("credit", "secret", "secret_tag_ids"):
        yield f"read {field}", _with(lambda env, w, f: env[Partner].browse(w.shown).read([f]), field)
        yield f"read as JSON {field}", _with(lambda env, w, f: env[Partner].browse(w.shown).read_json([f]), field)
        yield f"search_read {field}", _with(lambda env, _w, f: env[Partner].search_read([], [f]), field)
        yield f"mapped {field}", _with(lambda env, w, f: str(env[Partner].browse(w.shown).mapped(f)), field)
        yield f"stream {field}", _with(lambda env, _w, f: list(env[Partner].stream([], [f])), field)
    for field in ("credit", "secret"):
        yield f"sorted {field}", _with(lambda env, w, f: env[Partner].browse((w.shown, w.other)).sorted(f).ids, field)
    yield "read all", lambda env, w: _without_numbers(env[Partner].browse(w.shown).read())
    yield "filtered", lambda env, w: env[Partner].browse(w.shown).filtered(Partner.credit == Decimal(10)).ids
    yield "names by a hidden field", lambda env, _w: env[Partner].name_search("red")
    yield "names with a condition", lambda env, _w: env[Partner].name_search("s", [["credit", "=", 10]])
    yield "names of exact hidden", lambda env, _w: env[Partner].name_search("blue", operator="=")
    yield "copy", lambda env, w: _without_numbers(copied(env[Partner].browse(w.shown)).read())
    yield "history", lambda env, w: [[str(c) for c in e.changes] for e in env[Partner].browse(w.shown).history()]
    yield "a write of what may be there", lambda env, w: _version_after(env, w, {"credit": 90})
    yield "a write of the secret", lambda env, w: _version_after(env, w, {"secret": "blue"})
    yield "links of the secret", lambda env, w: _version_after(env, w, {"secret_tag_ids": [(3, w.tags[0], 0)]})
    yield "recipe", lambda env, w: env[Dish].browse(w.dish).read(["recipe"])
    yield "recipe in other languages", lambda env, w: env[Dish].browse(w.dish).translations("recipe")
    yield "search recipe", lambda env, _w: env[Dish].search([["recipe", "ilike", "salt"]]).ids
    yield "order recipe", lambda env, _w: env[Dish].search([], order="recipe, name").mapped("name")
    yield "group recipe", lambda env, _w: env[Dish].read_group([], ["recipe"])
    yield "recipe of a side", lambda env, _w: env[Dish].search([["side_id.recipe", "=", "pepper"]]).ids


# -- hidden records ----------------------------------------------------------------------------------------------------


def _record_questions() -> Iterator[tuple[str, Question]]:
    yield "count partners", lambda env, _w: env[Partner].search_count([])
    yield "names of partners", lambda env, _w: env[Partner].search([]).mapped("name")
    yield "search by id", lambda env, w: env[Partner].search([["id", "in", [w.hidden, w.shown]]]).mapped("name")
    yield "by code", lambda env, _w: env[Partner].search([["code", "=ilike", "h%"]]).mapped("code")
    yield "read", lambda env, w: env[Partner].browse(w.hidden).read(["name"])
    yield "read with another", lambda env, w: env[Partner].browse((w.shown, w.hidden)).read(["name", "rating"])
    yield "name of", lambda env, w: env[Partner].browse(w.hidden).display_name
    yield "name beyond", lambda env, w: env[Partner].browse(w.below).parent_id.display_name
    yield "names in rows", lambda env, w: env[Partner].browse(w.below).read(["parent_id"])
    yield "names in rows of JSON", lambda env, w: env[Order].browse(w.order).read_json(["partner_id"])
    yield "names of partner", lambda env, _w: env[Partner].name_search("hidden")
    yield "names that begin", lambda env, _w: env[Partner].name_search("z")
    yield "orders by name of partner", lambda env, _w: env[Order].search([["partner_id", "ilike", "hidden"]]).ids
    yield "orders by path", lambda env, _w: env[Order].search([["partner_id.name", "!=", "zzz"]]).ids
    yield "orders by tags", lambda env, _w: env[Order].search([["partner_id.tag_ids.name", "=", "one"]]).ids
    yield "orders by not any", lambda env, _w: env[Order].search([["partner_id", "not any", [["rating", "=", 9]]]]).ids
    yield "things by owner", lambda env, _w: env[Thing].search([["owner_id.code", "=", "h1"]]).ids
    yield "sorted by parent", lambda env, _w: env[Partner].search([["parent_id", "!=", False]], order="parent_id").ids
    yield "below by parent", lambda env, _w: env[Partner].search([["parent_id.name", "=", "hidden"]]).ids
    yield "sorted by code", lambda env, _w: env[Thing].search([], order="owner_id.code, id").ids
    yield "grouped", lambda env, _w: env[Order].read_group([], ["partner_id"])
    yield "grouped beyond", lambda env, _w: env[Thing].read_group([], ["owner_id.code", "owner_id.rating"])
    yield "totals", lambda env, _w: env[Order].read_group([], [], ["total:sum", "name:max", "__count"])
    yield "orders", lambda env, _w: env[Order].search([]).mapped("name")
    yield "bob's order", lambda env, w: env[Order].browse(w.bobs).read(["name", "total"])
    yield "history", lambda env, w: [[c.after for c in e.changes] for e in env[Partner].browse(w.hidden).history()]
    yield "history of an order", lambda env, w: str(env[Order].browse(w.bobs).history())
    yield "copy", lambda env, w: copied(env[Order].browse(w.bobs)).name
    yield "copy with a link to it", lambda env, w: copied(env[Thing].browse(w.thing)).owner_id.code
    yield (
        "lines by order",
        lambda env, _w: env["trade.line"].read_group([["order_id.name", "=", "zzz"]], [], ["price:sum"]),
    )
    yield "version", lambda env, w: env[Order].browse(w.bobs).ensure_version(1)
    yield "what is gone", lambda env, w: env[Order].browse((w.gone, w.order)).exists().ids
    yield (
        "a link to what is gone",
        lambda env, w: env[Order].browse(w.order).write({"partner_id": w.gone_partner}),
    )
    yield (
        "a write of what is gone",
        lambda env, w: env[Partner].browse((w.shown, w.gone_partner)).write({"hidden": True}),
    )
    yield "a deletion of what is gone", lambda env, w: env[Partner].browse(w.gone_partner).unlink()
    yield (
        "a tag for what is gone",
        lambda env, w: env[Partner].browse(w.gone_partner).write({"tag_ids": [(4, w.tags[0], 0)]}),
    )
    yield (
        "a child for what is gone",
        lambda env, w: env[Partner].browse(w.gone_partner).write({"child_ids": [(4, w.shown, 0)]}),
    )
    yield "below what is gone", lambda env, w: env[Partner].search([["id", "child_of", [w.gone_partner]]]).ids


# That a record was changed, and how often, is no secret of its hidden fields.
_COUNTED: Final = frozenset(("id", "version", "create_date", "write_date", "write_uid"))


def _without_numbers(rows: list[dict[str, object]]) -> object:
    return [{name: value for name, value in row.items() if name not in _COUNTED} for row in rows]


def _version_after(env: Env, world: World, values: dict[str, object]) -> object:
    """Whether a write changed something: nothing is written that is there already."""
    record = env[Partner].browse(world.shown)
    before = record.read(["version"])
    record.write(values)
    env.flush()
    return record.read(["version"]) != before


FIELDS: Final = dict(_field_questions())
RECORDS: Final = dict(_record_questions())


class _Undo(Exception):
    """Takes back what a question did."""


def answer(env: Env, world: World, question: Question) -> str:
    """Ask, take back what it did, and give what was told: a value or a refusal."""
    told = ""
    try:
        with env.savepoint():
            told = str(question(env, world))
            env.flush()
            raise _Undo  # noqa: TRY301  out of the savepoint
    except _Undo:
        return told
    except GrowsoftError as error:
        return f"{type(error).__name__}: {error}"
