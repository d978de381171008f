"""Fourteen days of one changing database, kept by us, by restic and by borg, from the same dumps in one run.

The other two are used where they are installed (`apt-get install restic borgbackup`); both compress with zstd, encrypt
and deduplicate, in a repository in a folder of their own.
"""

from __future__ import annotations

import os
import secrets
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from bench.fleet import CENTRES, fill
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.dump import dump_database
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import superuser
from growsoft.security.streams import new_data_key
from growsoft.testing.cluster import ephemeral_cluster
from growsoft_cloud.backup.archive import pack, unpack
from growsoft_cloud.backup.folder import FolderSite
from growsoft_cloud.backup.sites import Kind, new_name

DAYS: Final = 14
MEGABYTES: Final = 100
CHANGED: Final = 50  # one row of so many is changed each day, anywhere
DATABASE: Final = "bench_days"

_DRAWN: Final = secrets.token_hex(16)


class Archiver(Protocol):
    """Something that keeps a dump of each day, encrypted."""

    name: str

    def keep(self, dump: Path, day: int) -> None:
        """Keep a day's dump."""
        ...

    def give_back(self, day: int) -> None:
        """Read a day's dump again, to nowhere."""
        ...


@dataclass
class Ours:
    """An object for each day, synced to its disk."""

    folder: Path
    name: str = "growsoft"
    key: bytes = field(default_factory=new_data_key)
    kept: list[str] = field(default_factory=list[str])

    def keep(self, dump: Path, day: int) -> None:
        """Compress, encrypt and write."""
        name = new_name(Kind.ARCHIVE)
        with dump.open("rb", buffering=0) as source, self._site().create(name) as writer:
            pack(source, writer, self.key, b"%d" % day)
        self.kept.append(name)

    def give_back(self, day: int) -> None:
        """Read, decrypt and inflate."""
        with self._site().open(self.kept[day]) as source, Path(os.devnull).open("wb") as nowhere:
            unpack(source, nowhere, self.key, b"%d" % day)

    def _site(self) -> FolderSite:
        return FolderSite("one", CENTRES[0], self.folder).prepare()


@dataclass
class Restic:
    """One repository of the second version, which compresses."""

    folder: Path
    name: str = "restic"

    def keep(self, dump: Path, day: int) -> None:
        """Back up from standard input, as its manual recommends for dumps."""
        if not self.folder.exists():
            self._run("init", "--repository-version", "2")
        with dump.open("rb") as source:
            self._run("backup", "--stdin", "--stdin-filename", "dump", "--tag", str(day), stdin=source.fileno())

    def give_back(self, day: int) -> None:
        """Write it to nowhere."""
        self._run("dump", "--tag", str(day), "latest", "dump")

    def _run(self, *arguments: str, stdin: int = subprocess.DEVNULL) -> None:
        environment = {"RESTIC_PASSWORD": _DRAWN, "RESTIC_REPOSITORY": str(self.folder)}
        _run(["restic", "--quiet", *arguments], environment, self.folder.parent, stdin)


@dataclass
class Borg:
    """One repository under a key that lies in it."""

    folder: Path
    name: str = "borg"

    def keep(self, dump: Path, day: int) -> None:
        """Back up from standard input."""
        if not self.folder.exists():
            self._run("init", "--encryption", "repokey-blake2", str(self.folder))
        with dump.open("rb") as source:
            self._run("create", "--compression", "zstd,1", f"{self.folder}::{day}", "-", stdin=source.fileno())

    def give_back(self, day: int) -> None:
        """Write it to nowhere."""
        self._run("extract", "--stdout", f"{self.folder}::{day}")

    def _run(self, *arguments: str, stdin: int = subprocess.DEVNULL) -> None:
        _run(["borg", *arguments], {"BORG_PASSPHRASE": _DRAWN}, self.folder.parent, stdin)


def run(megabytes: int = MEGABYTES) -> list[dict[str, object]]:
    """Measure; returns for each the seconds of a day (median), MB/s of the plain dump, and MB kept in the end."""
    with tempfile.TemporaryDirectory() as folder, ephemeral_cluster() as found:
        server = Endpoint(str(found.socket_dir), found.port, "postgres", found.superuser, found.password)
        fill(server, DATABASE, megabytes)
        there: list[Archiver] = [Ours(Path(folder, "growsoft"))]
        there += [Restic(Path(folder, "restic"))] if shutil.which("restic") else []
        there += [Borg(Path(folder, "borg"))] if shutil.which("borg") else []
        days: dict[str, list[float]] = {archiver.name: [] for archiver in there}
        dump, plain = Path(folder, "dump"), 0
        for day in range(DAYS):
            _another_day(replace(server, dbname=DATABASE), day, megabytes)
            with dump.open("wb") as file:
                dump_database(replace(server, dbname=DATABASE), file.fileno())
            plain = dump.stat().st_size
            # Which one begins changes: the dump is in the page cache for all of them.
            for archiver in there[day % len(there) :] + there[: day % len(there)]:
                days[archiver.name].append(_seconds(partial(archiver.keep, dump, day)))
        return [
            {
                "archiver": archiver.name,
                "day_s": round(statistics.median(days[archiver.name]), 2),
                "mb_per_s": round(plain / 1e6 / statistics.median(days[archiver.name]), 1),
                "restore_s": round(_seconds(partial(archiver.give_back, DAYS - 1)), 2),
                "kept_mb": round(_bytes(Path(folder, archiver.name)) / 1e6, 1),
                "plain_mb": round(plain / 1e6, 1),
            }
            for archiver in there
        ]


def _another_day(here: Endpoint, day: int, megabytes: int) -> None:
    """Change rows anywhere, and add some: then the whole table was rewritten here and there, as in a real one."""
    rows = megabytes * 1_000_000 // 150
    with superuser(here) as connection:
        connection.run(
            sql(
                "UPDATE sale SET amount = amount + 1, note = note || ' ' || {day} WHERE (id * 7919 + {day}) % {n} = 0",
                day=str(day),
                n=CHANGED,
            )
        )
        connection.run(
            sql(
                "INSERT INTO sale SELECT {top} + i, 'New customer ' || i % 50, i, now(), md5(i::text || {day})"
                " FROM generate_series(1, {more}) i",
                top=rows * (day + 2),
                day=str(day),
                more=rows // 200,
            )
        )
        connection.run(sql("VACUUM sale"))


def _seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _run(command: list[str], environment: Mapping[str, str], home: Path, stdin: int) -> None:
    """Run one of the others; what it keeps for itself goes beside its repository."""
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "XDG_CACHE_HOME": str(home / "caches"), **environment}
    subprocess.run(command, env=env, stdin=stdin, stdout=subprocess.DEVNULL, check=True)
