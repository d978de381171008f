"""Handing files over: the attachments of a backup as their owner knows them, decrypted, with a list of what each is."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from growsoft.postgres.filerefs import FileReference
from growsoft.security.blobs import BlobDamaged, FileKeys, read_blob
from growsoft.security.envelope import KeyUnusable, WrappedKey
from growsoft.security.filefolder import FileFolder
from growsoft.security.keyring import Keyring
from growsoft.security.streams import StreamRefused

LIST: Final = "files.csv"

# What keeps a member of the archive: its name, its length in bytes, and its content.
Keep = Callable[[str, int, BinaryIO], None]

_COLUMNS: Final = ("file", "table", "column", "id", "name", "bytes")


@dataclass(slots=True)
class Handing:
    """Writes the files of a database, each once, and one line for every row that refers to one."""

    folder: FileFolder
    keys: FileKeys | None
    kept: dict[str, str] = field(default_factory=dict[str, str])
    missing: set[str] = field(default_factory=set[str])

    def write(self, rows: Iterable[FileReference], keep: Keep) -> str:
        """Keep all files; return the list. What is nowhere whole has no file in it, and is counted."""
        text = io.StringIO()
        lines = csv.writer(text, lineterminator="\n")
        lines.writerow(_COLUMNS)
        for row in rows:
            # What a spreadsheet would take for a formula is text (OWASP, CSV injection).
            name = f"'{row.name}" if row.name.startswith(("=", "+", "-", "@", "\t", "\r")) else row.name
            lines.writerow((self._file(row, keep), row.table, row.column, row.record, name, row.size))
        return text.getvalue()

    def _file(self, row: FileReference, keep: Keep) -> str:
        if row.address not in self.kept and row.address not in self.missing:
            with suppress(FileNotFoundError, BlobDamaged, StreamRefused):
                self._kept(row, keep)
                self.kept[row.address] = f"files/{row.address}"
            if row.address not in self.kept:
                self.missing.add(row.address)
        return self.kept.get(row.address, "")

    def _kept(self, row: FileReference, keep: Keep) -> None:
        if self.keys is None:
            raise BlobDamaged
        with self.folder.open(row.address) as source, read_blob(self.keys, row.address, row.size, source) as content:
            keep(f"files/{row.address}", row.size, content)


def opened(wrapped: Sequence[bytes], keyrings: Sequence[Keyring]) -> FileKeys | None:
    """Open the keys of a database's files; None where it has none. Raises ``KeyUnusable``."""
    for keyring in keyrings[:-1]:
        with suppress(KeyUnusable):
            return _opened(wrapped, keyring)
    return _opened(wrapped, keyrings[-1])


def _opened(wrapped: Sequence[bytes], keyring: Keyring) -> FileKeys | None:
    keys = keyring.worker_keys()
    return FileKeys([keys.open(WrappedKey.from_bytes(one)) for one in wrapped]) if wrapped else None
