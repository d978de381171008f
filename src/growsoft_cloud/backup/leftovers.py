"""Leftovers: files at the sites that no backup refers to, because the writer died, or its pruning broke off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from growsoft_cloud.backup.copies import Failure
from growsoft_cloud.backup.errors import BackupError, SiteError
from growsoft_cloud.backup.files import customer_of
from growsoft_cloud.backup.guard import AlreadyWorking, Work
from growsoft_cloud.backup.pruning import needed_files
from growsoft_cloud.backup.service import BackupService
from growsoft_cloud.backup.sites import Kind, Listed, checked

if TYPE_CHECKING:
    from growsoft_cloud.backup.entropy import Mended


def remove_unneeded(
    service: BackupService, holdings: Mapping[str, Mapping[str, Listed]], since: datetime, done: Mended
) -> None:
    """Remove the files of each customer that are older than that and that no kept backup of him refers to.

    A customer of whom a list cannot be read, or at whose backups somebody works just now, is left for the next round.
    """
    for customer in {customer for held in holdings.values() for customer, _listed in _files(held)}:
        try:
            with service.guard.only(customer, Work.COPIES):
                needed = needed_files(service, customer)
                for site in service.policy.sites:
                    for whose, listed in _files(holdings[site.name]):
                        if whose == customer and listed.name not in needed and listed.written_at < since.timestamp():
                            site.delete(listed.name)
                            done.removed.append(f"{site.name}: {listed.name}")
        except AlreadyWorking:
            continue
        except SiteError as error:
            done.failed.append(Failure(error.site, error.message))
        except BackupError as error:
            done.failed.append(Failure("", error.message))


def _files(holdings: Mapping[str, Listed]) -> Iterator[tuple[UUID, Listed]]:
    for name, listed in holdings.items():
        if name.startswith(f"{Kind.FILE.value}/") and _is_ours(name):
            yield customer_of(name), listed


def _is_ours(name: str) -> bool:
    try:
        checked(name, Kind.FILE)
    except BackupError:
        return False  # somebody else's file
    return True
