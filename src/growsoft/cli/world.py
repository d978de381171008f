"""The world of `growsoft trust`: the running instance, asked anew for everything that a check wants to know."""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal
from uuid import UUID

import growsoft
from growsoft.apps.instance.directory import Located, located
from growsoft.cli import background
from growsoft.cli.instance import Instance, open_instance
from growsoft.config import Settings, State
from growsoft.keeper.templates import template_name
from growsoft.orm import load
from growsoft.postgres.keeper import KeeperError
from growsoft.postgres.local import LOOPBACK
from growsoft.security.envelope import keys_from_text
from growsoft.trust.world import Address, CannotCheck, Entry, Running, Subject

START_IT: Final = "Start it: growsoft up"

# Every group by which a distribution brings code of its own into the product.
_GROUPS: Final = (
    "growsoft.apps", "growsoft.backup_before", "growsoft.claims", "growsoft.commands", "growsoft.db_commands",
    "growsoft.setup",
)  # fmt: skip
_EVERYWHERE: Final = frozenset(("0.0.0.0", "::"))  # noqa: S104  # nosec B104 - compared with, never listened on


@dataclass
class InstanceWorld:
    """A ``World`` over an instance that is open; the cloud's checks find the instance in it."""

    instance: Instance
    is_running: bool
    deadline: float

    @property
    def state(self) -> State:
        """Where the instance keeps what it has."""
        return self.instance.state

    @property
    def running(self) -> Running:
        """What the supervisor says of its processes, while it runs."""
        told = self._told()
        mode: Literal["separate", "one-user"] = "separate" if told["mode"] == "separate" else "one-user"
        return Running(mode, str(told["why"]))

    @property
    def web(self) -> Address:
        """Where the running supervisor listens."""
        bind = self.instance.settings.bind
        host = LOOPBACK if bind in _EVERYWHERE else bind
        return Address(host, int(str(self._told()["port"])), self.state.ca / "ca.pem")

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The registry, the control database first."""
        return self._entries

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """The databases that are served, the control database first."""
        return self._subjects

    @property
    def packages(self) -> tuple[Path, ...]:
        """The packages that the product is made of."""
        return self._packages

    @property
    def source(self) -> Path | None:
        """The source tree that this process was imported from."""
        return source_tree()

    def fingerprint(self, subject: Subject) -> str:
        """What the walls of a database must be, by the keeper's template of its apps."""
        wanted = template_name(subject.registry.versions, subject.registry.declarations)
        if wanted in self._templates:
            return self._templates[wanted]
        raise CannotCheck(
            f"There is no template for the apps of {subject.told}, so nothing to compare it with.",
            "Let its apps be upgraded: growsoft up",
        )

    def seconds_left(self) -> float:
        """How long a check may still take."""
        return self.deadline - time.monotonic()

    @cached_property
    def _entries(self) -> tuple[Entry, ...]:
        control = self.instance.facts.control
        with self.instance.env(control, "the registry is compared with the cluster") as env:
            rows = env["instance.database"].search_read([], ["uuid", "pg_name", "state", "backup_key"], order="id")
        first = Entry(control.uuid, control.pg_name, "active", None, control=True)
        return (first, *(_entry(row) for row in rows))

    @cached_property
    def _subjects(self) -> tuple[Subject, ...]:
        control = self.instance.facts.control
        with self.instance.env(control, "databases are looked up for a check of the claims") as env:
            rows = env["instance.database"].search_read(
                [["state", "=", "active"]], ["name", "uuid", "pg_name", "key_id", "apps"], order="id"
            )
        return tuple(self._subject(where) for where in (control, *map(located, rows)))

    @cached_property
    def _packages(self) -> tuple[Path, ...]:
        names = {entry.module.partition(".")[0] for group in _GROUPS for entry in entry_points(group=group)}
        specs = [find_spec(name) for name in sorted(names | {"growsoft"})]
        return tuple(
            Path(place) for spec in specs if spec is not None for place in spec.submodule_search_locations or ()
        )

    @cached_property
    def _templates(self) -> dict[str, str]:
        try:
            with self.instance.keeper() as keeper:
                return {entry.name: entry.fingerprint for entry in keeper.list_cluster().templates}
        except KeeperError as error:
            raise CannotCheck(f"The keeper did not answer: {error.message}", START_IT) from error

    def _subject(self, where: Located) -> Subject:
        host = "localhost" if where == self.instance.facts.control else f"{where.name}.localhost"
        return Subject(where.uuid, host, self.instance.database(where), load(where.apps))

    def _told(self) -> dict[str, object]:
        if not self.is_running:
            raise CannotCheck("Growsoft does not run in this home.", START_IT)
        told: dict[str, object] = json.loads(self.state.up.read_text(encoding="utf-8"))
        return told


@contextmanager
def open_world(settings: Settings, seconds: float) -> Generator[InstanceWorld]:
    """Open the instance of some settings as a world; as root this process becomes the keeper's user."""
    # Before that: the supervisor's lock belongs to whoever started it.
    is_running = background.running(settings.state()) is not None
    with open_instance(settings) as instance:
        yield InstanceWorld(instance, is_running, time.monotonic() + seconds)


def source_tree() -> Path | None:
    """Return the source tree of the very package that runs, None for an installed product."""
    root = Path(growsoft.__file__).resolve().parents[2]
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text("utf-8")).get("project", {})
    except (OSError, tomllib.TOMLDecodeError):
        return None
    is_ours = project.get("name") == "growsoft" and root / "src" in Path(growsoft.__file__).resolve().parents
    return root if is_ours and (root / "tests").is_dir() else None


def _entry(row: dict[str, object]) -> Entry:
    keys = keys_from_text(str(row["backup_key"] or ""))
    return Entry(
        UUID(str(row["uuid"])),
        str(row["pg_name"]),
        str(row["state"]),
        keys[0] if keys else None,
    )
