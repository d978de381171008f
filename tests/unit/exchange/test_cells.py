"""Readers: what a cell may look like, and what nobody should guess."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growsoft.apps.sale.models import Order, OrderLine, OrderState
from growsoft.orm.cells import (
    FALSE,
    TRUE,
    NotReadable,
    boolean,
    checked_text,
    choice,
    day,
    moment,
    number,
    opposite,
    reader_of,
    whole,
)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**12), max_value=10**12))
def test_a_number_is_read_as_it_was_written(value: Decimal) -> None:
    assert number(str(value)) == value
    assert number(f" {value:f} ") == value


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e90, max_value=1e90))
def test_numbers_of_spreadsheets_with_exponents_are_read(value: float) -> None:
    assert number(repr(value)) == Decimal(repr(value))


@pytest.mark.parametrize(
    "text",
    [
        "1,5",
        "1.234,50",
        "1,234.50",
        "1 234",
        "1'234",
        "12a",
        "0x10",
        "1_000",
        "\u0663",
        "\uff11",
        "nan",
        "inf",
        "--1",
        ".",
    ],
)
def test_what_could_mean_something_else_is_no_number(text: str) -> None:
    with pytest.raises(NotReadable, match=r"such as 1234\.5"):
        number(text)


def test_a_decimal_comma_is_told_apart_from_nonsense() -> None:
    with pytest.raises(NotReadable, match="after a point and no commas"):
        number("1,5")


def test_a_number_of_a_million_digits_is_refused_at_once() -> None:
    with pytest.raises(NotReadable):
        number("9" * 1_000_000)


@given(st.integers(-(2**31) + 1, 2**31 - 1))
def test_a_whole_number_may_be_written_with_an_empty_fraction(value: int) -> None:
    assert whole(number(str(value))) == value
    assert whole(number(f"{value}.00")) == value


@pytest.mark.parametrize(("text", "wanted"), [("1.5", "whole number"), ("2147483648", "between"), ("1e99", "between")])
def test_what_is_not_whole_or_too_large_is_refused(text: str, wanted: str) -> None:
    with pytest.raises(NotReadable, match=wanted):
        whole(number(text))


@given(st.sampled_from(sorted(TRUE | FALSE)), st.booleans())
def test_yes_and_no_are_read_in_any_case(word: str, shout: bool) -> None:
    text = f" {word.upper() if shout else word.capitalize()} "
    assert boolean(text) is (word in TRUE)
    assert opposite(text) is (word in FALSE)


@pytest.mark.parametrize("text", ["2", "on", "ja", "x", "01"])
def test_other_words_are_neither_yes_nor_no(text: str) -> None:
    with pytest.raises(NotReadable, match="yes or no"):
        boolean(text)


@given(st.dates())
def test_a_day_is_read_as_iso_writes_it(value: date) -> None:
    assert day(value.isoformat()) == value
    assert day(f"{value.isoformat()} 00:00:00") == value


@pytest.mark.parametrize(
    "text",
    ["31.12.26", "12/31/2026", "2026-13-01", "2026-02-30", "20261231", "2026-W01-1", "2026-12-31 10:00", "now"],
)
def test_other_ways_to_write_a_day_are_refused(text: str) -> None:
    with pytest.raises(NotReadable, match="2026-12-31"):
        day(text)


ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=ZONES))  # noqa: DTZ001
def test_a_moment_keeps_its_instant_in_every_zone(value: datetime) -> None:
    for separator in ("T", " "):
        found = moment(value.isoformat(separator))
        assert found == value
        assert found.tzinfo is UTC


@given(st.datetimes(min_value=datetime(2, 1, 1)))  # noqa: DTZ001  without a zone on purpose
def test_a_moment_without_a_zone_is_in_utc(value: datetime) -> None:
    assert moment(value.isoformat()) == value.replace(tzinfo=UTC)


def test_a_day_by_itself_is_its_midnight() -> None:
    assert moment("1996-07-04") == datetime(1996, 7, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["1996-07-04 25:00", "4.7.1996 10", "1996-07-04T10", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00+14:00"],
)
def test_other_ways_to_write_a_moment_are_refused(text: str) -> None:
    with pytest.raises(NotReadable, match="2026-12-31 18:30"):
        moment(text)


@pytest.mark.parametrize("text", ["sale", "SALE", " Sale "])
def test_a_choice_is_read_by_its_value_or_its_words(text: str) -> None:
    assert choice(OrderState, text) is OrderState.SALE


def test_an_unknown_choice_is_told_what_there_is() -> None:
    with pytest.raises(NotReadable, match="draft, sent, sale, cancel"):
        choice(OrderState, "done")


@pytest.mark.parametrize(
    "text", ["=1+1", "+49 30 1234", "-5", "@SUM(A1)", "\t=cmd|' /C calc'!A0", " leading", "trailing "]
)
def test_text_is_kept_as_it_is_whatever_it_looks_like(text: str) -> None:
    assert reader_of(Order.note)(text) == text


def test_a_nul_is_no_text() -> None:
    with pytest.raises(NotReadable, match="NUL"):
        checked_text("a\0b")


def test_a_scale_multiplies_exactly() -> None:
    assert reader_of(OrderLine.discount, Decimal(100))("0.15") == 15
    assert reader_of(OrderLine.sequence, Decimal(10))("1.5") == 15


def test_a_value_that_the_field_would_refuse_is_refused_with_the_cell() -> None:
    with pytest.raises(NotReadable, match="at most 2,000 characters"):
        reader_of(Order.name)("x" * 2001)
