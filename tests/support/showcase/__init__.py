"""Showcase: an app with a field of every kind, for the tests of screens."""

from __future__ import annotations

from typing import Final

from growsoft.apps.base import app as base
from growsoft.apps.base.data import group_ids
from growsoft.apps.mail import app as mail
from growsoft.auth.passwords import set_password
from growsoft.orm import App, Env, Group

PASSWORD: Final = "plum tractor lantern"
PEOPLE: Final = {"ada": "show.boss", "ben": "show.user", "eve": "base.user", "root": "base.admin"}


def people(env: Env) -> None:
    """Make the people of the tests; they all have the same password."""
    company = env["res.company"].search([], limit=1)
    for login, group in PEOPLE.items():
        values: dict[str, object] = {
            "name": f"{login.capitalize()} Example",
            "login": login,
            "groups_id": [(6, 0, group_ids(env, [group]))],
            "company_id": company,
            "company_ids": company,
        }
        user = env["res.users"].create(values)
        env.flush()
        set_password(env, user.id, PASSWORD)


app = App(
    name="show",
    version="1.0",
    package="tests.support.showcase",
    depends=("base",),
    groups=(Group("show.user", "Showcase", implied=("base.user",)), Group("show.boss", "Boss", implied=("show.user",))),
    load=people,
)
APPS: Final = {"base": base, "mail": mail, "show": app}
