"""Rebuilding: a throw-away cluster as it was at a moment, in a scratch place that vanishes with it."""

from __future__ import annotations

import io
import os
import pwd
import shutil
import tarfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, cast

from growsoft.postgres.basebackup import BaseDamaged, combine
from growsoft.postgres.binaries import Binaries
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.files import write_file
from growsoft.postgres.parameters import SUPERUSER, ephemeral
from growsoft.postgres.provision import MAINTENANCE_DATABASE
from growsoft.postgres.server import Server, ServerDidNotStart
from growsoft.postgres.users import ServiceUser
from growsoft.postgres.walstream import SEGMENT, Fork, History
from growsoft_cloud.backup.archive import unpack
from growsoft_cloud.backup.copies import Failure, prove
from growsoft_cloud.backup.errors import BackupError, CannotRestore, NoGoodCopy, SiteError
from growsoft_cloud.backup.pipes import written_by
from growsoft_cloud.backup.sites import Site
from growsoft_cloud.pitr.bases import Base, Description, describe
from growsoft_cloud.pitr.pieces import Piece, floor, segment_name
from growsoft_cloud.pitr.planning import Plan
from growsoft_cloud.pitr.sealing import HEAD, ArchiveKeys, bound
from growsoft_cloud.pitr.store import read

PORT: Final = 5432

# The longest that the replay of WAL may take, in seconds.
A_DAY: Final = 24 * 3600.0

_TOO_EARLY: Final = "recovery ended before configured recovery target was reached"

Say = Callable[[str], None]


@dataclass
class Rebuilding:
    """Brings what a plan names from the sites into a folder, whatever single site is lost or lies."""

    sites: Sequence[Site]
    keys: ArchiveKeys
    binaries: Binaries
    user: ServiceUser | None
    place: Path
    say: Say
    damaged: list[Failure]

    def refuse_too_large(self, wanted: Plan) -> None:
        """Look at the room before anything is brought: the files twice while they are put together, and the WAL."""
        sizes = [self._described(base)[0].bytes for base in wanted.bases]
        files = sum(sizes) + (sizes[0] if len(sizes) > 1 else 0)
        wal = len({(piece.timeline, floor(piece.start)) for piece in wanted.pieces}) * SEGMENT
        found = os.statvfs(self.place)
        free = found.f_bavail * found.f_frsize
        if free < files + wal:
            raise CannotRestore(
                f"A cluster as it was then needs {files + wal} bytes in {self.place}, and {free} are free; make room."
            )

    def bring(self, wanted: Plan, histories: Sequence[History]) -> Path:
        """Make the data folder of the cluster, with its WAL; nothing is started."""
        brought: list[Path] = []
        for number, base in enumerate(wanted.bases, 1):
            self.say(f"bringing base backup {number} of {len(wanted.bases)}, of {base.taken:%Y-%m-%d %H:%M:%SZ}")
            brought.append(self._files(base, self.place / f"base-{number}"))
        self.say("putting them together and proving each file")
        data = self.place / "data"
        combine(self.binaries, self.user, brought, data)
        for path in brought:
            shutil.rmtree(path, ignore_errors=True)
        self.say(f"bringing {len(wanted.pieces)} pieces of WAL")
        wal = data / "pg_wal"
        for piece in wanted.pieces:
            _write(wal, piece, self._piece(piece))
        for history in histories:
            write_file(wal / f"{history.timeline:08X}.history", history.text, self.user)
        _give(wal, self.user)
        return data

    def _files(self, base: Base, into: Path) -> Path:
        """Unpack the files of a base backup from the first site whose copy is right."""
        description, data_key = self._described(base)
        for site in self.sites:
            try:
                prove(site, description.files)
            except SiteError as error:
                self.damaged.append(Failure(site.name, error.message))
                continue
            shutil.rmtree(into, ignore_errors=True)
            into.mkdir(mode=0o700)
            self._unpack(site, description, data_key, into)
            _give(into, self.user)
            return into
        raise NoGoodCopy(f"The base backup of {base.taken:%Y-%m-%d %H:%M:%SZ} is whole at no site; choose a moment"
                         " before it.")  # fmt: skip

    def _unpack(self, site: Site, description: Description, data_key: bytes, into: Path) -> None:
        stored = description.files

        def write(fd: int) -> None:
            with site.open(stored.name) as file, os.fdopen(fd, "wb", closefd=False) as out:
                unpack(file, out, data_key, bound(stored.name))

        with written_by(write) as reading:
            buffered = io.BufferedReader(cast("io.RawIOBase", reading.stream), 1024 * 1024)
            with tarfile.open(fileobj=buffered, mode="r|") as tar:
                for member in tar:
                    _extract(tar, member, into)
            reading.result()

    def _described(self, base: Base) -> tuple[Description, bytes]:
        """Return the description of a base backup, and the key of its files."""
        data, failures = read(self.keys, self.sites, base.name)
        self.damaged += failures
        for site in self.sites:
            try:
                with site.open(base.name) as file:
                    return describe(data), self.keys.data_key(file.read(HEAD))
            except BackupError:
                continue
        raise NoGoodCopy(f"{base.name} is whole at no site; choose an earlier moment.")

    def _piece(self, piece: Piece) -> bytes:
        data, failures = read(self.keys, self.sites, piece.name)
        self.damaged += failures
        if len(data) != piece.end - piece.start:
            raise NoGoodCopy(f"{piece.name} does not hold what its name says; choose a moment before it.")
        return data


@contextmanager
def started(
    data: Path, sockets: Path, binaries: Binaries, user: ServiceUser | None, wanted: Plan
) -> Generator[Endpoint]:
    """Let PostgreSQL replay up to the moment and take connections; only this machine's keeper gets in, by its user."""
    server = Server(binaries, data, sockets, PORT, user, data.with_name("log"))
    write_file(data / "recovery.signal", "", user)
    write_file(data / "pg_ident.conf", "".join(f"keeper {name} {SUPERUSER}\n" for name in _names(user)), user)
    try:
        try:
            _start(server, _parameters(wanted.timeline, wanted.moment))
        except ServerDidNotStart as error:
            # Nothing was committed between the moment and the end of the WAL that tells of it: then all of it is right.
            if _TOO_EARLY not in error.message:
                raise
            _start(server, _parameters(wanted.timeline, None))
        yield Endpoint(str(sockets), PORT, MAINTENANCE_DATABASE, SUPERUSER, "")
    finally:
        server.stop("immediate")


def histories_of(keys: ArchiveKeys, sites: Sequence[Site], pieces: Sequence[Piece]) -> list[History]:
    """Read the histories of all timelines."""
    newest = {piece.timeline: piece for piece in sorted(pieces) if piece.is_history}
    return [History(number, read(keys, sites, piece.name)[0].decode()) for number, piece in sorted(newest.items())]


def forks_of(histories: Sequence[History]) -> dict[int, tuple[Fork, ...]]:
    """Return where the timelines were left, by the one that follows from them."""
    return {history.timeline: history.forks for history in histories}


def _start(server: Server, parameters: dict[str, str]) -> None:
    server.configure(parameters, "local all growsoft peer map=keeper\nlocal all all reject\nhost all all all reject\n")
    server.start(timeout=A_DAY)


def _parameters(timeline: int, moment: datetime | None) -> dict[str, str]:
    target = {} if moment is None else {"recovery_target_time": f"{moment:%Y-%m-%d %H:%M:%S.%f+00}"}
    return {
        **ephemeral(),
        # All WAL lies where it is looked for; PostgreSQL wants a command to be named.
        "restore_command": "false",
        "recovery_target_timeline": str(timeline),
        "recovery_target_action": "promote",
        "hot_standby": "off",
        **target,
    }


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, into: Path) -> None:
    """Write one member; a cluster of ours is folders and files, and nothing else comes out of a stream."""
    parts = Path(member.name).parts
    if not parts or Path(member.name).is_absolute() or ".." in parts or not (member.isdir() or member.isreg()):
        raise BaseDamaged(f"{member.name!r} belongs into no cluster; another base backup is needed.")
    path = into.joinpath(*parts)
    if member.isdir():
        path.mkdir(mode=0o700, exist_ok=True)
        return
    source = tar.extractfile(member)
    if source is not None:
        with source, path.open("xb") as file:
            shutil.copyfileobj(source, file, 1024 * 1024)
        path.chmod(0o600)


def _write(folder: Path, piece: Piece, data: bytes) -> None:
    """Write a piece where it belongs; the rest of a segment's file is zeros, which PostgreSQL reads as its end."""
    position = piece.start
    while position < piece.end:
        until = min(floor(position) + SEGMENT, piece.end)
        path = folder / segment_name(piece.timeline, position)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            os.ftruncate(descriptor, SEGMENT)
            os.pwrite(descriptor, data[position - piece.start : until - piece.start], position - floor(position))
        finally:
            os.close(descriptor)
        position = until


def _give(folder: Path, user: ServiceUser | None) -> None:
    """Let the server's user own what is in a folder."""
    for path in (folder, *folder.rglob("*")):
        if user is not None:
            os.chown(path, user.uid, user.gid, follow_symlinks=False)
        if path.is_dir():
            path.chmod(0o700)


def _names(user: ServiceUser | None) -> Iterator[str]:
    """Give who may enter: we, by the name that the system knows."""
    yield pwd.getpwuid(os.geteuid()).pw_name
    if user is not None and user.uid != os.geteuid():
        yield user.name
