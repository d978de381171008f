"""The world: the running system as checks see it. Whoever runs them gives it; nothing in it is a claim's own word."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeVar
from uuid import UUID

from growsoft.config import State
from growsoft.errors import GrowsoftError
from growsoft.orm import Registry
from growsoft.postgres.database import Database
from growsoft.security.keyring import WrappedKey

T = TypeVar("T")


class CannotCheck(GrowsoftError):
    """This could not be checked, so it counts as not met."""

    def __init__(self, evidence: str, todo: str) -> None:
        """Say why not, and what to do."""
        super().__init__(evidence)
        self.todo = todo


@dataclass(frozen=True, slots=True)
class Address:
    """Where the web is served, and the certificate authority by which its clients know it."""

    host: str
    port: int
    authority: Path


@dataclass(frozen=True, slots=True)
class Running:
    """What the supervisor says of its processes: how they are separated, and why so."""

    mode: Literal["separate", "one-user"]
    why: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the registry of databases; the control database, which has none, is given as one."""

    uuid: UUID
    pg_name: str
    state: str
    backup_key: WrappedKey | None
    control: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """A database that is served: the way in as its own login, the host it is served under, what its apps declare."""

    uuid: UUID
    host: str
    database: Database
    registry: Registry

    @property
    def told(self) -> str:
        """What evidence calls it."""
        return f"database {self.uuid}"


class World(Protocol):
    """Everything a check may ask. Each answer is gathered when it is asked for, and fails as what it asked fails."""

    @property
    def state(self) -> State:
        """Where the instance keeps what it has."""
        ...

    @property
    def running(self) -> Running:
        """What runs; raises ``CannotCheck`` when nothing does."""
        ...

    @property
    def web(self) -> Address:
        """Where the web is served."""
        ...

    @property
    def entries(self) -> Sequence[Entry]:
        """The registry, the control database first."""
        ...

    @property
    def subjects(self) -> Sequence[Subject]:
        """The databases that are served, the control database first."""
        ...

    @property
    def packages(self) -> Sequence[Path]:
        """The installed packages of the product, apps and claims of other distributions included."""
        ...

    @property
    def source(self) -> Path | None:
        """The source tree that this very product runs from, where it does."""
        ...

    def fingerprint(self, subject: Subject) -> str:
        """What the walls of a database must be, by the template of its apps; raises where there is none."""
        ...

    def seconds_left(self) -> float:
        """How long a check may still take."""
        ...


def each(world: World, subjects: Iterable[T], look: Callable[[T], Iterable[str]]) -> list[str]:
    """Look at one after the other and gather the problems; one that could not be looked at is a problem too.

    Raises ``CannotCheck`` when nothing is wrong so far and the time is over before all were looked at.
    """
    waiting = list(subjects)
    problems: list[str] = []
    for done, subject in enumerate(waiting):
        if world.seconds_left() <= 0:
            told = f"Only {done} of {len(waiting)} were looked at in the given time"
            if not problems:
                raise CannotCheck(f"{told}.", "Give it more time: growsoft trust verify CLAIM --seconds 600")
            return [*problems, told]
        problems += _looked(subject, look)
    return problems


def _looked(subject: T, look: Callable[[T], Iterable[str]]) -> Iterator[str]:
    # What was found before something failed counts all the same.
    try:
        yield from look(subject)
    except GrowsoftError as error:
        yield f"not all could be looked at: {error.message.rstrip('.')}"
