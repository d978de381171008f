"""Purging: a customer's keys are destroyed, so that no copy of his backups can be opened, wherever one was overlooked.

The keys go first, and at once; copies and files follow, and what a site cannot delete today it deletes when it answers.
Backups of the control database that are older than the purge still hold the wrapped keys, as they must to recover from
a lost data centre: until the last of them is gone, whoever has one of those **and** the instance key **and** a copy of
an archive that every site was told to delete could open it. The result says until when.
"""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from growsoft.apps.instance.directory import Located, located
from growsoft.apps.instance.models import State
from growsoft.cli.databases import set_state
from growsoft.cli.errors import NotFound, UsageError
from growsoft.cli.instance import Instance
from growsoft.errors import ValidationError
from growsoft.keeper.port import Port
from growsoft.orm import Env
from growsoft_cloud.backup.keys import destroy
from growsoft_cloud.backup.pruning import let_all_go
from growsoft_cloud.backup.service import BackupService
from growsoft_cloud.fleet import models

# The oldest backup that retention keeps is at most so old (docs/decisions/0022).
LONGEST_KEPT: Final = timedelta(days=133)

_FIELDS: Final = ("id", "name", "uuid", "pg_name", "key_id", "apps", "state")


class Purged(msgspec.Struct, frozen=True):
    """What was destroyed, and what remains for how long.

    `waiting` are sites that could not delete yet; `control_backups` hold the wrapped keys until `control_until` at the
    latest; `alive` are databases with the same customer's data that are still in use.
    """

    name: str
    databases: tuple[UUID, ...]
    backups: tuple[str, ...]
    waiting: tuple[str, ...]
    control_backups: tuple[str, ...]
    control_until: datetime | None
    alive: tuple[str, ...]


class Doomed(msgspec.Struct, frozen=True):
    """What a purge would take: the databases, and which others of the same customer it would leave."""

    name: str
    databases: tuple[Located, ...]
    alive: tuple[str, ...]


def find_doomed(instance: Instance, name: str) -> Doomed:
    """Look up what a purge would take: the database of a name, and those that it replaced. Raises `NotFound`."""
    if name == "control":
        raise UsageError("The control database is the registry of all others; it cannot be purged.")
    with instance.env(instance.facts.control, "a purge is looked into") as env:
        newest = _newest(env, name)
        origin = newest.origin()
        family = (models.CustomerDatabase.lineage == origin) | (models.CustomerDatabase.uuid == origin)
        named = (models.CustomerDatabase.name == name) | (models.CustomerDatabase.replaced_name == name)
        rows = env[models.CustomerDatabase].search(family)
        taken = rows.search(family & named & (models.CustomerDatabase.state != State.PURGED))
        busy = [row.name for row in taken if row.state in (State.CREATING, State.UPGRADING)]
        if busy:
            raise ValidationError(f"{busy[0]} is being changed just now; wait for the end of it and try again.")
        alive = tuple(row.name for row in rows if row.state is State.ACTIVE and row not in taken)
        found = taken.read([field for field in _FIELDS if field != "id"])
    return Doomed(name, tuple(located(row) for row in found), alive)


def purge(instance: Instance, service: BackupService, keeper: Port, doomed: Doomed, operator: str) -> Purged:
    """Drop the databases, destroy their keys, delete their files and every copy of their backups.

    Repeated after an interruption it goes on where it was.
    """
    backups: list[str] = []
    waiting: set[str] = set()
    for where in doomed.databases:
        with instance.env(instance.facts.control, "a database is purged") as env:
            row = env[models.CustomerDatabase].search(models.CustomerDatabase.uuid == str(where.uuid))
            is_dropped = row.state is State.DROPPED
        if not is_dropped:
            set_state(instance, where, State.DROPPED)
        keeper.drop_database(where.pg_name)
        destroy(instance, where.uuid, operator)
        done = let_all_go(service, where.uuid)
        backups += done.deleted
        waiting |= {failure.site for failure in done.waiting}
        waiting |= _without_files(instance, where)
    control = service.list(instance.facts.control.uuid)
    return Purged(
        name=doomed.name,
        databases=tuple(where.uuid for where in doomed.databases),
        backups=tuple(backups),
        waiting=tuple(sorted(waiting)),
        control_backups=tuple(record.id for record in control),
        control_until=control[0].manifest.created_at + LONGEST_KEPT if control else None,
        alive=doomed.alive,
    )


def end(instance: Instance, service: BackupService, database: UUID) -> None:
    """Do the same by the clock, to a database that was dropped 92 days ago."""
    with instance.env(instance.facts.control, "the time of a dropped database is over") as env:
        rows = env["instance.database"].search_read([["uuid", "=", str(database)]], list(_FIELDS))
    destroy(instance, database, "")
    let_all_go(service, database)
    for row in rows:
        _without_files(instance, located(row))


def _newest(env: Env, name: str) -> models.CustomerDatabase:
    """Return the database that a name leads to, or led to last."""
    rows = env[models.CustomerDatabase].search(models.CustomerDatabase.name == name, order="id desc")
    present = [row for row in rows if row.name_in_use]
    left = [row for row in rows if row.state is not State.PURGED]
    for row in (*present, *left):
        return row
    raise NotFound(f"There is no database {name} that could be purged; see: growsoft db list --all")


def _without_files(instance: Instance, where: Located) -> set[str]:
    """Delete the files of a database on this machine: their key went with the database, their bytes go as well."""
    folder = instance.state.files / where.pg_name
    shutil.rmtree(folder, ignore_errors=True)
    return {str(folder)} if folder.exists() else set()
