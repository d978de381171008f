"""The key of a customer's files: read from the customer's own database, and opened by the keys of this process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from growsoft.postgres.database import Database
from growsoft.postgres.sql import sql
from growsoft.security.blobs import FileKeys
from growsoft.security.envelope import KeyUnusable, WrappedKey
from growsoft.security.filestore import FileStore
from growsoft.security.keyring import WorkerKeys

REASON: Final = "files are kept under the key of their customer, whoever reads or writes them"


def with_files(database: Database, folder: Path, keys: WorkerKeys) -> Database:
    """Give a database with its storage: a folder of its own below ``folder``."""
    return replace(database, files=FileStore(folder / database.name, lambda: file_keys(database, keys)))


def file_keys(database: Database, keys: WorkerKeys) -> FileKeys:
    """Open the keys of a customer's files. Raises ``KeyUnusable``."""
    with database.transaction(database.elevated(REASON, caller=__name__)) as transaction:
        wrapped = transaction.execute(sql("SELECT gs.file_keys()")).column(bytes)
    if not wrapped:
        raise KeyUnusable("This database has no key for files yet; run `growsoft db upgrade` for it.")
    return FileKeys([keys.open(WrappedKey.from_bytes(one)) for one in wrapped])
