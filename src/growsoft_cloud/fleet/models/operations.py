"""Operations: what the operations worker did, what it watches, and what people were told about."""

from __future__ import annotations

from enum import Enum

from growsoft.orm import Access, Model, fields


class RunState(Enum):
    """How far a piece of work is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class Severity(Enum):
    """How bad it is; the values sort, the worst first."""

    ALARM = "1_alarm"
    WARNING = "2_warning"
    GOOD = "3_good"


class Run(Model):
    """Run: one attempt at one piece of work, such as the daily backup of a database."""

    _name = "fleet.run"
    _order = "started_at desc, id desc"
    _rec_name = "kind"

    kind = fields.Char(required=True, size=40, index=True)
    database_uuid = fields.Char(size=36, index=True)
    database_name = fields.Char("Database", size=63)
    state = fields.Selection(RunState, default=RunState.RUNNING)
    started_at = fields.Datetime(required=True)
    ended_at = fields.Datetime()
    backup = fields.Char(size=24)
    operator = fields.Char("By whom", size=120, help="Empty where the operations worker did it by itself.")
    message = fields.Text()

    operators = Access("instance.operator", "read")


class Watch(Model):
    """Backup monitor: how each database's backups are, the worst first."""

    _name = "fleet.watch"
    _order = "severity, newest_at, id"
    _rec_name = "database_name"

    database_uuid = fields.Char(required=True, unique="This database is watched already.", size=36)
    database_name = fields.Char("Database", required=True, size=63)
    severity = fields.Selection(Severity, default=Severity.GOOD)
    trouble = fields.Text()
    newest_at = fields.Datetime("Newest backup")
    oldest_at = fields.Datetime("Oldest backup")
    backups = fields.Integer()
    copies = fields.Integer("Copies of the newest")
    size = fields.Decimal("Newest, bytes", digits=0)
    growth = fields.Decimal("Change (%)", digits=1)
    restored_at = fields.Datetime("Restored on trial")
    restore_seconds = fields.Decimal("Restored in (s)", digits=1)
    checked_at = fields.Datetime()

    operators = Access("instance.operator", "read")


class Alert(Model):
    """Alert: something people were told about, until it is over."""

    _name = "fleet.alert"
    _order = "ended_at desc, since desc, id desc"
    _rec_name = "message"

    key = fields.Char(required=True, index=True, size=200)
    severity = fields.Selection(Severity, default=Severity.ALARM)
    message = fields.Text(required=True)
    since = fields.Datetime(required=True)
    told_at = fields.Datetime()
    ended_at = fields.Datetime()

    operators = Access("instance.operator", "read")
