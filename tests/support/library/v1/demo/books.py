"""Demo books."""

from __future__ import annotations

from collections.abc import Iterator

from growsoft.orm import DataRecord, Env, Ref


def records(env: Env) -> Iterator[DataRecord]:
    """Give a hundred books."""
    assert env.elevated
    for number in range(100):
        values = {"name": f"Demo {number}", "shelf_id": Ref(("shelf_a",))}
        yield DataRecord(f"demo_{number}", "library.book", values)
