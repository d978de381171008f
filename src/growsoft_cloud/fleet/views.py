"""Fleet views: backups."""

from __future__ import annotations

from growsoft.views.values import Filter, Form, Group, List, Menu, Search
from growsoft_cloud.fleet.models import Backup

backup_list = List("fleet.backup", "short_id", "database_name", "taken_at", "complete")
backup_form = Form(
    "fleet.backup", Group("", "short_id", "database_name", "taken_at", "complete", "uuid", "database_uuid")
)
backup_search = Search(
    "fleet.backup",
    "database_name",
    "short_id",
    filters=(Filter("incomplete", "Too few copies", Backup.complete == False),),  # noqa: E712  a condition
)
backup_menu = Menu("Backups", "fleet.backup", "Hosting", 20)
