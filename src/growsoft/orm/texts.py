"""Texts: what a translated field says in each language."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from growsoft.errors import MissingError, ValidationError
from growsoft.orm.statements import write_waiting
from growsoft.postgres.sql import ident, sql
from growsoft.words import _

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.registry import ModelInfo, Registry


def translations(env: Env, info: ModelInfo, name: str, record_id: int) -> dict[str, str]:
    """Give the texts of a field of one record by language. Raises for fields and records that one may not read."""
    field = info.field(name)
    env.refuse_unreadable(info, field)
    if not field.translate:
        raise ValidationError(_("{label} is the same in every language.", label=field.label))
    write_waiting(env.work)
    query = sql("SELECT {c} FROM {t} WHERE id = {id}::bigint", c=ident(name), t=ident(info.table), id=record_id)
    found = env.execute(query).column()
    if not found:
        raise MissingError
    return cast("dict[str, str]", found[0])


def refuse_unknown(registry: Registry, lang: str) -> None:
    """Refuse a language that nobody can choose: its texts would never be read."""
    if lang not in registry.languages:
        raise ValidationError(
            _(
                "There is no language {lang}; there are: {known}.",
                lang=repr(lang[:20]),
                known=", ".join(registry.languages),
            )
        )
