"""Values of which each company has its own: read, found, sorted and written for the company that one works in."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from growsoft.apps.base.models import Currency
from growsoft.errors import AccessError, ConfigError, MissingError, UserError, ValidationError
from growsoft.orm import Check, Env, fields
from growsoft.orm.domain import Leaf
from growsoft.orm.referring import ReferredTo
from growsoft.postgres.check import problems
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import superuser
from tests.integration.orm.conftest import Trade
from tests.integration.orm.test_refusals import app_of, declared
from tests.integration.orm_fields.works import OWN, SHARED, Grade, Price, Site


def values(price: Price) -> dict[str, object]:
    """Read the values with nothing of the record in memory."""
    price.env.flush()
    for cache in price.env.work.caches.values():
        cache.forget()
    return {name: getattr(price, name) for name in SHARED}


@pytest.fixture
def price(ann: Env) -> Price:
    """A price that nobody has given a value."""
    return ann[Price].create({"name": "p", "currency_id": ann[Currency].search(Currency.name == "EUR")})


def of_bob(shared: Trade, price: Price) -> Price:
    """The same record for somebody of the other company."""
    price.env.flush()
    return price.with_env(shared.as_user(price.env, "bob"))


def test_what_no_company_has_set_is_the_same_for_all(shared: Trade, price: Price) -> None:
    assert {name: getattr(price, name) for name in SHARED} == SHARED
    assert values(price) == SHARED
    assert values(of_bob(shared, price)) == SHARED
    assert (price.site_id, price.fixed, price.needed) == (price.env[Site], 3, "x")


@pytest.mark.parametrize("how", ["write", "create"])
def test_each_company_has_its_own_values(shared: Trade, price: Price, how: str) -> None:
    if how == "write":
        price.write(OWN)
    else:
        price = price.create({"name": "q", "currency_id": price.currency_id, **OWN})
    assert {name: getattr(price, name) for name in OWN} == OWN
    assert values(price) == OWN
    other = of_bob(shared, price)
    assert values(other) == SHARED
    other.write({"number": 8, "word": "theirs"})
    assert values(other) == {**SHARED, "number": 8, "word": "theirs"}
    assert values(price) == OWN
    assert price.read(["number", "grade"]) == [{"id": price.id, "number": -5, "grade": "fine"}]
    assert other.read(["number", "weight"]) == [{"id": price.id, "number": 8, "weight": Decimal(0)}]


def test_who_works_in_several_companies_reads_and_writes_for_the_first(env: Env) -> None:
    north, south = env["res.company"].search([]).ids
    price = env.with_companies(north, south)[Price].create({"name": "p", "number": 1})
    theirs = price.with_env(env.with_companies(south, north))
    assert (price.number, theirs.number) == (1, 7)
    theirs.number = 2
    assert (price.number, theirs.number) == (1, 2)
    assert price.search(Price.number == 1) == price
    assert not theirs.search(Price.number == 1)
    assert price.sudo("a test looks at its record").number == 1


def test_a_value_that_a_company_unset_is_unset(price: Price) -> None:
    unset = {"since": None, "text": "", "number": 0, "grade": None}
    price.write({**unset, "sold": False})
    assert price.read(["since", "text", "number", "grade"])[0] == {**unset, "id": price.id, "grade": ""}
    assert values(price) == {**SHARED, **unset}


def test_many_are_made_and_changed_at_once(shared: Trade, ann: Env) -> None:
    made = ann[Price].create([{"name": str(i), "number": i, "weight": f"{i}.5"} for i in range(10)])
    for i, price in enumerate(made):
        price.word = str(i)
    ann.flush()
    ann.cache.forget()
    assert [(p.number, p.weight, p.word) for p in made] == [(i, Decimal(f"{i}.5"), str(i)) for i in range(10)]
    assert [p.number for p in of_bob(shared, made)] == [7] * 10


def test_searches_and_orders_ask_the_values_of_the_company(shared: Trade, ann: Env) -> None:
    a, b, c = ann[Price].create([{"name": n, "number": i, "word": f"W{n}"} for i, n in enumerate("abc")])
    b.grade = Grade.FINE
    c.since = None
    searched = ann[Price].search
    assert searched(Price.number > 0) == b + c
    assert searched(Price.number.in_([0, 2])) == a + c
    assert searched(Price.word.ilike("wA")) == a
    assert searched(Price.grade != Grade.FAIR) == b
    assert searched(Price.since == None) == c  # noqa: E711  a condition
    assert searched(Price.sold == False) == a + b + c  # noqa: E712  a condition
    assert searched([], order="number desc").ids == (c.id, b.id, a.id)
    assert (a + b + c).filtered(Price.number >= 1) == b + c
    other = of_bob(shared, a + b + c)
    assert other.search(Price.number == 7) == other
    assert other.search(Price.word != "") == other.browse([])
    assert other.search_count(Price.grade == Grade.FAIR) == 3


def test_each_company_has_its_own_link(shared: Trade, price: Price) -> None:
    env = price.env
    site = env[Site].create({"name": "s"})
    price.site_id = site
    values(price)
    assert price.site_id == site
    assert price.read(["site_id"]) == [{"id": price.id, "site_id": (site.id, "s")}]
    assert env[Price].search(Price.site_id.any(Site.name == "s")) == price
    assert env[Price].search([["site_id.name", "ilike", "S"]]) == price
    assert env[Price].search([], order="site_id desc")
    other = of_bob(shared, price)
    assert not other.site_id
    assert other.search([["site_id", "=", False]]) == other
    assert other.read(["site_id"]) == [{"id": price.id, "site_id": None}]
    with pytest.raises(ReferredTo, match="Site of Price"), other.env.savepoint():
        other.env[Site].browse(site.id).unlink()
    price.site_id = site.browse([])
    site.unlink()


def test_a_link_leads_to_what_its_writer_sees_and_to_nothing_that_is_gone(shared: Trade, price: Price) -> None:
    hidden = shared.as_user(price.env, "ann").sudo("a test hides a site")[Site].create({"name": "h", "hidden": True})
    price.env.flush()
    with pytest.raises(AccessError, match="that you may see"), price.env.savepoint():
        price.site_id = price.env[Site].browse(hidden.id)
    elevated = price.env.sudo("a test writes a link to nothing")
    gone = elevated[Site].create({"name": "g"})
    ids = gone.ids
    gone.unlink()
    with pytest.raises(AccessError, match="exists"), elevated.savepoint():
        elevated[Price].browse(price.id).write({"site_id": ids[0]})
    price.env.flush()


def test_amounts_are_rounded_to_the_decimals_of_their_currency(price: Price) -> None:
    price.cost = Decimal("1.005")
    price.env.flush()
    assert values(price)["cost"] == Decimal("1.01")


@pytest.mark.parametrize(
    ("name", "value"),
    [("number", "x"), ("number", 2**31), ("word", "x" * 21), ("weight", "y"), ("since", "z"), ("grade", "bad")],
)
def test_what_does_not_fit_is_refused_as_for_any_field(price: Price, name: str, value: object) -> None:
    with pytest.raises(ValidationError, match=rf"^{name.capitalize()}: "):
        price.write({name: value})


def test_a_required_value_is_not_unset(price: Price) -> None:
    with pytest.raises(ValidationError, match="Needed is required"):
        price.needed = ""


def test_who_works_in_no_company_has_none_to_write_for(shared: Trade) -> None:
    with shared.undone() as env:
        price = env[Price].create({"name": "x"})
        assert price.number == 7
        with pytest.raises(UserError, match="Number is a value of a company"), env.savepoint():
            price.number = 8


def test_the_groups_of_a_field_hold_for_the_values_of_all_companies(shared: Trade, price: Price) -> None:
    env = price.env
    sec = price.with_env(shared.as_user(env, "sec"))
    env.flush()
    sec.secret = Decimal(5)
    assert values(price)
    assert sec.secret == 5
    attempts: list[Callable[[], object]] = [
        lambda: price.secret,
        lambda: price.write({"secret": 1}),
        lambda: price.search(Price.secret > 0),
        lambda: price.search([], order="secret"),
        lambda: price.write({"fixed": 1}),
    ]
    for attempt in attempts:
        with pytest.raises(AccessError):
            attempt()
    for text in (sql("SELECT secret FROM works_price"), sql("UPDATE works_price SET fixed = '{{}}'")):
        with pytest.raises(Exception, match="You may not do this"), env.savepoint():
            env.execute(text)


def test_a_stranger_to_the_model_reads_nothing(shared: Trade) -> None:
    with shared.undone("joe") as env, pytest.raises((AccessError, MissingError)):
        env[Price].search([["number", "=", 7]])


REFUSED: list[tuple[str, dict[str, object]]] = [
    ("neither indexed nor unique", {"made": fields.Integer(company_dependent=True, index=True)}),
    ("neither indexed nor unique", {"made": fields.Char(company_dependent=True, unique=True)}),
    ("a constant as its default", {"made": fields.Integer(company_dependent=True, default=lambda env: env.user_id)}),
    ("leave ondelete out", {"made": fields.Many2one("made.made", company_dependent=True, ondelete="cascade")}),
    ("is not worked out", {"made": fields.Char(company_dependent=True, related="name")}),
    ("is named by name", {"name": fields.Char(company_dependent=True)}),
    (
        "is no link back",
        {
            "up": fields.Many2one("made.made", company_dependent=True),
            "made": fields.One2many("made.made", inverse="up"),
        },
    ),
    (
        "Check compares",
        {"n": fields.Integer(company_dependent=True), "made": Check(Leaf(("n",), "=", 1), "One.")},
    ),
]


@pytest.mark.parametrize(("why", "members"), REFUSED)
def test_what_cannot_be_kept_for_each_company_is_refused_at_load(why: str, members: dict[str, object]) -> None:
    app = app_of(members)
    with pytest.raises(ConfigError, match=why):
        declared(app)


def test_the_database_is_what_the_declarations_say(shared: Trade) -> None:
    with superuser(shared.server, shared.database.name) as owner:
        assert problems(owner) == []
