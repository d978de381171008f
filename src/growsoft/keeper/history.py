"""History: the keeper seals each database's history every minute, before each dump, and when it is asked to."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Iterable
from datetime import timedelta
from typing import Final

from growsoft.errors import GrowsoftError
from growsoft.keeper.databases import Databases
from growsoft.keeper.locks import Locks
from growsoft.keeper.records import Records
from growsoft.keeper.verbs import HistoryFinding, HistoryHead, HistorySealed, HistorySwept, HistoryVerified
from growsoft.postgres.keeper import DatabaseBusy
from growsoft.postgres.sealing import seal_history, sweep_history
from growsoft.postgres.seals import Head
from growsoft.postgres.sql import sql
from growsoft.postgres.verifying import Verdict, verify_history

EVERY_SECONDS: Final = 60.0


class History:
    """The histories of customers' databases. Callers hold the databases they name."""

    def __init__(self, databases: Databases) -> None:
        """Take the databases."""
        self._databases = databases

    def seal(self, name: str) -> HistorySealed:
        """Seal what is new and settled."""
        with self._databases.inside(name) as connection:
            sealed = seal_history(connection)
        return HistorySealed(sealed.rows, _told(sealed.head), sealed.waiting)

    def verify(self, name: str, known: Iterable[HistoryHead]) -> HistoryVerified:
        """Compare rows, seals, and what others remember of them."""
        heads = [Head(head.number, bytes.fromhex(head.hash)) for head in known]
        with self._databases.inside(name) as connection:
            return _answered(verify_history(connection, heads))

    def sweep(self, name: str, days: int) -> HistorySwept:
        """Seal what is new, then delete what was sealed longer ago than that; the seals stay."""
        with self._databases.inside(name) as connection:
            seal_history(connection)
            return HistorySwept(sweep_history(connection, timedelta(days=days)))


class Rounds:
    """Seals every database in which something was written, each minute, in a thread of its own."""

    def __init__(self, history: History, records: Records, locks: Locks) -> None:
        """Take the histories, and what knows which databases there are."""
        self._history = history
        self._records = records
        self._locks = locks
        self._written: dict[str, int] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sealing", daemon=True)

    @contextlib.contextmanager
    def running(self) -> Generator[None]:
        """Go round while the block runs; the end waits for the database that is being sealed."""
        self._thread.start()
        try:
            yield
        finally:
            self._ended.set()
            self._thread.join(EVERY_SECONDS)

    def once(self) -> int:
        """Go round once; give how many rows were sealed. What fails now is done the next time."""
        sealed = 0
        for name, written in self._databases():
            if self._ended.is_set():
                break
            if self._written.get(name) == written:
                continue
            with contextlib.suppress(GrowsoftError), self._locks.shared(name, 0):
                done = self._history.seal(name)
                sealed += done.rows
                # Sealing writes as well: the database is looked at once more, and is at rest when nothing was new.
                if not done.rows and not done.waiting:
                    self._written[name] = written
        return sealed

    def _run(self) -> None:
        while not self._ended.wait(EVERY_SECONDS):
            with contextlib.suppress(GrowsoftError, DatabaseBusy), self._records.session():
                self.once()

    def _databases(self) -> list[tuple[str, int]]:
        with self._records.cluster() as cluster:
            return [(str(name), int(written)) for name, written in cluster.run(_WRITTEN).all()]


def _told(head: Head | None) -> HistoryHead | None:
    return None if head is None else HistoryHead(head.number, head.hash.hex())


def _answered(verdict: Verdict) -> HistoryVerified:
    findings = tuple(HistoryFinding(one.wrong, one.seal, one.where, one.text) for one in verdict.findings)
    return HistoryVerified(
        verdict.rows, verdict.seals, verdict.swept, verdict.waiting, _told(verdict.head), findings
    )  # fmt: skip


_WRITTEN: Final = sql(
    "SELECT d.datname, coalesce(s.tup_inserted, 0) FROM pg_catalog.pg_database d"
    " LEFT JOIN pg_catalog.pg_stat_database s ON s.datid = d.oid WHERE d.datname ~ '^db_[0-9a-f]{{16}}$'"
    " AND NOT EXISTS (SELECT FROM gs_keeper.unfinished u WHERE u.name = d.datname) ORDER BY 1"
)
