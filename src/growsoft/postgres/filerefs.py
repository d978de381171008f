"""File references: the addresses of all files that the rows of a database refer to, as one snapshot sees them."""

from __future__ import annotations

from psycopg.sql import SQL, Identifier

from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import Superuser

# Only what a dump holds: tables themselves, neither views nor unlogged ones. Children are asked by themselves.
_COLUMNS = sql(
    "SELECT n.nspname, c.relname, a.attname FROM pg_catalog.pg_attribute a"
    " JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE a.atttypid = pg_catalog.to_regtype('gs.file') AND NOT a.attisdropped AND a.attnum > 0"
    " AND c.relkind = 'r' AND c.relpersistence = 'p' ORDER BY 1, 2, 3"
)


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
