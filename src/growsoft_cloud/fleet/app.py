"""Fleet: what the control database knows of hosting, beyond the customers' databases: their backups."""

from growsoft.orm import App, Group

app = App(
    name="fleet",
    version="1.0",
    package="growsoft_cloud.fleet",
    summary="Backups of every database, and where their copies are",
    depends=("instance",),
    groups=(Group("instance.operator", "Operator"),),
)
