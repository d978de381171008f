"""Base backups at the sites: full ones, and incremental ones that need those before them. Names are the catalogue.

A base backup is two objects: the files (`...-id`), and its description under a name that says everything, which is
written last. So what is only half there is never listed.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, Self

import msgspec

from growsoft_cloud.backup.errors import BackupError, ManifestError
from growsoft_cloud.backup.manifest import StoredObject

FULL_EVERY: Final = timedelta(days=7)
BASE_EVERY: Final = timedelta(days=1)

_NAME = re.compile(
    r"base/([0-9a-f]{16})-([0-9a-f]{16})-([0-9a-f]{16})-([0-9a-f]{8})-([0-9a-f]{16})-([0-9a-f]{16})-([0-9a-f]{12})\Z"
)
_UNIX = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


class NoBase(BackupError):
    """No base backup is older than this moment; choose a later one."""


class Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What only the keys show: the object of the files, how many bytes they are, and PostgreSQL's own manifest."""

    files: StoredObject
    bytes: int
    server_version: int
    manifest: str


@dataclass(frozen=True, slots=True)
class Base:
    """A base backup that was complete at `taken`; it needs WAL of `timeline` from `start` up to `end` at least.

    `parent` is the id of the one that it is a difference to, or empty.
    """

    system: str
    id: str
    parent: str
    timeline: int
    start: int
    end: int
    taken: datetime

    @property
    def name(self) -> str:
        """The name of the description."""
        taken = int((self.taken - _UNIX) / _MILLISECOND)
        return (
            f"{files_name(self.system, self.id)}-{self.parent or '0' * 16}-{self.timeline:08x}"
            f"-{self.start:016x}-{self.end:016x}-{taken:012x}"
        )

    @classmethod
    def read(cls, name: str) -> Self | None:
        """Read a name; None for one that is no description's."""
        found = _NAME.match(name)
        if found is None:
            return None
        system, own, parent, timeline, start, end, taken = found.groups()
        moment = _UNIX + int(taken, 16) * _MILLISECOND
        before = "" if int(parent, 16) == 0 else parent
        return cls(str(int(system, 16)), own, before, int(timeline, 16), int(start, 16), int(end, 16), moment)


def files_name(system: str, id_: str) -> str:
    """Return the name of the files of a base backup."""
    return f"base/{int(system):016x}-{id_}"


def new_id() -> str:
    """Return an id that was never used."""
    return secrets.token_hex(8)


def describe(data: bytes) -> Description:
    """Read a description; raises `ManifestError`."""
    try:
        return msgspec.json.decode(data, type=Description)
    except msgspec.DecodeError as error:
        raise ManifestError(f"This base backup is described in a way that cannot be read: {error}") from error


def listed(names: Iterable[str], system: str) -> list[Base]:
    """Return the base backups of a cluster whose files and description a site says it has, the oldest first."""
    there = set(names)
    found = (Base.read(name) for name in there)
    ours = [base for base in found if base is not None and base.system == system]
    return sorted((base for base in ours if files_name(system, base.id) in there), key=lambda base: base.taken)


def chain(base: Base, known: Mapping[str, Base]) -> list[Base] | None:
    """Return a base backup with all that it is a difference to, the full one first; None when one is missing."""
    found = [base]
    while found[0].parent:
        parent = known.get(found[0].parent)
        if parent is None:
            return None
        found.insert(0, parent)
    return found


def before(bases: Sequence[Base], moment: datetime) -> list[Base]:
    """Return the chain of the newest base backup that was complete at a moment; raises `NoBase`."""
    known = {base.id: base for base in bases}
    for base in sorted(bases, key=lambda one: one.taken, reverse=True):
        if base.taken <= moment and (found := chain(base, known)) is not None:
            return found
    oldest = min((base.taken for base in bases if chain(base, known) is not None), default=None)
    if oldest is None:
        raise NoBase("There is no whole base backup yet; the first one is taken within minutes of a start.")
    raise NoBase(
        f"No base backup is older than {moment:%Y-%m-%d %H:%M:%SZ}; moments since {oldest:%Y-%m-%d %H:%M:%SZ} can be"
        " restored."
    )


def needed(bases: Sequence[Base], since: datetime) -> list[Base]:
    """Return what is needed to restore any moment since then: a pure function, asked again it says the same."""
    known = {base.id: base for base in bases}
    whole = [base for base in bases if chain(base, known) is not None]
    old = max((base for base in whole if base.taken <= since), key=lambda base: base.taken, default=None)
    wanted = [base for base in whole if old is None or base.taken >= old.taken]
    kept = {one.id for base in wanted for one in chain(base, known) or ()}
    return [base for base in bases if base.id in kept]


class Wanted(NamedTuple):
    """A base backup that is due: a full one, or the difference to `parent`."""

    parent: Base | None = None


def due(bases: Sequence[Base], gap_at: datetime | None, now: datetime) -> Wanted | None:
    """Return what is due, if anything; what was taken before a gap in the WAL leads nowhere behind it."""
    known = {base.id: base for base in bases}
    after = [
        base for base in bases if chain(base, known) is not None and (gap_at is None or base.taken > gap_at)
    ]  # fmt: skip
    full = max((base.taken for base in after if not base.parent), default=None)
    if full is None or now - full >= FULL_EVERY:
        return Wanted()
    newest = max(after, key=lambda base: base.taken)
    return Wanted(newest) if now - newest.taken >= BASE_EVERY else None
