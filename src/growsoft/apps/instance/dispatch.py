"""When each database has jobs to do: a line for each in the control database, so that nobody asks all of them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from growsoft.apps.instance.directory import DIRECTORY_PROFILE
from growsoft.errors import GrowsoftError
from growsoft.jobs import Due, Place
from growsoft.jobs.queue import next_due
from growsoft.postgres.context import Context, SignedDoor
from growsoft.postgres.database import Database
from growsoft.postgres.sql import Sql, sql
from growsoft.web.ports import Site

# Each database is visited as often as that, whatever is written about it: a process that died after its commit could
# not tell any more.
SWEEP: Final = timedelta(minutes=10)
# How long whoever announces gathers what else there is to announce, in seconds.
GATHER: Final = 0.05


@dataclass(frozen=True, slots=True)
class Ticket:
    """The line of a database that was taken, and the time that was written into it by then."""

    line: int
    until: datetime


class Sites(Protocol):
    """What is asked of the directory."""

    def control(self) -> Site:
        """Give the control database."""
        ...

    def by_name(self, name: str) -> Site | None:
        """Give an active database, with its walls checked."""
        ...


class ControlBook:
    """The lines of the control database; the control database itself is asked directly, it is at hand anyway."""

    def __init__(self, directory: Sites) -> None:
        """Look databases up, and check their walls, as a web worker does."""
        self._directory = directory

    def due(self, most: int) -> Sequence[Due]:
        """Take the lines that are due. Whoever raises one from now on is not overwritten by `visited`."""
        control = self._directory.control()
        found: list[Due] = []
        own = next_due(control.database)
        if own is None or own <= datetime.now(UTC):
            found.append(Due(_place(control)))
        with control.database.transaction(_door(control.database), "counting") as transaction:
            transaction.execute(_ADD_MISSING)
            rows = transaction.execute(_TAKE.rebind((SWEEP, most))).all()
        for line, until, name in rows:
            site = self._site(str(name))
            if site is not None:
                found.append(Due(_place(site), Ticket(int(line), until)))
        return found

    def visited(self, due: Due, again: datetime | None) -> None:
        """Write when the database is due again, unless somebody raised its line in the meantime."""
        if not isinstance(due.ticket, Ticket) or again is None:
            return
        control = self._directory.control().database
        with control.transaction(_door(control), "counting") as transaction:
            transaction.execute(_VISITED.rebind((again, due.ticket.line, due.ticket.until)))

    def _site(self, name: str) -> Site | None:
        try:
            return self._directory.by_name(name)
        except GrowsoftError as error:  # it is asked again at its next sweep
            sys.stderr.write(f"jobs of {name}: {error}\n")
            return None


class Announcer:
    """Tells the control database of jobs that were just committed, behind the back of whoever enqueued them.

    What is not told, because the process dies or the control database does not answer, is found by the sweep.
    """

    def __init__(self, control: Database) -> None:
        """Begin."""
        self._control = control
        self._waiting: dict[UUID, datetime] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="announcer", daemon=True)
        self._thread.start()

    def announce(self, database: Database, eta: datetime) -> None:
        """Note that a database has a job at a time; returns at once."""
        if database.uuid == self._control.uuid:
            return
        with self._changed:
            self._waiting[database.uuid] = min(eta, self._waiting.get(database.uuid, eta))
            self._changed.notify()

    def close(self) -> None:
        """Tell what is left, and end."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(10)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                if not self._waiting:
                    return
                self._changed.wait(0 if self._closed else GATHER)
                told, self._waiting = self._waiting, {}
            self._tell(told)

    def _tell(self, told: Mapping[UUID, datetime]) -> None:
        uuids, times = [str(uuid) for uuid in told], list(told.values())
        try:
            with self._control.transaction(_door(self._control), "counting") as transaction:
                transaction.execute(_RAISE.rebind((uuids, times)))
        except GrowsoftError as error:
            sys.stderr.write(f"jobs could not be announced, the next sweep finds them: {error}\n")


def _door(control: Database) -> SignedDoor:
    return control.signed(Context(user=0, profile=DIRECTORY_PROFILE))


def _place(site: Site) -> Place:
    return Place(site.database, site.registry)


_STAMP: Final = sql("write_uid = (SELECT gs.user_id()), write_date = now(), version = d.version + 1")
_ADD_MISSING: Final[Sql] = sql(
    "INSERT INTO instance_due (database_id, due) SELECT b.id, now() FROM instance_database b"
    " WHERE b.state = 'active' AND NOT EXISTS (SELECT FROM instance_due d WHERE d.database_id = b.id)"
    " ON CONFLICT DO NOTHING"
)
_TAKE: Final[Sql] = sql(
    "UPDATE instance_due d SET due = now() + {sweep}::interval, {stamp} FROM ("
    "  SELECT x.id, b.name FROM instance_due x JOIN instance_database b ON b.id = x.database_id"
    "   WHERE x.due <= now() AND b.state = 'active' ORDER BY x.due LIMIT {most}::bigint"
    "   FOR NO KEY UPDATE OF x SKIP LOCKED) t WHERE d.id = t.id RETURNING d.id, d.due, t.name",
    most=0, sweep=None, stamp=_STAMP,
)  # fmt: skip
_VISITED: Final[Sql] = sql(
    "UPDATE instance_due d SET due = least({again}::timestamptz, d.due), {stamp}"
    " WHERE id = {line}::bigint AND due = {until}::timestamptz",
    again=None, stamp=_STAMP, line=0, until=None,
)  # fmt: skip
_RAISE: Final[Sql] = sql(
    "UPDATE instance_due d SET due = u.eta, {stamp}"
    " FROM unnest({uuids}::text[], {times}::timestamptz[]) AS u (uuid, eta)"
    " JOIN instance_database b ON b.uuid = u.uuid WHERE d.database_id = b.id AND d.due > u.eta",
    stamp=_STAMP, uuids=None, times=None,
)  # fmt: skip
