"""SQL that was built: each marked line must be refused by the type checkers (`both` = mypy too)."""

from growsoft.postgres.connection import Connection
from growsoft.postgres.database import Database
from growsoft.postgres.policies import Policy
from growsoft.postgres.schema import Column, Constraint
from growsoft.postgres.sql import ident, join, literal, plain, script, sql
from growsoft.postgres.superuser import Superuser
from growsoft.postgres.transaction import Transaction


def built(name: str, tx: Transaction, owner: Superuser, connection: Connection, database: Database) -> None:
    """Everything that somebody in a hurry might write."""
    sql(name)  # refused: basedpyright
    sql(f"SELECT {name}")  # refused: basedpyright
    sql("SELECT " + name)  # refused: basedpyright
    sql("SELECT %s" % name)  # refused: basedpyright
    sql("SELECT {}".format(name))  # refused: basedpyright
    sql("".join(["SELECT ", name]))  # refused: basedpyright
    sql(str("SELECT 1"))  # refused: basedpyright
    sql(b"SELECT 1")  # refused: both
    join(name, [sql("a")])  # refused: basedpyright
    join(", ", ["a"])  # refused: both
    join(", ", name)  # refused: both
    script("growsoft.postgres", name)  # refused: basedpyright
    tx.execute("SELECT 1")  # refused: both
    tx.execute(f"SELECT {name}")  # refused: both
    tx.execute(sql)  # refused: both
    next(tx.stream("SELECT 1"))  # refused: both
    owner.run("SELECT 1")  # refused: both
    owner.run_all(["SELECT 1"])  # refused: both
    connection.script("SELECT 1")  # refused: both
    plain("SELECT 1")  # refused: both
    ident(1)  # refused: both
    literal(1.5)  # refused: both
    literal([1])  # refused: both
    Policy("note", "own", "SELECT", "true")  # refused: both
    Policy("note", "own", "TRUNCATE", sql("true"))  # refused: both
    Constraint("short", "true")  # refused: both
    Column("name", "money")  # refused: both
    Column("name", "text", default="''")  # refused: both
    with database.transaction("session"):  # refused: both
        pass
    count: str = tx.execute(sql("SELECT 1")).scalar(int)  # refused: both
    names: list[str] = tx.execute(sql("SELECT 1")).column(int)  # refused: both
    del count, names


def allowed(name: str, tx: Transaction) -> int:
    """The ways that are right pass both checkers."""
    query = sql("SELECT {n} FROM {t} WHERE name = {name}", n=sql("count(*)"), t=ident("note"), name=name)
    return tx.execute(query).scalar(int)
