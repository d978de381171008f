"""Comparison: what a database lacks of its declared tables, and what stands in their way, in PostgreSQL's own words.

The declared tables are made once more as temporary ones, and both are read from the catalogue: PostgreSQL writes an
expression down in a form of its own, so only what it wrote itself can be compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from growsoft.postgres.overlay import CUSTOM
from growsoft.postgres.schema import (
    Drift,
    PartKind,
    Table,
    add_foreign_key,
    column_lines,
    create_table,
    own_parts,
)
from growsoft.postgres.sql import Sql, ident, join, sql
from growsoft.postgres.superuser import Superuser


@dataclass(frozen=True, slots=True)
class ColumnShape:
    """A column: its type, whether it must have a value, and its default (or how it is generated) as PostgreSQL says."""

    type: str
    not_null: bool
    default: str = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """A table: its columns, and its constraints, indexes and triggers by kind and name with their definitions."""

    columns: Mapping[str, ColumnShape]
    parts: Mapping[tuple[PartKind, str], str] = field(default_factory=dict[tuple[PartKind, str], str])


Shapes = Mapping[str, Shape]
Asks = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class Present:
    """What a database has. ``lacks`` says whether rows of a table have no value in a column (or there are rows)."""

    shapes: Shapes
    lacks: Asks = lambda _table, _column: False


@dataclass(frozen=True, slots=True)
class Difference:
    """The statements that bring a database to its declarations, in an order that runs, and what they leave."""

    statements: tuple[Sql, ...]
    drifts: tuple[Drift, ...]


def compare(connection: Superuser, declared: Iterable[Table]) -> Difference:
    """Compare a database with its declared tables. Nothing is changed; nothing that is stored is ever dropped."""
    tables = list(declared)
    found = read_shapes(connection, sql("'public'::regnamespace"))
    wanted = wanted_shapes(connection, [table for table in tables if table.name in found])

    def lacks(table: str, column: str) -> bool:
        test = sql("WHERE {c} IS NULL", c=ident(column)) if column in found[table].columns else sql("")
        return bool(connection.run(sql("SELECT FROM {t} {test} LIMIT 1", t=ident(table), test=test)).rowcount)

    return difference(tables, wanted, Present(found, lacks))


def difference(declared: Iterable[Table], wanted: Shapes, present: Present) -> Difference:
    """Work out what to do. ``wanted`` has the shapes of those declared tables that the database has."""
    tables = list(declared)
    old = [table for table in tables if table.name in present.shapes]
    new = [table for table in tables if table.name not in present.shapes]
    steps: list[Sql] = [create_table(table) for table in new]
    drifts: list[Drift] = []
    for table in old:
        steps.extend(_taken_away(table.name, wanted[table.name], present.shapes[table.name]))
    for table in old:
        columns = _Columns(table, wanted[table.name], present)
        steps.extend(columns.statements())
        drifts.extend(columns.drifts)
    for table in tables:
        steps.extend(_added(table, wanted.get(table.name), present.shapes.get(table.name)))
    undeclared = sorted(set(present.shapes) - {table.name for table in tables})
    drifts.extend(Drift(name, "the table is no longer declared") for name in undeclared if not name.startswith(CUSTOM))
    return Difference(tuple(steps), tuple(drifts))


def wanted_shapes(connection: Superuser, tables: Iterable[Table]) -> Shapes:
    """Give the shapes that tables would have: they are made as temporary ones, read, and forgotten."""
    wanted = list(tables)
    if not wanted:
        return {}
    # Foreign keys are told apart by what they say; a temporary table cannot have one to another's.
    temporary = sql("pg_temp")
    with connection.undone():
        for table in wanted:
            connection.run_all([create_table(table, temporary), *own_parts(table, temporary).values()])
        shapes = read_shapes(connection, sql("pg_my_temp_schema()"))
    return {table.name: _with_links(shapes[table.name], table) for table in wanted}


def read_shapes(connection: Superuser, namespace: Sql) -> Shapes:
    """Read the tables of a schema."""
    columns: defaultdict[str, dict[str, ColumnShape]] = defaultdict(dict)
    for table, name, type_name, not_null, default in connection.run(_columns(namespace)).all():
        columns[table][name] = ColumnShape(type_name, not_null, default)
    parts: defaultdict[str, dict[tuple[PartKind, str], str]] = defaultdict(dict)
    for table, kind, name, text in connection.run(_parts(namespace)).all():
        parts[table][kind, name] = text
    return {table: Shape(columns[table], parts[table]) for table in columns}


@dataclass(slots=True)
class _Columns:
    """The columns of one table that is there."""

    table: Table
    wanted: Shape
    present: Present
    drifts: list[Drift] = field(default_factory=list[Drift])

    def statements(self) -> Iterator[Sql]:
        found = self.present.shapes[self.table.name].columns
        lines = column_lines(self.table)
        for name, shape in self.wanted.columns.items():
            if name in found:
                yield from self._changed(name, shape, found[name])
            elif shape.not_null and not shape.default and self.present.lacks(self.table.name, name):
                self._drift(f"column {name} is required and has no value for existing rows")
            else:
                yield self._alter(sql("ADD COLUMN {line}", line=lines[name]))
        for name in sorted(set(found) - set(self.wanted.columns)):
            yield from self._undeclared(name, found[name])

    def _changed(self, name: str, wanted: ColumnShape, found: ColumnShape) -> Iterator[Sql]:
        column = ident(name)
        if wanted.type != found.type:
            self._drift(f"column {name} is {found.type}, declared {wanted.type}")
            return
        if wanted.default != found.default:
            if {_kind(wanted), _kind(found)} != {""}:
                self._drift(f"column {name} is {found.default or 'plain'}, declared {wanted.default or 'plain'}")
                return
            default = next((c.default for c in self.table.columns if c.name == name), None)
            action = sql("DROP DEFAULT") if default is None else sql("SET DEFAULT {d}", d=default)
            yield self._alter(sql("ALTER COLUMN {c} {action}", c=column, action=action))
        if found.not_null and not wanted.not_null:
            yield self._alter(sql("ALTER COLUMN {c} DROP NOT NULL", c=column))
        elif wanted.not_null and not found.not_null:
            if self.present.lacks(self.table.name, name):
                self._drift(f"column {name} is required now, and there are rows without a value")
            else:
                yield self._alter(sql("ALTER COLUMN {c} SET NOT NULL", c=column))

    def _undeclared(self, name: str, found: ColumnShape) -> Iterator[Sql]:
        """Keep what it holds; but new rows come without it."""
        if name.startswith(CUSTOM):
            return
        self.drifts.append(Drift(self.table.name, f"column {name} is no longer declared", needs_migration=False))
        if found.not_null and not found.default:
            yield self._alter(sql("ALTER COLUMN {c} DROP NOT NULL", c=ident(name)))

    def _alter(self, action: Sql) -> Sql:
        return sql("ALTER TABLE {table} {action}", table=ident(self.table.name), action=action)

    def _drift(self, what: str) -> None:
        self.drifts.append(Drift(self.table.name, what))


def _kind(shape: ColumnShape) -> str:
    """Say whether PostgreSQL itself gives the column its values: no other default can take their place."""
    word = shape.default.partition(" ")[0]
    return word if word in ("identity", "generated") else ""


def _taken_away(table: str, wanted: Shape, found: Shape) -> Iterator[Sql]:
    """Drop constraints, indexes and triggers that are not declared, or otherwise than they are."""
    for (kind, name), text in found.parts.items():
        if wanted.parts.get((kind, name)) == text:
            continue
        if (kind, name) not in wanted.parts and name.startswith(f"{table}_{CUSTOM}"):
            continue
        match kind:
            case "index":
                yield sql("DROP INDEX {name}", name=ident(name))
            case "trigger":
                yield sql("DROP TRIGGER {name} ON {table}", name=ident(name), table=ident(table))
            case "check" | "link":
                yield sql("ALTER TABLE {table} DROP CONSTRAINT {name}", name=ident(name), table=ident(table))


def _added(table: Table, wanted: Shape | None, found: Shape | None) -> Iterator[Sql]:
    def is_there(key: tuple[PartKind, str]) -> bool:
        return found is not None and wanted is not None and found.parts.get(key) == wanted.parts[key]

    for (kind, name), statement in own_parts(table).items():
        if not is_there((kind, name)):
            yield statement
    for key in table.foreign_keys:
        if not is_there(("link", key.name)):
            yield add_foreign_key(table, key)


def _with_links(shape: Shape, table: Table) -> Shape:
    links: dict[tuple[PartKind, str], str] = {
        ("link", key.name): f"{key.column} {key.target} r" for key in table.foreign_keys
    }
    return Shape(shape.columns, {**shape.parts, **links})


def _columns(namespace: Sql) -> Sql:
    # Temporary tables have sequences of their own, so an identity is told by its kind alone.
    return sql(
        "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,"
        " concat(CASE WHEN a.attidentity <> '' THEN 'identity ' || a.attidentity::text END,"
        " CASE WHEN a.attgenerated <> '' THEN 'generated ' END, pg_get_expr(d.adbin, d.adrelid))"
        " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum"
        " WHERE c.relnamespace = {namespace} AND c.relkind IN ('r', 'p') ORDER BY c.relname, a.attnum",
        namespace=namespace,
    )


def _parts(namespace: Sql) -> Sql:
    kinds = (
        # The name of a table is left out of what is compared: a temporary one is in another schema.
        sql(
            "SELECT c.relname, 'check', k.conname, pg_get_constraintdef(k.oid) FROM pg_constraint k"
            " JOIN pg_class c ON c.oid = k.conrelid WHERE k.contype = 'c' AND c.relnamespace = {n}",
            n=namespace,
        ),
        sql(
            "SELECT c.relname, 'link', k.conname, concat_ws(' ', (SELECT string_agg(a.attname, ',' ORDER BY a.attnum)"
            " FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)),"
            " (SELECT t.relname FROM pg_class t WHERE t.oid = k.confrelid), k.confdeltype)"
            " FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid"
            " WHERE k.contype = 'f' AND c.relnamespace = {n}",
            n=namespace,
        ),
        sql(
            "SELECT c.relname, 'index', i.relname, regexp_replace(pg_get_indexdef(x.indexrelid),"
            " '^(CREATE (UNIQUE )?INDEX) .* (USING [a-z]+ \\()', '\\1 \\3')"
            " FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid"
            " WHERE NOT x.indisprimary AND c.relnamespace = {n}"
            " AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.indexrelid AND k.contype IN ('u', 'x'))",
            n=namespace,
        ),
        sql(
            "SELECT c.relname, 'trigger', g.tgname, regexp_replace(pg_get_triggerdef(g.oid), ' ON [^ ]+ ', ' ON t ')"
            " FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid WHERE NOT g.tgisinternal AND c.relnamespace = {n}",
            n=namespace,
        ),
    )
    return join(" UNION ALL ", kinds)
