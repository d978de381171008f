"""Streams: the rows of a search in batches, however many there are, in bounded memory and under the caller's rights."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Final

from growsoft.orm.domain import Condition, DomainError
from growsoft.orm.rows import Plan, Row, plan_of
from growsoft.orm.search import natural
from growsoft.postgres.sql import Sql

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.registry import ModelInfo

MAX_BATCH: Final = 100_000


def stream(
    env: Env, info: ModelInfo, domain: Condition, names: Sequence[str], batch: int, order: str
) -> Generator[list[Row]]:
    """Give rows in batches, as they were when the first one was asked for; what is wrong is refused at once."""
    plan = plan_of(env, info, names)
    if not 1 <= natural(batch) <= MAX_BATCH:
        raise DomainError(f"A batch has 1 to {MAX_BATCH:,} rows.")
    env.work.prepare(env, plan.names)
    # By id, unless somebody asks for more: sorting millions of rows would hold them all.
    query = plan.listed(env, info, domain, 0, None, order or "id")
    return _batches(env, plan, query, batch)


def _batches(env: Env, plan: Plan, query: Sql, batch: int) -> Generator[list[Row]]:
    for tuples in env.work.stream(env, query, batch):
        yield plan.rows(env, tuples)
        # What was read for this batch, and what the caller has done with it, is not kept until the last one.
        env.flush()
        env.cache.forget()
