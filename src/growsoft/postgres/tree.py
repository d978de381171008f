"""Which tables are hierarchies: the triggers that keep the way to each record, and the SQL that asks for it."""

from collections.abc import Iterable
from typing import Final, Literal

from growsoft.postgres.schema import Table, Trigger
from growsoft.postgres.sql import Sql, literal, sql

Direction = Literal["below", "above"]

# What the database says when a record would be below itself, or too far down (tree.sql).
CIRCLE: Final = "gs_tree_circle"
DEPTH: Final = "gs_tree_depth"


def tree_triggers(parent: str) -> tuple[Trigger, ...]:
    """Give the triggers of a table whose rows have their parent in a column (tree.sql has what they do)."""
    return (
        Trigger("gs_tree_insert", "tree_insert", (parent,), "insert"),
        Trigger("gs_tree_update", "tree_update", (parent,), "update"),
        Trigger("gs_tree_delete", "tree_delete", (parent,), "delete"),
    )


def tree_fillings(tables: Iterable[Table]) -> list[Sql]:
    """Give what makes the ways of rows that were there before their table was a hierarchy."""
    return [
        sql("SELECT gs_priv.tree_fill({t}, {parent})", t=literal(table.name), parent=literal(trigger.arguments[0]))
        for table in tables
        for trigger in table.triggers
        if trigger.function == "tree_insert"
    ]


def in_tree(column: Sql, direction: Direction, table: str, parent: str, ids: Sql) -> Sql:
    """Hold for ids that are among some or below (above) them; worked out once for each statement."""
    names = {"t": literal(table), "parent": literal(parent), "ids": ids, "c": column}
    if direction == "below":
        return sql("{c} = ANY ((SELECT gs.below({t}, {parent}, {ids}))::bigint[])", **names)
    return sql("{c} = ANY ((SELECT gs.above({t}, {parent}, {ids}))::bigint[])", **names)
