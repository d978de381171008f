"""Instance views: the customers' databases."""

from __future__ import annotations

from growsoft.apps.instance.models import CustomerDatabase, State
from growsoft.views.values import Filter, Form, Group, List, Menu, Search

database_list = List("instance.database", "name", "plan", "state", "cluster_id", "apps", "create_date")
database_form = Form(
    "instance.database",
    Group("", "name", "plan", "cluster_id", "staging"),
    Group("In PostgreSQL", "pg_name", "uuid", "key_id"),
    Group("Life", "create_date", "dropped_at", "apps"),
    status="state",
)
database_search = Search(
    "instance.database",
    "name",
    "uuid",
    filters=(
        Filter("active", "Active", CustomerDatabase.state == State.ACTIVE),
        Filter("dropped", "Dropped", CustomerDatabase.state == State.DROPPED),
    ),
)
database_menu = Menu("Databases", "instance.database", "Hosting", 10)
