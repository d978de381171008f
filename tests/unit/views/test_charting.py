"""Charts: every bar and point lies within the drawing, whatever is added up, and slices make a whole turn."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from growsoft.views.charting import BOTTOM, HEIGHT, TOP, Data, Scale, bars, slices

numbers = st.decimals(min_value=-(10**12), max_value=10**12, places=2)


def data_of(values: list[list[Decimal]]) -> Data:
    names = tuple(f"n{place}" for place in range(len(values)))
    series = tuple(f"s{place}" for place in range(len(values[0])))
    return Data(names, series, tuple(tuple(row) for row in values))


def rows_of(data: Data) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((name, tuple(map(str, row))) for name, row in zip(data.names, data.values, strict=True))


@given(st.integers(1, 4).flatmap(lambda wide: st.lists(st.lists(numbers, min_size=wide, max_size=wide), min_size=1)))
def test_every_bar_is_inside_of_the_drawing_also_below_nothing(values: list[list[Decimal]]) -> None:
    data = data_of(values)
    scale = Scale.of(data, stacked=True)
    assert 1 < len(scale.steps) <= 13
    for mark in bars(data, rows_of(data), scale):
        assert mark.height >= 0
        assert mark.y >= TOP - 0.2
        assert mark.y + mark.height <= HEIGHT - BOTTOM + 0.2


@given(st.lists(st.decimals(min_value=0, max_value=10**9, places=1), min_size=1, max_size=12))
def test_a_pie_has_a_slice_for_each_value_above_nothing(values: list[Decimal]) -> None:
    data = data_of([[value] for value in values])
    assert len(slices(data, rows_of(data))) == sum(value > 0 for value in values)
