"""The product as the keeper sees it: what a set of apps declares about a database, and the records it brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from growsoft.postgres.database import Database
from growsoft.postgres.policies import Declarations


class Product(Protocol):
    """The installed apps. Every answer holds the apps that were asked for and all they depend on."""

    def versions(self, apps: Sequence[str]) -> Mapping[str, str]:
        """Give the version of each app, which stands for its code and its records; raises for an unknown app."""
        ...

    def declarations(self, apps: Sequence[str]) -> Declarations:
        """Give what the apps declare."""
        ...

    def fill(self, database: Database, apps: Sequence[str]) -> None:
        """Write the apps' own records into an empty database."""
        ...
