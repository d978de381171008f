"""Where seals of histories are remembered outside of the database; other distributions bring such places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Final, Protocol
from uuid import UUID

from growsoft.cli.instance import Instance
from growsoft.keeper.verbs import HistoryHead

# By this group a distribution names a function that takes an open instance and gives a ``SealStore``.
GROUP: Final = "growsoft.seal_stores"


@dataclass(frozen=True, slots=True)
class Known:
    """What is remembered of a history, oldest first, and what could not be asked or does not agree."""

    heads: tuple[HistoryHead, ...] = ()
    troubles: tuple[str, ...] = ()


class SealStore(Protocol):
    """Remembers seals where nobody who changes the database can change them, too."""

    def known(self, database: UUID, /) -> Known:
        """Give what is remembered of a database."""
        ...

    def keep(self, database: UUID, head: HistoryHead, /) -> Sequence[str]:
        """Remember a seal; give a sentence for each place that did not take it."""
        ...


def seal_stores(instance: Instance) -> list[SealStore]:
    """Find the stores of all installed distributions."""
    return [entry.load()(instance) for entry in entry_points(group=GROUP)]


def known_seals(instance: Instance, database: UUID) -> Known:
    """Ask all stores."""
    found = [store.known(database) for store in seal_stores(instance)]
    return Known(
        tuple(head for known in found for head in known.heads),
        tuple(trouble for known in found for trouble in known.troubles),
    )


def keep_seal(instance: Instance, database: UUID, head: HistoryHead) -> list[str]:
    """Let all stores remember a seal; give what went wrong."""
    return [trouble for store in seal_stores(instance) for trouble in store.keep(database, head)]
