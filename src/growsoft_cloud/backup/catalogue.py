"""The catalogue in the control database: which backups there are, and the wrapped keys of customers."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from uuid import UUID

import msgspec

from growsoft.apps.base.models import Sequence, Setting
from growsoft.apps.instance.models import CustomerDatabase
from growsoft.cli.instance import Instance
from growsoft.orm import Env
from growsoft.security.envelope import KeyUnusable, Purpose, WrappedKey
from growsoft_cloud.backup.records import BackupRecord, matching
from growsoft_cloud.fleet.models import Backup

# The control database has no entry in its own registry; its key, wrapped like the others, is a setting.
CONTROL_KEY = "control.backup_key"
NUMBERS = "fleet.backup"


@dataclass(frozen=True, slots=True)
class ControlCatalogue:
    """A ``Catalogue`` over the model ``fleet.backup``."""

    instance: Instance

    def next_number(self) -> int:
        """Return a number that no backup of this registry had; two who ask at once get two."""
        with self._env() as env:
            numbers = env[Sequence].search(Sequence.code == NUMBERS)
            if not numbers:
                newest = env[Backup].search(limit=1).number
                numbers = env[Sequence].create({"name": "Backups", "code": NUMBERS, "next_number": newest + 1})
            number = numbers.lock().next_number
            numbers.next_number = number + 1
            return number

    def record(self, backup: BackupRecord, /) -> None:
        """Remember a backup, or what is new about it."""
        manifest = backup.manifest
        values = {"complete": backup.complete, "record": msgspec.json.encode(backup).decode()}
        with self._env() as env:
            known = env[Backup].search(Backup.uuid == str(manifest.id))
            if known:
                known.write(values)
                return
            env[Backup].create(
                {
                    **values,
                    "number": manifest.number,
                    "short_id": backup.id,
                    "uuid": str(manifest.id),
                    "database_uuid": str(manifest.database.uuid),
                    "database_name": manifest.database.name,
                    "taken_at": manifest.created_at,
                }
            )

    def list(self, database: UUID | None = None, /) -> list[BackupRecord]:
        """Return the backups of a database or of all, newest first."""
        with self._env() as env:
            domain = [] if database is None else [["database_uuid", "=", str(database)]]
            rows = env[Backup].search_read(domain, ["record"], order="taken_at desc, number desc")
        return [msgspec.json.decode(row["record"], type=BackupRecord) for row in rows]

    def find(self, backup: str, /) -> BackupRecord:
        """Return a backup by its short id or its uuid; raises ``BackupNotFound``."""
        with self._env() as env:
            rows = env[Backup].search_read(["|", ["short_id", "=", backup], ["uuid", "=", backup]], ["record"])
        if not rows:
            return matching(self.list(), backup)
        return msgspec.json.decode(rows[0]["record"], type=BackupRecord)

    def _env(self) -> AbstractContextManager[Env]:
        return self.instance.env(self.instance.facts.control, "backups are recorded in the registry")


@dataclass(frozen=True, slots=True)
class ControlKeys:
    """The ``CustomerKeys`` of the registry; each is wrapped by the instance key and useless without."""

    instance: Instance

    def current(self, database: UUID, /) -> WrappedKey:
        """Return the key under which a database is backed up now."""
        with self.instance.env(self.instance.facts.control, "a backup is sealed under its customer's key") as env:
            text = self._control(env) if database == self.instance.facts.control.uuid else self._customer(env, database)
        return WrappedKey.from_text(text)

    def find(self, database: UUID, key_id: int, /) -> WrappedKey:
        """Return a key under which it was backed up."""
        found = self.current(database)
        if found.key_id != key_id:
            raise KeyUnusable(f"The key {key_id} of this database was destroyed; what it sealed stays unreadable.")
        return found

    def _customer(self, env: Env, database: UUID) -> str:
        rows = env[CustomerDatabase].search(CustomerDatabase.uuid == str(database)).read(["backup_key"])
        if not rows or not rows[0]["backup_key"]:
            raise KeyUnusable("The key of this database was destroyed; its backups cannot be read any more.")
        return str(rows[0]["backup_key"])

    def _control(self, env: Env) -> str:
        known = env[Setting].search(Setting.key == CONTROL_KEY)
        if known:
            return known.value
        made = self.instance.keyring.new_customer_key(self.instance.facts.control.uuid, Purpose.BACKUPS).to_text()
        env[Setting].create({"key": CONTROL_KEY, "value": made})
        return made
