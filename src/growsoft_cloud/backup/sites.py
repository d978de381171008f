"""Sites: where copies lie. A site keeps objects under names that tell nothing, and is never believed."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import BinaryIO, NamedTuple, Protocol

from growsoft_cloud.backup.errors import BackupError
from growsoft_cloud.fleet.places import DataCentre

# A seal is found by whom it is about and its number in a row, a file by whose it is and a keyed hash of its bytes, WAL
# and base backups by their cluster and positions; everything else is named at random.
_NAME = re.compile(
    r"((archive|manifest)/[0-9a-f]{32}|file/[0-9a-f]{32}-[0-9a-f]{32}|seal/[0-9a-f]{32}-[0-9]{12}"
    r"|(wal|base)/[0-9a-f]{16}(-[0-9a-f]{8,16}){0,6})\Z"
)


class Kind(StrEnum):
    """What an object is, as far as anybody who reads its first bytes can tell."""

    ARCHIVE = "archive"
    MANIFEST = "manifest"
    FILE = "file"
    SEAL = "seal"
    WAL = "wal"
    BASE = "base"


class Listed(NamedTuple):
    """What a site says of an object: its name, length, and when it was written (seconds since 1970)."""

    name: str
    bytes: int
    written_at: float


class Writer(Protocol):
    """Takes the bytes of one object, in order."""

    def write(self, data: bytes, /) -> int:
        """Write all of `data` and return its length."""
        ...


class Site(Protocol):
    """One place that keeps objects. Nothing it says about an object counts; only what it returns, hashed by us.

    Every method raises `SiteError` when the site does not work, `ObjectMissing` for an object that it does not have.
    """

    @property
    def name(self) -> str:
        """What people call the site."""
        ...

    @property
    def data_centre(self) -> DataCentre:
        """Where it stands."""
        ...

    @property
    def simulated(self) -> bool:
        """Whether the data centre is only played, by a folder of this machine for example."""
        ...

    def create(self, name: str, /) -> AbstractContextManager[Writer]:
        """Write a new object: it is there when the block ends well, and not a byte of it is there otherwise.

        Raises `NameTaken` when there is one of this name: objects are never overwritten.
        """
        ...

    def open(self, name: str, /) -> BinaryIO:
        """Read an object from its medium, past any cache that can be passed."""
        ...

    def list(self, kind: Kind, /) -> list[str]:
        """Return the names of all objects of a kind, in no order that means anything."""
        ...

    def listed(self, kind: Kind, /) -> Iterator[Listed]:
        """Tell all objects of a kind with what the site says of them: good to find what is missing, no evidence."""
        ...

    def delete(self, name: str, /) -> None:
        """Remove an object; one that is not there is no error."""
        ...

    def free_space(self) -> int | None:
        """Return how many bytes fit, or None where nobody knows (an object store)."""
        ...

    def sweep(self) -> int:
        """Remove what writes that were interrupted a day ago or earlier left; return how many there were."""
        ...


def new_name(kind: Kind) -> str:
    """Return a name that was never used and tells nothing: 128 random bits."""
    return f"{kind.value}/{secrets.token_hex(16)}"


def checked(name: str, kind: Kind | None = None) -> str:
    """Return a name that came from outside, or refuse one that could be a path."""
    if not _NAME.match(name) or (kind is not None and not name.startswith(f"{kind.value}/")):
        raise BackupError(f"{name!r} is no object's name; this list or manifest was damaged.")
    return name
