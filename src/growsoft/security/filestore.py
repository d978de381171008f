"""A folder of encrypted files by address: written whole or not at all, and swept when nothing refers to them."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from growsoft.errors import MissingError
from growsoft.security.blobs import BlobKeyUnknown, FileKeys, read_blob, read_blob_part, write_blob

_ADDRESS: Final = re.compile(r"[0-9a-f]{64}\Z")
# The workers and the keeper's user both read and write here; nobody else passes the folder above, which is theirs.
READABLE: Final = 0o644
SHARED: Final = 0o777
# A file is written before the row that refers to it is committed, and a dump may still name one that no row refers to
# any more: for so long nothing is swept, and what is swept is only put aside.
GRACE: Final = 48 * 3600.0  # seconds
# What is put aside is kept for a day more than the week within which any moment can be restored.
KEPT_ASIDE: Final = 8 * 24 * 3600.0  # seconds
ASIDE: Final = "aside-"


class FileStore:
    """The files of one customer. ``keys`` is asked when the first one is read or written."""

    def __init__(self, folder: Path, keys: Callable[[], FileKeys]) -> None:
        """``folder`` is made with the first file."""
        self.folder = folder
        self._ask = keys
        self._keys: FileKeys | None = None

    def put(self, source: BinaryIO, limit: int) -> tuple[str, int]:
        """Keep content of at most ``limit`` bytes; give its address and size. Raises ``ValueError`` beyond.

        The same content is kept once.
        """
        self._make(self.folder)
        temporary = self.folder / f"new-{secrets.token_hex(8)}"
        try:
            with temporary.open("x+b") as file:
                os.fchmod(file.fileno(), READABLE)
                address, size = write_blob(self._opened(), source, file, limit)
                file.flush()
                os.fsync(file.fileno())
            self._place(temporary, address)
        finally:
            temporary.unlink(missing_ok=True)
        return address, size

    @contextmanager
    def reading(self, address: str, size: int) -> Generator[BinaryIO]:
        """Open content. Raises ``MissingError`` and ``BlobDamaged``."""
        try:
            source = self.path(address).open("rb")
        except FileNotFoundError:
            raise MissingError("This file is missing from the storage; ask your administrator.") from None
        with source, self._content(address, size, source) as content:
            yield content

    def part(self, address: str, size: int, part: range) -> Generator[bytes]:
        """Give a part of content, in pieces. Raises ``MissingError``, ``BlobDamaged`` and ``StreamRefused``."""
        try:
            source = self.path(address).open("rb")
        except FileNotFoundError:
            raise MissingError("This file is missing from the storage; ask your administrator.") from None
        with source:
            yield from read_blob_part(self._opened(), address, size, source, part)

    def forget(self, address: str) -> None:
        """Delete a file at once that no record refers to; again is no error."""
        self.path(address).unlink(missing_ok=True)

    def path(self, address: str) -> Path:
        """Give where a file lies. Raises ``ValueError`` for what is no address."""
        if not _ADDRESS.match(address):
            raise ValueError(f"{address[:80]!r} is no address of a file")
        return self.folder / address[:2] / address

    def addresses(self) -> Iterator[str]:
        """Give the addresses of all files there are."""
        for path in self.folder.glob("[0-9a-f][0-9a-f]/*"):
            if _ADDRESS.match(path.name):
                yield path.name

    def sweep(
        self, referred: Collection[str], *, now: float | None = None, grace: float = GRACE, aside: float = KEPT_ASIDE
    ) -> int:
        """Put aside what nothing refers to and nobody has written for ``grace`` seconds; give how many those were.

        What was put aside ``aside`` seconds ago is deleted, and so are interrupted uploads after ``grace``: a backup or
        a restored moment that still has the record finds its files for all that time.
        """
        moment = time.time() if now is None else now
        uploads = [path for path in self.folder.glob("new-*") if _age(path) < moment - grace]
        for path in (*uploads, *(path for path in self.folder.glob(f"{ASIDE}*") if _age(path) < moment - aside)):
            path.unlink(missing_ok=True)
        left = [path for address in self.addresses() if address not in referred for path in [self.path(address)]]
        gone = [path for path in left if _age(path) < moment - grace]
        for path in gone:
            _put_aside(path, self.folder / f"{ASIDE}{path.name}", moment)
        return len(gone) + len(uploads)

    def _content(self, address: str, size: int, source: BinaryIO) -> BinaryIO:
        try:
            return read_blob(self._opened(), address, size, source)
        except BlobKeyUnknown:  # a key may have been added since this process asked
            self._keys = None
            source.seek(0)
            return read_blob(self._opened(), address, size, source)

    def _place(self, temporary: Path, address: str) -> None:
        final = self.path(address)
        self._make(final.parent)
        # Another user's cannot be touched, as after a restore, but be replaced by the same content.
        with suppress(FileNotFoundError, PermissionError):
            os.utime(final)  # in use again, so no sweep may take it
            return
        temporary.replace(final)
        _sync(final.parent)

    def _opened(self) -> FileKeys:
        if self._keys is None:
            self._keys = self._ask()
        return self._keys

    @staticmethod
    def _make(folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            with suppress(PermissionError):  # another worker was first
                folder.chmod(SHARED)


def _put_aside(path: Path, aside: Path, moment: float) -> None:
    """Move a file out of the way under a new time; of another user's a copy is put there, which has its own."""
    try:
        os.utime(path, (moment, moment))
        path.replace(aside)
    except PermissionError:
        shutil.copyfile(path, aside)
        path.unlink()


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
