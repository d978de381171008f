"""Which stored computed fields depend on what: resolved when a registry is built, cycles refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from growsoft.errors import ConfigError
from growsoft.orm.fields import AnyField, Computed, One2many, Relation
from growsoft.orm.money import currency_path

if TYPE_CHECKING:
    from growsoft.orm.registry import ModelInfo

Node = tuple[str, str]
Models = Mapping[str, "ModelInfo"]


@dataclass(frozen=True, slots=True)
class Trigger:
    """When a field changes on some records, ``field`` of ``model`` is worked out again where ``path`` leads to them.

    ``lines``: what changes is the link by which they are lines of the record before the last step, so the record that
    they leave is concerned as well.
    """

    model: str
    field: str
    path: tuple[str, ...]
    lines: bool = False

    @property
    def node(self) -> Node:
        """What is worked out."""
        return self.model, self.field


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What follows from the computed fields of a registry.

    ``triggers`` by what changed; ``order`` in which stored fields are worked out; ``sources`` are the computed fields
    that each one is worked out from, itself included; ``by_name`` the same for all fields of one name.
    """

    triggers: Mapping[Node, tuple[Trigger, ...]]
    order: tuple[Node, ...]
    sources: Mapping[Node, frozenset[Node]]
    by_name: Mapping[str, frozenset[Node]]


def build_dependencies(models: Models) -> Dependencies:
    """Resolve what computed fields depend on. Raises ``ConfigError`` for paths that lead nowhere and for circles."""
    needs = {
        (info.name, name): _needs(models, info, field)
        for info in models.values()
        for name, field in info.fields.items()
        if field.worked_out
    }
    order = _ordered(needs)
    triggers: defaultdict[Node, list[Trigger]] = defaultdict(list)
    for model, name in order:
        info = models[model]
        if info.fields[name].stored:
            for path in _paths(info.fields[name]):
                for watched, through, lines in _watched(models, info, path):
                    _refuse_translated(models, (model, name), watched)
                    triggers[watched].append(Trigger(model, name, through, lines))
    sources: dict[Node, frozenset[Node]] = {}
    for node in order:
        sources[node] = frozenset((node,)).union(*(sources[need] for need in needs[node] if need in sources))
    by_name: defaultdict[str, frozenset[Node]] = defaultdict(frozenset)
    for (_model, name), nodes in sources.items():
        by_name[name] |= nodes
    stored = tuple(node for node in order if models[node[0]].fields[node[1]].stored)
    unique = {node: tuple(dict.fromkeys(found)) for node, found in triggers.items()}
    return Dependencies(unique, stored, sources, dict(by_name))


def _refuse_translated(models: Models, node: Node, watched: Node) -> None:
    """A stored value is the same for everybody, so it cannot be made of what each reads in his own language."""
    if models[watched[0]].fields[watched[1]].translate:
        raise ConfigError(
            f"{'.'.join(node)} is stored and cannot be worked out from {'.'.join(watched)}, which is translated: do not"
            " store it."
        )


def _paths(field: AnyField) -> Iterator[tuple[str, ...]]:
    for path in field.depends:
        yield tuple(path.split("."))
    if currency_path(field):
        yield currency_path(field)


def _steps(models: Models, info: ModelInfo, path: tuple[str, ...]) -> Iterator[tuple[ModelInfo, AnyField]]:
    here = info
    for position, step in enumerate(path):
        field = here.fields.get(step)
        if field is None:
            raise ConfigError(f"{info.name} depends on {'.'.join(path)}, but {here.name} has no field {step}.")
        yield here, field
        if position + 1 < len(path):
            if not isinstance(field, Relation):
                raise ConfigError(f"{info.name} depends on {'.'.join(path)}, but {step} is no link.")
            here = models[field.comodel]


def _needs(models: Models, info: ModelInfo, field: AnyField) -> frozenset[Node]:
    """Give all that a field is worked out from, but for itself along a hierarchy."""
    found = frozenset(_nodes(models, info, field))
    recursive = isinstance(field, Computed) and field.recursive and field.name not in field.depends
    return found - {(info.name, field.name)} if recursive else found


def _nodes(models: Models, info: ModelInfo, field: AnyField) -> Iterator[Node]:
    for path in _paths(field):
        yield from ((here.name, step.name) for here, step in _steps(models, info, path))


def _watched(models: Models, info: ModelInfo, path: tuple[str, ...]) -> Iterator[tuple[Node, tuple[str, ...], bool]]:
    """Give what to watch for each step of a path, the path to the records that change, and whether they are lines."""
    for position, (here, field) in enumerate(_steps(models, info, path)):
        before = path[:position]
        if field.company_dependent:
            raise ConfigError(
                f"{info.name} would store what is worked out from {here.name}.{field.name}, of which each company has a"
                " value of its own; do not store it."
            )
        if isinstance(field, One2many):  # the link back decides whose lines they are
            yield (field.comodel, field.inverse), (*before, field.name), True
        elif field.worked_out and not field.stored:  # nothing says that it changed: watch what it is made of
            for inner in _paths(field):
                for node, through, lines in _watched(models, here, inner):
                    yield node, (*before, *through), lines
        else:
            yield (here.name, field.name), before, False


def _ordered(needs: Mapping[Node, frozenset[Node]]) -> tuple[Node, ...]:
    graph = {node: {need for need in wanted if need in needs} for node, wanted in needs.items()}
    try:
        return tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle = " -> ".join(f"{model}.{name}" for model, name in error.args[1])
        raise ConfigError(
            f"These computed fields depend on each other in a circle: {circle}. A stored field may depend on itself"
            " along a hierarchy, with recursive=True."
        ) from None
