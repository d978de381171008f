"""Seals: how rows of the history become a hash chain. Values alone; sealing.py and verifying.py read and write them.

The invariant: a seal decides every row before it. Its hash covers the hash of the seal before, the hashes of its rows
in their order, how many they are, and which one is the last.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple

from growsoft.postgres.sql import Sql, sql

DIGEST: Final = 32  # bytes of a SHA-256
_FIRST: Final = bytes(DIGEST)  # what stands before the first seal


class Place(NamedTuple):
    """Where a row stands: rows of one transaction stand together, and transactions in the order of their numbers."""

    era: int
    xid: int
    id: int

    def __str__(self) -> str:
        """Name the row for people: its id tells it apart."""
        return f"row {self.id} of transaction {self.xid} (era {self.era})"


BEFORE_ALL: Final = Place(0, 0, 0)


class Row(NamedTuple):
    """A row of the history: its place, what it is about, and the SHA-256 of all it says."""

    place: Place
    about: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """A seal as it is known elsewhere, such as on a backup site: it stands for everything before it."""

    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Seal:
    """A link of the chain. ``leaves`` are the digests of its rows, one after the other; None once these are swept."""

    number: int
    at: datetime
    last: Place
    rows: int
    root: bytes
    leaves: bytes | None
    hash: bytes = b""

    def chained(self, before: bytes) -> bytes:
        """Work out the hash of this seal behind that of the seal before; every value with its length in front."""
        values = (
            b"gs-seal-1", before, str(self.number).encode(), str(_microseconds(self.at)).encode(),
            str(self.last.era).encode(), str(self.last.xid).encode(), str(self.last.id).encode(),
            str(self.rows).encode(), self.root,
        )  # fmt: skip
        return _hashed(values)

    @property
    def head(self) -> Head:
        """What others keep of it."""
        return Head(self.number, self.hash)


def new_seal(before: Seal | None, at: datetime, rows: Sequence[Row]) -> Seal:
    """Seal rows, which follow those of the seal before and are in order."""
    leaves = b"".join(row.digest for row in rows)
    number = 0 if before is None else before.number + 1
    seal = Seal(number, at, rows[-1].place, len(rows), sha256(leaves).digest(), leaves)
    return replace(seal, hash=seal.chained(hash_of(before)))


def hash_of(seal: Seal | None) -> bytes:
    """Give the hash that the next seal builds upon."""
    return _FIRST if seal is None else seal.hash


def row_of(values: Sequence[Any]) -> Row:
    """Make a row of what ``ROWS`` gives: texts, the first three of which are its place."""
    era, xid, row_id, _at, kind, user, *_rest = values
    table, record = values[11], values[13]
    what = f"{kind} of {table} {record}" if table else str(kind)
    return Row(
        Place(int(era), int(xid), int(row_id)), f"{what} by user {user}", _hashed(value.encode() for value in values)
    )


def seal_of(values: Sequence[Any]) -> Seal:
    """Make a seal of what ``SEALS`` gives."""
    number, at, era, xid, row_id, rows, root, leaves, digest = values
    return Seal(number, at, Place(era, int(xid), row_id), rows, root, leaves, digest)


# Everything a row says, as texts that do not depend on the session: PostgreSQL's own words for numbers and jsonb. In
# their order: by the columns, since ORDER BY alone would take the texts of the same names.
ROWS: Final[Sql] = sql(
    "SELECT era::text, xid::text, id::text, (extract(epoch FROM at) * 1000000)::bigint::text, kind, user_id::text,"
    " actor::text, entry::text, request, reason, caller, table_name, relation, record_id::text, details::text"
    " FROM gs_priv.audit a"
)
IN_ORDER: Final[Sql] = sql("ORDER BY a.era, a.xid, a.id")
SEALS: Final[Sql] = sql("SELECT number, at, era, xid::text, id, rows, root, leaves, hash FROM gs_priv.seal")


def _hashed(values: Iterable[bytes]) -> bytes:
    return sha256(b"".join(b"%d:%b" % (len(value), value) for value in values)).digest()


def _microseconds(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)
