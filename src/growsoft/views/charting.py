"""Charting: groups of a list as bars, a line or a pie, drawn here to the last coordinate, with the same in a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import cos, pi, sin
from typing import TYPE_CHECKING, Final

from growsoft.views.fields import Money, Value
from growsoft.views.formats import shown
from growsoft.views.query import COUNT
from growsoft.views.spans import UNITS
from growsoft.views.summing import Bucket
from growsoft.words import Words, _

if TYPE_CHECKING:
    from growsoft.views.lister import Lister

WIDTH: Final = 960
HEIGHT: Final = 360
LEFT: Final = 116
RIGHT: Final = 36
BOTTOM: Final = 56
TOP: Final = 12
MOST_BARS: Final = 40
MOST_SERIES: Final = 8
MOST_CELLS: Final = 5000
STEPS: Final = 4
OTHERS: Final = _("Others")
SEVERAL: Final = _("These amounts are in several currencies and have no common sum: search for one currency.")
TOO_MANY: Final = _("These are too many groups to show at once: search for less, or group by something coarser.")


@dataclass(frozen=True, slots=True)
class Mark:
    """A bar, a point or a slice: where it is, of which series, and what it says."""

    x: float
    y: float
    width: float
    height: float
    series: int
    words: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across the chart, or the name below a bar."""

    at: float
    words: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart ready to be drawn, and its figures as a table: a name and a text for each series."""

    kind: str
    marks: tuple[Mark, ...]
    lines: tuple[str, ...]
    ticks: tuple[Tick, ...]
    names: tuple[Tick, ...]
    series: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    key: str
    measure: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Data:
    """The figures of a chart: a number for each name and series, and how numbers are written."""

    names: tuple[str, ...]
    series: tuple[str, ...]
    values: tuple[tuple[Decimal, ...], ...]
    money: tuple[int, str] | None = None


def figure_of(lister: Lister) -> Figure:
    """Return the chart of what a list finds. Raises `NotSearchable` and `AccessError` as the list does."""
    chart = lister.views.chart
    query = lister.query
    declared = chart.by if chart else ()
    keys = list(query.groups[:2] or [key for key in declared if lister.may_group(key)])
    kind = query.drawn or (chart.kind if chart else "bar")
    if not keys:
        return _problem(kind, "", "", TOO_MANY)
    measure = measure_of(lister, chart.measure if chart else "")
    said = lister.key_words(keys[0]), lister.measure_words(measure)
    data = _series(lister, keys, measure) if len(keys) > 1 and kind == "bar" else _single(lister, keys[0], measure)
    if isinstance(data, Words):
        return _problem(kind, *said, data)
    return drawn(lister, kind, data, *said)


def measure_of(lister: Lister, declared: str) -> str:
    """Return what is added up: what is asked for, else what the view declares; empty for the number of records."""
    if lister.query.measure:
        return "" if lister.query.measure == COUNT else lister.query.measure
    return declared if lister.may_sum(declared) else ""


# -- figures -----------------------------------------------------------------------------------------------------------


def _single(lister: Lister, key: str, measure: str) -> Data | Words:
    names = (measure,) if measure else ()
    totals = lister.summing.totals(lister.condition, names)
    order = "" if key.partition(":")[2] in UNITS else f"{measure or COUNT} desc"
    found = lister.summing.buckets(lister.condition, key, names, limit=MOST_BARS + 1, order=order)
    if len(found) > MOST_BARS and not order:
        return TOO_MANY
    if measure and len(totals.sums[measure]) > 1:
        return SEVERAL
    known = found[:MOST_BARS]
    values = [value_of(bucket, measure) for bucket in known]
    labels = [bucket.label for bucket in known]
    if len(found) > MOST_BARS:
        every = amount(totals.sums[measure][0]) if measure else Decimal(_count(lister, totals.count))
        labels.append(lister.manner.say(OTHERS))
        values.append(every - sum(values, Decimal(0)))
    return Data(tuple(labels), ("",), tuple((value,) for value in values), money_of(totals.sums.get(measure, ())))


def _count(lister: Lister, known: int | None) -> int:
    return lister.records.count(lister.model, lister.condition) if known is None else known


def _series(lister: Lister, keys: Sequence[str], measure: str) -> Data | Words:
    names = (measure,) if measure else ()
    totals = lister.summing.totals(lister.condition, names)
    found = lister.summing.pairs(lister.condition, (keys[0], keys[1]), names, limit=MOST_CELLS + 1)
    labels = tuple(dict.fromkeys(first.label for first, _second in found))
    series = tuple(dict.fromkeys(second.label for _first, second in found))
    if len(found) > MOST_CELLS or len(labels) > MOST_BARS:
        return TOO_MANY
    if measure and len(totals.sums[measure]) > 1:
        return SEVERAL
    cells: dict[tuple[str, str], Decimal] = {}
    for first, second in found:
        place = second.label if series.index(second.label) < MOST_SERIES else ""
        cells[first.label, place] = cells.get((first.label, place), Decimal(0)) + value_of(first, measure)
    shown_series = series[:MOST_SERIES] + (("",) if len(series) > MOST_SERIES else ())
    named = tuple(one or lister.manner.say(OTHERS) for one in shown_series)
    values = tuple(tuple(cells.get((label, one), Decimal(0)) for one in shown_series) for label in labels)
    return Data(labels, named, values, money_of(totals.sums.get(measure, ())))


def value_of(bucket: Bucket, measure: str) -> Decimal:
    """Return the number of a group: its sum, or how many records it has."""
    if not measure:
        return Decimal(bucket.count)
    sums = bucket.sums.get(measure, ())
    return amount(sums[0]) if sums else Decimal(0)


def amount(value: Value) -> Decimal:
    """Return a sum as a number."""
    match value:
        case Money():
            return value.amount
        case int() | Decimal():
            return Decimal(value)
        case _:
            return Decimal(0)


def money_of(sums: Sequence[Value]) -> tuple[int, str] | None:
    """Return how amounts of a sum in one currency are written, None for plain numbers."""
    match sums:
        case [Money(_, places, symbol)]:
            return places, symbol
        case _:
            return None


# -- drawing -----------------------------------------------------------------------------------------------------------


def drawn(lister: Lister, kind: str, data: Data, key: str, measure: str) -> Figure:
    """Return the figure of some data."""
    rows = tuple(
        (name, tuple(said(lister, data, value) for value in values))
        for name, values in zip(data.names, data.values, strict=True)
    )
    series = data.series if len(data.series) > 1 else ()
    if kind == "pie":
        return Figure("pie", slices(data, rows), (), (), (), tuple(data.names), rows, key, measure)
    scale = Scale.of(data, stacked=kind == "bar")
    marks, lines = _points(data, rows, scale) if kind == "line" else (bars(data, rows, scale), ())
    ticks = tuple(Tick(scale.y(step), said(lister, _rounded(data, scale), step)) for step in scale.steps)
    every = max(1, -(-len(data.names) // 12))
    names = tuple(Tick(scale.x(place), _short(name)) for place, name in enumerate(data.names) if place % every == 0)
    return Figure(kind, marks, lines, ticks, names, series, rows, key, measure)


def said(lister: Lister, data: Data, value: Decimal) -> str:
    """Write a number of a chart."""
    if data.money is not None:
        return shown(lister.any_field, Money(value, *data.money), lister.manner)
    whole = value.normalize() if value else Decimal(0)
    return lister.manner.terms.number(whole.quantize(Decimal(1)) if whole == whole.to_integral_value() else value)


def _rounded(data: Data, scale: Scale) -> Data:
    """Return how the lines across are named: amounts without decimals where all are whole."""
    whole = all(step == step.to_integral_value() for step in scale.steps)
    return replace(data, money=(0, data.money[1])) if data.money is not None and whole else data


def _short(name: str) -> str:
    return name if len(name) <= 14 else f"{name[:13]}\N{HORIZONTAL ELLIPSIS}"


def _problem(kind: str, key: str, measure: str, words: str) -> Figure:
    return Figure(kind, (), (), (), (), (), (), key, measure, words)


@dataclass(frozen=True, slots=True)
class Scale:
    """Where a value and the place of a name are on the drawing."""

    low: Decimal
    high: Decimal
    count: int

    @classmethod
    def of(cls, data: Data, *, stacked: bool) -> Scale:
        """Return a scale from nothing to the highest bar, and below nothing where there are such."""
        ends = [end for values in data.values for end in _ends(values, stacked=stacked)]
        low, high = min(Decimal(0), *ends, Decimal(0)), max(Decimal(0), *ends, Decimal(0))
        step = _step((high - low) / STEPS)
        floor, ceiling = (low / step).to_integral_value(ROUND_FLOOR), (high / step).to_integral_value(ROUND_CEILING)
        return cls(step * floor, step * max(ceiling, floor + 1), len(data.values))

    @property
    def steps(self) -> tuple[Decimal, ...]:
        """The values at which lines are drawn."""
        step = _step((self.high - self.low) / STEPS)
        count = int((self.high - self.low) / step)
        return tuple(self.low + step * place for place in range(min(count, 12) + 1))

    def y(self, value: Decimal) -> float:
        """Return how far a value is from the top."""
        height = HEIGHT - BOTTOM - TOP
        return round(TOP + height * float((self.high - value) / ((self.high - self.low) or 1)), 1)

    @property
    def width(self) -> float:
        """How wide the place of a name is."""
        return (WIDTH - LEFT - RIGHT) / max(self.count, 1)

    def x(self, place: int) -> float:
        """Return where the middle of a name is."""
        return round(LEFT + self.width * (place + 0.5), 1)


def _ends(values: Sequence[Decimal], *, stacked: bool) -> Sequence[Decimal]:
    """Return how high and how low the bars of one name reach."""
    if not stacked:
        return values
    return (
        sum((value for value in values if value > 0), Decimal(0)),
        sum((value for value in values if value < 0), Decimal(0)),
    )


def _step(rough: Decimal) -> Decimal:
    """Return a round step that is at least so long: 1, 2 or 5 times a power of ten."""
    if rough <= 0:
        return Decimal(1)
    power = Decimal(1).scaleb(rough.adjusted())
    return next(power * times for times in (1, 2, 5, 10) if power * times >= rough)


Rows = tuple[tuple[str, tuple[str, ...]], ...]


def bars(data: Data, rows: Rows, scale: Scale) -> tuple[Mark, ...]:
    """Return the bars: values of one name upon each other, those below nothing below it."""
    found: list[Mark] = []
    wide = min(scale.width * 0.7, 64)
    for place, (values, (name, texts)) in enumerate(zip(data.values, rows, strict=True)):
        up = down = Decimal(0)
        for number, value in enumerate(values):
            begin = up if value >= 0 else down
            end = begin + value
            up, down = (end, down) if value >= 0 else (up, end)
            top, bottom = scale.y(max(begin, end)), scale.y(min(begin, end))
            words = ", ".join(part for part in (name, data.series[number], texts[number]) if part)
            found.append(
                Mark(round(scale.x(place) - wide / 2, 1), top, round(wide, 1), round(bottom - top, 1), number, words)
            )
    return tuple(found)


def _points(data: Data, rows: Rows, scale: Scale) -> tuple[tuple[Mark, ...], tuple[str, ...]]:
    marks = tuple(
        Mark(scale.x(place), scale.y(values[0]), 0, 0, 0, f"{name}, {texts[0]}")
        for place, (values, (name, texts)) in enumerate(zip(data.values, rows, strict=True))
    )
    return marks, (" ".join(f"{mark.x},{mark.y}" for mark in marks),)


def slices(data: Data, rows: Rows) -> tuple[Mark, ...]:
    """Return the slices of a pie; what is below nothing has none."""
    values = [max(Decimal(0), row[0]) for row in data.values]
    whole, turned = sum(values, Decimal(0)), Decimal(0)
    found: list[Mark] = []
    for place, (value, (name, texts)) in enumerate(zip(values, rows, strict=True)):
        if whole and value:
            path = _slice(float(turned / whole), float((turned + value) / whole))
            found.append(Mark(0, 0, 0, 0, place % MOST_SERIES, f"{name}, {texts[0]}", path))
        turned += value
    return tuple(found)


def _slice(begin: float, end: float) -> str:
    """Return the outline of a slice between two shares of a turn, as a path around the middle of the drawing."""
    middle, radius = (WIDTH / 2, HEIGHT / 2), HEIGHT / 2 - TOP
    if end - begin > 0.9999:
        left, right = middle[0] - radius, middle[0] + radius
        arc = f"A{radius},{radius} 0 1 1"
        return f"M{left},{middle[1]} {arc} {right},{middle[1]} {arc} {left},{middle[1]} Z"

    def at(share: float) -> str:
        turn = 2 * pi * share - pi / 2
        return f"{middle[0] + radius * cos(turn):.1f},{middle[1] + radius * sin(turn):.1f}"

    large = 1 if end - begin > 0.5 else 0
    return f"M{middle[0]},{middle[1]} L{at(begin)} A{radius},{radius} 0 {large} 1 {at(end)} Z"
