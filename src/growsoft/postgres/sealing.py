"""Sealing the history in the order of its transactions, and sweeping what is sealed and old."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from growsoft.postgres.apply import set_meta
from growsoft.postgres.seals import BEFORE_ALL, IN_ORDER, ROWS, SEALS, Head, Row, Seal, new_seal, row_of, seal_of
from growsoft.postgres.sql import Sql, literal, sql
from growsoft.postgres.superuser import Superuser

BATCH: Final = 10_000  # rows of one seal, at most
# No policy may sweep earlier: a year's accounts are audited in the year after.
SHORTEST_RETENTION: Final = timedelta(days=730)


@dataclass(frozen=True, slots=True)
class Sealed:
    """How many rows were sealed, the newest seal if there is any, and whether others wait for a transaction's end."""

    rows: int
    head: Head | None
    waiting: bool = False


def seal_history(connection: Superuser, at: datetime | None = None) -> Sealed:
    """Seal what is new; ``at`` is the present unless somebody tells another moment.

    Ids are given out before a commit: a row that is not seen yet may come to stand before one that is. So only rows of
    transactions older than any that is at work are sealed, and what a long one wrote waits for its end.
    """
    with connection.atomic():
        last = _locked(connection)
        # First the horizon, then the rows: whatever is older has ended by now, and the next statement sees it.
        horizon = connection.run(sql("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")).scalar(str)
        older = sql("(era < {era} OR xid < {horizon}::xid8)", era=_era(connection), horizon=horizon)
        moment = at or connection.run(sql("SELECT statement_timestamp()")).scalar(datetime)
        rows, last = _sealed(connection, last, older, moment)
        rest = sql("SELECT EXISTS (SELECT FROM gs_priv.audit WHERE {after})", after=_after(last))
        return Sealed(rows, None if last is None else last.head, bool(connection.run(rest).scalar()))


def begin_era(connection: Superuser) -> None:
    """Seal everything and let transactions be numbered anew: a database that came from another cluster.

    Nobody else may be at work in it.
    """
    with connection.atomic():
        moment = connection.run(sql("SELECT statement_timestamp()")).scalar(datetime)
        _sealed(connection, _locked(connection), sql("true"), moment)
        era = _era(connection) + 1
        connection.run(sql("ALTER TABLE gs_priv.audit ALTER COLUMN era SET DEFAULT {era}", era=literal(era)))
        set_meta(connection, "era", str(era))


def sweep_history(connection: Superuser, keep: timedelta) -> int:
    """Delete rows whose seals are older than ``keep``; give how many. Their seals stay, so that the chain still holds.

    The sweep is a row of the history itself. Raises ``ValueError`` below the shortest retention.
    """
    if keep < SHORTEST_RETENTION:
        raise ValueError(f"the history is kept for {SHORTEST_RETENTION.days} days at least")
    with connection.atomic():
        _locked(connection)
        where = sql("at < statement_timestamp() - {keep}::interval", keep=keep)
        query = sql("{seals} WHERE {where} AND leaves IS NOT NULL ORDER BY number", seals=SEALS, where=where)
        old = [seal_of(row) for row in connection.run(query).all()]
        if not old:
            return 0
        upto = sql(
            "(era, xid, id) <= ({e}::smallint, {x}::xid8, {i}::bigint)",
            e=old[-1].last.era, x=str(old[-1].last.xid), i=old[-1].last.id,
        )  # fmt: skip
        gone = connection.run(sql("DELETE FROM gs_priv.audit WHERE {upto}", upto=upto)).rowcount
        connection.run(
            sql("UPDATE gs_priv.seal SET leaves = NULL WHERE number <= {last}", last=old[-1].number)
        )  # fmt: skip
        connection.run(
            sql(
                "INSERT INTO gs_priv.audit (kind, user_id, details)"
                " VALUES ('sweep', 0, jsonb_build_object('through', {last}::bigint, 'days', {days}::int))",
                last=old[-1].number, days=keep.days,
            )
        )  # fmt: skip
    return gone


def _locked(connection: Superuser) -> Seal | None:
    """Seal alone, and give the newest seal."""
    connection.run(sql("LOCK TABLE gs_priv.seal IN SHARE ROW EXCLUSIVE MODE"))
    rows = connection.run(sql("{seals} ORDER BY number DESC LIMIT 1", seals=SEALS)).all()
    return seal_of(rows[0]) if rows else None


def _after(last: Seal | None) -> Sql:
    place = BEFORE_ALL if last is None else last.last
    return sql(
        "(era, xid, id) > ({e}::smallint, {x}::xid8, {i}::bigint)", e=place.era, x=str(place.xid), i=place.id
    )  # fmt: skip


def _sealed(connection: Superuser, last: Seal | None, settled: Sql, at: datetime) -> tuple[int, Seal | None]:
    query = sql(
        "{rows} WHERE {after} AND {settled} {order}", rows=ROWS, after=_after(last), settled=settled, order=IN_ORDER
    )
    total = 0
    for batch in connection.stream(query, BATCH):
        rows: list[Row] = [row_of(values) for values in batch]
        last = new_seal(last, at, rows)
        _keep(connection, last)
        total += len(rows)
    return total, last


def _keep(connection: Superuser, seal: Seal) -> None:
    connection.run(
        sql(
            "INSERT INTO gs_priv.seal (number, at, era, xid, id, rows, leaves, root, hash) VALUES"
            " ({number}, {at}, {era}, {xid}::xid8, {id}, {rows}, {leaves}, {root}, {hash})",
            number=seal.number, at=seal.at, era=seal.last.era, xid=str(seal.last.xid), id=seal.last.id, rows=seal.rows,
            leaves=seal.leaves, root=seal.root, hash=seal.hash,
        )
    )  # fmt: skip


def _era(connection: Superuser) -> int:
    found = connection.run(sql("SELECT value FROM gs_priv.meta WHERE key = 'era'")).column(str)
    return int(found[0]) if found else 1
