"""What does not fit is refused when a registry is built or declared, with the name of what is wrong."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Final

import pytest

from growsoft.apps.base import app as base
from growsoft.errors import ConfigError
from growsoft.orm import Access, App, Check, Condition, Group, Model, Rule, api, current, fields, load
from growsoft.orm.access import VERBS, Verb
from growsoft.orm.domain import Leaf
from tests.integration.orm import extended, trade

Members = dict[str, object]

_numbers = itertools.count()


def app_of(*models: Members, groups: tuple[Group, ...] = (Group("made.user", "User"),)) -> App:
    """Make an app of some models, each given by the members of its class; their names begin with made."""
    module = ModuleType(f"{__name__}_made_{next(_numbers)}")
    sys.modules[module.__name__] = module
    for members in models:
        if isinstance(members, dict):
            type(
                "Made",
                (Model,),
                {"_name": "made.made", "name": fields.Char(), **members, "__module__": module.__name__},
            )
        else:
            type("Made", (members,), {"__module__": module.__name__}, extend=True)
    return App(name="made", version="1", package=module.__name__, groups=groups)


def declared(app: App) -> object:
    """Build and declare it."""
    return load(["made"], available={"made": app}).declarations


def to_one(model: str = "made.made") -> fields.Many2one[Model]:
    """A link to one record."""
    return fields.Many2one(model)


def to_many(model: str = "made.made") -> fields.Many2many[Model]:
    """Links to many."""
    return fields.Many2many(model)


def lines(inverse: str, model: str = "made.made") -> fields.One2many[Model]:
    """Lines."""
    return fields.One2many(model, inverse=inverse)


def summed(*depends: str) -> object:
    """A stored computed field."""

    def made(self: Model) -> int:
        return len(self)

    return api.computed(*depends, store=True)(made)


TRANSLATED: Final = fields.Char(translate=True)
WHOLE: Final[Members] = {"_name": "made.whole"}

REFUSED: list[tuple[str, App]] = [
    ("links to made.nowhere", app_of({"made": to_one("made.nowhere")})),
    ("is no link back", app_of({"made": lines("name")})),
    ("is no link back", app_of({"made": lines("nope")})),
    ("is no link back", app_of(WHOLE, {"made": lines("up"), "up": to_one("made.whole")})),
    ("share the table made_made", app_of({}, {"_name": "made_made"})),
    ("share the table a_b_c_rel", app_of({"_name": "a.b", "c": to_many("a")}, {"_name": "a", "b_c": to_many("a.b")})),
    ("defines made.made once more", app_of({}, {})),
    ("is named by title", app_of({"_rec_name": "title"})),
    ("is named by parts", app_of({"_rec_name": "parts", "parts": lines("up"), "up": to_one()})),
    ("Cannot sort by", app_of({"_order": "name sideways"})),
    ("has no field 'nope'", app_of({"_order": "nope"})),
    ("has no field nope", app_of({"made": summed("nope")})),
    ("name is no link", app_of({"made": summed("name.nope")})),
    (
        "made.whole has no field nope",
        app_of(WHOLE, {"whole_id": to_one("made.whole"), "made": summed("whole_id.nope")}),
    ),
    ("in a circle", app_of({"a": summed("b"), "b": summed("a")})),
    ("in a circle", app_of({"a": summed("up.a"), "up": to_one()})),
    ("in a circle", app_of({"a": summed("a")})),
    ("no link to one record", app_of({"made": fields.Monetary(currency="name")})),
    ("no link to one record", app_of({"made": fields.Monetary(currency="nope")})),
    ("is no currency", app_of({"up": to_one(), "made": fields.Monetary(currency="up")})),
    ("must be a constant", app_of({"made": fields.Char(readonly=True, default=lambda _env: "x")})),
    ("must be a constant", app_of({"made": fields.Char(groups="made.user", default=lambda _env: "x")})),
    ("declares the groups other.group", app_of({"made": Access("other.group")})),
    ("declares the groups other.group", app_of({"made": fields.Char(groups="other.group")})),
    ("declares the groups other.group", app_of({"made": Rule(Leaf(("name",), "=", "x"), group="other.group")})),
    ("has no field 'nope'", app_of({"made": Rule(Leaf(("nope",), "=", "x"), group="made.user")})),
    ("made.made.made: Name", app_of({"made": Rule(Leaf(("name",), "=", current.user), group="made.user")})),
    ("made.made.made: Name", app_of({"made": Rule(Leaf(("name",), "in", current.companies))})),
    ("Check compares", app_of({"up": to_one(), "made": Check(Leaf(("up",), "=", current.user), "no")})),
    ("Check compares", app_of({"up": to_one(), "made": Check(~Leaf(("up", "name"), "=", "x"), "no")})),
    ("Check compares", app_of({"made": Check(Leaf(("nope",), "=", "x"), "no")})),
    ("is translated", app_of({"text": TRANSLATED, "made": Check(Leaf(("text",), "=", "x"), "no")})),
    ("is translated", app_of({"text": TRANSLATED, "made": Rule(Leaf(("text",), "=", "x"), group="made.user")})),
    ("do not store it", app_of({"text": TRANSLATED, "made": summed("text")})),
]


@pytest.mark.parametrize(("message", "app"), REFUSED, ids=range(len(REFUSED)))
def test_what_does_not_fit_is_refused_with_its_name(message: str, app: App) -> None:
    with pytest.raises(ConfigError, match=message):
        declared(app)


def test_a_check_of_what_is_not_there_is_refused() -> None:
    def check(_self: Model) -> None:
        """Check nothing."""

    with pytest.raises(ConfigError, match="_check watches nmae"):
        declared(app_of({"_check": api.constrains("nmae")(check)}))


# -- rules that would break the queries of their readers ---------------------------------------------------------------

NAMED: Final = Leaf(("name",), "=", "x")
SECRET: Final = Leaf(("secret",), "like", "x")
GROUPS: Final = (Group("made.user", "User"), Group("made.boss", "Boss", implied=("made.user",)))


def ruled(
    condition: Condition,
    *,
    group: str = "made.user",
    access: bool = True,
    back: Condition | None = None,
    verbs: tuple[Verb, ...] = VERBS,
) -> App:
    """Make two models, the first with a rule that may look at the second."""
    first: Members = {
        "_name": "made.first", "secret": fields.Char(groups="made.boss"), "other_id": to_one("made.other"),
        "up_id": to_one("made.first"), "other_ids": to_many("made.other"), "user_id": to_one("made.other"),
        "users": Access("made.user"), "ruled": Rule(condition, group=group, verbs=verbs),
    }  # fmt: skip
    other: Members = {
        "_name": "made.other", "secret": fields.Char(groups="made.boss"), "first_id": to_one("made.first"),
        "first_ids": lines("other_id", "made.first"), "tag_ids": to_many("made.first"),
        "users": Access("made.user", *(("read",) if access else ("create", "write"))),
        "back": None if back is None else Rule(back, group="made.user"),
    }  # fmt: skip
    return app_of(first, other, groups=GROUPS)


def through(link: str, condition: Condition = NAMED) -> Condition:
    """What is asked of linked records."""
    return Leaf((link,), "any", condition)


UNREADABLE: list[tuple[str, App]] = [
    (r"made\.other\.id, which made\.user", ruled(through("other_id"), access=False)),
    (r"made\.other\.id, which made\.user", ruled(through("other_ids"), access=False, group="")),
    (r"made\.other\.id, which made\.user", ruled(Leaf(("other_id",), "ilike", "x"), access=False)),
    (r"made\.other\.secret, which made\.user", ruled(through("other_id", SECRET))),
    (r"made\.other\.secret, which made\.user", ruled(through("other_id", SECRET), group="")),
    (r"made\.other\.secret, which made\.user", ruled(~Leaf(("other_id", "secret"), "not like", "x"))),
    (r"made\.other\.secret, which made\.user", ruled(NAMED | (NAMED & ~through("other_id", ~SECRET)))),
    (r"made\.first\.secret, which made\.user", ruled(SECRET)),  # asked for links, from outside of the record
]


@pytest.mark.parametrize(("message", "app"), UNREADABLE, ids=range(len(UNREADABLE)))
def test_rules_that_look_at_what_their_readers_may_not_read_are_refused(message: str, app: App) -> None:
    with pytest.raises(ConfigError, match=message):
        declared(app)


CIRCLES: list[App] = [
    ruled(through("up_id")),
    ruled(through("up_id"), group=""),
    ruled(through("other_ids")),
    ruled(through("other_id", through("first_id"))),
    ruled(through("other_id"), back=through("first_id")),
    ruled(through("other_id"), back=through("tag_ids")),
    ruled(through("other_id", through("first_ids"))),
    ruled(NAMED, back=through("tag_ids")),
]


@pytest.mark.parametrize("app", CIRCLES, ids=range(len(CIRCLES)))
def test_rules_that_lead_back_to_their_own_table_are_refused(app: App) -> None:
    with pytest.raises(ConfigError, match="in a circle: made_"):
        declared(app)


FINE: list[App] = [
    ruled(through("other_id")),
    ruled(through("other_id"), back=NAMED),
    ruled(through("other_id", SECRET), group="made.boss"),
    ruled(SECRET, verbs=("read", "create", "unlink")),  # a column of the row itself is looked at for everybody
    ruled(Leaf(("user_id",), "=", current.user) | Leaf(("other_id",), "in", current.companies)),
    ruled(Leaf(("id",), "=", current.user)),
]


@pytest.mark.parametrize("app", FINE, ids=range(len(FINE)))
def test_other_rules_are_taken(app: App) -> None:
    declared(app)


# -- names and apps ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["ids", "env", "search", "mapped", "id", "version", "create_uid", "display_name", "_own"]
)
def test_fields_do_not_take_the_names_of_what_every_model_has(name: str) -> None:
    with pytest.raises(TypeError, match="choose another"):
        app_of({name: fields.Integer()})


@pytest.mark.parametrize(
    "key", ["user", "Made.user", "made.", ".user", "made.user.x", "made.us er", "mäde.user", "made-x.user"]
)
def test_groups_are_named_by_their_app(key: str) -> None:
    attempts: list[Callable[[], object]] = [
        lambda: Access(key),
        lambda: Group(key, "x"),
        lambda: Group("made.user", "x", implied=(key,)),
        lambda: Rule(NAMED, group=key),
    ]
    for attempt in attempts:
        with pytest.raises(ValueError, match=r"app\.group"):
            attempt()


def test_verbs_are_the_four_there_are() -> None:
    with pytest.raises(ValueError, match="not delete"):
        Access("made.user", "read", "delete")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  the point
    for verbs in ((), ("delete",)):
        with pytest.raises(ValueError, match="read, create, write or unlink"):
            Rule(NAMED, verbs=verbs)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  the point


def test_apps_that_are_not_there_or_go_round_in_circles_are_refused() -> None:
    one = App("one", "1", "tests.support", depends=("two",))
    two = App("two", "1", "tests.support", depends=("one",))
    with pytest.raises(ConfigError, match="one -> two -> one"):
        load(["one"], available={"one": one, "two": two})
    with pytest.raises(ConfigError, match="There is no app 'three'"):
        load(["three"], available={"one": one})
    alone = replace(extended.margin, depends=("base",))
    with pytest.raises(ConfigError, match="which none of the apps before it defines"):
        load(["margin"], available={"base": base, "margin": alone})
    loaded = load(["trade"], available={"base": base, "trade": trade.app})
    assert loaded.versions == {"base": base.version, "trade": trade.app.version}


def test_long_names_fit_and_are_told_apart() -> None:
    long = "made." + "x" * 50
    members: Members = {
        "_name": long, "user": Access("made.user"), "y" * 40: to_many(long), "y" * 40 + "z": to_many(long),
        "z" * 60: fields.Char(unique=True, index="trigram"), "z" * 61: fields.Char(unique=True, index="trigram"),
        "up_" + "z" * 55: to_one(long), "own": Rule(NAMED), "c" * 60: Check(NAMED, "no"),
    }  # fmt: skip
    app = app_of(members)
    first = load(["made"], available={"made": app}).declarations
    assert first.digest() == load(["made"], available={"made": app}).declarations.digest()
    tables = [table.name for table in first.tables]
    policies = [(policy.table, policy.name) for policy in first.policies]
    named = [*(i.name for t in first.tables for i in t.indexes), *(c.name for t in first.tables for c in t.constraints)]
    for names in (tables, policies, named):
        assert len(set(names)) == len(names)
    assert max(map(len, [*tables, *named, *(name for _table, name in policies)])) <= 63
