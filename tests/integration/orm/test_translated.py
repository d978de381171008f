"""Translated texts: everybody reads, searches, sorts and writes his own language."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from growsoft.errors import AccessError, ValidationError
from growsoft.orm import Env, Locale, fields, open_env
from growsoft.postgres.sql import sql
from growsoft.postgres.transaction import ConstraintViolated
from tests.integration.orm.conftest import Counted, Trade
from tests.integration.orm.trade import Dish


def german(env: Env) -> Env:
    """Give the same in German."""
    return env.in_locale(Locale("de_DE"))


def dish(env: Env, name: str = "Potatoes", translation: str = "Kartoffeln") -> Dish:
    """Make a dish with a German name."""
    made = env[Dish].create({"name": name})
    if translation:
        made.translate("name", {"de_DE": translation})
    return made


def test_a_record_is_read_in_the_language_of_its_reader(env: Env) -> None:
    made = dish(env)
    assert (made.name, made.with_lang("de_DE").name) == ("Potatoes", "Kartoffeln")
    assert made.with_lang("de_DE").shout == "KARTOFFELN"
    assert made.translations("name") == {"en_US": "Potatoes", "de_DE": "Kartoffeln"}


def test_where_a_language_has_nothing_the_source_language_is_read(env: Env) -> None:
    made = dish(env, translation="")
    assert made.with_lang("de_DE").name == "Potatoes"
    assert made.with_lang("tlh").name == "Potatoes"
    assert german(env)[Dish].search([["name", "=", "Potatoes"]]) == made
    assert made.words == made.with_lang("de_DE").words == ""


def test_writing_changes_one_language(env: Env) -> None:
    made = dish(env)
    made.with_lang("de_DE").name = "Erdäpfel"
    made.name = "Fries"
    env.flush()
    assert made.translations("name") == {"en_US": "Fries", "de_DE": "Erdäpfel"}


def test_both_languages_see_at_once_what_waits_to_be_written(env: Env) -> None:
    made = dish(env, translation="")
    other = made.with_lang("de_DE")
    assert other.name == "Potatoes"
    made.name = "Rice"
    assert other.name == "Rice"
    other.name = "Reis"
    assert (made.name, other.name) == ("Rice", "Reis")


def test_what_is_made_in_another_language_is_there_in_the_source_language(env: Env) -> None:
    made = german(env)[Dish].create([{"name": "Brot"}, {"name": "Butter"}])
    assert [record.translations("name") for record in made] == [
        {"en_US": "Brot", "de_DE": "Brot"},
        {"en_US": "Butter", "de_DE": "Butter"},
    ]
    assert made.with_lang("en_US").mapped("name") == ["Brot", "Butter"]


def test_what_is_filled_first_in_another_language_is_there_in_the_source_language(env: Env) -> None:
    made = dish(env)
    made.with_lang("de_DE").words = "mit Quark"
    env.flush()
    assert made.words == "mit Quark"


def test_what_is_emptied_is_empty_in_every_language(env: Env) -> None:
    made = dish(env)
    made.words = "with curd"
    made.translate("words", {"de_DE": "mit Quark"})
    made.with_lang("de_DE").words = ""
    env.flush()
    assert (made.words, made.with_lang("de_DE").words, made.translations("words")) == ("", "", {"en_US": ""})


def test_different_values_of_many_records_are_one_statement(env: Env, counted: Counted) -> None:
    made = env[Dish].create([{"name": f"Dish {n}"} for n in range(50)])
    with counted() as seen:
        for number, record in enumerate(made.with_lang("de_DE")):
            record.name = f"Gericht {number}"
        env.flush()
    assert len([text for text in seen if text.startswith("UPDATE")]) == 1
    assert made[7].translations("name") == {"en_US": "Dish 7", "de_DE": "Gericht 7"}


def test_conditions_orders_and_names_are_of_the_readers_language(env: Env) -> None:
    potatoes, apple = dish(env), dish(env, "Apple", "Xylophonapfel")
    potatoes.side_id = apple
    everything = [["id", "in", [potatoes.id, apple.id]]]
    assert env[Dish].search(everything) == apple | potatoes
    assert env[Dish].search(everything).ids == (apple.id, potatoes.id)
    assert german(env)[Dish].search(everything).ids == (potatoes.id, apple.id)
    assert german(env)[Dish].search([["name", "ilike", "kartoff"]]) == potatoes
    assert not env[Dish].search([["name", "ilike", "kartoff"]])
    assert german(env)[Dish].search([["side_id", "ilike", "xylo"]]) == potatoes
    assert german(env)[Dish].search(Dish.name.in_(["Kartoffeln"])) == potatoes
    assert german(env)[Dish].search([["name", "!=", "Kartoffeln"], *everything]) == apple
    rows = german(env)[Dish].search_read(everything, ["name", "side_id"], order="side_id, name")
    assert [(row["name"], row["side_id"]) for row in rows] == [
        ("Kartoffeln", (apple.id, "Xylophonapfel")),
        ("Xylophonapfel", None),
    ]
    assert potatoes.with_lang("de_DE").read(["name"])[0]["name"] == "Kartoffeln"
    assert german(env)[Dish].search(everything).filtered(Dish.name == "Kartoffeln") == potatoes


def test_a_search_in_any_language_uses_its_index(shared: Trade) -> None:
    with shared.undone() as env:
        env[Dish].create([{"name": f"Dish number {n}"} for n in range(3000)])
        env.flush()
        env.execute(sql("SET LOCAL enable_seqscan = off"))
        for lang in ("en_US", "de_DE"):
            other = shared.as_user(env, "ann").in_locale(Locale(lang))
            for condition in (Dish.name.ilike("number 2999"), Dish.name == "Dish number 7"):
                where = other.compiler().where(env.registry["trade.dish"], condition)
                plan = other.execute(sql("EXPLAIN SELECT id FROM trade_dish WHERE {where}", where=where)).column(str)
                assert f"trade_dish_name_{lang.lower()}" in "\n".join(plan), plan


def test_required_and_length_hold_in_each_language(env: Env) -> None:
    made = dish(env)
    with pytest.raises(ValidationError, match="at most 40 characters"):
        made.with_lang("de_DE").name = "x" * 41
    with pytest.raises(ValidationError, match="required"):
        made.with_lang("de_DE").name = ""
    with pytest.raises(ValidationError, match="no language 'tlh'"):
        made.translate("name", {"tlh": "'oQqar"})
    with pytest.raises(ValidationError, match="same in every language"):
        made.translations("side_id")


@pytest.mark.parametrize(
    "value",
    ['{"de_DE": 5, "en_US": "x"}', '{"de_DE": "x"}', "{}", "[]", '"x"', '{"en_US": null}', '{"en_US": {"x": "y"}}'],
)
def test_raw_sql_stores_nothing_but_texts_by_language(shared: Trade, value: str) -> None:
    with shared.undone("ann") as ann:
        made = dish(ann)
        ann.flush()
        with pytest.raises(ConstraintViolated) as refused, ann.savepoint():
            ann.execute(sql("UPDATE trade_dish SET name = {v}::jsonb WHERE id = {id}", v=value, id=made.id))
        assert refused.value.constraint == "trade_dish_name_texts"


def test_raw_sql_stores_no_text_that_a_search_could_choke_on(shared: Trade) -> None:
    with shared.undone("ann") as ann:
        made = dish(ann)
        ann.flush()
        with pytest.raises(ConstraintViolated) as refused, ann.savepoint():
            ann.execute(
                sql(
                    "UPDATE trade_dish SET words = jsonb_build_object('de_DE', repeat('x', 4000001)) WHERE id = {id}",
                    id=made.id,
                )
            )
        assert refused.value.constraint == "trade_dish_words_length"


def test_sw7_a_translated_text_of_others_stays_unreadable_in_every_language(shared: Trade) -> None:
    with shared.undone() as env:
        made = env[Dish].create({"name": "Soup", "recipe": "secret"})
        made.translate("recipe", {"de_DE": "geheim"})
        env.flush()
        for lang in ("en_US", "de_DE"):
            ann = shared.as_user(env, "ann").in_locale(Locale(lang))
            seen = ann[Dish].browse(made.id)
            assert seen.name == "Soup"
            attempts: list[Callable[[], object]] = [
                partial(getattr, seen, "recipe"),
                partial(seen.translations, "recipe"),
                partial(seen.read, ["recipe"]),
                partial(ann[Dish].search, [["recipe", "ilike", "s"]]),
                partial(ann[Dish].search, [], order="recipe"),
                partial(seen.write, {"recipe": "mine"}),
            ]
            for attempt in attempts:
                with pytest.raises(AccessError):
                    attempt()
            for text in (
                sql("SELECT recipe ->> 'de_DE' FROM trade_dish"),
                sql("SELECT gs.translated(recipe, 'de_DE', 'x') FROM trade_dish"),
                sql("SELECT to_jsonb(d) FROM trade_dish d"),
                sql("UPDATE trade_dish SET words = recipe"),
            ):
                with pytest.raises(AccessError), env.savepoint():
                    ann.execute(text)
        assert shared.as_user(env, "sec").in_locale(Locale("de_DE"))[Dish].browse(made.id).recipe == "geheim"


def test_what_waits_in_two_languages_is_written_before_somebody_else_acts(shared: Trade) -> None:
    with shared.undone() as env:
        made = dish(env)
        made.name = "Rice"
        made.with_lang("de_DE").name = "Reis"
        ann = shared.as_user(env, "ann")
        assert ann[Dish].browse(made.id).name == "Rice"
        assert ann.in_locale(Locale("de_DE"))[Dish].browse(made.id).name == "Reis"


def test_the_default_is_there_in_every_language(shared: Trade) -> None:
    with shared.undone("ann") as ann:  # who may not write it leaves it to PostgreSQL
        made = dish(ann)
        ann.flush()
        assert shared.as_user(ann, "sec").in_locale(Locale("de_DE"))[Dish].browse(made.id).recipe == "none"


def test_a_language_is_one_that_an_app_brings(own: Trade) -> None:
    assert own.registry.languages == ("en_US", "de_DE")
    with open_env(own.database, own.registry, own.door(), locale=Locale("'; --", "UTC")) as env:
        assert env.lang == "en_US"
        assert dish(env).with_lang("xx\0").name == "Potatoes"


def test_a_translated_text_cannot_be_unique() -> None:
    with pytest.raises(ValueError, match="neither unique"):
        fields.Char(unique=True, translate=True)


def test_groups_and_names_are_of_the_readers_language(env: Env) -> None:
    potatoes, apple = dish(env), dish(env, "Apple", "Xylophonapfel")
    potatoes.side_id = apple
    everything = [["id", "in", [potatoes.id, apple.id]]]
    other = german(env)[Dish]
    assert [row["name"] for row in env[Dish].read_group(everything, ["name"])] == ["Apple", "Potatoes"]
    assert [row["name"] for row in other.read_group(everything, ["name"])] == ["Kartoffeln", "Xylophonapfel"]
    assert [row["side_id"] for row in other.read_group([["id", "=", potatoes.id]], ["side_id"])] == [
        (apple.id, "Xylophonapfel")
    ]
    assert other.read_group(everything, [], ["name:max"])[0]["name:max"] == "Xylophonapfel"
    assert other.name_search("kartoff", everything) == [(potatoes.id, "Kartoffeln")]
    assert other.name_search("", everything)[0] == (potatoes.id, "Kartoffeln")
    assert other.search(everything, order="side_id.name desc").ids[-1:] == (potatoes.id,)
