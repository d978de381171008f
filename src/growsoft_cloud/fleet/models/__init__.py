"""Fleet models: where customers' databases and their backups are, and what is done for them."""

from growsoft_cloud.fleet.models.backups import Backup
from growsoft_cloud.fleet.models.operations import Alert, Run, Severity, Watch
from growsoft_cloud.fleet.models.places import Attestation, Criterion, DataCentre, Land
from growsoft_cloud.fleet.models.plans import Cluster, CustomerDatabase, Plan
from growsoft_cloud.fleet.models.sites import Health, Site, SiteKind

__all__ = [
    "Alert",
    "Attestation",
    "Backup",
    "Cluster",
    "Criterion",
    "CustomerDatabase",
    "DataCentre",
    "Health",
    "Land",
    "Plan",
    "Run",
    "Severity",
    "Site",
    "SiteKind",
    "Watch",
]
