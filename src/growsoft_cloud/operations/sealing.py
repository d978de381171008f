"""Every hour each history's newest seal goes to the sites, so that at most an hour of it could be rewritten unseen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from growsoft.errors import GrowsoftError
from growsoft.keeper.port import Port
from growsoft_cloud.backup.manifest import Subject
from growsoft_cloud.backup.seals import keep_seal
from growsoft_cloud.backup.sites import Site


def keep_seals(keeper: Port, databases: Iterable[Subject], sites: Sequence[Site]) -> Iterator[str]:
    """Seal each history and let every site remember it; give what went wrong. One database does not stop the others."""
    for database in databases:
        try:
            head = keeper.seal_history(database.postgres_name).head
        except GrowsoftError as error:
            yield f"{database.name}: {error.message}"
            continue
        for failure in () if head is None else keep_seal(sites, database.uuid, head):
            yield f"{database.name}: {failure.reason}"
