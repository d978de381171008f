"""What a migration does to tables on purpose: rename and drop, which the comparison with declarations never does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from growsoft.postgres.check import Runs
from growsoft.postgres.schema import TYPES, ColumnType
from growsoft.postgres.sql import Sql, ident, idents, sql


def has_table(connection: Runs, table: str) -> bool:
    """Say whether a business table is there."""
    return bool(connection.run(sql("SELECT to_regclass({name}) IS NOT NULL", name=f'public."{table}"')).scalar())


def has_column(connection: Runs, table: str, column: str) -> bool:
    """Say whether a business table has a column."""
    found = sql(
        "SELECT FROM pg_catalog.pg_attribute WHERE attrelid = to_regclass({t}) AND attname = {c} AND NOT attisdropped",
        t=f'public."{table}"', c=column,
    )  # fmt: skip
    return bool(connection.run(found).rowcount)


def is_of_type(connection: Runs, table: str, column: str, kind: ColumnType) -> bool:
    """Say whether a column of a business table has a type."""
    found = sql(
        "SELECT FROM pg_catalog.pg_attribute WHERE attrelid = to_regclass({t}) AND attname = {c} AND NOT attisdropped"
        " AND format_type(atttypid, atttypmod) = {kind}",
        t=f'public."{table}"', c=column, kind=kind,
    )  # fmt: skip
    return bool(connection.run(found).rowcount)


def rename_column(connection: Runs, table: str, old: str, new: str) -> None:
    """Rename a column with its values; constraints and indexes that are named after it go along."""
    name = ident(table)
    connection.run(sql("ALTER TABLE {t} RENAME COLUMN {old} TO {new}", t=name, old=ident(old), new=ident(new)))
    for kind, part in _named_after(connection, table, f"{table}_{old}_"):
        renamed = ident(f"{table}_{new}_{part.removeprefix(f'{table}_{old}_')}"[:63])
        if kind == "index":
            connection.run(sql("ALTER INDEX {old} RENAME TO {new}", old=ident(part), new=renamed))
        else:
            connection.run(sql("ALTER TABLE {t} RENAME CONSTRAINT {o} TO {n}", t=name, o=ident(part), n=renamed))


def rename_table(connection: Runs, old: str, new: str) -> None:
    """Rename a table with its rows; what is named after it is made anew by the comparison that follows."""
    connection.run(sql("ALTER TABLE {old} RENAME TO {new}", old=ident(old), new=ident(new)))


def drop_columns(connection: Runs, table: str, columns: Iterable[str]) -> None:
    """Drop columns with all they hold; not when another table's constraint or view needs them."""
    for column in columns:
        connection.run(sql("ALTER TABLE {t} DROP COLUMN {c}", t=ident(table), c=ident(column)))


def drop_tables(connection: Runs, tables: Iterable[str]) -> None:
    """Drop tables with all they hold, in one statement: they may refer to each other, and nobody else to them."""
    names = sorted(tables)
    if names:
        connection.run(sql("DROP TABLE {tables}", tables=idents(names)))


def change_type(connection: Runs, table: str, column: str, kind: ColumnType, using: Sql) -> None:
    """Give a column another type; ``using`` says how each value becomes one of it.

    Its default, and the checks and indexes that speak of it, go: the comparison that follows makes the declared ones.
    """
    names = {"t": ident(table), "c": ident(column)}
    for part_kind, part in _speaking_of(connection, table, column):
        if part_kind == "check":
            connection.run(sql("ALTER TABLE {t} DROP CONSTRAINT {p}", t=names["t"], p=ident(part)))
        else:
            connection.run(sql("DROP INDEX {p}", p=ident(part)))
    connection.run(sql("ALTER TABLE {t} ALTER COLUMN {c} DROP DEFAULT", **names))
    connection.run(
        sql("ALTER TABLE {t} ALTER COLUMN {c} TYPE {kind} USING {using}", **names, kind=TYPES[kind], using=using)
    )


def _speaking_of(connection: Runs, table: str, column: str) -> list[tuple[str, str]]:
    found = connection.run(
        sql(
            "SELECT 'check', k.conname FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_attribute a"
            " ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)"
            " WHERE k.conrelid = to_regclass({table}) AND k.contype = 'c' AND a.attname = {column}"
            " UNION SELECT 'index', c.relname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c"
            " ON c.oid = i.indexrelid JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid"
            " JOIN pg_catalog.pg_depend d ON d.objid = i.indexrelid AND d.refobjid = i.indrelid"
            " AND d.refobjsubid = a.attnum"
            " WHERE i.indrelid = to_regclass({table}) AND NOT i.indisprimary AND a.attname = {column}",
            table=f'public."{table}"', column=column,
        )
    )  # fmt: skip
    return [(str(kind), str(name)) for kind, name in found.all()]


def _named_after(connection: Runs, table: str, prefix: str) -> Iterator[tuple[str, str]]:
    found = connection.run(
        sql(
            "SELECT CASE contype WHEN 'c' THEN 'check' ELSE 'link' END, conname FROM pg_catalog.pg_constraint"
            " WHERE conrelid = to_regclass({table}) AND contype IN ('c', 'f') AND starts_with(conname, {prefix})"
            " UNION ALL SELECT 'index', c.relname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c"
            " ON c.oid = i.indexrelid WHERE i.indrelid = to_regclass({table}) AND NOT i.indisprimary"
            " AND starts_with(c.relname, {prefix})",
            table=f'public."{table}"', prefix=prefix,
        )
    )  # fmt: skip
    yield from ((str(kind), str(name)) for kind, name in found.all())
