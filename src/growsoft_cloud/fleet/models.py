"""Fleet models: backups."""

from __future__ import annotations

from growsoft.orm import Access, Model, fields


class Backup(Model):
    """Backup: one full, independent backup of one database. What it says of itself is signed; this is the index."""

    _name = "fleet.backup"
    _order = "number desc"
    _rec_name = "short_id"

    number = fields.Integer(required=True, unique="Another backup has this number.")
    short_id = fields.Char("Backup", required=True, size=24)
    uuid = fields.Char(required=True, unique="This backup is recorded already.", size=36)
    database_uuid = fields.Char(required=True, index=True, size=36)
    database_name = fields.Char("Database", required=True, size=63)
    taken_at = fields.Datetime(required=True)
    complete = fields.Boolean("Three proven copies")
    record = fields.Text(readonly=True, help="The manifest and the proven copies, as the product writes them.")

    operators = Access("instance.operator", "read")
