"""The life of a customer's backup keys: rotated, found lost, destroyed.

They lie in the control database, the newest first, each wrapped by the instance key. A backup names the one it needs.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from growsoft.apps.base.models import Setting
from growsoft.apps.instance.models import State
from growsoft.cli.instance import Instance
from growsoft.orm import Env
from growsoft.security.envelope import CustomerKey, KeyUnusable, Purpose, WrappedKey, keys_from_text, keys_to_text
from growsoft.security.keyring import Keyring
from growsoft_cloud.backup.catalogue import CONTROL_KEY, ControlKeys
from growsoft_cloud.backup.records import BackupRecord
from growsoft_cloud.backup.service import BackupService
from growsoft_cloud.deeds import write_down
from growsoft_cloud.fleet import models

ROTATE = "key rotation"
PURGE = "purge"


def rotate(instance: Instance, database: UUID, name: str, operator: str) -> int:
    """Make a new key for the backups to come, and return its number; older ones go on opening older backups."""
    ControlKeys(instance).current(database)  # the control database's first key is made when it is asked for
    with instance.env(instance.facts.control, "the backup key of a database is rotated") as env:
        known = keys_from_text(_text(instance, env, database))
        if not known:
            raise KeyUnusable("The key of this database was destroyed, and with it everything a new one could be for.")
        number = max(key.key_id for key in known) + 1
        made = instance.keyring.new_customer_key(database, Purpose.BACKUPS, number)
        _write(instance, env, database, keys_to_text((made, *known)))
        write_down(env, ROTATE, (database, name), operator=operator, message=f"Key {number} seals from now on.")
    return number


def opened(instance: Instance, database: UUID) -> tuple[CustomerKey, ...]:
    """Open all keys of a database for its customer, the newest first. Raises `KeyUnusable`."""
    found = ControlKeys(instance).all(database)
    if not found:
        raise KeyUnusable("The key of this database was destroyed; there is nothing to hand out.")
    return tuple(instance.keyring.open(key) for key in found)


def destroy(instance: Instance, database: UUID, operator: str) -> bool:
    """Destroy all backup keys of a dropped database; returns whether there was one. From then on no copy opens."""
    with instance.env(instance.facts.control, "the keys of a customer's backups are destroyed") as env:
        row = _row(env, database)
        had = bool(row.backup_key)
        if row.state is State.PURGED and not had:
            return False
        row.write({"backup_key": "", "state": State.PURGED, "purged_at": datetime.now(UTC)})
        told = "Its backup keys were destroyed: no copy of its backups can be opened by this registry."
        write_down(env, PURGE, (database, row.name), operator=operator, message=told)
    return had


def lost(service: BackupService, records: Iterable[BackupRecord]) -> list[BackupRecord]:
    """Return the backups whose key is not there or does not open: nobody may find that out at a restore."""
    known: dict[tuple[UUID, int], bool] = {}
    found: list[BackupRecord] = []
    for record in records:
        wanted = record.manifest.database.uuid, record.manifest.keys.customer_key_id
        if record.manifest.keys.customer_key:
            continue  # the control database's own come along
        if wanted not in known:
            known[wanted] = _opens(service, *wanted)
        if not known[wanted]:
            found.append(record)
    return found


def _opens(service: BackupService, database: UUID, number: int) -> bool:
    try:
        wrapped = service.customer_keys.find(database, number)
    except KeyUnusable:
        return False
    return any(_fits(keyring, wrapped) for keyring in service.keyrings)


def _fits(keyring: Keyring, wrapped: WrappedKey) -> bool:
    try:
        keyring.open(wrapped)
    except KeyUnusable:
        return False
    return True


def _text(instance: Instance, env: Env, database: UUID) -> str:
    if database == instance.facts.control.uuid:
        return env[Setting].search(Setting.key == CONTROL_KEY).lock().value
    return _row(env, database).backup_key


def _write(instance: Instance, env: Env, database: UUID, text: str) -> None:
    if database == instance.facts.control.uuid:
        env[Setting].search(Setting.key == CONTROL_KEY).write({"value": text})
    else:
        _row(env, database).write({"backup_key": text})


def _row(env: Env, database: UUID) -> models.CustomerDatabase:
    return env[models.CustomerDatabase].search(models.CustomerDatabase.uuid == str(database)).lock()
