"""Plans, and what hosting adds to clusters and to customers' databases."""

from __future__ import annotations

from growsoft.apps.instance import models as instance
from growsoft.errors import ValidationError
from growsoft.orm import Access, Check, Model, api, fields
from growsoft_cloud.fleet.models.operations import Severity
from growsoft_cloud.fleet.models.places import DataCentre
from growsoft_cloud.fleet.policy import (
    PROMISED_DAILY,
    PROMISED_DAYS,
    PROMISED_MONTHLY,
    PROMISED_WEEKLY,
    PolicyError,
    Retention,
)

# No quiet hour was chosen: it follows from the database's uuid, so that the fleet's backups are spread over the night.
SPREAD = -1


class Plan(Model):
    """Plan: what a customer has taken. More backups than promised may be kept, never fewer."""

    _name = "fleet.plan"
    _order = "priority, id"

    name = fields.Char(required=True, unique="There is a plan of this name already.", size=40)
    code = fields.Char(required=True, unique="This plan is described already.", size=20)
    priority = fields.Integer(default=10, help="Who is brought back first in a disaster: the smallest number.")
    recovery_hours = fields.Integer(default=48)
    daily = fields.Integer(default=PROMISED_DAILY)
    weekly = fields.Integer(default=PROMISED_WEEKLY)
    monthly = fields.Integer(default=PROMISED_MONTHLY)
    days = fields.Integer("Days back", default=PROMISED_DAYS)

    operators = Access("instance.operator", "read", "write")

    def retention(self) -> Retention:
        """Return what is kept of this plan's databases."""
        self.ensure_one()
        return Retention(self.daily, self.weekly, self.monthly, self.days)

    @api.constrains("daily", "weekly", "monthly", "days")
    def _check_promise(self) -> None:
        for plan in self:
            try:
                plan.retention()
            except PolicyError as error:
                raise ValidationError(error.message) from error


class Cluster(instance.Cluster, extend=True):
    """Where a cluster runs, how many of its databases are backed up at once, and how far its WAL archive reaches."""

    data_centre_id = fields.Many2one(DataCentre)
    backups_at_once = fields.Integer(default=2)
    moment_days = fields.Integer("Moments back (days)", default=7, help="Within these days any moment can be restored.")
    archive_severity = fields.Selection(Severity, "WAL archive", default=Severity.GOOD)
    archive_trouble = fields.Text("Trouble of the archive")
    archived_until = fields.Datetime("Archived until")
    rpo_seconds = fields.Decimal("RPO (s)", digits=1, help="How much work would be lost with the cluster's machine.")
    wal_behind = fields.Decimal("Not archived (bytes)", digits=0)
    restorable_from = fields.Datetime("Restorable from")
    base_at = fields.Datetime("Newest base backup")
    checked_at = fields.Datetime()

    a_week_at_least = Check(moment_days >= 7, "Moments of at least 7 days can be restored.")
    some_at_once = Check(backups_at_once.in_(tuple(range(1, 33))), "Between 1 and 32 databases are backed up at once.")


class CustomerDatabase(instance.CustomerDatabase, extend=True):
    """When a database is backed up, where it comes from, and what became of it."""

    quiet_hour = fields.Integer(
        "Quiet hour (UTC)", default=SPREAD, help="0 to 23: the hour of its daily backup; -1 lets the fleet choose."
    )

    # A database that was restored is the same customer's as the one that was backed up: both name the first of them.
    lineage = fields.Char(size=36, index=True, readonly=True)
    # Its people see no backup but its own, and it takes nobody's place by itself: who could sign in when the backup was
    # made need not be who may today.
    beside = fields.Boolean("Restored beside another", readonly=True)
    replaced_name = fields.Char("Name before it was replaced", size=63, index=True, readonly=True)
    replaced_at = fields.Datetime(readonly=True)
    purged_at = fields.Datetime("Key destroyed", readonly=True)

    hour_of_a_day = Check(quiet_hour.in_(tuple(range(SPREAD, 24))), "The quiet hour is 0 to 23, or -1 for any.")

    def origin(self) -> str:
        """Return the uuid of the database with which this customer's data began."""
        self.ensure_one()
        return self.lineage or self.uuid
