"""Links that no foreign key holds: references, and links of which each company has its own."""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from growsoft.errors import UserError
from growsoft.orm.fields import AnyField, Many2one, Reference
from growsoft.postgres.sql import Sql, ident, sql
from growsoft.words import _

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.registry import ModelInfo

REASON: Final = "a record that is referred to is not deleted, whoever may see the reference"


class ReferredTo(UserError):
    """Something still refers to this record; change that first."""


def refuse_referred(env: Env, info: ModelInfo, ids: Sequence[int]) -> None:
    """Raise ``ReferredTo`` when records that go are referred to, as foreign keys do for other links."""
    if not info.referred_by:
        return
    elevated = env._elevated_for(REASON, __name__)
    for model, name in info.referred_by:
        other = env.registry.models[model]
        if elevated.execute(_referring(info, other, other.fields[name], ids)).rows:
            label = other.fields[name].label
            raise ReferredTo(
                _(
                    "{label} of {model} still refers to this record; change that first.",
                    label=label,
                    model=other.description,
                )
            )


def referring(info: ModelInfo, models: Mapping[str, ModelInfo]) -> Iterator[tuple[str, str]]:
    """Give the fields by which records of a model are referred to without a foreign key."""
    for other in models.values():
        for name, field in other.fields.items():
            if field.stored and _leads_to(field, info.name):
                yield other.name, name


def _leads_to(field: AnyField, model: str) -> bool:
    if isinstance(field, Reference):
        return model in field.comodels
    return isinstance(field, Many2one) and field.company_dependent and field.comodel == model


def _referring(info: ModelInfo, other: ModelInfo, field: AnyField, ids: Sequence[int]) -> Sql:
    column = ident(field.name)
    if isinstance(field, Reference):
        wanted = [f"{info.name},{record_id}" for record_id in ids]
        where = sql("{c} = ANY ({wanted}::text[])", c=column, wanted=wanted)
    else:
        links = sql("(SELECT value::bigint FROM jsonb_each_text({c}))", c=column)
        where = sql("{c} <> '{{}}' AND {ids}::bigint[] && ARRAY{links}", c=column, ids=list(ids), links=links)
    return sql("SELECT FROM {t} WHERE {where} LIMIT 1", t=ident(other.table), where=where)
