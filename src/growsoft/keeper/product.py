"""The product as the keeper sees it: what a set of apps declares about a database, and the records it brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from growsoft.orm import App, Env, Registry, load, open_env
from growsoft.orm.external import forget, load_files, sweep
from growsoft.orm.migrating import Bench, migrate
from growsoft.orm.overlaying import laid_over
from growsoft.postgres.database import Database
from growsoft.postgres.overlay import Declared
from growsoft.postgres.policies import Declarations


@dataclass(frozen=True, slots=True)
class Change:
    """Apps of a database with their versions, before and after; ``after`` is in the order of their dependencies.

    The files of ``named`` apps are loaded although their versions stay; demo files come in only with ``demo``.
    """

    before: Mapping[str, str]
    after: Mapping[str, str]
    named: frozenset[str] = frozenset()
    demo: bool = False

    @property
    def removed(self) -> tuple[str, ...]:
        """The apps that go."""
        return tuple(name for name in self.before if name not in self.after)

    @property
    def upgraded(self) -> tuple[str, ...]:
        """The apps that have another version afterwards."""
        return tuple(name for name in self.after if self.before.get(name, self.after[name]) != self.after[name])

    @property
    def touched(self) -> frozenset[str]:
        """The apps whose files are loaded."""
        new = (name for name in self.after if name not in self.before)
        return frozenset((*new, *self.upgraded, *self.named))


@dataclass(frozen=True, slots=True)
class Added:
    """What apps and an overlay declare together, and what of the overlay does not fit."""

    declarations: Declarations
    left_out: tuple[str, ...] = ()


class Product(Protocol):
    """The installed apps. Every answer holds the apps that were asked for and all they depend on."""

    def versions(self, apps: Sequence[str]) -> Mapping[str, str]:
        """Give the version of each app, which stands for its code and its records; raises for an unknown app."""
        ...

    def declarations(self, apps: Sequence[str]) -> Declarations:
        """Give what the apps declare."""
        ...

    def added(self, apps: Sequence[str], rows: Sequence[Declared]) -> Added:
        """Give what the apps declare together with what administrators added to one database."""
        ...

    def fill(self, database: Database, apps: Sequence[str]) -> None:
        """Write the apps' own records into an empty database."""
        ...

    def retire(self, change: Change, bench: Bench) -> list[str]:
        """Delete the records of the apps that go, while their tables are there; say which stay."""
        ...

    def before(self, change: Change, bench: Bench) -> None:
        """Run the migrations that come before the tables are brought to the new declarations."""
        ...

    def after(self, change: Change, bench: Bench) -> list[str]:
        """Bring the apps' records, run the migrations that come last, and say what people should know."""
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

    def added(self, apps: Sequence[str], rows: Sequence[Declared]) -> Added:
        """Validate each row once more, and lay what fits over the registry of the apps."""
        overlay, registry = laid_over(self._registry(apps), rows)
        return Added(registry.declarations, overlay.left_out)

    def fill(self, database: Database, apps: Sequence[str]) -> None:
        """Let each app write its records, in the order of their dependencies and all or nothing."""
        registry = self._registry(apps)
        door = database.elevated("the records that come with the apps", caller=__name__)
        with open_env(database, registry, door) as env:
            fill_empty(env)

    def retire(self, change: Change, bench: Bench) -> list[str]:
        """Delete the records of the apps that go, those of the last one first."""
        if not change.removed:
            return []
        registry = self._registry(tuple(change.before))
        gone = [info.name for info in registry.models.values() if info.app in change.removed]
        with bench.env(registry, "the records of apps that are uninstalled go") as env:
            return [
                note
                for app in reversed(registry.apps)
                if app.name in change.removed
                for note in forget(env, app.name, gone)
            ]

    def before(self, change: Change, bench: Bench) -> None:
        """Run the pre migrations of upgraded apps."""
        for app in self._registry(tuple(change.after)).apps:
            if app.name in change.upgraded:
                migrate(bench, app, change.before[app.name], "pre")

    def after(self, change: Change, bench: Bench) -> list[str]:
        """Load, run the post migrations, then delete what is in no file any more."""
        registry = self._registry(tuple(change.after))
        with bench.env(registry, "the records that come with the apps") as env:
            return _bring(env, change, bench)

    def _registry(self, apps: Sequence[str]) -> Registry:
        return load(apps, available=self._available)


def fill_empty(env: Env, *, demo: bool = False) -> None:
    """Let the apps of a registry write their records into an empty database, those of a demo only when asked to."""
    _bring(env, Change({}, env.registry.versions, demo=demo), None)


def _bring(env: Env, change: Change, bench: Bench | None) -> list[str]:
    """Bring the records of apps; migrations run where there is a ``bench``: an empty database has none to run."""
    apps = env.registry.apps
    for app in apps:
        if app.follow is not None:
            app.follow(env)
    seen: dict[str, set[str]] = {}
    for app in apps:
        if app.load is not None and app.name not in change.before:
            app.load(env)
        if app.name in change.touched:
            seen[app.name] = load_files(env, app, demo=change.demo).seen
        if app.name in change.upgraded and bench is not None:
            migrate(bench, app, change.before[app.name], "post", env)
    env.flush()
    return [note for name, ids in reversed(seen.items()) if name in change.before for note in sweep(env, name, ids)]
