"""A fence for text searches: PostgreSQL looks at some hits before it decides to walk along an order.

With ORDER BY and LIMIT the planner may walk along the index of the order until enough rows fit. It expects them soon
where a word is common, and does not know that this reader sees few rows: on a million rows that took seconds instead of
one millisecond. So up to ``PROBED`` hits are looked for first, in whatever order is cheapest under the reader's rules.
If these are all, they are sorted; only a reader with more hits than that can come upon enough of them by walking.
"""

from __future__ import annotations

from typing import Final

from growsoft.orm.domain import Condition, leaves
from growsoft.postgres.sql import Sql, sql

# Of N rows the walk then passes some N * limit / PROBED at most, unless the hits are all at the far end of the order.
PROBED: Final = 1000


def needs_fence(domain: Condition, last: int) -> bool:
    """Whether a condition searches text, for rows up to the ``last`` one of an order."""
    return last <= PROBED and any(_searches_text(leaf.operator, leaf.value) for leaf in leaves(domain))


def fenced(table: Sql, where: Sql, order: Sql, last: int) -> Sql:
    """Give the condition that leaves the rows among which the first ``last`` ones of an order are."""
    return sql(
        "WHERE {t}.id = ANY (ARRAY(WITH found__ AS MATERIALIZED"
        " (SELECT {t}.id FROM {t} WHERE {where} LIMIT {more}::bigint)"
        " SELECT id FROM found__ WHERE (SELECT count(*) FROM found__) < {more}::bigint"
        " UNION ALL (SELECT {t}.id FROM {t} WHERE (SELECT count(*) FROM found__) >= {more}::bigint AND ({where})"
        " ORDER BY {order} LIMIT {last}::bigint)))",
        t=table, where=where, order=order, more=PROBED + 1, last=last,
    )  # fmt: skip


def _searches_text(operator: str, value: object) -> bool:
    if isinstance(value, Condition):
        return any(_searches_text(leaf.operator, leaf.value) for leaf in leaves(value))
    return operator.endswith("like") or operator == "@@"
