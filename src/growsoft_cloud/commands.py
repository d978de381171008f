"""The commands of the cloud, and where they are: a list of commands imports none of them."""

from typing import Final

from growsoft.cli.commands import Place

BACKUP: Final = Place(
    "growsoft_cloud.desk", "backup", "Back databases up to every site, look at backups, restore them."
)
CLOUD: Final = Place("growsoft_cloud.cloud", "cloud", "Look after the hosting: data centres, backup sites, alerts.")
