"""A small world for the checks of claims: real databases and servers, without an instance around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from growsoft.config import State
from growsoft.postgres.check import fingerprint
from growsoft.postgres.context import LoginDoor
from growsoft.trust.world import Address, CannotCheck, Entry, Running, Subject
from tests.support.shop import Shop


@dataclass
class SmallWorld:
    """A ``World`` of what a test puts into it; what it did not put there cannot be checked."""

    subjects: Sequence[Subject] = ()
    entries: Sequence[Entry] = ()
    packages: Sequence[Path] = ()
    source: Path | None = None
    running: Running = field(default_factory=lambda: Running("separate", ""))
    address: Address | None = None
    fingerprints: Mapping[UUID, str] = field(default_factory=dict[UUID, str])
    seconds: float = 60.0

    @property
    def state(self) -> State:
        """Nothing lies anywhere."""
        raise CannotCheck("There is no state.", "Nothing.")

    @property
    def web(self) -> Address:
        """Where the server under test listens."""
        if self.address is None:
            raise CannotCheck("There is no server.", "Nothing.")
        return self.address

    def fingerprint(self, subject: Subject) -> str:
        """What the walls were before the test did something to them."""
        return self.fingerprints[subject.uuid]

    def seconds_left(self) -> float:
        """How long a check may still take."""
        return self.seconds


def subject_of(shop: Shop) -> Subject:
    """Return a shop as a database that is served."""
    return Subject(shop.database.uuid, "shop.localhost", shop.database, shop.registry)


def world_of(*shops: Shop) -> SmallWorld:
    """Return a world of shops whose walls are as they are now."""
    subjects = [subject_of(shop) for shop in shops]
    return SmallWorld(subjects, fingerprints={subject.uuid: walls_of(subject) for subject in subjects})


def walls_of(subject: Subject) -> str:
    """Return the fingerprint of a database as it is."""
    with subject.database.transaction(LoginDoor(), "read") as transaction:
        return fingerprint(transaction)
