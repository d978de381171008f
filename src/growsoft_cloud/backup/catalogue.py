"""The catalogue in the control database: which backups there are, and the wrapped keys of customers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Final, TypeVar
from uuid import UUID

import msgspec

from growsoft.apps.base.models import Setting
from growsoft.apps.base.models_sequences import Sequence
from growsoft.apps.instance.models import CustomerDatabase
from growsoft.cli.instance import Instance
from growsoft.orm import Env
from growsoft.postgres.transaction import retrying
from growsoft.security.envelope import KeyUnusable, Purpose, WrappedKey, keys_from_text
from growsoft_cloud.backup.records import BackupRecord, matching
from growsoft_cloud.fleet.models import Backup

T = TypeVar("T")

# A backup took minutes: what is written of it may be tried for some seconds.
ATTEMPTS: Final = 10

# The control database has no entry in its own registry; its key, wrapped like the others, is a setting.
CONTROL_KEY = "control.backup_key"
NUMBERS = "fleet.backup"


@dataclass(frozen=True, slots=True)
class ControlCatalogue:
    """A ``Catalogue`` over the model ``fleet.backup``."""

    instance: Instance

    def next_number(self) -> int:
        """Return a number that no backup of this registry had; two who ask at once get two."""
        return self._written(_next_number)

    def record(self, backup: BackupRecord, /) -> None:
        """Remember a backup, or what is new about it."""
        self._written(partial(_record, backup))

    def list(self, database: UUID | None = None, /) -> list[BackupRecord]:
        """Return the backups of a database or of all, newest first."""
        with self._env() as env:
            return _records(env, database, expired=False)

    def find(self, backup: str, /) -> BackupRecord:
        """Return a backup by its short id or its uuid; raises ``BackupNotFound``."""
        with self._env() as env:
            rows = env[Backup].search_read(
                ["|", ["short_id", "=", backup], ["uuid", "=", backup], ["expired", "=", False]], ["record"]
            )
        if not rows:
            return matching(self.list(), backup)
        return msgspec.json.decode(rows[0]["record"], type=BackupRecord)

    def keep(self, backup: BackupRecord, why: str, /) -> None:
        """Note as what a backup is kept."""
        self._written(lambda env: _keep(_row(env, backup), why))

    def expire(self, backup: BackupRecord, /) -> None:
        """Take a backup from every list."""
        self._written(lambda env: _row(env, backup).write({"expired": True}))

    def expired(self, database: UUID | None = None, /) -> tuple[BackupRecord, ...]:
        """Return those that are being deleted."""
        with self._env() as env:
            return tuple(_records(env, database, expired=True))

    def forget(self, backup: BackupRecord, /) -> None:
        """Forget an expired backup."""
        self._written(lambda env: _row(env, backup).unlink())

    def _env(self) -> AbstractContextManager[Env]:
        return self.instance.env(self.instance.facts.control, "backups are recorded in the registry")

    # Other backups, and the monitor, write at the same time: a dump must not be lost because of that.
    def _written(self, work: Callable[[Env], T]) -> T:
        """Do some work in a transaction, again while somebody else's changes come in between."""

        def once() -> T:
            with self._env() as env:
                return work(env)

        return retrying(once, attempts=ATTEMPTS)


def _next_number(env: Env) -> int:
    numbers = _numbers(env)
    number = numbers.lock().next_number
    numbers.next_number = number + 1
    return number


def _record(backup: BackupRecord, env: Env) -> None:
    manifest = backup.manifest
    values = _values(backup)
    known = env[Backup].search(Backup.uuid == str(manifest.id))
    if known:
        known.write(values)
        return
    numbers = _numbers(env)
    if numbers.next_number <= manifest.number:  # found at a site by a registry that is older than it
        numbers.next_number = manifest.number + 1
    env[Backup].create(
        {
            **values,
            "number": manifest.number,
            "short_id": backup.id,
            "uuid": str(manifest.id),
            "database_uuid": str(manifest.database.uuid),
            "database_name": manifest.database.name,
            "taken_at": manifest.created_at,
            "purpose": manifest.purpose,
            "size": manifest.archive.bytes,
        }
    )


def _keep(found: Backup, why: str) -> None:
    if found.kept_as != why:
        found.write({"kept_as": why})


def _numbers(env: Env) -> Sequence:
    """Return the sequence of the numbers."""
    numbers = env[Sequence].search(Sequence.code == NUMBERS)
    if numbers:
        return numbers
    newest = env[Backup].search(limit=1).number
    return env[Sequence].create({"name": "Backups", "code": NUMBERS, "next_number": newest + 1})


def _values(backup: BackupRecord) -> dict[str, object]:
    """What changes of a backup, and what people see of it."""
    proof = backup.proof
    told: dict[str, object] = {
        "complete": backup.complete,
        "copies": len(backup.copies),
        "verified_at": min((copy.verified_at for copy in backup.copies), default=None),
        "record": msgspec.json.encode(backup).decode(),
    }
    if proof is not None:
        told |= {
            "restored_at": proof.at,
            "restore_seconds": Decimal(str(round(proof.seconds, 1))),
            "restore_result": proof.trouble or "good",
        }
    return told


def _records(env: Env, database: UUID | None, *, expired: bool) -> list[BackupRecord]:
    """Return backups, newest first."""
    domain: list[object] = [["expired", "=", expired]]
    if database is not None:
        domain.append(["database_uuid", "=", str(database)])
    rows = env[Backup].search_read(domain, ["record"], order="taken_at desc, number desc")
    return [msgspec.json.decode(row["record"], type=BackupRecord) for row in rows]


def _row(env: Env, backup: BackupRecord) -> Backup:
    return env[Backup].search(Backup.uuid == str(backup.manifest.id))


@dataclass(frozen=True, slots=True)
class ControlKeys:
    """The ``CustomerKeys`` of the registry; each is wrapped by the instance key and useless without."""

    instance: Instance

    def current(self, database: UUID, /) -> WrappedKey:
        """Return the key under which a database is backed up now."""
        found = self.all(database)
        if not found:
            raise KeyUnusable("The key of this database was destroyed; its backups cannot be read any more.")
        return found[0]

    def all(self, database: UUID, /) -> tuple[WrappedKey, ...]:
        """Return the keys under which a database is and was backed up, the newest first; none once it was purged."""
        with self.instance.env(self.instance.facts.control, "a backup is sealed under its customer's key") as env:
            text = self._control(env) if database == self.instance.facts.control.uuid else self._customer(env, database)
        return keys_from_text(text)

    def find(self, database: UUID, key_id: int, /) -> WrappedKey:
        """Return a key under which it was backed up."""
        for key in self.all(database):
            if key.key_id == key_id:
                return key
        raise KeyUnusable(f"The key {key_id} of this database was destroyed; what it sealed stays unreadable.")

    def _customer(self, env: Env, database: UUID) -> str:
        rows = env[CustomerDatabase].search(CustomerDatabase.uuid == str(database)).read(["backup_key"])
        return str(rows[0]["backup_key"] or "") if rows else ""

    def _control(self, env: Env) -> str:
        known = env[Setting].search(Setting.key == CONTROL_KEY)
        if known:
            return known.value
        made = self.instance.keyring.new_customer_key(self.instance.facts.control.uuid, Purpose.BACKUPS).to_text()
        env[Setting].create({"key": CONTROL_KEY, "value": made})
        return made
