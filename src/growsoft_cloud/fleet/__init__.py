"""The fleet: the model of the world that hosts customer databases."""

from growsoft_cloud.fleet.places import Continent, DataCentre, Located
from growsoft_cloud.fleet.policy import BackupPolicy, PolicyError, Retention

__all__ = ["BackupPolicy", "Continent", "DataCentre", "Located", "PolicyError", "Retention"]
