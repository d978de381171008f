"""Measuring: both sides turn by turn, so that whatever else the machine does meets both; medians, and their ratio."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol


class Beside(Protocol):
    """Somebody else who does some of the operations, in a process of his own, and takes the time there."""

    @property
    def name(self) -> str:
        """Who it is."""
        ...

    @property
    def operations(self) -> frozenset[str]:
        """What can be asked for."""
        ...

    def turn(self, operation: str, calls: int) -> float:
        """Do so many calls in a row; give the seconds of one."""
        ...


@dataclass(frozen=True, slots=True)
class Measured:
    """One operation: medians in milliseconds, their ratio, and the bar it has to stay under; others by their names."""

    name: str
    product_ms: float
    raw_ms: float
    bar: float
    others: Mapping[str, float] = field(default_factory=dict[str, float])

    @property
    def ratio(self) -> float:
        """How many times as long as the hand-written SQL."""
        return self.product_ms / self.raw_ms

    def row(self) -> dict[str, object]:
        """Give what is printed."""
        return {
            "operation": self.name,
            "product_ms": round(self.product_ms, 3),
            "raw_ms": round(self.raw_ms, 3),
            "ratio": round(self.ratio, 2),
            "bar": self.bar,
            "ok": self.ratio <= self.bar,
            **{f"{other}_ms": round(ms, 3) for other, ms in self.others.items()},
        }


def compare(
    name: str,
    product: Callable[[], object],
    raw: Callable[[], object],
    *,
    bar: float,
    rounds: int,
    calls: int = 1,
    beside: Iterable[Beside] = (),
) -> Measured:
    """Run all sides in turns after a warm-up; which side begins changes with each turn.

    ``calls`` in a row make one turn. What takes a tenth of a millisecond needs some: when two servers take turns for
    each single call, the waking of a process that just fell asleep is measured and not the call.
    """
    turns = {"product": partial(_turn, product, calls), "raw": partial(_turn, raw, calls)}
    turns |= {one.name: partial(one.turn, name, calls) for one in beside if name in one.operations}
    times: dict[str, list[float]] = {side: [] for side in turns}
    warming = max(3, rounds // 10)
    for number in range(-warming, rounds):
        for side in turns if number % 2 else reversed(turns):
            seconds = turns[side]()
            if number >= 0:
                times[side].append(seconds)
    medians = {side: statistics.median(found) * 1000 for side, found in times.items()}
    return Measured(name, medians.pop("product"), medians.pop("raw"), bar, medians)


def pin(*processes: int) -> None:
    """Keep this process and those of all sides on one core, so that times are work and not waking up.

    Left alone, the scheduler puts one of the two backends where it wakes up in half the time, now this one, now that.
    """
    core = {min(os.sched_getaffinity(0))}
    for process in (0, *processes):
        os.sched_setaffinity(process, core)


def _turn(side: Callable[[], object], calls: int) -> float:
    """Give the seconds of one call."""
    began = time.perf_counter()
    for _ in range(calls):
        side()
    return (time.perf_counter() - began) / calls
