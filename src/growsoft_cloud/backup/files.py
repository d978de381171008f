"""Files of a database in its backups: each lies at a site once, as ciphertext, and each backup lists all of its own.

A list lies beside the archive, sealed under the same key. What it names is never another thing: an object's name is a
keyed hash of its bytes, so a file that a site has from an earlier backup need not be sent again.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import BinaryIO, Final
from uuid import UUID

import msgspec

from growsoft.security.filefolder import FileFolder
from growsoft_cloud.backup.archive import Digest, Hashed, chunks, pack_bytes, unpack_bytes
from growsoft_cloud.backup.copies import Failure, Small, made_good, prove, proven_pieces, transfer
from growsoft_cloud.backup.errors import ManifestError, SiteError
from growsoft_cloud.backup.manifest import FileList, Sha256, StoredObject, associated_data
from growsoft_cloud.backup.sites import Kind, Site, new_name

_ADDRESS_BYTES: Final = 32

# Who a failure is about that no site is to blame for.
STORAGE: Final = "files"


class FileEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file: its address in the database's columns and storage, and the object that holds its ciphertext."""

    address: Sha256
    stored: StoredObject


class FileIndex(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All files that a dump refers to; `missing` are addresses of which there was no file any more."""

    files: tuple[FileEntry, ...] = ()
    missing: tuple[Sha256, ...] = ()

    @property
    def objects(self) -> tuple[StoredObject, ...]:
        """The objects, in the order of the addresses."""
        return tuple(entry.stored for entry in self.files)


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an earlier backup of the same database kept, and since when its copy at each site is proven."""

    index: FileIndex = field(default_factory=FileIndex)
    proven: Mapping[str, datetime] = field(default_factory=dict[str, datetime])

    def at(self, site: Site) -> frozenset[str]:
        """Return the names of the objects that a site is known to have."""
        return frozenset(stored.name for stored in self.index.objects if site.name in self.proven)


def file_name(customer: UUID, naming_key: bytes, sha256: str) -> str:
    """Return the name of an object: whose it is, as on his manifests, and a keyed hash of its bytes."""
    return f"{prefix_of(customer)}{hmac.digest(naming_key, bytes.fromhex(sha256), 'sha256')[:16].hex()}"


def prefix_of(customer: UUID) -> str:
    """Return how the names of all files of a customer begin."""
    return f"{Kind.FILE.value}/{customer.hex}-"


def customer_of(name: str) -> UUID:
    """Return whose file an object is."""
    return UUID(name.partition("/")[2].partition("-")[0])


@dataclass(frozen=True, slots=True)
class Gathering:
    """Brings all files that a dump refers to, to a first site."""

    site: Site
    others: Sequence[Site]
    folder: FileFolder | None
    name: Callable[[str], str]
    earlier: Earlier

    def gather(self, addresses: bytes) -> FileIndex:
        """Store what the site lacks, each copy read back; raises `SiteError`. `addresses` has 32 bytes for each."""
        known = {entry.address: entry.stored for entry in self.earlier.index.files}
        there = self.earlier.at(self.site)
        files: list[FileEntry] = []
        missing: list[str] = []
        for address in _addresses(addresses):
            stored = known.get(address)
            if stored is None or stored.name not in there:
                stored = self._stored(address, stored)
            if stored is None:
                missing.append(address)
            else:
                files.append(FileEntry(address, stored))
        return FileIndex(tuple(files), tuple(missing))

    def _stored(self, address: str, known: StoredObject | None) -> StoredObject | None:
        """Store one file from the storage, or from another site where only an earlier backup has it still."""
        try:
            opened = None if self.folder is None else self.folder.open(address)
        except FileNotFoundError:
            opened = None
        if opened is None:
            return None if known is None else self._found_again(known)
        with opened as file:
            found = _hashed(file)
            stored = StoredObject(self.name(found.sha256), found.bytes, found.sha256)
            made_good(self.site, stored, partial(self._sent, file, stored))
            return stored

    def _sent(self, file: BinaryIO, stored: StoredObject) -> None:
        file.seek(0)
        with self.site.create(stored.name) as writer:
            for piece in chunks(file):
                writer.write(piece)
        prove(self.site, stored)

    def _found_again(self, known: StoredObject) -> StoredObject | None:
        for source in (self.site, *self.others):
            with suppress(SiteError):
                if source is self.site:
                    prove(source, known)
                else:
                    made_good(self.site, known, partial(transfer, source, self.site, known))
                return known
        return None


def seal_index(index: FileIndex, data_key: bytes, backup: UUID) -> tuple[FileList, Small]:
    """Return what a manifest says of a list of files, and the object that holds it."""
    data = pack_bytes(msgspec.json.encode(index), data_key, associated_data("files", backup))
    stored = StoredObject(new_name(Kind.ARCHIVE), len(data), hashlib.sha256(data).hexdigest())
    told = FileList(stored, len(index.files), sum(stored.bytes for stored in index.objects), len(index.missing))
    return told, Small(stored, data)


def open_index(data: bytes, data_key: bytes, backup: UUID) -> FileIndex:
    """Read a list of files; raises `ArchiveError` and `ManifestError`."""
    plain = unpack_bytes(data, data_key, associated_data("files", backup))
    try:
        return msgspec.json.decode(plain, type=FileIndex)
    except msgspec.DecodeError as error:
        raise ManifestError(f"This list of files cannot be used ({error}); take it from another site.") from error


@dataclass
class Return:
    """Brings the files of a backup back from the sites, into a folder or, for a trial, only past our eyes."""

    sites: Sequence[Site]
    folder: FileFolder | None
    damaged: dict[str, Failure] = field(default_factory=dict[str, Failure])

    def bring(self, index: FileIndex) -> list[str]:
        """Bring all of them; return the addresses of those that no site has whole."""
        lost = [entry.address for entry in index.files if not self._brought(entry)]
        if self.folder is not None and index.files:
            self.folder.settle()
        return lost

    def _brought(self, entry: FileEntry) -> bool:
        for site in self.sites:
            try:
                self._copied(site, entry)
            except SiteError as error:
                self.damaged.setdefault(site.name, Failure(site.name, error.message))
            else:
                return True
        return False

    def _copied(self, site: Site, entry: FileEntry) -> None:
        if self.folder is None:
            prove(site, entry.stored)
            return
        with site.open(entry.stored.name) as source, self.folder.writing(entry.address) as file:
            for piece in proven_pieces(site, source, entry.stored, None):
                file.write(piece)


def _addresses(packed: bytes) -> Iterator[str]:
    for start in range(0, len(packed), _ADDRESS_BYTES):
        yield packed[start : start + _ADDRESS_BYTES].hex()


def _hashed(file: BinaryIO) -> Hashed:
    digest = Digest()
    for piece in chunks(file):
        digest.update(piece)
    return digest.value()
