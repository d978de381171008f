"""The backups of this database as its own people see them: a mirror that the hosting writes, and what they ask for.

A request is a row: whoever may add one is a manager of backups, because PostgreSQL let him. The operations worker reads
it here, so it is about this database and no other, and writes down here what came of it. Nobody here asks the control
database anything, and no row of these three names another customer's backup.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import cast

from growsoft.orm import Access, Model, fields

MANAGERS = "backups.manager"


class Kind(Enum):
    """What can be asked for."""

    BACKUP = "backup"
    DOWNLOAD = "download"
    RESTORE = "restore"
    SWAP = "swap"
    UNDO = "undo"
    DISCARD = "discard"


class Progress(Enum):
    """How far a piece of work is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class OwnBackup(Model):
    """Backup of this database, as the registry of the hosting knows it; the hosting alone writes it."""

    _name = "backups.backup"
    _order = "taken_at desc, id desc"
    _rec_name = "short_id"
    _audit = False

    short_id = fields.Char("Id", required=True, size=24)
    uuid = fields.Char(required=True, unique="This backup is listed already.", size=36)
    taken_at = fields.Datetime(required=True)
    purpose = fields.Char(size=100)
    kept_as = fields.Char(size=20)
    size = fields.Decimal("Bytes", digits=0)
    files = fields.Integer()
    copies = fields.Text(help="The data centres that have a copy, each read back and compared.")
    complete = fields.Boolean("Three proven copies")
    verified_at = fields.Datetime("Oldest proof of a copy")
    restored_at = fields.Datetime("Restored on trial")
    restore_seconds = fields.Decimal("Restored in (s)", digits=1)
    trouble = fields.Text("What is wrong")

    managers = Access(MANAGERS, "read")


class Beside(Model):
    """Database beside this one: restored from a backup of it, or replaced by such a one; the hosting writes it."""

    _name = "backups.database"
    _order = "since desc, id desc"
    _audit = False

    name = fields.Char(required=True, unique="This database is listed already.", size=63)
    address = fields.Char(size=200)
    replaced = fields.Boolean("Was replaced")
    since = fields.Datetime()

    managers = Access(MANAGERS, "read")


class Request(Model):
    """Request: something a manager of backups wants done with the backups of this database."""

    _name = "backups.request"
    _order = "id desc"
    _rec_name = "kind"

    kind = fields.Selection(Kind, required=True)
    backup = fields.Char("Id of the backup", size=24)
    database = fields.Char("Database beside", size=63)
    confirm = fields.Char("Name typed to confirm", size=63)
    # A restored copy has the requests of its past: they are about another database.
    for_uuid = fields.Char("For", required=True, size=36)

    managers = Access(MANAGERS, "read", "create")


class Work(Model):
    """Work: what became of a request; the hosting alone writes it."""

    _name = "backups.work"
    _order = "id desc"
    _rec_name = "kind"

    request_id = fields.Many2one(Request)
    kind = fields.Selection(Kind, required=True)
    backup = fields.Char(size=24)
    database = fields.Char(size=63)
    asked_by = fields.Char(size=200)
    state = fields.Selection(Progress, default=Progress.RUNNING)
    started_at = fields.Datetime(required=True)
    ended_at = fields.Datetime()
    step = fields.Char(size=40)
    share = fields.Integer("Done (%)")
    message = fields.Text()
    # A file to download: where it lies in the storage of this database, for how long, and how it is known.
    address = fields.Char(size=64)
    size = fields.Decimal("Bytes", digits=0)
    sha256 = fields.Char(size=64)
    expires_at = fields.Datetime()

    managers = Access(MANAGERS, "read")


def link_id(value: object) -> int:
    """Read a link as ``search_read`` gives it: its id with its name, the id alone, or nothing (0)."""
    found = cast("Sequence[object]", value)[0] if isinstance(value, list | tuple) else value
    return int(str(found or 0))
