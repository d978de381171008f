"""Conditions: PostgreSQL and memory agree on every one, typed or from the wire; what is not understood is refused."""

from __future__ import annotations

import operator
from collections.abc import Callable, Generator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growsoft.orm import Condition, current
from growsoft.orm.domain import EVERYTHING, NOTHING, Every, Leaf, Negation, Operator, Some, from_wire, to_wire
from tests.integration.orm.conftest import Trade
from tests.integration.orm.trade import Order, Part, Partner, Size, Tag, Thing

NAMES = ["", "a", "A", "ab", "aB%", "a_b", "ä", "Ä", "\\", "a\\b", "100%", "ß", "ẞ", "İ", "i", "σ", "Σ", "ς", "x y"]  # noqa: RUF001  letters with a case of their own
NUMBERS = [-1000, -1, 0, 1, 2, 7]
AMOUNTS = [Decimal(0), Decimal("0.5"), Decimal("-1.25"), Decimal("1e6")]
DAYS = [None, date(2026, 1, 1), date(2026, 1, 2), date(1, 1, 1)]
MOMENTS = [None, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 12, 0, 0, 1, tzinfo=UTC)]


@pytest.fixture(scope="module")
def things(shared: Trade) -> Generator[Thing]:
    """Things of all sorts, with owners, tags and parts; those before them are nothing's."""
    with shared.undone() as env:
        tags = env[Tag].create([{"name": name or "-", "weight": i} for i, name in enumerate(NAMES[:5])])
        top = env[Partner].create({"name": "Ab", "hidden": True, "tag_ids": tags[:1]})
        partners = env[Partner].create(
            [
                {"name": name or "-", "parent_id": top if i % 2 else None, "tag_ids": tags[i % 3 : 3]}
                for i, name in enumerate(NAMES)
            ]
        )
        made = env[Thing].create([
            {
                "name": NAMES[i % len(NAMES)] or "-", "note": NAMES[(i * 7) % len(NAMES)], "number": NUMBERS[i % 6],
                "weight": AMOUNTS[i % 4], "fragile": i % 3 == 0, "day": DAYS[i % 4], "moment": MOMENTS[i % 3],
                "size": (None, Size.SMALL, Size.LARGE)[i % 3], "owner_id": partners[i % 19] if i % 5 else None,
                "tag_ids": tags[i % 4 : i % 6],
                "part_ids": [{"name": NAMES[(i + k) % 19] or "-", "place": k} for k in range(i % 4)],
            }
            for i in range(60)
        ])  # fmt: skip
        yield made


VALUES: dict[str, st.SearchStrategy[object]] = {
    "name": st.sampled_from(NAMES),
    "note": st.sampled_from(NAMES),
    "number": st.sampled_from(NUMBERS),
    "weight": st.sampled_from([*AMOUNTS, Decimal("0.50001"), Decimal("0.4999999999")]),
    "fragile": st.booleans(),
    "day": st.sampled_from(DAYS),
    "moment": st.sampled_from(MOMENTS),
    "size": st.sampled_from([None, *Size]),
    "place": st.integers(-1, 4),
}
COLUMNS = {"thing": [*list(VALUES)[:-1]], "part": ["name", "place"], "partner": ["name"], "tag": ["name"]}
LINKS = {
    "thing": {"owner_id": "partner", "tag_ids": "tag", "part_ids": "part"},
    "part": {"thing_id": "thing"},
    "partner": {"parent_id": "partner", "child_ids": "partner", "tag_ids": "tag"},
    "tag": {},
}
PATTERNS = st.text(st.sampled_from("aAbBäÄ%_\\ßẞİiσΣς x"), max_size=4)  # noqa: RUF001  as above


def operators(*among: Operator) -> st.SearchStrategy[Operator]:
    """One of some operators."""
    return st.sampled_from(among)


@st.composite
def comparisons(draw: st.DrawFn, model: str, path: tuple[str, ...]) -> Condition:
    """One comparison with a column, at the end of a path of links."""
    name = draw(st.sampled_from(COLUMNS[model]))
    kinds = ["compare", "member", *(["like"] * 2 if name in ("name", "note") else [])]
    match draw(st.sampled_from(kinds)):
        case "compare":
            value = draw(VALUES[name])
            ordered: list[Operator] = ["<", "<=", ">", ">="] if value is not None and name != "size" else []
            return Leaf((*path, name), draw(operators("=", "!=", *ordered)), value)
        case "member":
            return Leaf((*path, name), draw(operators("in", "not in")), draw(st.lists(VALUES[name], max_size=3)))
        case _:
            text = draw(PATTERNS)
            if (len(text) - len(text.rstrip("\\"))) % 2:
                text += "a"
            like = operators("like", "ilike", "not like", "not ilike", "=like", "=ilike")
            return Leaf((*path, name), draw(like), text)


@st.composite
def links(draw: st.DrawFn, model: str, depth: int) -> Condition:
    """A comparison of a link with ids, with its name, or with a condition on what it leads to."""
    name, other = draw(st.sampled_from(sorted(LINKS[model].items())))
    ids = st.none() | st.integers(1, 30)
    match draw(st.sampled_from(["one", "many", "name", "any"])):
        case "one":
            return Leaf((name,), draw(operators("=", "!=")), draw(ids))
        case "many":
            return Leaf((name,), draw(operators("in", "not in")), draw(st.lists(ids, max_size=4)))
        case "name":
            like = operators("like", "ilike", "not like", "not ilike")
            return Leaf((name,), draw(like), draw(st.sampled_from(["a", "B", "ä", "", "zz"])))
        case _:
            return Leaf((name,), draw(operators("any", "not any")), draw(conditions(other, depth - 1)))


@st.composite
def conditions(draw: st.DrawFn, model: str = "thing", depth: int = 3) -> Condition:
    """A condition on a model."""
    forms = ["leaf", "leaf", "path"] + (["every", "some", "not", "link"] if depth else [])
    match draw(st.sampled_from(forms)):
        case "every":
            return Every(tuple(draw(st.lists(conditions(model, depth - 1), max_size=3))))
        case "some":
            return Some(tuple(draw(st.lists(conditions(model, depth - 1), max_size=3))))
        case "not":
            return ~draw(conditions(model, depth - 1))
        case "link" if LINKS[model]:
            return draw(links(model, depth))
        case "path" if LINKS[model]:
            path: tuple[str, ...] = ()
            for _ in range(draw(st.integers(1, 2))):
                if LINKS[model]:
                    step, model = draw(st.sampled_from(sorted(LINKS[model].items())))
                    path = (*path, step)
            return draw(comparisons(model, path))
        case _:
            return draw(comparisons(model, ()))


@settings(max_examples=400, deadline=None)
@given(condition=conditions())
def test_search_and_filtered_agree(things: Thing, condition: Condition) -> None:
    among = Leaf(("id",), "in", things.ids)
    found = things.search(among & condition, order="id")
    assert found.ids == things.filtered(condition).ids
    assert things.search_count(among & condition) == len(found)
    assert len(things.search(among & ~condition)) == len(things) - len(found)


@settings(max_examples=150, deadline=None)
@given(condition=conditions())
def test_the_wire_says_the_same(things: Thing, condition: Condition) -> None:
    wired = to_wire(condition)
    assert things.search(wired, order="id") == things.search(condition, order="id")
    again = from_wire(wired)  # rows of the same operators are one level here, however they were nested
    assert things.search(again, order="id") == things.search(condition, order="id")
    assert from_wire(to_wire(again)) == again


TYPED: list[tuple[Callable[[Thing], Condition], Callable[[Thing], bool]]] = [
    (lambda _: Thing.name == "ab", lambda t: t.name == "ab"),
    (lambda _: Thing.name != "ab", lambda t: t.name != "ab"),
    (lambda _: Thing.name.like("B"), lambda t: "B" in t.name),
    (lambda _: Thing.name.ilike("B"), lambda t: "b" in t.name.lower()),
    (lambda _: Thing.number < 1, lambda t: t.number < 1),
    (lambda _: Thing.number <= 1, lambda t: t.number <= 1),
    (lambda _: Thing.number > 1, lambda t: t.number > 1),
    (lambda _: Thing.number >= 1, lambda t: t.number >= 1),
    (lambda _: Thing.weight > Decimal("0.4999999"), lambda t: t.weight > Decimal("0.4999999")),
    (lambda _: Thing.weight == Decimal("0.5000001"), lambda _: False),
    (lambda _: Thing.number.in_([1, 2]), lambda t: t.number in (1, 2)),
    (lambda _: Thing.number.not_in([1, 2]), lambda t: t.number not in (1, 2)),
    (lambda _: Thing.number.in_([]), lambda _: False),
    (lambda _: Thing.number.not_in([]), lambda _: True),
    (lambda _: Thing.day == None, lambda t: t.day is None),  # noqa: E711  a condition
    (lambda _: Thing.day != None, lambda t: t.day is not None),  # noqa: E711  a condition
    (lambda _: Thing.day.not_in([None]), lambda t: t.day is not None),
    (lambda _: Thing.day != date(2026, 1, 1), lambda t: t.day != date(2026, 1, 1)),
    (lambda _: Thing.day.in_([None, date(2026, 1, 1)]), lambda t: t.day in (None, date(2026, 1, 1))),
    (lambda _: Thing.size == Size.LARGE, lambda t: t.size is Size.LARGE),
    (lambda _: Thing.size == None, lambda t: t.size is None),  # noqa: E711  a condition
    (lambda _: Thing.fragile == True, lambda t: t.fragile),  # noqa: E712  a condition
    (lambda t: Thing.owner_id == t[1].owner_id, lambda t: t.owner_id.name == "a"),
    (lambda t: Thing.owner_id == t[0].owner_id, lambda t: not t.owner_id),
    (lambda t: Thing.owner_id != t[0].owner_id, lambda t: bool(t.owner_id)),
    (lambda t: Thing.owner_id.in_(t[0].owner_id), lambda _: False),
    (lambda t: Thing.owner_id.not_in(t[1].owner_id), lambda t: t.owner_id.name != "a"),
    (lambda _: Thing.owner_id.any(Partner.name == "ab"), lambda t: t.owner_id.name == "ab"),
    (lambda _: Thing.owner_id.not_any(Partner.name == "ab"), lambda t: t.owner_id.name != "ab"),
    (lambda _: Thing.part_ids.any(Part.place == 2), lambda t: len(t.part_ids) > 2),
    (lambda _: Thing.part_ids.not_any(Part.place == 0), lambda t: not t.part_ids),
    (lambda _: Thing.tag_ids.any(EVERYTHING), lambda t: bool(t.tag_ids)),
    (lambda _: Thing.tag_ids.any(NOTHING), lambda _: False),
    (lambda t: Thing.tag_ids == t[1].tag_ids, lambda t: not t.tag_ids),
    (lambda _: Thing.id == 0, lambda _: False),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "expected"), TYPED, ids=range(len(TYPED)))
def test_typed_conditions_mean_what_they_say(
    things: Thing, condition: Callable[[Thing], Condition], expected: Callable[[Thing], bool]
) -> None:
    wanted = [thing.id for thing in things if expected(thing)]
    asked = condition(things)
    assert things.search(asked & Leaf(("id",), "in", things.ids), order="id").ids == tuple(wanted)
    assert things.filtered(asked).ids == tuple(wanted)


def test_a_condition_has_no_truth_value() -> None:
    for attempt in (
        lambda: (Thing.number > 1) and (Thing.number < 5),
        lambda: (Thing.number > 1) or (Thing.number < 5),
        lambda: not (Thing.number > 1),  # pyright: ignore[reportGeneralTypeIssues]  refused there as well
        lambda: bool(Thing.name == "x"),
    ):
        with pytest.raises(TypeError, match="combine conditions with"):
            attempt()


def test_the_one_who_asks_and_his_companies(shared: Trade) -> None:
    with shared.undone() as env:
        partner = env[Partner].create({"name": "Open"})
        companies = env["res.company"].search([], order="id")
        orders = env[Order].create(
            [
                {"name": name, "partner_id": partner, "user_id": shared.people[name].user, "company_id": company}
                for name, company in zip(("ann", "bob"), companies, strict=True)
            ]
        )
        env.flush()
        ann = orders.with_env(shared.as_user(env, "ann"))
        for condition in (Order.user_id == current.user, Order.company_id.in_(current.companies)):
            assert ann.search(condition).mapped("name") == ["ann"]
            assert ann[0].filtered(condition) == ann[0]
            assert len(ann.search(~condition)) == 0
        users = ann.env["res.users"]
        assert users.search(Leaf(("id",), "=", current.user)).mapped("login") == ["ann"]
        assert ann.env["res.company"].search(Leaf(("id",), "in", current.companies)).ids == ann.env.companies


@settings(max_examples=200, deadline=None)
@given(text=st.text(st.sampled_from("aA%_\\*?. ä'\";-"), max_size=6))
def test_no_text_is_syntax(things: Thing, text: str) -> None:
    found = things.search([["name", "ilike", text], ["id", "in", list(things.ids)]], order="id")
    wanted = [t.id for t in things if text.lower() in t.name.lower()] if text.isascii() else found.ids
    assert list(found.ids) == list(wanted)


def test_equal_trees_are_equal_and_wrong_trees_fail() -> None:
    assert (Thing.name == "x") == Leaf(("name",), "=", "x")
    assert hash(Thing.name == "x") == hash(Leaf(("name",), "=", "y"))
    assert (Thing.name == "x") & (Thing.number > 1) == Every((Leaf(("name",), "=", "x"), Leaf(("number",), ">", 1)))
    assert operator.ne(~(Thing.name == "x"), Negation(Leaf(("name",), "=", "y")))
    assert from_wire([]) == EVERYTHING
    assert to_wire(NOTHING) == [["id", "=", None]]
