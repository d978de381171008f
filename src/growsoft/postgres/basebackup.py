"""Base backups: all files of a running cluster as one stream, whole or what changed since an earlier one."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final, cast

import msgspec

from growsoft.errors import GrowsoftError
from growsoft.postgres.binaries import Binaries
from growsoft.postgres.replication import Source, read_position
from growsoft.postgres.users import ServiceUser, plain_environ, run_as

MANIFEST: Final = b"backup_manifest"
_BLOCK: Final = 512
A_DAY: Final = 24 * 3600


class BaseBackupFailed(GrowsoftError):
    """The cluster could not be copied; PostgreSQL's reason follows."""


class BaseDamaged(GrowsoftError):
    """This base backup is not what was copied; another one is needed."""


class _Range(msgspec.Struct, frozen=True):
    timeline: int = msgspec.field(name="Timeline")
    start: str = msgspec.field(name="Start-LSN")
    end: str = msgspec.field(name="End-LSN")


class _Told(msgspec.Struct, frozen=True):
    ranges: tuple[_Range, ...] = msgspec.field(name="WAL-Ranges")


@dataclass(frozen=True, slots=True)
class Range:
    """The WAL that a base backup needs to be consistent: from a position up to one, on a timeline."""

    timeline: int
    start: int
    end: int


def range_of(manifest: bytes) -> Range:
    """Read from PostgreSQL's manifest which WAL it needs; raises `BaseDamaged`."""
    try:
        last = msgspec.json.decode(manifest, type=_Told).ranges[-1]
    except (msgspec.DecodeError, IndexError) as error:
        raise BaseDamaged(f"{BaseDamaged.default_message()} {error}") from error
    return Range(last.timeline, read_position(last.start), read_position(last.end))


@dataclass
class TarWatch:
    """Reads along with a stream of tar, and keeps the one file of it that is PostgreSQL's manifest."""

    manifest: bytearray = field(default_factory=bytearray)
    _head: bytearray = field(default_factory=bytearray)
    _left: int = 0
    _padding: int = 0
    _keeps: bool = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        view = memoryview(data)
        while view:
            view = self._body(view) if self._left or self._padding else self._header(view)

    def _header(self, view: memoryview) -> memoryview:
        took = min(_BLOCK - len(self._head), len(view))
        self._head += view[:took]
        if len(self._head) == _BLOCK:
            size = re.match(rb"[0-7]+", bytes(self._head[124:136]).lstrip(b" "))
            self._left = int(size[0], 8) if size else 0
            self._padding = -self._left % _BLOCK
            self._keeps = bytes(self._head[:100]).rstrip(b"\0") == MANIFEST
            self._head.clear()
        return view[took:]

    def _body(self, view: memoryview) -> memoryview:
        took = min(self._left, len(view))
        if self._keeps:
            self.manifest += view[:took]
        self._left -= took
        padding = min(self._padding, len(view) - took) if not self._left else 0
        self._padding -= padding
        return view[took + padding :]


@contextmanager
def base_backup(source: Source, binaries: Binaries, since: bytes | None = None) -> Generator[IO[bytes]]:
    """Give the tar of a base backup, of what changed `since` the one with that manifest, or of everything.

    The password comes from the source's password file. Raises `BaseBackupFailed` at the end of the block.
    """
    with tempfile.TemporaryDirectory(prefix="growsoft-base-") as folder, tempfile.TemporaryFile() as complaints:
        command = _command(source, binaries)
        if since is not None:
            before = Path(folder) / "manifest"
            before.write_bytes(since)
            command.append(f"--incremental={before}")
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints, cwd="/", env=plain_environ()
        ) as process:
            try:
                yield cast("IO[bytes]", process.stdout)
            except BaseException:
                process.kill()
                raise
        if process.returncode != 0:
            complaints.seek(0)
            said = complaints.read().decode("utf-8", "replace").strip().splitlines()
            raise BaseBackupFailed(f"The cluster could not be copied: {' '.join(said[-3:])}")


def combine(binaries: Binaries, user: ServiceUser | None, chain: Sequence[Path], into: Path) -> None:
    """Make one data folder of a full base backup and those that followed it, and prove every file of it.

    Raises `BaseDamaged`.
    """
    if len(chain) > 1:
        done = run_as(user, [binaries.tool("pg_combinebackup"), *map(str, chain), f"--output={into}"], timeout=A_DAY)
        if done.returncode != 0:
            raise BaseDamaged(f"{BaseDamaged.default_message()} {done.stderr.strip()[-400:]}")
    else:
        chain[0].rename(into)
    command = [binaries.tool("pg_verifybackup"), "--no-parse-wal", "--exit-on-error", str(into)]
    done = run_as(user, command, timeout=A_DAY)
    if done.returncode != 0:
        raise BaseDamaged(f"{BaseDamaged.default_message()} {done.stderr.strip()[-400:]}")


def _command(source: Source, binaries: Binaries) -> list[str]:
    return [
        binaries.tool("pg_basebackup"),
        "--pgdata=-",
        "--format=tar",
        "--wal-method=none",
        "--checkpoint=fast",
        "--label=growsoft",
        "--no-password",
        f"--dbname={source.stored_conninfo('growsoft_base')}",
    ]
