"""Backups: the index of what lies at the sites."""

from __future__ import annotations

from growsoft.orm import Access, Model, fields


class Backup(Model):
    """Backup: one full, independent backup of one database. What it says of itself is signed; this is the index."""

    _name = "fleet.backup"
    _order = "number desc"
    _rec_name = "short_id"

    # Not unique: a registry that was itself restored finds newer ones at the sites, and may have used a number anew.
    number = fields.Integer(required=True, index=True)
    short_id = fields.Char("Backup", required=True, size=24)
    uuid = fields.Char(required=True, unique="This backup is recorded already.", size=36)
    database_uuid = fields.Char(required=True, index=True, size=36)
    database_name = fields.Char("Database", required=True, size=63)
    taken_at = fields.Datetime(required=True)
    purpose = fields.Char(size=100)
    kept_as = fields.Char(size=20)
    size = fields.Decimal("Bytes", digits=0)
    copies = fields.Integer("Proven copies")
    complete = fields.Boolean("Three proven copies")
    verified_at = fields.Datetime("Oldest proof of a copy")
    restored_at = fields.Datetime("Restored on trial")
    restore_seconds = fields.Decimal("Restored in (s)", digits=1)
    restore_result = fields.Char("What came of it")
    # It is being deleted: no list shows it any more, and what is left of it at some site goes as soon as that answers.
    expired = fields.Boolean(index=True)
    record = fields.Text(readonly=True, help="The manifest and the proven copies, as the product writes them.")

    operators = Access("instance.operator", "read")
