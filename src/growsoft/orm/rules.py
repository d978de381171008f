"""Rules and checks that PostgreSQL could not hold, refused with the reason when declarations are made."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Final, NamedTuple

from growsoft.errors import ConfigError
from growsoft.orm.access import Rule, Verb
from growsoft.orm.compile import Compiler, Declared, hierarchy_of
from growsoft.orm.domain import HIERARCHIES, Condition, ContextValue, DomainError, Leaf, leaves
from growsoft.orm.fields import Many2many, One2many, Relation
from growsoft.orm.linking import far_end
from growsoft.orm.meaning import meaning

if TYPE_CHECKING:
    from growsoft.orm.registry import ModelInfo, Registry

_CIRCLE: Final = "Rules look at each other's tables in a circle: {}; keep the deciding value on the record itself."


class Glance(NamedTuple):
    """A look at another record: which model, which field of it, and the table of links that leads there, if any."""

    info: ModelInfo
    field: str
    relation: str


def check_rules(registry: Registry) -> None:
    """Raise ``ConfigError`` for a rule or a check that would break the queries of those it is for."""
    compiler = Compiler(registry, Declared())
    for info in registry.models.values():
        for name, check in info.checks.items():
            _refuse_beyond_row(info, name, check.condition)
        conditions = [(name, rule.condition) for name, rule in info.rules.items()]
        conditions += [(name, check.condition) for name, check in info.checks.items()]
        for name, condition in conditions:
            try:
                compiler.where(info, condition)
            except DomainError as error:
                raise ConfigError(f"{info.name}.{name}: {error}") from None
        for name, rule in info.rules.items():
            _refuse_unreadable(registry, info, name, rule)
    _refuse_circles(registry)


def _refuse_unreadable(registry: Registry, info: ModelInfo, name: str, rule: Rule) -> None:
    """A rule is evaluated with its reader's rights: of other records it may look at what every reader may read."""
    readers = {rule.group} if rule.group else {access.group for access in info.access}
    glances = [*_glances(registry, info, rule.condition), *_parents(registry, info, rule.condition)]
    if "write" in rule.verbs and any(isinstance(field, Many2many) for field in info.fields.values()):
        # Who may change its links is asked from outside of the record, where its columns are those of another one.
        glances += [Glance(info, leaf.names[0], "") for leaf in _simplest(registry, info, rule.condition)]
    for glance in glances:
        for group in readers:
            if not _may_read(registry, glance, group):
                raise ConfigError(
                    f"{info.name}.{name} looks at {glance.info.name}.{glance.field}, which {group} may not read: give"
                    " it Access, or keep the deciding value on the record itself."
                )


def readable_outside(registry: Registry, info: ModelInfo, group: str, verb: Verb) -> bool:
    """Whether a group may ask of a record, from outside of it, whether its rules for a verb hold."""
    closed = registry.implied(group)
    verbs = {allowed for access in info.access if access.group in closed for allowed in access.verbs}
    if not {"read", verb} <= verbs:
        return False
    if verb == "read":  # then its own policies answer
        return True
    rules = [rule for rule in info.rules.values() if verb in rule.verbs and rule.group in ("", group)]
    glances = [glance for rule in rules for glance in _glances(registry, info, rule.condition)]
    own_columns = (leaf.names[0] for rule in rules for leaf in _simplest(registry, info, rule.condition))
    asked = [*glances, *(Glance(info, name, "") for name in own_columns)]
    return all(_may_read(registry, glance, group) for glance in asked)


def _may_read(registry: Registry, glance: Glance, group: str) -> bool:
    closed = registry.implied(group)
    field = glance.info.fields[glance.field]
    readable = any(access.group in closed and "read" in access.verbs for access in glance.info.access)
    return readable and (not field.groups or not closed.isdisjoint(field.groups))


def _refuse_beyond_row(info: ModelInfo, name: str, condition: Condition) -> None:
    for leaf in leaves(condition):
        field = info.fields.get(leaf.names[0])
        own = field is not None and field.stored and not field.company_dependent and len(leaf.names) == 1
        if not own or leaf.operator in HIERARCHIES or isinstance(leaf.value, Condition | ContextValue):
            raise ConfigError(f"{info.name}.{name}: a Check compares columns of its own row with constants.")


def _refuse_circles(registry: Registry) -> None:
    """PostgreSQL refuses every query of a table whose policy looks, by whatever way, at the table itself."""
    graph: dict[str, set[str]] = {}
    for info in registry.models.values():
        for field in info.fields.values():
            if isinstance(field, Many2many):
                target = registry.models[field.comodel]
                ends = graph[field.relation(info.table)] = {info.table}
                if any(_is_ruled(registry, target, access.group) for access in info.access):
                    ends.add(target.table)
        tables = graph.setdefault(info.table, set())
        if info.follows is not None:
            tables |= {other.table for other in registry.models.values() if other.follows is None}
        for rule in info.rules.values():
            for glance in _glances(registry, info, rule.condition):
                tables |= {glance.info.table, glance.relation} - {""}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise ConfigError(_CIRCLE.format(" -> ".join(error.args[1]))) from None


def _is_ruled(registry: Registry, target: ModelInfo, group: str) -> bool:
    return far_end(registry, target, group) == "ruled"


def _glances(registry: Registry, info: ModelInfo, condition: Condition) -> Iterator[Glance]:
    """Give what a condition looks at in other records."""
    for leaf in _simplest(registry, info, condition):
        if isinstance(leaf.value, Condition):
            link = info.field(leaf.names[0])
            if not isinstance(link, Relation):
                raise DomainError(f"{link.label} is no link.")
            other = registry.models[link.comodel]
            relation = link.relation(info.table) if isinstance(link, Many2many) else ""
            yield Glance(other, "id", relation)
            if isinstance(link, One2many):
                yield Glance(other, link.inverse, relation)
            for inner in _simplest(registry, other, leaf.value):
                yield Glance(other, inner.names[0], relation)
            yield from _glances(registry, other, leaf.value)


def _parents(registry: Registry, info: ModelInfo, condition: Condition) -> Iterator[Glance]:
    """Give the links that hierarchies are made of, which a condition asks for: a definer looks at them, no policy."""
    for leaf in _simplest(registry, info, condition):
        field = info.field(leaf.names[0])
        if leaf.operator in HIERARCHIES:
            tree = hierarchy_of(registry, info, field)
            yield Glance(tree, tree.parent_name, "")
        if isinstance(leaf.value, Condition) and isinstance(field, Relation):
            yield from _parents(registry, registry.models[field.comodel], leaf.value)


def _simplest(registry: Registry, info: ModelInfo, condition: Condition) -> Iterator[Leaf]:
    for leaf in leaves(condition):
        simpler = meaning(registry, info, leaf)
        if simpler is leaf:
            yield leaf
        else:
            yield from _simplest(registry, info, simpler)
