"""Privacy: where data is, as the inventory of the fleet says it at this moment (claim BK-3)."""

from __future__ import annotations

import msgspec

from growsoft.apps.instance.directory import DIRECTORY_PROFILE
from growsoft.orm import open_env
from growsoft.postgres.context import Context
from growsoft.web.errors import PageNotFound
from growsoft.web.http import JSON, Response
from growsoft.web.pages.routes import ROUTES
from growsoft.web.visit import Visit
from growsoft_cloud.fleet.models import DataCentre


class Place(msgspec.Struct, frozen=True):
    """One data centre as it is published."""

    name: str
    provider: str
    location: str
    simulated: bool


@ROUTES.get("/privacy")
def privacy(visit: Visit) -> Response:
    """Show where data and its copies are."""
    return visit.page("privacy.html", {"places": published(visit)})


@ROUTES.get("/privacy.json")
def privacy_for_programs(visit: Visit) -> Response:
    """Tell the same to programs."""
    return Response(200, msgspec.json.encode({"data_centres": published(visit)}), JSON)


def published(visit: Visit) -> list[Place]:
    """Read the inventory as the directory's user, who sees locations and nothing about customers."""
    site = visit.site
    if "fleet.data_centre" not in site.registry.models:  # a customer's own database
        raise PageNotFound
    door = site.database.signed(Context(user=0, profile=DIRECTORY_PROFILE))
    with open_env(site.database, site.registry, door, mode="read") as env:
        rows = env[DataCentre].search_read([], ["name", "provider", "location", "simulated"])
    return [Place(row["name"], row["provider"], row["location"], row["simulated"]) for row in rows]
