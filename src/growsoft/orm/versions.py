"""Versions: whoever saves what he opened a while ago is told who changed it meanwhile, when, and in which fields."""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# Elevation for a reason of the ORM's own.

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from growsoft.errors import GrowsoftError, UserError
from growsoft.orm.fields import AnyField
from growsoft.postgres.sql import Sql, ident, sql
from growsoft.words import Words, _

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.registry import ModelInfo

REASON: Final = "whoever edits a record that he sees is told which of its fields were changed meanwhile"


class ChangedMeanwhile(UserError):
    """Somebody changed this record while you worked on it; reload it and apply your change again.

    ``user`` is an id, ``fields`` are names: only of fields that the reader may read, empty where nothing is known.
    """

    def __init__(
        self, message: str = "", *, user: int = 0, moment: datetime | None = None, fields: tuple[str, ...] = ()
    ) -> None:
        """Keep the facts for screens."""
        super().__init__(message)
        self.user = user
        self.moment = moment
        self.fields = fields

    @classmethod
    def default_message(cls) -> str:
        """Say the first sentence."""
        return "Somebody changed this record while you worked on it; reload it and apply your change again."


def refuse_changed(env: Env, info: ModelInfo, record_id: int, version: int) -> None:
    """Raise ``ChangedMeanwhile`` for a record, which is locked, unless it has this version."""
    query = sql(
        "SELECT version, write_uid, write_date FROM {t} WHERE id = {id}::bigint", t=ident(info.table), id=record_id
    )
    found, user, moment = env.execute(query).one()
    if found == version:
        return
    fields = _changed(env, info, record_id, found - version)
    listed = ", ".join(env.terms.say(field.label) for field in fields)
    when = moment.astimezone(ZoneInfo(env.tz))
    raise ChangedMeanwhile(
        _told(_name(env, user), f"{when:%Y-%m-%d %H:%M} {when.tzname()}", listed),
        user=user, moment=moment, fields=tuple(field.name for field in fields),
    )  # fmt: skip


def _told(user: str, moment: str, fields: str) -> Words:
    if not fields:
        return _(
            "{user} changed this record at {moment}; reload it and apply your change again.", user=user, moment=moment
        )
    return _(
        "{user} changed this record at {moment} ({fields}); reload it and apply your change again.",
        user=user, moment=moment, fields=fields,
    )  # fmt: skip


def _changed(env: Env, info: ModelInfo, record_id: int, changes: int) -> list[AnyField]:
    if changes < 1:
        return []
    elevated = env._elevated_for(REASON, __name__)
    names: list[str] = elevated.execute(_CHANGED_SINCE.rebind((info.table, record_id, changes))).rows[0][0]
    known = (info.fields[name] for name in info.fields if name in names)
    return [field for field in known if env.sees(info, field)]


def _name(env: Env, user: int) -> str:
    """Name a user, as far as the reader may know it; which table has users, an app says."""
    tables = {app.accounts.users for app in env.registry.apps if app.accounts is not None}
    unnamed = f"User {user}"
    for info in env.registry.models.values():
        if info.table in tables:
            try:
                return str(env[info.name].browse(user).read([info.rec_name])[0][info.rec_name]) or unnamed
            except GrowsoftError:
                return unnamed
    return unnamed


_CHANGED_SINCE: Final[Sql] = sql(
    "SELECT gs.changed_since({t}::text, {id}::bigint, {n}::integer)", t="", id=0, n=0
)  # fmt: skip
