"""Domains from the wire: what a model does not have, and what would exhaust the server, is refused at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from growsoft.errors import AccessError, ValidationError
from growsoft.orm import DomainError, Env
from tests.integration.orm.conftest import Trade
from tests.integration.orm.trade import Partner, Tag, Thing

# What is asked, term by term: a name, an operator and a value.
WRONG: list[tuple[object, object, object]] = [
    ("nope", "=", 1), ("owner_id.nope", "=", 1), ("name.x", "=", 1), ("name", "any", []), ("number", "like", "1"),
    ("day", "ilike", "2026"), ("owner_id", "<", 5), ("tag_ids", ">", 5), ("label", "=", "x"), ("number", "in", 5),
    ("number", "=", "5"), ("number", "=", True), ("number", "=", 1.5), ("number", "=", [1]), ("number", "=", {}),
    ("number", "=", 2**31), ("id", "=", "5"), ("id", "=", True), ("id", "=", 2**64), ("id", "in", ["5"]),
    ("id", "=", 1.0), ("id", "in", [[5]]), ("id", ">", None), ("id", "like", "5"), ("id", "=", []),
    ("owner_id", "=", "Ada"), ("owner_id", "=", True), ("owner_id", "=", 2**64), ("owner_id", "=", 1.0),
    ("owner_id", "in", ["1"]), ("owner_id", "in", [[1]]), ("owner_id", "any", 5), ("owner_id", "any", [["x", "=", 1]]),
    ("tag_ids", "=", "x"), ("tag_ids", "in", ["x"]), ("tag_ids", "=", True), ("part_ids", "in", [2**64]),
    ("day", "=", "x"), ("day", ">", None), ("day", "<", False), ("moment", ">=", "soon"), ("size", "=", "medium"),
    ("fragile", "=", "yes"), ("name", "=", 5), ("name", "like", 5), ("name", "ilike", None), ("name", "=", "a\0b"),
    ("name", "ilike", "a\0b"), ("name", "ilike", "x" * 600), ("name", "=like", "x\\"), ("name", "=ilike", "\\\\\\"),
    ("name", "in", [["x"]]), ("name", "in", [{}]), ("weight", ">", "NaN"), ("weight", "=", "1e400"),
    ("name", "=", "\ud800"), ("name", "ilike", "\ud800"), ("create_date", ">", "x"), ("write_uid", "=", "1"),
    (5, "=", "x"), ("", "=", "x"), ("name", [], "x"), ("name", "==", "x"), ("name", "child_of", 1), ("x" * 201, "=", 1),
    (".".join(["owner_id"] * 11), "=", 1), ("name.", "=", 1), (".name", "=", 1), ("owner_id..name", "=", 1),
]  # fmt: skip


@pytest.mark.parametrize("term", WRONG, ids=range(len(WRONG)))
def test_what_a_model_does_not_have_is_refused_before_postgresql_sees_it(
    env: Env, term: tuple[object, object, object]
) -> None:
    for ask in (env[Thing].search, env[Thing].search_count, env[Thing].search_read):
        with pytest.raises(ValidationError):
            ask([term])
        with pytest.raises(ValidationError):
            ask(["!", "|", ["name", "=", "x"], list(term)])
    assert env[Thing].search_count() == 0  # the transaction goes on


NO_CONDITION: list[object] = [
    "x", None, 5, {}, b"x", [5], [None], ["x"], ["&"], ["!"], ["|", ["name", "=", "x"]], [[]], [["name", "="]],
    [["name", "=", "x", "y"]], ["name", "=", "x"], [{"name": "x"}], ["&", "|", ["name", "=", "x"]],
]  # fmt: skip


@pytest.mark.parametrize("domain", NO_CONDITION, ids=range(len(NO_CONDITION)))
def test_what_is_no_condition_is_refused(env: Env, domain: object) -> None:
    with pytest.raises(ValidationError):
        env[Thing].search(domain)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  the point


NO_ORDER: list[object] = [
    "nope", "name up", "name desc desc", "label", "tag_ids", "name;", "name, ", ",", "1", "name desc nulls first",
    "lower(name)", ",".join(["name"] * 12), 5, ["name"],
]  # fmt: skip


@pytest.mark.parametrize("order", NO_ORDER, ids=range(len(NO_ORDER)))
def test_an_order_is_made_of_stored_fields(env: Env, order: object) -> None:
    for ask in (env[Thing].search, env[Thing].search_read):
        with pytest.raises(ValidationError):
            ask([], order=order)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  the point
    assert env[Thing].search_count() == 0


@pytest.mark.parametrize("number", [-1, True, "5", 1.5, 2**31, 2**70, [1]])
def test_limits_and_offsets_are_whole_numbers(env: Env, number: object) -> None:
    for name in ("limit", "offset"):
        for ask in (env[Thing].search, env[Thing].search_read):
            with pytest.raises(ValidationError):
                ask([], **{name: number})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  the point
    with pytest.raises(ValidationError):
        env[Thing].search_count([], limit=number)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  as above
    assert env[Thing].search_count() == 0


@pytest.mark.parametrize("ids", [True, "5", 1.5, -1, 2**63, 2**100, ["5"], [True], [1.0], [0], [None], [[1]], "12"])
def test_ids_are_whole_numbers(env: Env, ids: object) -> None:
    with pytest.raises((ValidationError, TypeError)):
        env[Thing].browse(ids)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  the point


@pytest.mark.parametrize(
    "names", ["name", ["nope"], [5], [["name"]], ["name", None], ["__class__"], ["env"], [b"name"]]
)
def test_only_fields_are_read(env: Env, names: object) -> None:
    with pytest.raises(ValidationError):
        env[Thing].search_read([], names)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  the point


def test_the_same_field_may_be_asked_for_often(env: Env) -> None:
    thing = env[Thing].create({"name": "x"})
    assert thing.read(["name", "id"] * 2_000) == [{"id": thing.id, "name": "x"}]


def _nested(levels: int) -> list[object]:
    domain: list[object] = [["parent_id", "=", None]]
    for _ in range(levels):
        domain = [["parent_id", "any", domain]]
    return domain


X = ["name", "=", "x"]


@pytest.mark.parametrize(
    "domain",
    [
        [X] * 10_000, ["|"] * 9_999 + [X] * 10_000, ["!"] * 10_000 + [X], ["&", "|"] * 200 + [X] * 401, _nested(1_000),
        [["id", "in", list(range(1, 10_002))]], [["id", "in", list(range(1, 400))]] * 400,
        [["child_ids", "any", [X] * 300]] * 300, [["child_ids", "any", ["!"] * 15 + _nested(15)]],
    ],
    ids=["terms", "prefixes", "negations", "alternating", "nested", "values", "more values", "inside", "all of it"],
)  # fmt: skip
def test_what_would_exhaust_the_server_is_refused_at_once(env: Env, domain: list[object]) -> None:
    with pytest.raises(DomainError, match="at most"):
        env[Partner].search(domain)


def test_large_conditions_that_screens_may_ask_for_are_answered(env: Env) -> None:
    thing = env[Partner].create({"name": "x"})
    assert env[Partner].search(["|"] * 249 + [["name", "=", str(n)] for n in range(249)] + [X]) == thing
    assert env[Partner].search([["id", "in", [*range(10**6, 10**6 + 9_999), thing.id]]]) == thing
    assert env[Partner].search(_nested(18)) == env[Partner]
    assert env[Partner].search([[".".join(["parent_id"] * 9 + ["name"]), "=", "x"]]) == env[Partner]
    assert env[Partner].search(["!", "|", "!", "&", X, X, "!", X]) == thing


def test_stamps_are_searched_like_other_fields(env: Env) -> None:
    thing = env[Thing].create({"name": "x"})
    assert env[Thing].search([["create_date", ">", "2026-01-01 00:00:00"], ["write_uid", "=", env.user_id]]) == thing
    assert env[Thing].search([["version", "<=", 1], ["id", "in", [thing.id, None]], ["create_uid", ">", 0]]) == thing


def test_asking_about_what_one_may_not_read_is_refused_like_reading_it(shared: Trade) -> None:
    with shared.undone("ann") as env:
        partners = env[Partner]
        mine = partners.create({"name": "Mine"})
        asked: list[Callable[[], object]] = [
            lambda: partners.search([["credit", ">", 5]]),
            lambda: partners.search([["parent_id.credit", ">", 5]]),
            lambda: partners.search([["parent_id", "any", ["!", ["credit", ">", 5]]]]),
            lambda: partners.search(["|", ["name", "=", "x"], ["secret", "like", "a"]]),
            lambda: partners.search([["secret_tag_ids", "=", 1]]),
            lambda: partners.search([["secret_tag_ids.name", "=", "x"]]),
            lambda: partners.search_count([["credit", ">", 5]]),
            lambda: partners.search_read([["credit", ">", 5]], ["name"]),
            lambda: partners.search([], order="credit"),
            lambda: partners.search([], order="name, secret desc"),
            lambda: partners.search_read([], ["name"], order="credit"),
            lambda: partners.search_read([], ["credit"]),
            lambda: mine.read(["credit"]),
            lambda: mine.credit,
            lambda: mine.mapped("secret_tag_ids"),
            lambda: mine.filtered(Partner.credit > 5),
            lambda: mine.write({"credit": 5}),
            lambda: partners.create({"name": "x", "credit": 5}),
            lambda: env["trade.journal"].search([["tag_ids.name", "=", "x"]]),
            lambda: env["trade.journal"].search_count([]),
            lambda: env["trade.journal"].search_read([]),
            lambda: env["trade.journal"].browse(1).exists(),
            lambda: env["trade.journal"].browse(1).read(),
            lambda: env["trade.journal"].create({"name": "x"}),
            lambda: env[Tag].create({"name": "x"}),
        ]
        for ask in asked:
            with pytest.raises(AccessError):
                ask()
        assert mine.name == "Mine"  # each was refused before PostgreSQL had to, so the transaction goes on
        assert partners.search([["name", "=", "Mine"]]) == mine
