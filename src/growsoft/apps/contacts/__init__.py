"""Contacts: customers, suppliers and everybody else a company deals with."""

from growsoft.orm import App, Group

app = App(
    name="contacts",
    version="1.0",
    package="growsoft.apps.contacts",
    summary="Customers, suppliers and other contacts",
    depends=("base",),
    groups=(
        Group("contacts.user", "Contacts: write", implied=("base.user",)),
        Group("contacts.manager", "Contacts: delete", implied=("contacts.user",)),
        Group("base.admin", "Administrator", implied=("contacts.manager",)),
    ),
)
