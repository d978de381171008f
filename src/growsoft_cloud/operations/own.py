"""Own: one customer's database as the operations worker sees it when its people ask for something about it.

Everything is looked up from the database itself: its place in the registry says which backups are its own, which
databases stand beside it, and under which name it is served. What people wrote is only ever compared with these.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from growsoft.apps.instance.directory import Located
from growsoft.apps.instance.models import State
from growsoft_cloud.backup.records import BackupRecord
from growsoft_cloud.customer.errors import NoSuchBackup, NoSuchDatabase
from growsoft_cloud.desk import InstanceDesk
from growsoft_cloud.fleet.models import CustomerDatabase


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A database beside this one, of the same customer: restored, or replaced and kept for some days."""

    where: Located
    replaced: bool


@dataclass(frozen=True, slots=True)
class Own:
    """What belongs to one database."""

    desk: InstanceDesk
    where: Located
    backups: tuple[BackupRecord, ...]
    neighbours: tuple[Neighbour, ...]
    beside: bool

    def backup(self, text: str) -> BackupRecord:
        """Give one of its backups by the id that people type; raises ``NoSuchBackup`` for everybody else's, too."""
        for record in self.backups:
            if record.id == text:
                return record
        raise NoSuchBackup

    def neighbour(self, name: str) -> Located:
        """Give a restored database beside it by its name; raises ``NoSuchDatabase``."""
        for one in self.neighbours:
            if one.where.name == name and not one.replaced:
                return one.where
        raise NoSuchDatabase


def own(desk: InstanceDesk, where: Located) -> Own:
    """Look a database's belongings up. One that stands beside another sees its own backups alone, and no neighbour."""
    with desk.instance.env(desk.instance.facts.control, "a database's own backups are looked up") as env:
        row = env[CustomerDatabase].search(CustomerDatabase.uuid == str(where.uuid))
        origin = row.origin()
        family = env[CustomerDatabase].search(
            (CustomerDatabase.lineage == origin) | (CustomerDatabase.uuid == origin), order="id desc"
        )
        uuids = [where.uuid] if row.beside else [UUID(one.uuid) for one in family]
        around = family.filtered(lambda one: one.uuid != row.uuid and _is_beside(one, row.name))
        neighbours = () if row.beside else tuple(Neighbour(_located(one), not one.beside) for one in around)
        beside = row.beside
    records = [record for uuid in uuids for record in desk.service.list(uuid)]
    newest_first = sorted(records, key=lambda record: record.manifest.created_at, reverse=True)
    return Own(desk, where, tuple(newest_first), neighbours, beside)


def _is_beside(one: CustomerDatabase, name: str) -> bool:
    """Whether a database of the family is here: restored and in use, or replaced under this very name."""
    if one.state is State.REPLACED:
        return one.replaced_name == name
    return one.state is State.ACTIVE and one.beside


def _located(row: CustomerDatabase) -> Located:
    return Located(row.name, UUID(row.uuid), row.pg_name, row.key_id, tuple(row.apps.split(",")))
