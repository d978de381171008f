"""A folder of encrypted files as backups and copies see it: ciphertext by address, which nobody here can read."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from growsoft.security.filestore import ASIDE, READABLE, SHARED

_ADDRESS: Final = re.compile(r"[0-9a-f]{64}\Z")
_PIECE: Final = 1024 * 1024


class FileFolder:
    """The files of one database, as they lie on the disk; a ``FileStore`` over the same folder reads and writes them.

    Whoever acts here is the owner of the folder above (the keeper's user); what he makes, workers can read and replace.
    """

    def __init__(self, folder: Path) -> None:
        """``folder`` need not be there."""
        self.folder = folder

    def open(self, address: str) -> BinaryIO:
        """Open a file, also one that was put aside for deletion. Raises ``FileNotFoundError``."""
        try:
            return self._path(address).open("rb")
        except FileNotFoundError:
            return (self.folder / f"{ASIDE}{address}").open("rb")

    @contextmanager
    def writing(self, address: str) -> Generator[BinaryIO]:
        """Write a file that is there when the block ends well, in place of an older one, and not otherwise."""
        final = self._path(address)
        _make(self.folder)
        _make(final.parent)
        draft = self.folder / f"new-{secrets.token_hex(8)}"
        try:
            with draft.open("x+b") as file:
                os.fchmod(file.fileno(), READABLE)
                yield file
                file.flush()
                os.fsync(file.fileno())
            draft.replace(final)
        finally:
            draft.unlink(missing_ok=True)

    def settle(self) -> None:
        """Bring the entries of all folders to the disk, after all files were written."""
        for folder in (self.folder.parent, self.folder, *self.folder.glob("[0-9a-f][0-9a-f]")):
            with suppress(FileNotFoundError):
                descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)

    def copy_to(self, other: FileFolder) -> int:
        """Give another database all files of this one, linked where the system lets us; return their number."""
        copied = 0
        for path in self.folder.glob("[0-9a-f][0-9a-f]/*"):
            if _ADDRESS.match(path.name):
                other.take(path)
                copied += 1
        other.settle()
        return copied

    def take(self, path: Path) -> None:
        """Take a file of another folder. Files are never changed in place, so two folders may share one."""
        final = self._path(path.name)
        _make(self.folder)
        _make(final.parent)
        try:
            os.link(path, final)
        except OSError:  # another user's, or another disk
            with path.open("rb") as source, self.writing(path.name) as file:
                shutil.copyfileobj(source, file, _PIECE)

    def remove(self) -> None:
        """Remove the folder with all that is in it; again is no error."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, address: str) -> Path:
        if not _ADDRESS.match(address):
            raise ValueError(f"{address[:80]!r} is no address of a file")
        return self.folder / address[:2] / address


def _make(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(SHARED)
