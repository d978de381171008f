"""Words: sentences keep what they were made of, and every catalogue says all that its package says."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from growsoft.errors import ValidationError
from growsoft.testing import words
from growsoft.testing.words import OWN, languages_in, state_of
from growsoft.words import ENGLISH, Terms, Words, _, terms_of

GERMAN = Terms(
    "de_DE",
    {
        ("", "{label} is required."): "{label} ist erforderlich.",
        ("", "Order"): "Auftrag",
        ("sort", "Order"): "Reihenfolge",
        ("", "{count} lines"): "{count} Zeilen",
    },
)


def test_a_sentence_is_english_and_can_be_said_in_another_language() -> None:
    sentence = _("{label} is required.", label=Words("Order"))
    assert sentence == "Order is required."
    assert GERMAN.say(sentence) == "Auftrag ist erforderlich."
    assert ENGLISH.say(sentence) == "Order is required."


def test_what_people_typed_is_no_word_of_ours() -> None:
    assert GERMAN.say(_("{label} is required.", label="Order")) == "Order ist erforderlich."


def test_words_that_are_the_same_in_english_are_told_apart() -> None:
    assert GERMAN.say(Words("Order", context="sort")) == "Reihenfolge"
    assert GERMAN.say(Words("Order", context="anything else")) == "Auftrag"


def test_numbers_are_grouped_as_the_reader_writes() -> None:
    assert _("{count} lines", count=12345) == "12,345 lines"
    assert GERMAN.say(_("{count} lines", count=12345)) == "12.345 Zeilen"
    assert GERMAN.say(_("{count} lines", count=Decimal("1234.50"))) == "1.234,50 Zeilen"


def test_braces_of_values_and_of_plain_sentences_are_no_places() -> None:
    assert _("{label} is required.", label="{evil}") == "{evil} is required."
    assert GERMAN.say(_("{label} is required.", label="{0.__class__}")) == "{0.__class__} ist erforderlich."
    assert GERMAN.say("a {plain} sentence") == "a {plain} sentence"


def test_an_error_keeps_what_it_was_made_of() -> None:
    error = ValidationError(_("{label} is required.", label=Words("Order")))
    assert (error.message, type(error.message)) == ("Order is required.", str)
    assert GERMAN.say(error.words) == "Auftrag ist erforderlich."


def test_a_language_without_a_catalogue_says_english() -> None:
    assert terms_of(("growsoft",), "tlh").say("Save") == "Save"
    assert terms_of(("growsoft",), "de_DE").say("Save") == "Speichern"


@pytest.mark.parametrize("package", OWN)
def test_every_word_is_there_in_every_language(package: str) -> None:
    """Run ``make words`` when this fails: it gathers what is new; then translate what has no translation yet."""
    assert languages_in(package) == ("de_DE",)
    state = state_of(package, "de_DE")
    assert (state.missing, state.stale) == ((), ())


def test_translations_fill_the_same_places() -> None:
    for package in OWN:
        for english, german in words.translations(package, "de_DE").items():
            assert words.places(german) == words.places(english), english


def test_gathering_again_keeps_translations_and_drops_what_nobody_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def folder(_package: str) -> Path:
        return tmp_path

    monkeypatch.setattr(words, "_folder", folder)
    (tmp_path / "de_DE.po").write_text(
        words.HEADER.format(lang="de_DE")
        + 'msgid "Amount"\nmsgstr "Betrag"\n\nmsgctxt "state_id"\nmsgid "Total"\nmsgstr "Alles"\n\n'
        + 'msgid "Nobody says this"\nmsgstr "Niemand"\n'
    )
    assert state_of("growsoft.apps.sale", "de_DE").stale == ("Nobody says this",)
    words.update("growsoft.apps.sale", "de_DE")
    text = (tmp_path / "de_DE.po").read_text()
    assert 'msgid "Amount"\nmsgstr "Betrag"' in text
    assert 'msgctxt "state_id"\nmsgid "Total"\nmsgstr "Alles"' in text
    assert "Nobody says this" not in text
    missing = state_of("growsoft.apps.sale", "de_DE").missing
    assert "Customer" in missing
    assert "Amount" not in missing
    assert words.main(["--check", "growsoft.apps.sale"]) == 1
