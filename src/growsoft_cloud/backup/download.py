"""Downloads: a backup as one file that stock tools restore, without anything that signs somebody in.

A stored archive holds what a database needs to go on, verifiers and second factors included, and a dump cannot be cut
afterwards. So the backup is restored into a cluster of its own, which proves it once more, and dumped again from there.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final, Protocol
from uuid import UUID

import msgspec

from growsoft.postgres.dump import DumpFacts
from growsoft.postgres.filerefs import FileReference
from growsoft.security.blobs import BlobDamaged, FileKeys
from growsoft.security.filefolder import FileFolder
from growsoft_cloud.backup.archive import Digest, Hashed, chunks
from growsoft_cloud.backup.cluster import Cluster
from growsoft_cloud.backup.errors import BackupError
from growsoft_cloud.backup.handing import LIST, Handing, opened
from growsoft_cloud.backup.manifest import Manifest
from growsoft_cloud.backup.pipes import written_by
from growsoft_cloud.backup.progress import Listener
from growsoft_cloud.backup.restore import new_target, restore
from growsoft_cloud.backup.service import BackupService

_BLOCK: Final = tarfile.BLOCKSIZE

_README: Final = """\
{folder}: the database {name} as it was at {taken} (UTC).

You need PostgreSQL {major} or later (its usual tools psql, createdb and pg_restore, with its contrib modules) and a
superuser of it. Nothing of Growsoft is needed. In this folder, after you unpacked it:

    sha256sum --check SHA256SUMS
    createdb --template=template0 --encoding={encoding} {locale} NEW
    psql --set=ON_ERROR_STOP=1 --dbname=NEW --file=roles.sql
    pg_restore --exit-on-error --dbname=NEW database.dump

Attached files lie in files/, decrypted. files.csv says of each to which row of which table it belongs, and its name.

roles.sql makes the roles that the database's policies name. Nobody can sign in as one of them, none has a password, and
it can be run again. As a superuser you read every table; the policies hold for everybody else.

What is not in it: passwords' verifiers, second factors, sessions, sign-in links and keys. The history of changes
(gs_priv.audit, with its seals in gs_priv.seal) is. Rows: {rows}.{files}
"""


class NotForDownload(BackupError):
    """The control database holds the keys of all customers; it is restored, never handed out."""


class Source(Cluster, Protocol):
    """A cluster of its own that can also write out what was restored into it."""

    @property
    def folder(self) -> Path:
        """A folder of its own, which goes with it."""
        ...

    def export(self, database: str, fd: int, /) -> DumpFacts:
        """Write a database to a file for stock tools, without its private side."""
        ...

    def file_references(self, database: str, /) -> Generator[FileReference]:
        """Give every row that refers to a file."""
        ...

    def file_keys(self, database: str, /) -> Sequence[bytes]:
        """Give the keys of its files, as the database keeps them: wrapped."""
        ...


class Downloaded(msgspec.Struct, frozen=True):
    """A file for a customer: of which backup, from which moment, its length and SHA-256, and the rows in it.

    `files` are the attached files in it; `missing` were whole at no site any more.
    """

    backup: str
    database: str
    database_uuid: UUID
    taken_at: datetime
    bytes: int
    sha256: str
    rows: int
    files: int
    missing: int


def download(
    service: BackupService, backup: str, cluster: Source, out: BinaryIO, listener: Listener | None = None
) -> Downloaded:
    """Write a backup into an empty file that can be read and moved about in. Raises what is in the way.

    Whatever fails, what the file holds by then is no archive: its last part is missing.
    """
    record = service.find(backup)
    manifest = record.manifest
    if manifest.database.control:
        raise NotForDownload
    target = new_target()
    # Files come into the cluster's own folder, still encrypted; in the storage of databases nobody would remove them.
    apart = replace(service, cluster=cluster, files=cluster.folder / "files")
    restore(apart, str(manifest.id), target, listener=listener)
    try:
        handing = Handing(FileFolder(cluster.folder / "files" / target.name), _file_keys(service, cluster, target.name))
        rows = _written(manifest, cluster, target.name, out, handing)
    finally:
        cluster.drop(target.name)
    found = _hashed(out)
    return Downloaded(
        record.id,
        manifest.database.name,
        manifest.database.uuid,
        manifest.created_at,
        found.bytes,
        found.sha256,
        rows,
        len(handing.kept),
        len(handing.missing),
    )


def _file_keys(service: BackupService, cluster: Source, database: str) -> FileKeys | None:
    return opened(cluster.file_keys(database), service.keyrings)


def _written(manifest: Manifest, cluster: Source, database: str, out: BinaryIO, handing: Handing) -> int:
    tape = _Tape(out, f"{manifest.database.name}-{manifest.short_id}", manifest.created_at)
    # Through a pipe: into a file pg_dump would note where in it each table begins, which unpacking moves.
    with written_by(lambda fd: cluster.export(database, fd)) as dump:
        tape.copy("database.dump", dump.stream)
        facts = dump.result()
    tape.text("roles.sql", facts.roles.text())
    with closing(cluster.file_references(database)) as rows:
        tape.text(LIST, handing.write(rows, tape.file))
    tape.text("README.txt", _readme(tape.folder, manifest, facts, handing))
    tape.text("SHA256SUMS", "".join(f"{digest}  {name}\n" for name, digest in tape.sums.items()))
    out.write(bytes(2 * _BLOCK))  # the end of a tar file
    out.flush()
    return sum(facts.rows.values())


def _readme(folder: str, manifest: Manifest, facts: DumpFacts, handing: Handing) -> str:
    if facts.locale_provider == "builtin":
        locale = f"--locale-provider=builtin --builtin-locale={facts.locale}"
    else:
        locale = f"--locale={facts.locale}"
    return _README.format(
        folder=folder,
        name=manifest.database.name,
        taken=f"{manifest.created_at:%Y-%m-%d %H:%M:%S}",
        major=facts.server_version // 10_000,
        encoding=facts.encoding,
        locale=locale,
        rows=sum(facts.rows.values()),
        files=_of_files(handing),
    )


def _of_files(handing: Handing) -> str:
    told = f" Files: {len(handing.kept)}."
    if handing.missing:
        told += f"\n{len(handing.missing)} files were whole at no site any more; their rows in files.csv name none."
    return told


@dataclass(slots=True)
class _Tape:
    """A tar file that is written in one go; a member's length is filled in when it is known."""

    out: BinaryIO
    folder: str
    at: datetime
    sums: dict[str, str] = field(default_factory=dict[str, str])

    def copy(self, name: str, source: BinaryIO) -> None:
        """Write a member of which nobody knows the length yet; what it comes from may be a pipe."""
        begin = self.out.seek(0, os.SEEK_END)
        self.out.write(bytes(_BLOCK))
        digest = Digest()
        for chunk in chunks(source):
            digest.update(chunk)
            self.out.write(chunk)
        found = digest.value()
        self.out.write(bytes(-found.bytes % _BLOCK))
        self.out.seek(begin)
        self.out.write(self._head(name, found.bytes))
        self.out.seek(0, os.SEEK_END)
        self.sums[name] = found.sha256

    def file(self, name: str, size: int, source: BinaryIO) -> None:
        """Write a member of a known length; when its source breaks off, it is as if nothing had been written."""
        begin = self.out.seek(0, os.SEEK_END)
        try:
            self.out.write(self._head(name, size))
            digest = self._passed(source, size)
        except BaseException:
            self.out.truncate(self.out.seek(begin))
            raise
        self.out.write(bytes(-size % _BLOCK))
        self.sums[name] = digest

    def _passed(self, source: BinaryIO, size: int) -> str:
        digest = Digest()
        for chunk in chunks(source):
            digest.update(chunk)
            self.out.write(chunk)
        found = digest.value()
        if found.bytes != size:
            raise BlobDamaged
        return found.sha256

    def text(self, name: str, text: str) -> None:
        """Write a small member."""
        data = text.encode()
        self.out.write(self._head(name, len(data)) + data + bytes(-len(data) % _BLOCK))
        self.sums[name] = hashlib.sha256(data).hexdigest()

    def _head(self, name: str, size: int) -> bytes:
        # GNU's form: a length of eight gibibytes and more is written in base 256.
        head = tarfile.TarInfo(f"{self.folder}/{name}")
        head.size, head.mode, head.mtime = size, 0o600, int(self.at.timestamp())
        return head.tobuf(tarfile.GNU_FORMAT)


def _hashed(file: BinaryIO) -> Hashed:
    """Read a file once more, from its beginning."""
    digest = Digest()
    file.seek(0)
    for chunk in chunks(file):
        digest.update(chunk)
    return digest.value()
