"""File references: the addresses of all files that the rows of a database refer to, as one snapshot sees them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from psycopg.sql import SQL, Identifier

from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import Superuser


class FileReference(NamedTuple):
    """A row that refers to a file: its table (``schema.table``), column and id, what it is called, and the file."""

    table: str
    column: str
    record: int
    name: str
    address: str
    size: int


# Only what a dump holds: tables themselves, neither views nor unlogged ones. Children are asked by themselves.
_COLUMNS = sql(
    "SELECT n.nspname, c.relname, a.attname FROM pg_catalog.pg_attribute a"
    " JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE a.atttypid = pg_catalog.to_regtype('gs.file') AND NOT a.attisdropped AND a.attnum > 0"
    " AND c.relkind = 'r' AND c.relpersistence = 'p' ORDER BY 1, 2, 3"
)

_NAMES = sql(
    "SELECT attname FROM pg_catalog.pg_attribute WHERE attrelid = format('%I.%I', {s}::text, {t}::text)::regclass"
    " AND attnum > 0 AND NOT attisdropped",
    s="", t="",
)  # fmt: skip


def referred_files(connection: Superuser) -> bytes:
    """Give the addresses in all columns of the domain ``gs.file``: 32 bytes each, in order, each once."""
    found: set[bytes] = set()
    for schema, table, column in connection.run(_COLUMNS).all():
        # As for counting rows: a table that is not ours may have any name.
        query = SQL("SELECT DISTINCT decode(left({c}, 64), 'hex') FROM ONLY {s}.{t} WHERE {c} <> ''").format(
            c=Identifier(column), s=Identifier(schema), t=Identifier(table)
        )
        with connection.raw.cursor(binary=True) as cursor:
            found.update(row[0] for row in cursor.execute(query))
    return b"".join(sorted(found))


def file_references(connection: Superuser) -> Iterator[FileReference]:
    """Give every row of ours that refers to a file, table by table in the order of their ids."""
    for schema, table, column in connection.run(_COLUMNS).all():
        columns = set(connection.run(_NAMES.rebind((schema, table))).column(str))
        if "id" not in columns:
            continue
        # A name is text, or one for each language.
        name = SQL("to_jsonb({n})").format(n=Identifier("name")) if "name" in columns else SQL("NULL")
        query = SQL("SELECT id, {name}, {c} FROM ONLY {s}.{t} WHERE {c} <> '' ORDER BY id").format(
            name=name, c=Identifier(column), s=Identifier(schema), t=Identifier(table)
        )
        with connection.raw.cursor() as cursor:
            for record, called, value in cursor.stream(query):
                address, _, size = str(value).partition(":")
                words = called if isinstance(called, str) else ""
                yield FileReference(f"{schema}.{table}", str(column), int(record), words, address, int(size))


def wrapped_file_keys(connection: Superuser) -> list[bytes]:
    """Give the keys of a database's files, wrapped by its instance; none where its platform is older than files."""
    if connection.run(sql("SELECT to_regclass('gs_priv.file_key') IS NULL")).scalar():
        return []
    return connection.run(sql("SELECT wrapped FROM gs_priv.file_key ORDER BY 1")).column(bytes)
