"""Measuring: both sides turn by turn, so that whatever else the machine does meets both; medians, and their ratio."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """One operation: medians in milliseconds, their ratio, and the bar it has to stay under."""

    name: str
    product_ms: float
    raw_ms: float
    bar: float

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
        }


def compare(
    name: str, product: Callable[[], object], raw: Callable[[], object], *, bar: float, rounds: int, calls: int = 1
) -> Measured:
    """Run both sides in turns after a warm-up; which side begins changes with each turn.

    ``calls`` in a row make one turn. What takes a tenth of a millisecond needs some: when two servers take turns for
    each single call, the waking of a process that just fell asleep is measured and not the call.
    """
    for _ in range(max(3, rounds // 10)):
        _turn(product, calls)
        _turn(raw, calls)
    times: dict[Callable[[], object], list[float]] = {product: [], raw: []}
    for turn in range(rounds):
        for side in (product, raw) if turn % 2 else (raw, product):
            times[side].append(_turn(side, calls))
    return Measured(name, statistics.median(times[product]) * 1000, statistics.median(times[raw]) * 1000, bar)


def pin(*backends: int) -> None:
    """Keep this process and the backends of both sides on one core, so that times are work and not waking up.

    Left alone, the scheduler puts one of the two backends where it wakes up in half the time, now this one, now that.
    """
    core = {min(os.sched_getaffinity(0))}
    for process in (0, *backends):
        os.sched_setaffinity(process, core)


def _turn(side: Callable[[], object], calls: int) -> float:
    """Give the seconds of one call."""
    began = time.perf_counter()
    for _ in range(calls):
        side()
    return (time.perf_counter() - began) / calls
