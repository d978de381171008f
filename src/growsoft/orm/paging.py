"""Pages of a list: what stands behind FROM, and how names are looked up for the rows of one page only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from growsoft.orm.domain import EVERYTHING, Condition
from growsoft.orm.orders import Term, joined
from growsoft.postgres.sql import Sql, ident, join, literal, sql

# A list without a condition is planned once for all its pages up to one of these rows. PostgreSQL takes what is before
# a page for a tenth of the table when it does not know, finds that dear, and would plan anew each time: a third of the
# cost. A condition has values that are worth knowing when its statement is planned, so these are planned each time.
REACHES: Final = (100, 1000, 10_000)
# Names of linked records are looked up one by one for pages of this size, so that the rows before the page cost none;
# for more rows a join is cheaper.
LOOKED_UP: Final = 200


def reach_of(domain: Condition, limits: Sequence[int], offsets: Sequence[int]) -> int:
    """Give the row up to which a statement for this page serves, 0 when it is planned for its own values."""
    if domain != EVERYTHING or not limits:
        return 0
    last = sum(limits) + sum(offsets)
    return next((reach for reach in REACHES if last <= reach), 0)


@dataclass(frozen=True, slots=True)
class Page:
    """What a list is asked for: the condition behind FROM, its order, and which rows of it."""

    table: Sql
    where: Sql
    terms: tuple[Term, ...]
    limits: tuple[int, ...]
    offsets: tuple[int, ...]
    reach: int

    @property
    def is_small(self) -> bool:
        """Whether names are looked up for its rows one by one."""
        return bool(self.limits) and self.limits[0] <= LOOKED_UP

    def ids(self) -> Sql:
        """Give the ids of its rows."""
        key = sql("{t}.id", t=self.table)
        if self.reach:
            return self.looked_up([key], list)
        return self.select(sql("SELECT {k} FROM {t}", k=key, t=self.table))

    def select(self, head: Sql) -> Sql:
        """Give its rows by a SELECT with all its tables."""
        return sql("{head} {where} {rest}", head=head, where=self.where, rest=self._sorted(self.terms))

    def looked_up(self, columns: Sequence[Sql], shown: Callable[[Sequence[Sql]], Sequence[Sql]]) -> Sql:
        """Give what ``shown`` makes of some columns; it is worked out for the rows of the page and for no others."""
        names = [_numbered("c", number) for number in range(len(columns))]
        keys = [Term(_numbered("o", number), term.way) for number, term in enumerate(self.terms)]
        values = [*columns, *(term.value for term in self.terms)]
        listed = [sql("{v} AS {n}", v=v, n=n) for v, n in zip(values, [*names, *(k.value for k in keys)], strict=True)]
        head = sql("SELECT {columns} FROM {t}", columns=join(", ", listed), t=self.table)
        rows = self._reached(head, names, keys) if self.reach else self.select(head)
        return sql(
            "SELECT {shown} FROM ({rows}) page__ ORDER BY {keys}",
            shown=join(", ", shown(names)), rows=rows, keys=joined(keys),
        )  # fmt: skip

    def _reached(self, head: Sql, names: Sequence[Sql], keys: Sequence[Term]) -> Sql:
        return sql(
            "SELECT {names} FROM ({head} ORDER BY {order} LIMIT {reach}) reach__ {rest}",
            names=join(", ", [*names, *(key.value for key in keys)]), head=head, order=joined(self.terms),
            reach=literal(self.reach), rest=self._sorted(keys),
        )  # fmt: skip

    def _sorted(self, terms: Sequence[Term]) -> Sql:
        pieces = [sql("ORDER BY {order}", order=joined(terms))]
        # A constant where the statement is planned once: it must not be taken for a tenth of all either.
        limits = [literal(number) if self.reach else number for number in self.limits]
        pieces.extend(sql("LIMIT {limit}::bigint", limit=limit) for limit in limits)
        pieces.extend(sql("OFFSET {offset}::bigint", offset=number) for number in self.offsets)
        return join(" ", pieces)


def _numbered(letter: str, number: int) -> Sql:
    return ident(f"{letter}{number}__")
