"""Places: continents, and the data centres on them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from growsoft.errors import ConfigError

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}\Z")
_COUNTRY = re.compile(r"[A-Z]{2}\Z")


class Continent(StrEnum):
    """The seven continents; a copy on another one survives what can happen to this one."""

    AFRICA = "Africa"
    ANTARCTICA = "Antarctica"
    ASIA = "Asia"
    EUROPE = "Europe"
    NORTH_AMERICA = "North America"
    OCEANIA = "Oceania"
    SOUTH_AMERICA = "South America"


@dataclass(frozen=True, slots=True)
class DataCentre:
    """One building of one provider: what fire, flood or a court takes away as a whole."""

    name: str
    continent: Continent
    city: str
    country: str
    provider: str = ""

    def __post_init__(self) -> None:
        """Refuse a name that could not stand in a command or a path, and a country that is no alpha-2 code."""
        if not _NAME.match(self.name):
            raise ConfigError(f"{self.name!r} cannot name a data centre; use lower-case letters, digits and -.")
        if not _COUNTRY.match(self.country):
            raise ConfigError(f"{self.country!r} is no country of {self.name}; give its two-letter code such as FR.")
        if not self.city.strip():
            raise ConfigError(f"The data centre {self.name} needs a city: its location is published.")


class Located(Protocol):
    """Whatever stands in a data centre: a backup site, a host, a cluster."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def data_centre(self) -> DataCentre:
        """Where it stands."""
        ...
