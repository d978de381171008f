"""Seals of histories on the backup sites: small objects beside the backups, which nobody in a database can reach."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from growsoft.keeper.verbs import HistoryHead
from growsoft_cloud.backup.copies import Failure
from growsoft_cloud.backup.errors import SiteError
from growsoft_cloud.backup.named import keep_everywhere, numbers, read_everywhere, seal_name
from growsoft_cloud.backup.sites import Site

# Each seal decides all before it: the newest ones are enough, and more than one tells since when something is wrong.
MOST: Final = 50
# The note in a manifest: the number and the hash of the newest seal in that backup.
NOTE: Final = "audit_seal"


class Remembered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A seal as it lies on a site."""

    database: UUID
    number: int
    hash: str
    format: int = 1


class Kept(NamedTuple):
    """What the sites remember of a history, oldest first, and what could not be asked or does not agree."""

    heads: tuple[HistoryHead, ...]
    troubles: tuple[str, ...]


def keep_seal(sites: Sequence[Site], database: UUID, head: HistoryHead) -> tuple[Failure, ...]:
    """Write a seal to every site and read it back; again is no error. Give the sites that did not take it."""
    data = msgspec.json.encode(Remembered(database, head.number, head.hash))
    return tuple(keep_everywhere(sites, seal_name(database, head.number), data).failures)


def kept_seals(sites: Sequence[Site], database: UUID) -> Kept:
    """Read the newest seals of a database from every site. Where sites differ, neither is believed."""
    troubles: list[str] = []
    wanted: set[int] = set()
    for site in sites:
        try:
            wanted.update(numbers(site, database)[-MOST:])
        except SiteError as error:
            troubles.append(error.message)
    heads: list[HistoryHead] = []
    for number in sorted(wanted)[-MOST:]:
        head = _head(database, number, read_everywhere(sites, seal_name(database, number)).agreed())
        if head is None:
            troubles.append(f"The sites do not agree on seal {number}: one of them was changed.")
        else:
            heads.append(head)
    return Kept(tuple(heads), tuple(troubles))


def _head(database: UUID, number: int, data: bytes | None) -> HistoryHead | None:
    if data is None:
        return None
    try:
        kept = msgspec.json.decode(data, type=Remembered)
    except msgspec.MsgspecError:
        return None
    fits = (kept.database, kept.number, kept.format) == (database, number, 1)
    return HistoryHead(kept.number, kept.hash) if fits else None
