"""Files that no record refers to any more: found by asking all columns that hold files, and deleted after a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

from growsoft.orm.fields import Binary
from growsoft.postgres.sql import ident, sql
from growsoft.security.filestore import FileStore

if TYPE_CHECKING:
    from growsoft.orm.env import Env


def sweep_files(env: Env) -> int:
    """Delete the files of a database that nothing refers to; give their number. To be asked for once a day.

    What was written within the last two days stays: its record may not be committed yet, and a backup that began
    before its record went still names it.
    """
    store = env.files
    return store.sweep(referred_files(env)) if isinstance(store, FileStore) else 0


def referred_files(env: Env) -> frozenset[str]:
    """Give the addresses of all files that records refer to."""
    elevated = env.sudo("a file is kept as long as any record refers to it, whoever may see that")
    elevated.flush()
    found: set[str] = set()
    for info in env.registry.models.values():
        for name, field in info.columns.items():
            if isinstance(field, Binary):
                column = ident(name)
                rows = sql("SELECT DISTINCT {c} FROM {t} WHERE {c} <> ''", c=column, t=ident(info.table))
                found.update(raw.partition(":")[0] for raw in elevated.execute(rows).column(str))
    return frozenset(found)
