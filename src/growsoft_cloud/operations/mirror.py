"""Mirror: what the registry knows of a database's own backups, written into that database for its people to read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from growsoft.orm import Env
from growsoft_cloud.backup.pruning import classes
from growsoft_cloud.backup.records import BackupRecord
from growsoft_cloud.operations.own import Own

Values = Mapping[str, Any]


def reflect(env: Env, own: Own) -> bool:
    """Bring the lists in a database up to date; say whether anything was new. What is as it was is not written."""
    backups = {str(record.manifest.id): values for record, values in _backups(own)}
    around = {
        one.where.name: {"address": own.desk.instance.url(one.where.name), "replaced": one.replaced}
        for one in own.neighbours
    }
    wrote = [_brought(env, "backups.backup", "uuid", backups), _brought(env, "backups.database", "name", around)]
    return any(wrote)


def _brought(env: Env, model: str, key: str, wanted: Mapping[str, Values]) -> bool:
    """Make the records of a model those that are wanted."""
    fields = sorted({key, *(name for values in wanted.values() for name in values)})
    there = {row[key]: row for row in env[model].search_read([], [*fields, "id"])}
    gone = [row["id"] for found, row in there.items() if found not in wanted]
    if gone:
        env[model].browse(gone).unlink()
    changed = False
    for found, values in wanted.items():
        row = there.get(found)
        if row is None:
            env[model].create({key: found, **values})
        elif any(row[name] != value for name, value in values.items()):
            env[model].browse(row["id"]).write(dict(values))
        else:
            continue
        changed = True
    return changed or bool(gone)


def _backups(own: Own) -> list[tuple[BackupRecord, Values]]:
    service = own.desk.service
    kept: dict[Any, str] = {}
    by_database: dict[Any, list[BackupRecord]] = {}
    for record in own.backups:
        by_database.setdefault(record.manifest.database.uuid, []).append(record)
    for records in by_database.values():
        kept |= classes(records, service.policy.sites, service.policy.retention, datetime.now(UTC))
    return [(record, _values(own, record, kept.get(record.manifest.id, ""))) for record in own.backups]


def _values(own: Own, record: BackupRecord, kept_as: str) -> Values:
    proof, files = record.proof, record.manifest.files
    places = {site.name: site.data_centre for site in own.desk.service.policy.sites}
    cities = [f"{places[copy.site].city} ({copy.continent})" for copy in record.copies if copy.site in places]
    troubles = [*(failure.reason for failure in record.failures), proof.trouble if proof is not None else ""]
    return {
        "short_id": record.id,
        "taken_at": record.manifest.created_at,
        "purpose": record.manifest.purpose,
        "kept_as": kept_as,
        "size": Decimal(record.bytes),
        "files": 0 if files is None else files.files,
        "copies": ", ".join(cities),
        "complete": record.complete,
        "verified_at": min((copy.verified_at for copy in record.copies), default=None),
        "restored_at": None if proof is None or proof.trouble else proof.at,
        "restore_seconds": Decimal(0) if proof is None else Decimal(str(round(proof.seconds, 1))),
        "trouble": " ".join(text for text in troubles if text),
    }
