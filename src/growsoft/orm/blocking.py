"""What keeps a record from being deleted, told as far as whoever deletes may know it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from growsoft.errors import AccessError
from growsoft.orm.domain import Leaf
from growsoft.orm.fields import AnyField, Many2many, Many2one
from growsoft.orm.names import name_within
from growsoft.postgres.transaction import ConstraintViolated
from growsoft.words import _

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.model import Model
    from growsoft.orm.registry import ModelInfo

NAMED: Final = 3  # of what refers to a record, so many are named
HIDDEN: Final = _(
    "Records that you may not see refer to this one, so it cannot be deleted; ask somebody who may, or archive it."
)


def blocked(env: Env, info: ModelInfo, ids: Sequence[int], error: ConstraintViolated) -> ConstraintViolated:
    """Say which records a foreign key protects; those that are hidden from whoever asks are not told apart."""
    for other in env.registry.models.values():
        for field in other.fields.values():
            if error.constraint in _keys(other, field) and env.sees(other, field):
                found = _referring(env, info, other, field, ids)
                if found:
                    return ConstraintViolated(_sentence(other, field, found), error.constraint, error.kind)
    return ConstraintViolated(HIDDEN, error.constraint, error.kind)


def lines_to_delete(env: Env, model: str, name: str, ids: Sequence[int]) -> Model:
    """Give the records that go with others (``ondelete="cascade"``), as far as they are seen.

    Raises ``AccessError`` when there are some that may not be deleted. Those that are hidden a foreign key protects.
    """
    info = env.registry.models[model]
    lines = env[model]
    if not env.sees(info, info.fields[name]) or not env.sees(info, info.fields["id"]):
        return lines
    found = lines.search([[name, "in", list(ids)]])
    if found and not env.rights.deletable(info):
        raise AccessError(
            _(
                "{model} would be deleted with it, which you may not delete: {names}.",
                model=info.description,
                names=_names(found[:NAMED]),
            )
        )
    return found


def _keys(other: ModelInfo, field: AnyField) -> tuple[str, ...]:
    if isinstance(field, Many2one):
        return (name_within(f"{other.table}_{field.name}_fkey"),)
    if isinstance(field, Many2many):
        relation = field.relation(other.table)
        return name_within(f"{relation}_source_fkey"), name_within(f"{relation}_target_fkey")
    return ()


def _referring(env: Env, info: ModelInfo, other: ModelInfo, field: AnyField, ids: Sequence[int]) -> Model | None:
    # Its own links to many that are left lead to records that are hidden.
    if (isinstance(field, Many2many) and field.comodel != info.name) or not env.sees(other, other.fields["id"]):
        return None
    return env[other.name].search(Leaf((field.name,), "in", tuple(ids)), limit=NAMED + 1)


def _sentence(other: ModelInfo, field: AnyField, found: Model) -> str:
    named = _names(found[:NAMED]) + (", …" if len(found) > NAMED else "")
    return _(
        "{label} of {model} refers to this record: {names}. Change or delete that first.",
        label=field.label, model=other.description, names=named,
    )  # fmt: skip


def _names(found: Model) -> str:
    info = found.env.registry.models[found._name]  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  the model's own
    readable = found.env.sees(info, info.fields[info.rec_name])
    return ", ".join(record.display_name if readable else str(record.id) for record in found)
