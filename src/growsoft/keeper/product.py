"""The product as the keeper sees it: what a set of apps declares about a database, and the records it brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from growsoft.orm import App, Registry, load, open_env
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


class InstalledApps:
    """The product made of the apps of all installed distributions."""

    def __init__(self, available: Mapping[str, App] | None = None) -> None:
        """Take other apps than the installed ones, for tests."""
        self._available = available

    def versions(self, apps: Sequence[str]) -> Mapping[str, str]:
        """Give the version of each app."""
        return self._registry(apps).versions

    def declarations(self, apps: Sequence[str]) -> Declarations:
        """Give what the apps declare."""
        return self._registry(apps).declarations

    def fill(self, database: Database, apps: Sequence[str]) -> None:
        """Let each app write its records, in the order of their dependencies and all or nothing."""
        registry = self._registry(apps)
        door = database.elevated("the records that come with the apps", caller=__name__)
        with open_env(database, registry, door) as env:
            for app in registry.apps:
                if app.load is not None:
                    app.load(env)

    def _registry(self, apps: Sequence[str]) -> Registry:
        return load(apps, available=self._available)
