"""Instance: the registry of the control database, which customers there are and where their databases live."""

from growsoft.apps.instance.data import load
from growsoft.orm import App, Group

app = App(
    name="instance",
    version="1.1",
    package="growsoft.apps.instance",
    summary="Customer databases and the clusters they live in",
    depends=("base",),
    groups=(
        Group("instance.directory", "Directory"),
        Group("instance.operator", "Operator", implied=("base.user", "instance.directory")),
        Group("base.admin", "Administrator", implied=("instance.operator",)),
    ),
    load=load,
)
