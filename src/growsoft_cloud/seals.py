"""The backup sites as the place where seals of histories are remembered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from growsoft.cli.instance import Instance
from growsoft.cli.seals import Known
from growsoft.keeper.verbs import HistoryHead
from growsoft_cloud.backup.seals import keep_seal, kept_seals
from growsoft_cloud.backup.sites import Site
from growsoft_cloud.fleet.sites import policy_of


@dataclass(frozen=True, slots=True)
class SiteSeals:
    """A ``SealStore`` on a set of sites."""

    sites: Sequence[Site]

    def known(self, database: UUID, /) -> Known:
        """Give what the sites agree on."""
        return Known(*kept_seals(self.sites, database))

    def keep(self, database: UUID, head: HistoryHead, /) -> list[str]:
        """Write a seal to every site."""
        return [failure.reason for failure in keep_seal(self.sites, database, head)]


def seal_store(instance: Instance) -> SiteSeals:
    """Give the seals on the sites of an instance."""
    with instance.env(instance.facts.control, "the sites that remember seals are looked up") as env:
        return SiteSeals(policy_of(env, instance.state, instance.keyring).sites)
