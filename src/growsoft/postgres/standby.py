"""Standby: a hot copy of a primary that follows it by streaming, and is built anew when it cannot any more."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import psycopg
from psycopg.rows import TupleRow

from growsoft.errors import GrowsoftError
from growsoft.postgres import replication
from growsoft.postgres.files import make_folder, write_file
from growsoft.postgres.replication import Identity, Source
from growsoft.postgres.server import Server
from growsoft.postgres.users import run_as

NAME = "gs_standby"

# What can be known of a standby from outside; only of `absent` and `lost` is nothing lost by building it anew.
Condition: TypeAlias = Literal["sound", "unknown", "absent", "lost", "ahead", "promoted"]


class StandbyNeedsAPerson(GrowsoftError):
    """The standby may hold what the primary does not; decide which of them is right before anything is rebuilt."""


class BaseBackupFailed(GrowsoftError):
    """The copy of the primary could not be made; the message says why."""


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a standby is behind: WAL bytes not yet replayed, seconds of the last replay, the stream's state.

    `state` is PostgreSQL's (`streaming`, `catchup`, ...) or `disconnected`; None means that nobody knows.
    """

    bytes: int | None
    seconds: float | None
    state: str


@dataclass(eq=False)
class Standby:
    """A standby on this machine: its server, and the primary that it follows."""

    server: Server
    source: Source
    parameters: Mapping[str, str]
    hba: str
    slot: str = field(default=NAME)

    def start(self) -> int:
        """Start it, built or built anew where that is needed and safe; returns the process id.

        Raises `StandbyNeedsAPerson` when building it anew could destroy the only copy of something.
        """
        condition = self.condition()
        _refuse(condition, self.server.data)
        if condition in ("absent", "lost"):
            self.rebuild()
        self._configure()
        return self.server.start()

    def tend(self) -> bool:
        """Look after a running standby: build it anew when it can follow no more. Returns whether it was."""
        condition = self.condition()
        _refuse(condition, self.server.data)
        if condition != "lost":
            return False
        self.rebuild()
        self.server.start()
        return True

    def stop(self) -> None:
        """Stop it; the slot keeps what it will need on its return."""
        self.server.stop()

    def condition(self) -> Condition:
        """Compare the standby with its primary; `unknown` while the primary does not answer."""
        if not self.server.is_initialised():
            return "absent"
        if not (self.server.data / "standby.signal").exists():
            return "promoted"
        # The standby's position first: it moves on, and must not seem ahead of an answer that is older.
        own = self._control()
        try:
            with replication.ask(self.source) as connection:
                return self._compare(own, connection)
        except psycopg.OperationalError:
            return "unknown"

    def rebuild(self) -> None:
        """Replace its data by a fresh copy of the primary, taken over TLS; the old one stays until then."""
        fresh = self.server.data.with_name(f"{self.server.data.name}.new")
        old = self.server.data.with_name(f"{self.server.data.name}.old")
        self.server.stop("immediate")
        shutil.rmtree(fresh, ignore_errors=True)
        make_folder(fresh, self.server.user)
        self._write_passfile()
        try:
            with replication.ask(self.source) as connection:
                replication.renew_slot(connection, self.slot)
        except psycopg.Error as error:
            raise BaseBackupFailed(f"The primary cannot be copied: {error}") from error
        self._copy(fresh)
        shutil.rmtree(old, ignore_errors=True)
        if self.server.data.exists():
            self.server.data.rename(old)
        fresh.rename(self.server.data)
        self._configure()
        shutil.rmtree(old, ignore_errors=True)

    def _compare(self, own: Identity, connection: psycopg.Connection[TupleRow]) -> Condition:
        """Judge the standby's control file by what its primary says."""
        primary = replication.identify(connection)
        if own.system != primary.system or own.timeline > primary.timeline:
            return "ahead"
        is_same = own.timeline == primary.timeline
        if is_same and own.position > primary.position:
            return "ahead"
        kept_from = replication.kept_from(connection, self.slot)
        if kept_from is None:
            return "lost"
        # The slot knows what the standby received, which is more than its control file does; after a promotion the
        # slot may be new, and only the control file can tell whether the new timeline is a continuation.
        needed = kept_from if is_same else own.position
        at_its_end = is_same and needed >= primary.position
        return "sound" if at_its_end or replication.serves(self.source, needed, own.timeline) else "lost"

    def _control(self) -> Identity:
        """Read the control file; its position is the least that the data needs to be consistent."""
        done = run_as(self.server.user, [self.server.binaries.tool("pg_controldata"), str(self.server.data)])
        if done.returncode != 0:
            raise StandbyNeedsAPerson(f"{done.stderr.strip()} Move {self.server.data} away to have it built anew.")
        facts = dict(re.findall(r"^([^:]+):\s+(.*)$", done.stdout, re.MULTILINE))
        positions = (facts["Minimum recovery ending location"], facts["Latest checkpoint location"])
        return Identity(
            facts["Database system identifier"],
            max(int(facts["Latest checkpoint's TimeLineID"]), int(facts["Min recovery ending loc's timeline"])),
            max(replication.read_position(text) for text in positions),
        )

    def _copy(self, target: Path) -> None:
        """Take a base backup into a folder and mark it as a standby's."""
        command = [
            self.server.binaries.tool("pg_basebackup"),
            f"--pgdata={target}",
            f"--dbname={self.source.stored_conninfo(self.slot)}",
            f"--slot={self.slot}",
            "--wal-method=stream",
            "--checkpoint=fast",
            "--no-password",
        ]
        done = run_as(self.server.user, command, timeout=24 * 3600)
        if done.returncode != 0:
            raise BaseBackupFailed(f"The copy of the primary failed: {done.stderr.strip()}")
        write_file(target / "standby.signal", "", self.server.user)

    def _configure(self) -> None:
        """Write the configuration; a primary that moved to another port is found by it."""
        self._write_passfile()
        streaming = {
            "hot_standby": "on",
            "primary_conninfo": self.source.stored_conninfo(self.slot),
            "primary_slot_name": self.slot,
            "recovery_target_timeline": "latest",
        }
        self.server.configure({**self.parameters, **streaming}, self.hba)

    def _write_passfile(self) -> None:
        """Write the password where PostgreSQL's own programs look for it, and only their user reads it."""
        write_file(self.source.passfile, self.source.passfile_line(), self.server.user)


def lag(primary_conninfo: str, name: str = NAME) -> Lag:
    """Ask a primary (as superuser) how far a standby is behind; a slot without a stream still tells the bytes."""
    with psycopg.connect(primary_conninfo, autocommit=True) as connection:
        row = connection.execute(
            """
            SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), coalesce(r.replay_lsn, s.restart_lsn))::bigint,
                   CASE WHEN r.replay_lsn = pg_current_wal_lsn() THEN 0 ELSE extract(epoch FROM r.replay_lag) END,
                   coalesce(r.state, 'disconnected')
              FROM pg_replication_slots s
              LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid
             WHERE s.slot_name = %s
            """,
            [name],
        ).fetchone()
    if row is None:
        return Lag(None, None, "disconnected")
    behind, seconds, state = row
    return Lag(None if behind is None else max(int(behind), 0), None if seconds is None else float(seconds), str(state))


def _refuse(condition: Condition, data: Path) -> None:
    """Raise for what only a person can decide."""
    if condition == "promoted":
        raise StandbyNeedsAPerson(
            f"{data} is no standby any more: it was promoted. Finish the failover, or move it away."
        )
    if condition == "ahead":
        raise StandbyNeedsAPerson(f"The standby in {data} is not behind its primary: it may hold what that has lost.")
