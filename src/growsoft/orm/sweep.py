"""Sweeping: rows of transient models that are old, or too many, are deleted; to be asked for regularly."""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from growsoft.postgres.sql import Sql, ident, sql

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.registry import ModelInfo

BATCH: Final = 1000  # rows that are deleted at once
MOST_BATCHES: Final = 20  # of one model in one call: whoever asks comes again, and a transaction stays short


def sweep(env: Env) -> dict[str, int]:
    """Delete what is over of every transient model; give the numbers of deleted records by model.

    A record goes once it was not changed for ``_transient_max_hours``, or once there are ``_transient_max_count`` newer
    ones. What somebody works on at this moment (a lock) is left for the next time.
    """
    elevated = env.sudo("rows of wizards are there for a moment, whoever made them")
    counts = {info.name: _swept(elevated, info) for info in env.registry.models.values() if info.transient}
    return {model: count for model, count in counts.items() if count}


def _swept(env: Env, info: ModelInfo) -> int:
    count = 0
    for query in _over(info):
        for _batch in range(MOST_BATCHES):
            env.flush()
            ids = env.execute(query).column(int)
            env[info.name].browse(ids).unlink()
            count += len(ids)
            if len(ids) < BATCH:
                break
    return count


def _over(info: ModelInfo) -> Iterator[Sql]:
    table = ident(info.table)
    if info.cls._transient_max_hours > 0:
        yield sql(
            "SELECT id FROM {t} WHERE write_date < now() - make_interval(secs => {seconds}::double precision)"
            " ORDER BY id LIMIT {batch}::bigint FOR UPDATE SKIP LOCKED",
            t=table, seconds=info.cls._transient_max_hours * 3600, batch=BATCH,
        )  # fmt: skip
    if info.cls._transient_max_count > 0:
        yield sql(
            "SELECT id FROM {t} WHERE id <= (SELECT id FROM {t} ORDER BY id DESC OFFSET {kept}::bigint LIMIT 1)"
            " ORDER BY id LIMIT {batch}::bigint FOR UPDATE SKIP LOCKED",
            t=table, kept=info.cls._transient_max_count, batch=BATCH,
        )  # fmt: skip
