"""Literal SQL: a rule over Python source that finds statements built from strings, and ways around the composer.

The scanner of the source tree has the same rule; this one needs nothing but Python, so an installed product has it too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

COMPOSER: Final = "growsoft.postgres.sql"
DRIVER_FLOOR: Final = "growsoft/postgres/"
DRIVERS: Final = frozenset(("psycopg", "psycopg2", "psycopg_pool", "asyncpg", "pg8000", "sqlalchemy", "sqlite3"))

BUILT: Final = "a statement built from strings"
UNPROVEN: Final = "a statement whose text is no literal"
CAST: Final = "a cast that calls a built text a literal"
INSIDE: Final = "a way around the composer"
DRIVER: Final = "a driver outside of its floor"

# What takes a statement: methods of connections, cursors and transactions, and the composer's own functions.
_EXECUTORS: Final = frozenset(("execute", "executemany", "executescript", "mogrify", "SQL"))
_COMPOSERS: Final = frozenset(("sql", "join", "script"))
_WRAPPERS: Final = frozenset(("encode", "strip", "str", "bytes"))


@dataclass(frozen=True, slots=True, order=True)
class Hole:
    """One place in a file, and what is wrong there."""

    file: str
    line: int
    what: str


def holes_in(folder: Path) -> tuple[int, list[Hole]]:
    """Look through every module below a package; return how many there were, and what was found."""
    files = sorted(folder.rglob("*.py"))
    found = [
        hole
        for path in files
        for hole in holes(path.read_text("utf-8"), str(path.relative_to(folder.parent)))
    ]  # fmt: skip
    return len(files), found


def holes(source: str, file: str) -> Iterator[Hole]:
    """Find the holes of one module; raises ``SyntaxError`` for what is no Python."""
    tree = ast.parse(source, file)
    names = _composers(tree) if not file.endswith(f"{DRIVER_FLOOR}sql.py") else frozenset[str]()
    for scope in _scopes(tree):
        built = _Built()
        for node in _own_nodes(scope):
            built.learn(node)
        for node in _own_nodes(scope):
            for what in (*_imported(node, file), *_called(node, names, built)):
                yield Hole(file, getattr(node, "lineno", 0), what)


@dataclass(slots=True)
class _Built:
    """The names of one function to which a built text was assigned."""

    names: set[str] = field(default_factory=set[str])

    def learn(self, node: ast.AST) -> None:
        match node:
            case ast.Assign(targets=targets, value=value) if self.holds(value):
                self.names |= {target.id for target in targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if self.holds(value):
                self.names.add(name)
            case ast.AugAssign(target=ast.Name(id=name)):
                self.names.add(name)
            case ast.NamedExpr(target=ast.Name(id=name), value=value) if self.holds(value):
                self.names.add(name)
            case _:
                pass

    def holds(self, node: ast.expr) -> bool:
        """Say whether an expression is a text that was put together."""
        match node:
            case ast.Name(id=name):
                return name in self.names
            case ast.JoinedStr(values=values):
                return any(isinstance(value, ast.FormattedValue) for value in values)
            case ast.BinOp(left=left, op=ast.Add() | ast.Mod(), right=right):
                return any(map(_is_text, (left, right))) or self.holds(left) or self.holds(right)
            case ast.IfExp(body=body, orelse=orelse):
                return self.holds(body) or self.holds(orelse)
            case ast.Call(func=ast.Attribute(value=value, attr=attr), args=args):
                return self._called(value, attr, args)
            case ast.Call(func=ast.Name(id=name), args=[first, *_]) if name in _WRAPPERS:
                return self.holds(first)
            case _:
                return False

    def _called(self, value: ast.expr, attr: str, args: list[ast.expr]) -> bool:
        if attr in ("format", "format_map"):
            # The driver's own composer quotes what it is given: SQL("... {}").format(Identifier(name)).
            return not _is_drivers_sql(value)
        if attr == "join":
            return not (len(args) == 1 and _joins_composed(args[0]))
        return attr in _WRAPPERS and self.holds(value)


def _imported(node: ast.AST, file: str) -> Iterator[str]:
    match node:
        case ast.Import(names=names) if DRIVER_FLOOR not in file:
            yield from (DRIVER for name in names if name.name.partition(".")[0] in DRIVERS)
        case ast.ImportFrom(module=str(module), names=names):
            if module.partition(".")[0] in DRIVERS and DRIVER_FLOOR not in file:
                yield DRIVER
            if module == COMPOSER and any(name.name.startswith("_") for name in names):
                yield INSIDE
        case _:
            return


def _called(node: ast.AST, composers: frozenset[str], built: _Built) -> Iterator[str]:
    match node:
        case ast.Call(func=ast.Attribute(attr=attr), args=[first, *_]) if attr in _EXECUTORS and built.holds(first):
            yield BUILT
        case ast.Call(func=ast.Name(id="SQL"), args=[first, *_]) if built.holds(first):
            yield BUILT
        case ast.Call(func=ast.Name(id=name), args=[first, *_]) if name in composers:
            if not _is_text(first):
                yield BUILT if built.holds(first) else UNPROVEN
        case ast.Call(func=ast.Name(id="cast") | ast.Attribute(attr="cast"), args=[kind, _]) if _is_literal_kind(kind):
            yield CAST
        case ast.Call(func=ast.Attribute(attr="__new__"), args=[ast.Name(id="Sql"), *_]) if composers:
            yield INSIDE
        case _:
            return


def _composers(tree: ast.Module) -> frozenset[str]:
    """Return under which names a module knows the composer's functions."""
    return frozenset(
        name.asname or name.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == COMPOSER
        for name in node.names
        if name.name in _COMPOSERS
    )


def _scopes(tree: ast.Module) -> Iterator[ast.AST]:
    yield tree
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """Walk a function or module, without the functions inside it, in the order of the source."""
    for child in ast.iter_child_nodes(scope):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        yield child
        yield from _own_nodes(child)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)


def _is_literal_kind(node: ast.expr) -> bool:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Constant(value=str(name)):
            return name == "LiteralString"
        case _:
            return False


def _is_drivers_sql(node: ast.expr) -> bool:
    match node:
        case ast.Call(func=ast.Name(id="SQL") | ast.Attribute(attr="SQL"), args=[first]):
            return _is_text(first)
        case _:
            return False


def _joins_composed(node: ast.expr) -> bool:
    """Say whether a join takes composed statements only: ``"; ".join(plain(query) for query in queries)``."""
    match node:
        case ast.GeneratorExp(elt=ast.Call(func=ast.Name(id="plain"))):
            return True
        case _:
            return False


# Each line is a hole, or none; a rule that does not tell them apart is blind, and its silence proves nothing.
PLANTED: Final[tuple[tuple[str, str], ...]] = (
    ('cursor.execute(f"SELECT * FROM t WHERE name = {name!r}")', BUILT),
    ("cursor.execute(\"SELECT * FROM t WHERE name = '%s'\" % name)", BUILT),
    ('cursor.execute("SELECT * FROM {}".format(table))', BUILT),
    ('cursor.execute("SELECT * FROM " + table)', BUILT),
    ('cursor.execute(("DELETE FROM " + table).encode())', BUILT),
    ('query = f"DELETE FROM {table}"\ncursor.execute(query)', BUILT),
    ('query = "DELETE FROM t WHERE "\nquery += condition\ncursor.execute(query)', BUILT),
    ('cursor.executemany("SELECT 1 WHERE " + " AND ".join(conditions), [])', BUILT),
    ('from growsoft.postgres.sql import sql\nsql(f"SELECT * FROM {table}")', BUILT),
    ("from growsoft.postgres.sql import sql\nsql(text)", UNPROVEN),
    ("from growsoft.postgres.sql import sql as compose\ncompose(read())", UNPROVEN),
    ("from growsoft.postgres.sql import _made\n", INSIDE),
    ("from growsoft.postgres.sql import Sql, sql\nobject.__new__(Sql)", INSIDE),
    ("from typing import LiteralString, cast\ncast(LiteralString, text)", CAST),
    ('import typing\ntyping.cast("LiteralString", text)', CAST),
    ('psycopg.sql.SQL("SELECT * FROM " + table)', BUILT),
    ("import psycopg", DRIVER),
    ("from psycopg.rows import dict_row", DRIVER),
)
HARMLESS: Final[tuple[str, ...]] = (
    'cursor.execute("SELECT * FROM t WHERE name = %s", [name])',
    'from growsoft.postgres.sql import ident, sql\nsql("SELECT * FROM {t} WHERE name = {n}", t=ident(t), n=f"{name}%")',
    'connection.execute(SQL("DROP TABLE {}").format(Identifier(name)))',
    'text = ";".join(plain(query) for query in queries)\nconnection.execute(text.encode())',
    'cursor.execute("SELECT 1", (f"{name}!",))',
    'say(f"there are {count} rows")',
)


def blind_spots() -> list[str]:
    """Try the rule on planted holes; return what it missed, and what it took for a hole and is none."""
    missed = [source for source, what in PLANTED if [hole.what for hole in holes(source, "planted.py")] != [what]]
    return missed + [source for source in HARMLESS if list(holes(source, "planted.py"))]


def scan(packages: Iterable[Path]) -> tuple[int, list[Hole]]:
    """Look through packages; return how many modules there were, and all holes."""
    looked = [holes_in(package) for package in packages]
    return sum(count for count, _ in looked), sorted(hole for _, found in looked for hole in found)
