"""Values as people read them and as they type them."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growsoft.views.fields import FieldView, Kind, Link, Money, Value
from growsoft.views.formats import entered, shown
from growsoft.views.manner import Manner
from growsoft.views.parsing import NotReadable, parsed
from growsoft.words import terms_of

BERLIN = ZoneInfo("Europe/Berlin")
STATES = (("draft", "Draft"), ("open", "Open"))


def field(kind: Kind, places: int | None = None) -> FieldView:
    return FieldView("x", "X", kind, choices=STATES if kind == "selection" else (), places=places)


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("char", "a <b>", "a <b>"),
        ("integer", -1234567, "\N{MINUS SIGN}1,234,567"),
        ("decimal", Decimal("1234.500000"), "1,234.5"),
        ("decimal", Decimal("1E+3"), "1,000"),
        ("decimal", Decimal(0), "0"),
        ("monetary", Money(Decimal("-1234.5"), 2, "€"), "\N{MINUS SIGN}1,234.50\N{NO-BREAK SPACE}€"),
        ("monetary", Money(Decimal(99), 0, ""), "99"),
        ("boolean", True, "Yes"),
        ("boolean", False, "No"),
        ("date", date(2024, 5, 7), "7\N{NO-BREAK SPACE}May\N{NO-BREAK SPACE}2024"),
        ("datetime", datetime(2024, 5, 17, 23, 30, tzinfo=UTC), "18\N{NO-BREAK SPACE}May\N{NO-BREAK SPACE}2024, 01:30"),
        ("selection", "open", "Open"),
        ("selection", "gone", "gone"),
        ("many2one", Link(7, "Kyoto"), "Kyoto"),
        ("many2many", (Link(1, "a"), Link(2, "b")), "a, b"),
        ("char", None, ""),
    ],
)
def test_a_value_is_shown(kind: Kind, value: Value, text: str) -> None:
    assert shown(field(kind), value, Manner(zone=BERLIN)) == text


def test_fixed_places_keep_their_zeros() -> None:
    assert shown(field("decimal", 2), Decimal("1234.5")) == "1,234.50"


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=6))
def test_a_number_comes_back_as_it_was(value: Decimal) -> None:
    assert parsed(field("decimal"), entered(field("decimal"), value)) == value
    assert parsed(field("decimal"), shown(field("decimal"), value)) == value


@given(st.integers(-(2**31) + 1, 2**31 - 1))
def test_a_whole_number_comes_back_as_it_was(value: int) -> None:
    assert parsed(field("integer"), entered(field("integer"), value)) == value
    assert parsed(field("integer"), shown(field("integer"), value)) == value


@given(st.dates(), st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_days_and_moments_come_back_as_they_were(day: date, moment: datetime) -> None:
    assert parsed(field("date"), entered(field("date"), day)) == day
    minute = moment.replace(second=0, microsecond=0)
    assert parsed(field("datetime"), entered(field("datetime"), minute)) == minute


@given(st.text(alphabet=st.characters(exclude_characters="\0\r", exclude_categories=["Cs"])))
def test_text_comes_back_as_it_was_but_for_its_ends(text: str) -> None:
    assert parsed(field("text"), text) == text.rstrip()
    assert parsed(field("char"), text) == text.strip()


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("integer", "1.5"), ("integer", "0x10"), ("integer", "\N{ARABIC-INDIC DIGIT ONE}"), ("integer", "9" * 30),
        ("integer", "1_000"), ("decimal", "NaN"), ("decimal", "inf"), ("decimal", "1,5"), ("decimal", "1e400"),
        ("decimal", "1,23,456"), ("boolean", "maybe"), ("date", "2024-02-30"), ("date", "1.2.2024"),
        ("datetime", "2024-01-01T99:00"), ("selection", "nothing of the kind"), ("char", "a\0b"), ("char", "x" * 2001),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_an_example(kind: Kind, text: str) -> None:
    with pytest.raises(NotReadable) as refused:
        parsed(field(kind), text)
    assert len(refused.value.message) > 10
    assert text not in refused.value.message or len(text) < 3


@given(st.sampled_from(["integer", "decimal", "monetary", "boolean", "date", "datetime", "selection"]), st.text())
def test_nothing_that_is_typed_is_more_than_refused(kind: Kind, text: str) -> None:
    with suppress(NotReadable):
        parsed(field(kind), text, Manner(zone=BERLIN))


# -- in another language -----------------------------------------------------------------------------------------------

GERMAN = Manner(terms_of(("growsoft",), "de_DE"), BERLIN)


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("integer", -1234567, "\N{MINUS SIGN}1.234.567"),
        ("decimal", Decimal("1234.500000"), "1.234,5"),
        ("monetary", Money(Decimal("-1234.5"), 2, "€"), "\N{MINUS SIGN}1.234,50\N{NO-BREAK SPACE}€"),
        ("boolean", True, "Ja"),
        ("date", date(2024, 5, 7), "07.05.2024"),
        ("date", date(987, 5, 7), "07.05.987"),
        ("datetime", datetime(2024, 5, 17, 23, 30, tzinfo=UTC), "18.05.2024, 01:30"),
    ],
)
def test_a_value_is_shown_as_its_reader_writes(kind: Kind, value: Value, text: str) -> None:
    assert shown(field(kind), value, GERMAN) == text


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=6))
def test_a_number_comes_back_in_another_language(value: Decimal) -> None:
    for written in (entered(field("decimal"), value, GERMAN), shown(field("decimal"), value, GERMAN)):
        assert parsed(field("decimal"), written, GERMAN) == value


@pytest.mark.parametrize("text", ["1.5", "1,234.50", "1.23.456", "1,2,3"])
def test_a_sign_of_another_language_is_asked_about_and_not_guessed(text: str) -> None:
    with pytest.raises(NotReadable) as refused:
        parsed(field("decimal"), text, GERMAN)
    said = GERMAN.say(refused.value.words)
    assert said in {
        "Schreiben Sie Nachkommastellen nach „,“, etwa 1.234,50.",
        "Schreiben Sie eine Zahl, etwa 1.234,50.",
    }


def test_yes_and_no_are_read_in_both_languages() -> None:
    assert [parsed(field("boolean"), word, GERMAN) for word in ("ja", "Nein", "yes", "no")] == [
        True,
        False,
        True,
        False,
    ]


def test_a_week_begins_where_its_reader_begins_it() -> None:
    assert (GERMAN.first_weekday, Manner().first_weekday) == (0, 6)
