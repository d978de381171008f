"""What a comparison means in simpler ones: what SQL, in-memory match and declarations then have to know is little."""

from __future__ import annotations

from collections.abc import Callable
from operator import ge, gt, le, lt
from typing import TYPE_CHECKING, Any, Final

from growsoft.orm.domain import EVERYTHING, NEGATIVES, Condition, ContextValue, DomainError, Leaf, Negation, Some
from growsoft.orm.fields import AnyField, Many2one, Relation
from growsoft.orm.narrow import is_collection

if TYPE_CHECKING:
    from growsoft.orm.registry import ModelInfo, Registry


_ORDERS: Final[dict[str, Callable[[Any, Any], bool]]] = {"<": lt, "<=": le, ">": gt, ">=": ge}


def meaning(registry: Registry, info: ModelInfo, leaf: Leaf) -> Condition:
    """Say a comparison in simpler terms, step by step; the simplest ones come back as they are.

    These are: ``any`` on a link, with a condition on the linked records; ``=`` and ``in`` on a link to one record; and
    on other columns every operator that is no opposite of another one.
    """
    first, *rest = leaf.names
    if leaf.operator == "@@" and not rest:
        return leaf
    field = info.field(first)
    if field.related and not field.stored:
        return _of_related(field, leaf)
    if rest:
        return Leaf((first,), "any", Leaf(tuple(rest), leaf.operator, leaf.value))
    if leaf.operator in NEGATIVES:
        return Negation(Leaf(leaf.path, NEGATIVES[leaf.operator], leaf.value))
    return _of_link(registry, field, leaf) if isinstance(field, Relation) else leaf


def _of_related(field: AnyField, leaf: Leaf) -> Condition:
    """Ask the field at the end of the path; where the path breaks off, the value is unset."""
    if leaf.operator in NEGATIVES:
        return Negation(Leaf(leaf.path, NEGATIVES[leaf.operator], leaf.value))
    *links, last = field.related
    beyond = Leaf((*links, last, *leaf.names[1:]), leaf.operator, leaf.value)
    if len(leaf.names) > 1 or leaf.operator == "any" or not _takes_unset(field, leaf):
        return beyond
    return Some((beyond, Negation(Leaf(tuple(links), "any", EVERYTHING))))


def _takes_unset(field: AnyField, leaf: Leaf) -> bool:
    """Whether a comparison holds for a field that is unset."""
    unset, value = field.unset, leaf.value
    if leaf.operator in ("=", "in"):
        values = value if leaf.operator == "in" and is_collection(value) else (value,)
        return any(item is None or item is False or item == unset for item in values)
    if leaf.operator in _ORDERS:
        return unset is not None and not isinstance(value, ContextValue) and _ORDERS[leaf.operator](
            unset, field.to_operand(value)
        )  # fmt: skip
    return isinstance(value, str) and not value.strip("%" if leaf.operator.startswith("=") else "")


def _of_link(registry: Registry, field: Relation[Any], leaf: Leaf) -> Condition:
    match leaf.operator:
        case "any":
            return leaf
        case "=" | "in" | "child_of" | "parent_of" if isinstance(field, Many2one):
            return leaf
        case "child_of" | "parent_of":
            return Leaf(leaf.path, "any", Leaf(("id",), leaf.operator, leaf.value))
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
