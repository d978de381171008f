"""Sites: where backups lie, and how each of them is doing."""

from __future__ import annotations

from enum import Enum

from growsoft.orm import Access, Model, fields
from growsoft_cloud.fleet.models.places import DataCentre


class SiteKind(Enum):
    """How a site keeps objects."""

    FOLDER = "folder"
    S3 = "s3"


class Health(Enum):
    """How a site answered when it was last looked at."""

    UNKNOWN = "unknown"
    WORKING = "working"
    FAILING = "failing"


class Site(Model):
    """Backup site: an object store in a data centre. Operators look; who may reach the keys changes it by command."""

    _name = "fleet.site"
    _order = "sequence, id"

    name = fields.Char(required=True, unique="There is a site of this name already.", size=63)
    sequence = fields.Integer(default=10, help="Backups are written to the first site, and copied from there.")
    data_centre_id = fields.Many2one(DataCentre, required=True)
    kind = fields.Selection(SiteKind, required=True)
    endpoint = fields.Char()
    bucket = fields.Char(size=63)
    prefix = fields.Char()
    region = fields.Char(size=40)
    access_key = fields.Char(size=200)
    # Sealed under the instance key: whoever reads this row cannot use it.
    secret = fields.Text(readonly=True, groups="base.admin")
    health = fields.Selection(Health, default=Health.UNKNOWN)
    checked_at = fields.Datetime()
    milliseconds = fields.Integer("Answered in (ms)")
    trouble = fields.Text()
    objects = fields.Integer()
    size = fields.Decimal("Stored bytes", digits=0)
    free = fields.Decimal("Free bytes", digits=0)

    operators = Access("instance.operator", "read")
