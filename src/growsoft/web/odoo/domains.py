"""Search conditions as Odoo's clients write them, in the words of our own domains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from growsoft.orm import Condition, ModelInfo
from growsoft.orm.domain import EVERYTHING, DomainError, Every, Leaf, from_wire, names_in
from growsoft.orm.narrow import is_sequence

_TRUE: Final = ([1, "=", 1], [0, "=", 0])
_FALSE: Final = ([0, "=", 1], [1, "=", 0])
_SYNONYMS: Final = {"==": "=", "<>": "!="}


def condition(info: ModelInfo, domain: object, context: Mapping[str, object]) -> Condition:
    """Read a domain. Archived records are left out unless the domain or ``active_test`` speaks of them, as in Odoo."""
    if domain in (None, False, (), []):
        found: Condition = EVERYTHING
    elif is_sequence(domain):
        found = from_wire([_term(term) for term in domain])
    else:
        raise DomainError("A domain is a list of [field, operator, value] and of &, | and !.")
    active = info.fields.get("active")
    if (
        active is None
        or active.kind != "boolean"
        or not context.get("active_test", True)
        or "active" in names_in(found)
    ):
        return found
    return Every((found, Leaf(("active",), "=", True))) if found != EVERYTHING else Leaf(("active",), "=", True)


def _term(term: object) -> object:
    if not is_sequence(term) or len(term) != 3:
        return term
    name, operator, value = term
    if [name, operator, value] in _TRUE:
        return _always(true=True)
    if [name, operator, value] in _FALSE:
        return _always(true=False)
    if operator == "=?":  # as "=", unless nothing is asked for
        return [name, "=", value] if value not in (None, False) else _always(true=True)
    return [name, _SYNONYMS.get(operator, operator) if isinstance(operator, str) else operator, value]


def _always(*, true: bool) -> object:
    return ["id", "!=" if true else "=", False]
