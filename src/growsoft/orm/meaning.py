"""What a comparison means in simpler ones: what SQL, in-memory match and declarations then have to know is little."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from growsoft.orm.domain import EVERYTHING, NEGATIVES, Condition, ContextValue, DomainError, Leaf, Negation, Some
from growsoft.orm.fields import Many2one, Relation
from growsoft.orm.narrow import is_collection

if TYPE_CHECKING:
    from growsoft.orm.registry import ModelInfo, Registry


def meaning(registry: Registry, info: ModelInfo, leaf: Leaf) -> Condition:
    """Say a comparison in simpler terms, step by step; the simplest ones come back as they are.

    These are: ``any`` on a link, with a condition on the linked records; ``=`` and ``in`` on a link to one record; and
    on other columns every operator that is no opposite of another one.
    """
    first, *rest = leaf.names
    field = info.field(first)
    if rest:
        return Leaf((first,), "any", Leaf(tuple(rest), leaf.operator, leaf.value))
    if leaf.operator in NEGATIVES:
        return Negation(Leaf(leaf.path, NEGATIVES[leaf.operator], leaf.value))
    return _of_link(registry, field, leaf) if isinstance(field, Relation) else leaf


def _of_link(registry: Registry, field: Relation[Any], leaf: Leaf) -> Condition:
    match leaf.operator:
        case "any":
            return leaf
        case "=" | "in" if isinstance(field, Many2one):
            return leaf
        case "=" | "in":
            return _one_of(field, leaf)
        case "like" | "ilike" | "=like" | "=ilike":  # by the name of the linked record
            return Leaf(leaf.path, "any", Leaf((registry[field.comodel].rec_name,), leaf.operator, leaf.value))
        case _:
            raise DomainError(f"{leaf.operator} does not work on the link {field.label}.")


def _one_of(field: Relation[Any], leaf: Leaf) -> Condition:
    if isinstance(leaf.value, ContextValue):
        return Leaf(leaf.path, "any", Leaf(("id",), leaf.operator, leaf.value))
    ids = linked_ids(field, leaf.value)
    if leaf.operator == "=" and not ids:
        ids = (None,)  # an empty recordset: no link
    known = [i for i in ids if i is not None and i is not False]
    one = Leaf(leaf.path, "any", Leaf(("id",), "in", known))
    none = Negation(Leaf(leaf.path, "any", EVERYTHING))
    if len(known) == len(ids):
        return one
    return Some((one, none)) if known else none


def linked_ids(field: Relation[Any], value: object) -> tuple[object, ...]:
    """Give the ids that a link is compared with, None or False for no link. Refuses records of another model."""
    ids = field.ids_of(value)
    if ids is not None:
        return ids
    return tuple(value) if is_collection(value) else (value,)
