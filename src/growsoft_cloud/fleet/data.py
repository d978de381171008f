"""The records fleet brings: continents, plans, and the three data centres that one machine plays with folders."""

from __future__ import annotations

from typing import Final

from growsoft.apps.base.models import Country
from growsoft.orm import Env
from growsoft_cloud.fleet.models import Cluster, DataCentre, Land, Plan, Site, SiteKind
from growsoft_cloud.fleet.places import Continent
from growsoft_cloud.fleet.places import DataCentre as Place

# On one machine three data centres are played by folders; `simulated` says so wherever they are shown.
PLAYED: Final = (
    Place("gravelines", Continent.EUROPE, "Gravelines", "FR", "OVH"),
    Place("frankfurt", Continent.EUROPE, "Frankfurt am Main", "DE", "Google Cloud"),
    Place("montreal", Continent.NORTH_AMERICA, "Montréal", "CA", "OVH"),
)

# Code, name, priority, hours until it is back after a disaster: what the security policy promises.
_PLANS: Final = (
    ("paid", "Paid", 1, 24),
    ("trial", "Free trial", 2, 48),
    ("education", "Education", 3, 48),
    ("freemium", "Freemium", 4, 48),
)


def load(env: Env) -> None:
    """Fill a new control database."""
    env[Land].create([{"name": continent.value} for continent in Continent])
    env[Plan].create(
        [
            {"code": code, "name": name, "priority": first, "recovery_hours": hours}
            for code, name, first, hours in _PLANS
        ]
    )
    centres = [_played(env, place) for place in PLAYED]
    env[Site].create(
        [
            {"name": centre.name, "data_centre_id": centre, "kind": SiteKind.FOLDER, "sequence": 10 * number}
            for number, centre in enumerate(centres, 1)
        ]
    )
    env[Cluster].search([]).write({"data_centre_id": centres[0]})


def _played(env: Env, place: Place) -> DataCentre:
    return env[DataCentre].create(
        {
            "name": place.name,
            "provider": place.provider,
            "city": place.city,
            "country_id": env[Country].search(Country.code == place.country),
            "continent_id": env[Land].search(Land.name == place.continent.value),
            "simulated": True,
        }
    )
