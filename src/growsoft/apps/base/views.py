"""Base views: users and their groups, companies, and what an administrator sets."""

from __future__ import annotations

from growsoft.apps.base.jobs import Job, JobState
from growsoft.apps.base.models import Currency, Users
from growsoft.apps.base.models_custom import FieldRecord, ModelRecord, Origin
from growsoft.views.values import Filter, Form, Group, List, Menu, Search

SETTINGS = "Settings"

user_list = List("res.users", "name", "login", "email", "active", "company_id", order="name, id")
user_form = Form(
    "res.users",
    Group("", "name", "login", "email", "active"),
    Group("Rights", "groups_id", "company_id", "company_ids"),
    Group("Language", "lang", "tz"),
)
user_search = Search(
    "res.users",
    "name",
    "login",
    filters=(
        Filter("active", "Active", Users.active == True),  # noqa: E712  a condition, not a truth value
        Filter("left", "Cannot sign in", Users.active == False),  # noqa: E712  as above
    ),
)
user_menu = Menu("Users", "res.users", SETTINGS, 90)

group_list = List("res.groups", "name", "key", "comment")
group_form = Form(
    "res.groups", Group("", "name", "key"), Group("Whoever is in it is also in", "implied_ids", "comment")
)
group_menu = Menu("Groups", "res.groups", SETTINGS, 91)

company_list = List("res.company", "name", "currency_id", "country_id")
company_form = Form("res.company", Group("", "name", "currency_id", "country_id"))
company_menu = Menu("Companies", "res.company", SETTINGS, 92)

country_list = List("res.country", "name", "code", "alpha3", "currency_id")
country_search = Search("res.country", "name", "code")
country_menu = Menu("Countries", "res.country", SETTINGS, 94)

currency_list = List("res.currency", "name", "full_name", "symbol", "decimal_places", "active")
currency_search = Search(
    "res.currency",
    "name",
    "full_name",
    filters=(Filter("active", "Active", Currency.active == True),),  # noqa: E712  a condition, not a truth value
)
currency_menu = Menu("Currencies", "res.currency", SETTINGS, 95)

sequence_list = List("ir.sequence", "name", "code", "company_id", "prefix", "padding", "next_number", "implementation")
sequence_menu = Menu("Sequences", "ir.sequence", SETTINGS, 96)

job_list = List("ir.job", "name", "user_id", "state", "eta", "finished_at", "failures", "message")
job_form = Form(
    "ir.job",
    Group("", "name", "user_id", "record_ids", "arguments"),
    Group("When", "eta", "priority", "started_at", "finished_at"),
    Group("How it goes", "failures", "lost", "message", "progress_ids"),
    status="state",
)
job_search = Search(
    "ir.job",
    "name",
    filters=(
        Filter("failed", "Failed", Job.state == JobState.FAILED),
        Filter("waiting", "Waiting", Job.state == JobState.WAITING),
        Filter("running", "Running", Job.state == JobState.RUNNING),
    ),
)
job_menu = Menu("Jobs", "ir.job", SETTINGS, 97)

cron_list = List("ir.cron", "name", "timing", "tz", "active", "nextcall", "lastcall")
cron_form = Form("ir.cron", Group("", "name", "timing", "tz", "active"), Group("Runs", "nextcall", "lastcall"))
cron_menu = Menu("Schedules", "ir.cron", SETTINGS, 98)

model_list = List("ir.model", "name", "model", "state", "modules", "active")
model_form = Form(
    "ir.model",
    Group("", "name", "model", "info", "state", "applied", "active"),
    Group("Who may use its records", "reader_groups", "writer_groups"),
    Group("Fields", "field_id"),
)
model_search = Search(
    "ir.model", "name", "model", filters=(Filter("own", "Added here", ModelRecord.state == Origin.MANUAL),)
)
model_menu = Menu("Models", "ir.model", SETTINGS, 87)

field_list = List("ir.model.fields", "model", "name", "field_description", "ttype", "state", "active")
field_form = Form(
    "ir.model.fields",
    Group("", "model_id", "name", "field_description", "ttype", "help"),
    Group("What it holds", "relation", "selection", "size", "digits", "required", "index"),
    Group("Who sees it", "groups", "state", "applied", "active"),
)
field_search = Search(
    "ir.model.fields",
    "name",
    "field_description",
    "model",
    filters=(Filter("own", "Added here", FieldRecord.state == Origin.MANUAL),),
)
field_menu = Menu("Fields", "ir.model.fields", SETTINGS, 88)
