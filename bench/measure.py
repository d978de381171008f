"""Measuring: both sides turn by turn, so that whatever else the machine does meets both; medians, and their ratio."""

from __future__ import annotations

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
    name: str, product: Callable[[], object], raw: Callable[[], object], *, bar: float, rounds: int
) -> Measured:
    """Run both sides in turns after a warm-up; which side begins changes with each turn."""
    for _ in range(max(3, rounds // 10)):
        product()
        raw()
    times: dict[Callable[[], object], list[float]] = {product: [], raw: []}
    for turn in range(rounds):
        for side in (product, raw) if turn % 2 else (raw, product):
            began = time.perf_counter()
            side()
            times[side].append(time.perf_counter() - began)
    return Measured(name, statistics.median(times[product]) * 1000, statistics.median(times[raw]) * 1000, bar)
