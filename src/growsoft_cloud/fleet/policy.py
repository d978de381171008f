"""Backup policy: how many backups are kept, and where; one that breaks the promise cannot be built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from growsoft.errors import ConfigError
from growsoft_cloud.fleet.places import DataCentre, Located

PlaceT = TypeVar("PlaceT", bound=Located)

# What the security policy promises (claims BK-1 and BK-2).
PROMISED_DAILY, PROMISED_WEEKLY, PROMISED_MONTHLY = 7, 4, 3
# Three months: the longest three of a year in a row have 92 days.
PROMISED_DAYS = 92
PROMISED_DATA_CENTRES = 3
PROMISED_CONTINENTS = 2
PROMISED_OUTSIDE = 2


class PolicyError(ConfigError):
    """This backup policy keeps less than what is promised; add sites or copies until it keeps that."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How many backups of each class are kept; together they never are fewer than the fourteen promised ones.

    `days` is how far they reach back at least, `extra_days` how long those are kept that somebody asked for.
    """

    daily: int = PROMISED_DAILY
    weekly: int = PROMISED_WEEKLY
    monthly: int = PROMISED_MONTHLY
    days: int = PROMISED_DAYS
    extra_days: int = PROMISED_DAILY

    def __post_init__(self) -> None:
        """Refuse to keep fewer than promised in any class, or for a shorter time."""
        promised = (PROMISED_DAILY, PROMISED_WEEKLY, PROMISED_MONTHLY)
        kept = (self.daily, self.weekly, self.monthly)
        if any(here < least for here, least in zip(kept, promised, strict=True)):
            raise PolicyError(
                f"{self.daily} daily, {self.weekly} weekly and {self.monthly} monthly backups are too few; "
                f"keep at least {PROMISED_DAILY}, {PROMISED_WEEKLY} and {PROMISED_MONTHLY}."
            )
        if self.days < PROMISED_DAYS or self.extra_days < 1:
            raise PolicyError(
                f"Backups for {self.days} days, and {self.extra_days} for those asked for, are too few; "
                f"keep them for at least {PROMISED_DAYS} and 1."
            )

    @property
    def longest_days(self) -> int:
        """An age in days that no backup reaches while none is missed: a month more than every class and the promise."""
        return max(self.days, self.daily + 7 * (self.weekly + 1) + 31 * (self.monthly + 1)) + 62


@dataclass(frozen=True, slots=True)
class BackupPolicy(Generic[PlaceT]):
    """What is kept of a database that runs in `production`, and at which sites: a tuple of at least three.

    The first site is the one a backup is written to; the others get copies of it.
    """

    retention: Retention
    sites: tuple[PlaceT, ...]
    production: DataCentre

    # Two sites in one data centre are lost together: so data centres are counted, never sites.
    def __post_init__(self) -> None:
        """Refuse sites that could be lost together."""
        centres = _centres(self.sites)
        _at_least(PROMISED_DATA_CENTRES, len(centres), "different data centres")
        _at_least(PROMISED_CONTINENTS, len({centre.continent for centre in centres.values()}), "continents")
        outside = len(set(centres) - {self.production.name})
        _at_least(PROMISED_OUTSIDE, outside, f"data centres other than {self.production.name}, where the database runs")


def _centres(sites: tuple[Located, ...]) -> dict[str, DataCentre]:
    """Return the data centres of sites by name; refuse a site or a data centre that is told in two ways."""
    centres: dict[str, DataCentre] = {}
    names: set[str] = set()
    for site in sites:
        if site.name in names:
            raise PolicyError(f"The site {site.name} is named twice; every copy needs a site of its own.")
        names.add(site.name)
        known = centres.setdefault(site.data_centre.name, site.data_centre)
        if known != site.data_centre:
            raise PolicyError(f"The data centre {known.name} is described in two ways; correct its entry.")
    return centres


def _at_least(promised: int, found: int, of_what: str) -> None:
    """Refuse fewer than promised."""
    if found < promised:
        raise PolicyError(f"These sites are in {found} {of_what}; backups are promised in at least {promised}.")
