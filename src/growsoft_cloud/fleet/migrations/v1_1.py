"""Fleet 1.1: data centres, sites and plans are records; one machine begins with those that it plays."""

from growsoft.orm import Migration
from growsoft_cloud.fleet.data import load


def post(migration: Migration) -> None:
    """Bring what a new control database begins with."""
    if not migration.env["fleet.data_centre"].search_count([]):
        load(migration.env)
