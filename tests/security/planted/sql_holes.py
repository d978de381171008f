"""Planted: SQL built from strings, and a driver outside its place."""

from typing import LiteralString, cast

import psycopg  # hole: growsoft-psycopg-outside-postgres
from psycopg import sql as composing  # hole: growsoft-psycopg-outside-postgres
from psycopg.rows import dict_row  # hole: growsoft-psycopg-outside-postgres
from psycopg_pool import ConnectionPool  # hole: growsoft-psycopg-outside-postgres

from growsoft.postgres.sql import ident, sql


def partners(cursor, name, table, conditions):
    cursor.execute(f"SELECT * FROM res_partner WHERE name = '{name}'")  # hole: growsoft-sql-from-strings
    cursor.execute("SELECT * FROM res_partner WHERE name = '%s'" % name)  # hole: growsoft-sql-from-strings
    cursor.execute("SELECT * FROM {}".format(table))  # hole: growsoft-sql-from-strings
    cursor.execute("SELECT * FROM " + table)  # hole: growsoft-sql-from-strings
    query = f"DELETE FROM {table}"
    if name:
        cursor.execute(query)  # hole: growsoft-sql-from-strings
    where = " AND ".join(conditions)
    cursor.executemany("SELECT 1 WHERE " + where, [])  # hole: growsoft-sql-from-strings
    sql(f"SELECT * FROM {table}")  # hole: growsoft-sql-from-strings
    psycopg.sql.SQL("SELECT * FROM " + table)  # hole: growsoft-sql-from-strings
    sql(cast(LiteralString, table))  # hole: growsoft-literal-string-cast
    sql(cast("LiteralString", table))  # hole: growsoft-literal-string-cast
    cursor.execute("SELECT * FROM res_partner WHERE name = %s", [name])
    cursor.execute(sql("SELECT * FROM {table} WHERE name = {name}", table=ident(table), name=f"{name}%"))
    return cursor.execute("SELECT 1", (f"{name}!",))
