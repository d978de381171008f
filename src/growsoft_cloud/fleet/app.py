"""Fleet: what the control database knows of hosting, beyond the customers' databases: places, plans, backups."""

from growsoft.orm import App, Group
from growsoft_cloud.fleet.data import load

app = App(
    name="fleet",
    version="1.3",
    package="growsoft_cloud.fleet",
    summary="Data centres, sites, plans, and the backups of every database",
    depends=("instance",),
    groups=(Group("instance.operator", "Operator"),),
    load=load,
)
