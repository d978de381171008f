"""Verifying the history: every row still says what was sealed, and every seal is the one that others remember."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Final, Literal

from growsoft.postgres.sealing import SHORTEST_RETENTION
from growsoft.postgres.seals import (
    BEFORE_ALL,
    DIGEST,
    IN_ORDER,
    ROWS,
    SEALS,
    Head,
    Place,
    Row,
    Seal,
    hash_of,
    row_of,
    seal_of,
)
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import Superuser

Wrong = Literal["changed", "removed", "inserted", "swept", "chain", "replaced", "cut off", "not sealed"]

MOST_FINDINGS: Final = 20
# The keeper seals each minute; what waits for longer waits for a transaction that does not end, or for no keeper.
LATE: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, where: the seal's number and the first row that it concerns, as far as that can be known."""

    wrong: Wrong
    seal: int
    where: str
    text: str


@dataclass
class Verdict:
    """What was looked at, and what is wrong with it; ``waiting`` rows are newer than the last seal."""

    rows: int = 0
    seals: int = 0
    swept: int = 0
    waiting: int = 0
    head: Head | None = None
    findings: list[Finding] = field(default_factory=list[Finding])

    def add(self, wrong: Wrong, seal: int, where: str, text: str) -> None:
        """Note a finding; the first ones tell enough."""
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(Finding(wrong, seal, where, text))


def verify_history(connection: Superuser, known: Iterable[Head] = ()) -> Verdict:
    """Compare all rows with their seals, the seals with each other, and both with the ``known`` heads of other places.

    Rows are read and hashed here: nothing that is stored in the database is believed, its functions neither.
    """
    with connection.atomic():
        # One moment for rows and seals, also while the keeper seals.
        connection.run(sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        heads = {head.number: head for head in known}
        found = _Verification(connection, heads)
        last = found.seals()
        found.ends(last)
        found.waiting(last)
    return found.verdict


class _Verification:
    """One pass over seals and rows, both in their order."""

    def __init__(self, connection: Superuser, heads: Mapping[int, Head]) -> None:
        self.verdict = Verdict()
        self._connection = connection
        self._heads = heads
        self._rows = _Rows(row_of(values) for batch in connection.stream(_ALL_ROWS) for values in batch)
        self._now, self._swept = connection.run(_SWEPT).one()

    def seals(self) -> Seal | None:
        """Verify each seal with its rows; give the last one."""
        before: Seal | None = None
        for batch in self._connection.stream(_ALL_SEALS, 1):
            seal = seal_of(batch[0])
            self._link(before, seal)
            found = self._rows.upto(seal.last)
            self.verdict.rows += len(found)
            self.verdict.seals += 1
            if seal.leaves is None:
                self._swept_rows(seal, found)
            else:
                self._sealed_rows(seal, seal.leaves, found)
            before = seal
        return before

    def ends(self, last: Seal | None) -> None:
        """Verify that nothing is missing at the end that others remember."""
        self.verdict.head = None if last is None else last.head
        known, here = max(self._heads, default=-1), -1 if last is None else last.number
        if known > here:
            text = f"the backup sites know seal {known}; " + (
                f"the last one here is {here}" if last else "none is here"
            )
            self.verdict.add("cut off", here + 1, "", text)

    def waiting(self, last: Seal | None) -> None:
        """Count what is to be sealed yet, and say when it is late."""
        self.verdict.waiting = sum(1 for _row in self._rows.rest())
        place = BEFORE_ALL if last is None else last.last
        oldest = self._connection.run(
            sql(
                "SELECT min(at) FROM gs_priv.audit WHERE (era, xid, id) > ({e}::smallint, {x}::xid8, {i}::bigint)",
                e=place.era, x=str(place.xid), i=place.id,
            )
        ).scalar()  # fmt: skip
        if oldest is not None and self._now - oldest > LATE:
            since = f"{oldest:%Y-%m-%d %H:%M}Z"
            text = f"{self.verdict.waiting} rows wait for their seal since {since}; is the keeper running?"
            self.verdict.add("not sealed", self.verdict.seals, "", text)

    def _link(self, before: Seal | None, seal: Seal) -> None:
        expected = 0 if before is None else before.number + 1
        if seal.number != expected:
            text = f"seal {expected} is missing; the next one that is there is {seal.number}"
            self.verdict.add("chain", expected, "", text)
        elif seal.hash != seal.chained(hash_of(before)):
            text = f"seal {seal.number} does not follow from the one before it"
            self.verdict.add("chain", seal.number, "", text)
        head = self._heads.get(seal.number)
        if head is not None and head.hash != seal.hash:
            text = f"seal {seal.number} is another one than that which the backup sites keep: the chain was replaced"
            self.verdict.add("replaced", seal.number, "", text)

    def _swept_rows(self, seal: Seal, found: list[Row]) -> None:
        """A swept seal has no rows, is old enough by its own sealed time, and its sweep is in the history."""
        self.verdict.swept += 1
        if found:
            row = found[0]
            text = f"{row.about} stands where all rows were swept"
            self.verdict.add("inserted", seal.number, str(row.place), text)
        if seal.number > self._swept or self._now - seal.at < SHORTEST_RETENTION:
            text = f"the {seal.rows} rows of seal {seal.number} are missing, and no policy let them be swept"
            self.verdict.add("removed", seal.number, "", text)

    def _sealed_rows(self, seal: Seal, sealed: bytes, found: list[Row]) -> None:
        if sha256(sealed).digest() != seal.root or len(sealed) != seal.rows * DIGEST:
            text = f"the hashes of the rows of seal {seal.number} are not those that it sealed"
            self.verdict.add("chain", seal.number, "", text)
        leaves = [sealed[i : i + DIGEST] for i in range(0, len(sealed), DIGEST)]
        if leaves != [row.digest for row in found]:
            self._first(seal, leaves, found)

    def _first(self, seal: Seal, leaves: list[bytes], found: list[Row]) -> None:
        """Find the first row that is not as it was sealed, and say what happened to it."""
        pairs = enumerate(zip(leaves, found, strict=False))
        at = next((i for i, (leaf, row) in pairs if leaf != row.digest), min(len(leaves), len(found)))
        after = f"after {found[at - 1].place}" if at else f"at the beginning of seal {seal.number}"
        if at == len(found):
            text = f"{len(leaves) - at} rows are missing at the end of seal {seal.number}"
            self.verdict.add("removed", seal.number, after, text)
            return
        row = found[at]
        if at == len(leaves) or leaves[at] in {one.digest for one in found[at:]}:
            text = f"{row.about} was not there when it was sealed"
            self.verdict.add("inserted", seal.number, str(row.place), text)
        elif row.digest in set(leaves[at:]):
            text = f"a row is missing before {row.about}, {row.place}"
            self.verdict.add("removed", seal.number, after, text)
        else:
            text = f"{row.about} says something else than when it was sealed"
            self.verdict.add("changed", seal.number, str(row.place), text)


class _Rows:
    """The rows in order, taken as far as a seal goes."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self._next = next(rows, None)

    def upto(self, last: Place) -> list[Row]:
        """Take the rows up to a place."""
        taken: list[Row] = []
        while self._next is not None and self._next.place <= last:
            taken.append(self._next)
            self._next = next(self._rows, None)
        return taken

    def rest(self) -> Iterator[Row]:
        """Take the rest."""
        while self._next is not None:
            yield self._next
            self._next = next(self._rows, None)


_ALL_ROWS: Final = sql("{rows} {order}", rows=ROWS, order=IN_ORDER)
_ALL_SEALS: Final = sql("{seals} ORDER BY number", seals=SEALS)
_SWEPT: Final = sql(
    "SELECT statement_timestamp(), coalesce(max((details ->> 'through')::bigint), -1) FROM gs_priv.audit"
    " WHERE kind = 'sweep'"
)
