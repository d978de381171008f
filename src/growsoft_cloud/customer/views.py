"""Views of a customer's own backups: one page shows them all, and the menu leads there."""

from __future__ import annotations

from growsoft.views.values import List, Menu

backup_list = List("backups.backup", "short_id", "taken_at", "purpose", "kept_as", "size", "copies", "restore_seconds")
work_list = List("backups.work", "kind", "backup", "database", "state", "started_at", "ended_at", "asked_by", "message")
backup_menu = Menu("Backups", "backups.backup", "Settings", 80, "/backups")
