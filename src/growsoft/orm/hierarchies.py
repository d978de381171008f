"""Stored fields that depend on themselves along a hierarchy: worked out generation by generation, circles refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any, Final

from growsoft.errors import ValidationError
from growsoft.orm.fields import AnyField, Computed, Relation
from growsoft.words import _

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.registry import ModelInfo, Registry

MAX_LEVELS: Final = 1000
# Who is worked out again because what it needs was may be so once for each level below it. More often than this, the
# hierarchy is looked at before a value that grows round after round does harm.
_SUSPECT: Final = 3

Ids = tuple[int, ...]
Needs = dict[int, set[int]]


def settle_hierarchy(
    worker: Env,
    info: ModelInfo,
    field: Computed[Any],
    waiting: Callable[[], Ids],
    work_out: Callable[[Env, ModelInfo, AnyField, Ids], None],
) -> None:
    """Work out what waits, and what waits because of that, level by level. Raises ``ValidationError`` for a circle."""
    ways = _ways(worker.registry, info, field)
    times = Counter[int]()
    for _level in range(MAX_LEVELS):
        ids = waiting()
        if not ids:
            return
        times.update(ids)
        suspects = [record_id for record_id in ids if times[record_id] == _SUSPECT]
        if suspects:
            _refuse_circle(worker, info, field, ways, suspects)
        for together in _generations(info, field, _needs(worker, info, ways, ids)):
            work_out(worker, info, field, together)
    raise _circle(info, field)


def _ways(registry: Registry, info: ModelInfo, field: Computed[Any]) -> tuple[str, ...]:
    """Give the paths that lead from a record to those whose value of the same field it needs."""
    found: list[str] = []
    for path in field.depends:
        way, _dot, last = path.rpartition(".")
        if way and last == field.name and _leads_to(registry, info, way) == info.name:
            found.append(way)
    return tuple(found)


def _leads_to(registry: Registry, info: ModelInfo, way: str) -> str:
    for name in way.split("."):
        link = info.fields[name]
        if not isinstance(link, Relation):
            raise TypeError(f"{way} leads through what is no link")
        info = registry.models[link.comodel]
    return info.name


def _needs(worker: Env, info: ModelInfo, ways: tuple[str, ...], ids: Iterable[int]) -> Needs:
    records = worker[info.name].browse(ids)
    return {record.id: {i for way in ways for i in record.mapped(way).ids} for record in records}


def _generations(info: ModelInfo, field: AnyField, needs: Needs) -> Iterator[Ids]:
    """Give records such that those come first whose values others need."""
    sorter = TopologicalSorter({record_id: wanted & needs.keys() for record_id, wanted in needs.items()})
    try:
        sorter.prepare()
    except CycleError:
        raise _circle(info, field) from None
    while sorter.is_active():
        ready = sorter.get_ready()
        yield ready
        sorter.done(*ready)


def _refuse_circle(
    worker: Env, info: ModelInfo, field: AnyField, ways: tuple[str, ...], suspects: Iterable[int]
) -> None:
    known: Needs = {}
    beyond = set(suspects)
    while beyond:
        found = _needs(worker, info, ways, beyond)
        known |= found
        beyond = set[int]().union(*found.values()) - known.keys()
    next(_generations(info, field, known), None)


def _circle(info: ModelInfo, field: AnyField) -> ValidationError:
    return ValidationError(
        _(
            "{label} of {model} goes along a hierarchy, and these records lead round in a circle in it; take one of"
            " them out of it.",
            label=field.label,
            model=info.description,
        )
    )
