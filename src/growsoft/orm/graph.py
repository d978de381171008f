"""Which stored computed fields depend on what: resolved when a registry is built, cycles refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from growsoft.errors import ConfigError
from growsoft.orm.fields import AnyField, Computed, Many2many, One2many, Relation

if TYPE_CHECKING:
    from growsoft.orm.registry import ModelInfo

Node = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Trigger:
    """When a field changes on some records, ``field`` of ``model`` is worked out again where ``path`` leads to them."""

    model: str
    field: str
    path: tuple[str, ...]


def build_triggers(models: Mapping[str, ModelInfo]) -> tuple[dict[Node, tuple[Trigger, ...]], tuple[Node, ...]]:
    """Give the triggers of each (model, field) and the order in which stored fields are worked out."""
    triggers: defaultdict[Node, list[Trigger]] = defaultdict(list)
    needs: dict[Node, set[Node]] = {}
    for info in models.values():
        for name, computed in info.fields.items():
            if isinstance(computed, Computed):
                seen = needs.setdefault((info.name, name), set())
                for path in (*computed.depends, *([computed.currency] if computed.currency else [])):
                    seen |= _follow(models, info, name, tuple(path.split(".")), triggers, stored=computed.stored)
    return {key: tuple(value) for key, value in triggers.items()}, _ordered(needs, models)


def _follow(
    models: Mapping[str, ModelInfo],
    info: ModelInfo,
    name: str,
    path: tuple[str, ...],
    triggers: defaultdict[Node, list[Trigger]],
    *,
    stored: bool,
) -> set[Node]:
    nodes: set[Node] = set()
    here = info
    for length, step in enumerate(path):
        field = here.fields.get(step)
        if field is None:
            raise ConfigError(f"{info.name}.{name} depends on {'.'.join(path)}, but {here.name} has no field {step}.")
        nodes.add((here.name, step))
        if stored:
            for watched, through in _watched(here, field):
                triggers[watched].append(Trigger(info.name, name, path[: length + through]))
        if length + 1 < len(path):
            if not isinstance(field, Relation):
                raise ConfigError(f"{info.name}.{name} depends on {'.'.join(path)}, but {step} is no link.")
            here = models[field.comodel]
    return nodes


def _watched(here: ModelInfo, field: AnyField) -> list[tuple[Node, int]]:
    """What to watch for a step, and how many steps of the path lead there beyond the ones before it.

    For lines it is the link back, which decides whose lines they are.
    """
    if isinstance(field, One2many):
        return [((field.comodel, field.inverse), 1)]
    if isinstance(field, Many2many | Computed) or field.stored:
        return [((here.name, field.name), 0)]
    return []


def _ordered(needs: Mapping[Node, set[Node]], models: Mapping[str, ModelInfo]) -> tuple[Node, ...]:
    graph = {node: {need for need in wanted if need in needs} for node, wanted in needs.items()}
    try:
        order = tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle = " -> ".join(f"{model}.{name}" for model, name in error.args[1])
        raise ConfigError(f"These computed fields depend on each other in a circle: {circle}.") from None
    return tuple((model, name) for model, name in order if models[model].fields[name].stored)
