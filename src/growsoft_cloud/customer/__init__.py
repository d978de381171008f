"""Customer: what the hosting shows in a customer's own database: its backups, and what its people ask for."""

from growsoft.orm import App, Group

app = App(
    name="backups",
    version="1.0",
    package="growsoft_cloud.customer",
    summary="The backups of this database: take one, download it, restore it beside, take its place",
    depends=("base",),
    groups=(
        Group("backups.manager", "Backups"),
        Group("base.admin", "Administrator", implied=("backups.manager",)),
    ),
)
