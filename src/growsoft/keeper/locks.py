"""Locks: the verbs of one database wait for each other where they race, and for nothing else."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from growsoft.postgres.keeper import DatabaseBusy


@dataclass(slots=True)
class _Use:
    """How many verbs are at work with a name: `shared` of them beside each other, or one alone."""

    shared: int = 0
    alone: bool = False


class Locks:
    """One lock for each name. Invariant: whoever holds a name alone is the only holder of it.

    Reading verbs (a dump, a profile) share a name; what makes, changes or drops a database has it alone. Waiting ends
    with `DatabaseBusy`: a dump can take an hour, and nobody may hang behind it.
    """

    def __init__(self) -> None:
        self._uses: dict[str, _Use] = {}
        self._changed = threading.Condition()

    @contextmanager
    def shared(self, name: str, patience: float) -> Generator[None]:
        """Hold a name beside others who share it; wait `patience` seconds at most."""
        self._take(name, patience, alone=False)
        try:
            yield
        finally:
            self._release(name, alone=False)

    @contextmanager
    def alone(self, name: str, patience: float) -> Generator[None]:
        """Hold a name alone; wait `patience` seconds at most."""
        self._take(name, patience, alone=True)
        try:
            yield
        finally:
            self._release(name, alone=True)

    @property
    def names(self) -> frozenset[str]:
        """The names that somebody holds."""
        with self._changed:
            return frozenset(self._uses)

    def _take(self, name: str, patience: float, *, alone: bool) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: self._is_free(name, alone=alone), max(patience, 0)):
                raise DatabaseBusy
            use = self._uses.setdefault(name, _Use())
            use.alone = alone
            use.shared += not alone

    def _is_free(self, name: str, *, alone: bool) -> bool:
        use = self._uses.get(name)
        return use is None or not (alone or use.alone)

    def _release(self, name: str, *, alone: bool) -> None:
        with self._changed:
            use = self._uses[name]
            use.shared -= not alone
            if not use.shared:
                del self._uses[name]
            self._changed.notify_all()
