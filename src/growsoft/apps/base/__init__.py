"""Base: users and groups, companies, countries and currencies, sequences, settings."""

from growsoft.apps.base.data import follow, load
from growsoft.orm import App, Group
from growsoft.postgres.accounts import Accounts

app = App(
    name="base",
    version="1.1",
    package="growsoft.apps.base",
    summary="Users and groups, companies, countries and currencies, sequences, settings",
    groups=(
        Group("base.user", "User"),
        Group("base.admin", "Administrator", implied=("base.user",)),
        Group("base.jobs", "Queue of jobs (of the system: nobody needs it)"),
    ),
    load=load,
    follow=follow,
    accounts=Accounts(
        users="res_users",
        login="login",
        active="active",
        company="company_id",
        groups="res_groups",
        group_key="key",
        membership="res_users_groups_id_rel",
        implication="res_groups_implied_ids_rel",
        companies="res_users_company_ids_rel",
    ),
)
