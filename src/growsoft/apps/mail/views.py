"""Mail views: activities as a list of their own, and their kinds."""

from __future__ import annotations

from growsoft.apps.mail.models import Activity, ActivityType
from growsoft.orm import current
from growsoft.views.values import Filter, Form, Group, List, Menu, Search

activity_list = List("mail.activity", "summary", "activity_type_id", "date_deadline", "user_id", order="date_deadline")
activity_form = Form(
    "mail.activity", Group("", Activity.activity_type_id, Activity.summary, Activity.date_deadline, Activity.user_id)
)
activity_search = Search(
    "mail.activity", "summary", "activity_type_id", filters=(Filter("mine", "Mine", Activity.user_id == current.user),)
)
activity_menu = Menu("Activities", "mail.activity", "Work", 5)

type_list = List("mail.activity.type", ActivityType.name, ActivityType.sequence)
type_menu = Menu("Kinds of activities", "mail.activity.type", "Settings", 89)
