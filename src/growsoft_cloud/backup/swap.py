"""Swap: a restored database takes the name and address of the one it was restored from; undo brings that one back.

Both are the same exchange: one goes, one comes, in one transaction of the control database. The one that goes is kept
for seven days, served to nobody, and only then dropped; its backups stay as those of any dropped database.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from growsoft.apps.instance.directory import REMEMBER, Located, located
from growsoft.apps.instance.models import State
from growsoft.cli.databases import keep_certificate
from growsoft.cli.errors import NotFound, UsageError
from growsoft.cli.instance import Instance
from growsoft.cli.lifecycle import outdated
from growsoft.errors import ValidationError
from growsoft.orm import Env
from growsoft_cloud.deeds import write_down
from growsoft_cloud.fleet import models

KEPT: Final = timedelta(days=7)
SWAP: Final = "swap"
UNDO: Final = "undo of a swap"

# A label has 63 characters, and the moment takes 23 of them.
_ROOM: Final = 40


class Swapped(msgspec.Struct, frozen=True):
    """Which database is served by a name now, and which one is kept under which name, until when."""

    name: str
    uuid: UUID
    kept_as: str
    kept_uuid: UUID
    kept_until: datetime
    backup: str


class Pair(msgspec.Struct, frozen=True):
    """Two databases by their uuids: the one that comes, and the one that has the name until then."""

    name: str
    comes: str
    goes: str


def find_pair(instance: Instance, new: str, over: str) -> Pair:
    """Look a restored database and the live one up. Raises what is in the way of their swap."""
    if "control" in (new, over):
        raise UsageError("The control database is the registry of all others; it cannot be swapped.")
    with instance.env(instance.facts.control, "a swap of databases is looked into") as env:
        comes, goes = _active(env, new), _active(env, over)
        pair = Pair(over, comes.uuid, goes.uuid)
        _refuse_strangers(comes, goes, f"{new} was not restored from a backup of {over}")
    if new in outdated(instance):
        raise ValidationError(f"{new} belongs to older apps and could not be served; first: growsoft db upgrade {new}")
    return pair


def find_replaced(instance: Instance, name: str, now: datetime) -> Pair:
    """Look up which database a name led to before the last swap. Raises `NotFound` when it is gone or too old."""
    with instance.env(instance.facts.control, "the undoing of a swap is looked into") as env:
        goes = _active(env, name)
        is_kept = (models.CustomerDatabase.replaced_name == name) & (models.CustomerDatabase.state == State.REPLACED)
        found = env[models.CustomerDatabase].search(is_kept, order="replaced_at desc, id desc")
        kept = found.filtered(lambda row: row.origin() == goes.origin())[:1]  # others may have had this name before
        if not kept:
            raise NotFound(f"Nothing was swapped over {name} that could be undone; see: growsoft backup list {name}")
        if kept.replaced_at is None or now - kept.replaced_at >= KEPT:
            raise NotFound(
                f"What {name} replaced was kept for {KEPT.days} days, which are over;"
                f" its backups are there: growsoft backup list {name}"
            )
        return Pair(name, kept.uuid, goes.uuid)


def exchange(instance: Instance, pair: Pair, *, kind: str, operator: str, backup: str) -> Swapped:
    """Let one database have the name of the other. `backup` is the one that was taken of the one that goes.

    For some seconds, until every worker has noticed, the name leads to a page that says so: nobody writes into a
    database that is about to go.
    """
    now = datetime.now(UTC)
    kept_as = f"{pair.name[:_ROOM]}-replaced-{now:%y%m%d-%H%M%S}"
    with _unserved(instance, pair.goes):
        keep_certificate(instance, pair.name)
        with instance.env(instance.facts.control, f"{kind}: a database takes the name of another") as env:
            comes, goes = _locked(env, pair)
            goes.write({
                "state": State.REPLACED, "name": kept_as, "replaced_name": pair.name, "replaced_at": now,
            })  # fmt: skip
            env.flush()  # the name is free before it is taken
            comes.write({
                "state": State.ACTIVE, "name": pair.name, "replaced_name": "", "replaced_at": None, "beside": False,
            })  # fmt: skip
            told = f"{pair.comes} has the name {pair.name}; {pair.goes} is kept as {kept_as}."
            write_down(env, kind, (UUID(pair.comes), pair.name), operator=operator, message=told, backup=backup)
    return Swapped(pair.name, UUID(pair.comes), kept_as, UUID(pair.goes), now + KEPT, backup)


def outlived(instance: Instance, now: datetime) -> list[Located]:
    """Return the replaced databases whose days are over."""
    with instance.env(instance.facts.control, "replaced databases are looked for whose days are over") as env:
        rows = env["instance.database"].search_read(
            [["state", "=", State.REPLACED.value], ["replaced_at", "<=", now - KEPT]],
            ["name", "uuid", "pg_name", "key_id", "apps"],
        )
    return [located(row) for row in rows]


def _active(env: Env, name: str) -> models.CustomerDatabase:
    found = env[models.CustomerDatabase].search(models.CustomerDatabase.name_in_use == name)
    if not found:
        raise NotFound(f"There is no database {name}; `growsoft db list` shows those that are there.")
    if found.state is not State.ACTIVE:
        raise ValidationError(f"{name} is being {found.state.value} just now; wait for the end of it and try again.")
    return found


def _refuse_strangers(comes: models.CustomerDatabase, goes: models.CustomerDatabase, why: str) -> None:
    if comes == goes:
        raise UsageError("These are one and the same database; restore a backup into a new one first.")
    if comes.origin() != goes.origin():
        raise ValidationError(f"{why}, and nobody's data comes under another customer's name.")


def _locked(env: Env, pair: Pair) -> tuple[models.CustomerDatabase, models.CustomerDatabase]:
    """Lock both, and look again: something may have happened to either since it was looked up."""
    known = models.CustomerDatabase.uuid
    env[models.CustomerDatabase].search(known.in_([pair.comes, pair.goes])).lock()
    comes = env[models.CustomerDatabase].search(known == pair.comes)
    goes = env[models.CustomerDatabase].search(known == pair.goes)
    if comes.state not in (State.ACTIVE, State.REPLACED) or goes.state is not State.UPGRADING:
        raise ValidationError("One of them was changed meanwhile, so nothing was swapped; see: growsoft db list --all")
    return comes, goes


@contextmanager
def _unserved(instance: Instance, uuid: str) -> Generator[None]:
    """Take a database out of service, and back into it unless it went."""
    _state(instance, uuid, State.ACTIVE, State.UPGRADING)
    try:
        time.sleep(REMEMBER)
        yield
    finally:
        _state(instance, uuid, State.UPGRADING, State.ACTIVE)


def _state(instance: Instance, uuid: str, before: State, after: State) -> None:
    with instance.env(instance.facts.control, "a database is swapped") as env:
        row = env[models.CustomerDatabase].search(models.CustomerDatabase.uuid == uuid).lock()
        if row.state is before:
            row.write({"state": after})
        elif after is State.UPGRADING:
            raise ValidationError("The database is being changed just now; wait for the end of it and try again.")
