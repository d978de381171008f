"""Locations (BK-3): the privacy page, asked as a stranger, shows what the inventory of the fleet holds."""

from __future__ import annotations

import json
from typing import Final

from growsoft.cli.world import InstanceWorld
from growsoft.trust.states import Finding, State, judged
from growsoft.trust.stranger import ask
from growsoft.trust.world import CannotCheck, World
from growsoft_cloud.fleet import models

HOST: Final = "localhost"


def locations_are_published(world: World) -> Finding:
    """BK-3: compare page and API with the inventory, in both directions."""
    if not isinstance(world, InstanceWorld):
        raise CannotCheck("There is no instance whose page could be asked for.", "Check it on the instance itself.")
    with world.instance.env(world.instance.facts.control, "claim BK-3: the inventory is compared with the page") as env:
        rows = env[models.DataCentre].search([])
        held = {row.name: (row.location, row.provider, row.simulated) for row in rows}
        used = {site.data_centre_id.name for site in env[models.Site].search([])}
        used |= {cluster.data_centre_id.name for cluster in env[models.Cluster].search([])}
    page, data = ask(world.web, HOST, "/privacy"), ask(world.web, HOST, "/privacy.json")
    told = _told(data.body)
    problems = [f"{name} is used and not in the inventory" for name in sorted(used - set(held))]
    problems += [
        f"/privacy.json does not say {name} as the inventory does" for name in held if told.get(name) != held[name]
    ]
    problems += [f"/privacy.json says {name}, which is not in the inventory" for name in sorted(set(told) - set(held))]
    text = page.body.decode("utf-8", "replace")
    problems += [f"/privacy does not show {name}" for name, (place, *_rest) in held.items() if place not in text]
    played = any(simulated for _location, _provider, simulated in held.values())
    evidence = (
        f"/privacy and /privacy.json, asked without signing in, show the {len(held)} data centres of the inventory,"
        f" which are all that sites and clusters use.{' They are folders of this machine.' if played else ''}"
    )
    state = State.SIMULATED if played else State.MET
    return judged(problems, "Correct the data centres: Hosting > Data centres", Finding(state, evidence))


def _told(body: bytes) -> dict[str, tuple[str, str, bool]]:
    try:
        return {
            str(one["name"]): (str(one["location"]), str(one["provider"]), bool(one["simulated"]))
            for one in json.loads(body)["data_centres"]
        }
    except (ValueError, KeyError, TypeError) as error:
        raise CannotCheck("/privacy.json is not what was expected.", "See the log of the web.") from error
