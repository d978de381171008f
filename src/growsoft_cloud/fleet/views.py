"""Fleet views: the backup monitor, backups, sites, data centres, plans, and what the operations worker did."""

from __future__ import annotations

from growsoft.views.values import Filter, Form, Group, Lines, List, Menu, Search
from growsoft_cloud.fleet.models import Alert, Backup, Run, Site, Watch
from growsoft_cloud.fleet.models.operations import RunState, Severity
from growsoft_cloud.fleet.models.sites import Health

watch_list = List(
    "fleet.watch", "database_name", "severity", "trouble", "newest_at", "copies", "backups", "oldest_at", "size",
    "restore_seconds",
)  # fmt: skip
watch_form = Form(
    "fleet.watch",
    Group("", "database_name", "severity", "trouble", "checked_at"),
    Group("Backups", "newest_at", "oldest_at", "backups", "copies", "size", "growth"),
    Group("Restored on trial", "restored_at", "restore_seconds"),
)
watch_search = Search(
    "fleet.watch",
    "database_name",
    "database_uuid",
    filters=(
        Filter("alarm", "Alarm", Watch.severity == Severity.ALARM),
        Filter("warning", "Warning", Watch.severity == Severity.WARNING),
    ),
)
watch_menu = Menu("Backup monitor", "fleet.watch", "Hosting", 15)

cluster_list = List(
    "instance.cluster", "name", "archive_severity", "archive_trouble", "rpo_seconds", "archived_until",
    "restorable_from", "base_at", "data_centre_id",
)  # fmt: skip
cluster_form = Form(
    "instance.cluster",
    Group("", "name", "data_centre_id", "backups_at_once"),
    Group("Point in time", "archive_severity", "archive_trouble", "rpo_seconds", "archived_until", "wal_behind"),
    Group("Moments", "restorable_from", "base_at", "moment_days", "checked_at"),
)
cluster_menu = Menu("Clusters", "instance.cluster", "Hosting", 17)

backup_list = List(
    "fleet.backup", "short_id", "database_name", "taken_at", "kept_as", "size", "copies", "verified_at",
    "restore_seconds", "restore_result",
)  # fmt: skip
backup_form = Form(
    "fleet.backup",
    Group("", "short_id", "database_name", "taken_at", "purpose", "kept_as", "size"),
    Group("Copies", "copies", "complete", "verified_at"),
    Group("Restored on trial", "restored_at", "restore_seconds", "restore_result"),
    Group("Identity", "uuid", "database_uuid", "expired"),
)
backup_search = Search(
    "fleet.backup",
    "database_name",
    "short_id",
    filters=(
        Filter("incomplete", "Too few copies", Backup.complete == False),  # noqa: E712  a condition
        Filter("unproven", "Never restored", Backup.restored_at == None),  # noqa: E711  a condition
        Filter("expired", "Being deleted", Backup.expired == True),  # noqa: E712  a condition
    ),
)
backup_menu = Menu("Backups", "fleet.backup", "Hosting", 20)

site_list = List("fleet.site", "name", "data_centre_id", "kind", "health", "checked_at", "objects", "size", "free")
site_form = Form(
    "fleet.site",
    Group("", "name", "data_centre_id", "kind", "sequence"),
    Group("Store", "endpoint", "bucket", "prefix", "region"),
    Group("Now", "health", "trouble", "checked_at", "milliseconds", "objects", "size", "free"),
)
site_search = Search("fleet.site", "name", filters=(Filter("failing", "Failing", Site.health == Health.FAILING),))
site_menu = Menu("Backup sites", "fleet.site", "Hosting", 30)

centre_list = List("fleet.data_centre", "name", "provider", "city", "country_id", "continent_id", "simulated")
centre_form = Form(
    "fleet.data_centre",
    Group("", "name", "provider", "simulated"),
    Group("Published location", "city", "country_id", "continent_id"),
    Lines("attestation_ids", "criterion", "document", "attested_by", "attested_on", "expires_on"),
)
centre_menu = Menu("Data centres", "fleet.data_centre", "Hosting", 40)

plan_list = List("fleet.plan", "name", "priority", "recovery_hours", "daily", "weekly", "monthly", "days")
plan_menu = Menu("Plans", "fleet.plan", "Hosting", 50)

run_list = List("fleet.run", "kind", "database_name", "state", "started_at", "ended_at", "backup", "message")
run_search = Search(
    "fleet.run",
    "database_name",
    "kind",
    filters=(
        Filter("failed", "Failed", Run.state == RunState.FAILED),
        Filter("running", "Running", Run.state == RunState.RUNNING),
    ),
)
run_menu = Menu("Work done", "fleet.run", "Hosting", 60)

alert_list = List("fleet.alert", "message", "severity", "since", "told_at", "ended_at")
alert_search = Search("fleet.alert", "message", filters=(Filter("open", "Not over", Alert.ended_at == None),))  # noqa: E711  a condition
alert_menu = Menu("Alerts", "fleet.alert", "Hosting", 16)
