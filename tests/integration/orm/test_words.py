"""Words: records are found by the words of their texts, by an index, under the rules and rights of whoever asks."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from growsoft.apps.base import app as base
from growsoft.errors import AccessError, ConfigError, GrowsoftError
from growsoft.orm import Access, App, DomainError, Env, Fulltext, Model, Registry, Rule, fields, load
from growsoft.orm.domain import Leaf
from growsoft.postgres.sql import sql
from tests.integration.orm.conftest import Trade
from tests.integration.orm.trade import Partner, Thing


@pytest.fixture
def things(env: Env) -> Thing:
    """Some things with names and notes."""
    texts = [
        ("Red oak table", "made by hand"),
        ("oak chair", "red, made in Bern"),
        ("Elm bed", ""),
        ("x", "o'ak -- \\"),
    ]
    made = env[Thing].create([{"name": name, "note": note} for name, note in texts])
    env.flush()
    return made


def test_words_are_found_in_any_order_and_field(things: Thing) -> None:
    cases: list[tuple[str, list[int]]] = [
        ("oak", [0, 1]),
        ("RED oak", [0, 1]),
        ("made oak chair", [1]),
        ('"red oak"', [0]),
        ("oak -table", [1]),
        ("elm or chair", [1, 2]),
        ("oa", []),
        ("", []),
        ("'; DROP TABLE trade_thing; --", []),
        ("& | ! ( :* <->", []),
    ]
    for text, found in cases:
        asked = Thing.words.matches(text)
        wanted = tuple(things.ids[i] for i in found)
        among = [["id", "in", list(things.ids)]]
        assert things.search([*among, ["words", "@@", text]], order="id").ids == wanted
        assert things.search(asked, order="id", limit=80).ids == wanted
        assert things.filtered(asked).ids == wanted
        assert things.search_count([*among, "!", ["words", "@@", text]]) == 4 - len(wanted)
    things[2].note = "oak veneer"
    assert len(things.search(Thing.words.matches("oak"))) == 3  # what waits to be written is found


def test_words_lead_along_links(env: Env, things: Thing) -> None:
    part = env["trade.part"].create({"name": "leg", "thing_id": things[0]})
    assert env["trade.part"].search([["thing_id.words", "@@", "oak table"]]) == part
    assert env[Partner].search([["child_ids.name", "=", "x"]]).ids == ()


def test_hidden_rows_have_no_words(shared: Trade, things: Thing) -> None:
    joe = shared.as_user(things.env, "joe")
    with pytest.raises(AccessError):
        joe[Thing].search([["words", "@@", "oak"]])
    with pytest.raises(AccessError), joe.savepoint():
        joe.execute(sql("SELECT words FROM trade_thing"))
    ann = shared.as_user(things.env, "ann")
    with pytest.raises(GrowsoftError), ann.savepoint():
        ann.execute(sql("UPDATE trade_thing SET words = ''::tsvector"))
    assert len(ann[Thing].search([["words", "@@", "oak"]])) == 2
    assert "words" not in ann[Thing].search_read([["words", "@@", "bern"]])[0]
    wrong_terms: list[list[object]] = [
        ["words", "@@", 1], ["words", "@@", None], ["words", "@@", "x" * 600], ["words", "@@", "a\0b"],
        ["name", "@@", "x"], ["words", "=", "x"], ["words", "ilike", "x"], ["words.x", "@@", "x"],
    ]  # fmt: skip
    for wrong in wrong_terms:
        with pytest.raises(DomainError):
            ann[Thing].search([wrong])


def test_very_long_texts_can_be_stored(env: Env) -> None:
    # Letters of four bytes each: the most that the words of a text can come to.
    letters = [chr(0x10400 + i) for i in range(40)]
    wide = " ".join(a + b + c for a in letters for b in letters for c in letters)
    for note in (" ".join(f"word{i}" for i in range(90_000)), wide):
        thing = env[Thing].create({"name": "long", "note": note})
        env.flush()
        assert thing.search(Thing.words.matches(note[:60].rpartition(" ")[0])) == thing


def test_an_index_finds_words_under_row_security(shared: Trade) -> None:
    with shared.undone("ann") as env:
        env.execute(sql("SET LOCAL enable_seqscan = off"))
        query = sql(
            "EXPLAIN (COSTS OFF) SELECT id FROM trade_thing WHERE words @@ websearch_to_tsquery('simple', 'oak')"
        )
        assert any("trade_thing_words_words" in line for line in env.execute(query).column(str))


def _load(name: str) -> Registry:
    app = App(name=name, version="1.0", package=f"{__name__}_{name}", depends=("base",))
    return load([name], available={"base": base, name: app})


def _module(name: str) -> str:
    module = ModuleType(f"{__name__}_{name}")
    sys.modules[module.__name__] = module
    return module.__name__


def test_words_of_a_kept_field_are_refused() -> None:
    class Kept(Model):
        """Kept."""

        __module__ = _module("kept")
        _name = "kept.kept"

        name = fields.Char()
        secret = fields.Char(groups="base.admin")
        words = Fulltext(name, secret)

        everybody = Access("base.user", "read")

    with pytest.raises(ConfigError, match="secret is no stored text"):
        _load(Kept._name.partition(".")[0])  # pyright: ignore[reportPrivateUsage]  the model's own


def test_a_rule_compares_no_words() -> None:
    class Ruled(Model):
        """Ruled."""

        __module__ = _module("ruled")
        _name = "ruled.ruled"

        name = fields.Char()
        words = Fulltext(name)

        everybody = Access("base.user", "read")
        shown = Rule(Leaf(("words",), "@@", "x"))

    registry = _load(Ruled._name.partition(".")[0])  # pyright: ignore[reportPrivateUsage]  the model's own
    with pytest.raises(ConfigError, match="words are searched for by people"):
        _ = registry.declarations
