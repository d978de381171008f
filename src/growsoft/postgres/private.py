"""The private side of an older database: brought to what the present scripts make, by comparison with a fresh one.

The scripts make it in one go, so nobody has to write down what changed between two versions of them: a fresh database
says what there must be. What is stored is never dropped here; where a comparison cannot know what to do (a column of
another type, an operator), the start-up check that follows refuses the result, and ``upgrade.sql`` has to say it.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import Final

import psycopg

from growsoft.errors import GrowsoftError
from growsoft.postgres.apply import prepare_database
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.dump import mark_unfinished
from growsoft.postgres.provision import MAINTENANCE_DATABASE, close_database, drop_database
from growsoft.postgres.sql import ident, script, sql
from growsoft.postgres.superuser import Superuser, superuser

SCRATCH: Final = "gs_private_"

# Facts of the database itself that it keeps as a default (seal.py: which era of the history it is).
_OWN: Final = frozenset((("default", "gs_priv.audit era"),))


class PrivateSideDiffers(GrowsoftError):
    """The private side of this database cannot be brought to the present scripts; it is as it was, and not served."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a private side: what it is, and the statements that make it and take it away (empty: never)."""

    kind: str
    name: str
    what: str
    make: str
    unmake: str

    @property
    def key(self) -> tuple[str, str]:
        """What tells parts apart."""
        return self.kind, self.name


def fresh_private(server: Endpoint) -> tuple[Part, ...]:
    """Give the parts of the private side as the present scripts make it, in an order in which they can be made."""
    with _scratch(server) as name, superuser(server, name) as connection:
        prepare_database(connection)
        return read_private(connection)


def read_private(connection: Superuser) -> tuple[Part, ...]:
    """Give the parts of the private side of a database."""
    return tuple(Part(*row) for row in connection.run(_PARTS).all())


def bring_private(connection: Superuser, fresh: tuple[Part, ...]) -> list[str]:
    """Bring the private side to the fresh one; give the names of the parts that were changed.

    Inside of a transaction, with walls open and the triggers of the history lifted: they depend on functions. Raises
    ``PrivateSideDiffers`` when it is not what it should be afterwards.
    """
    connection.run(script("growsoft.postgres", "upgrade.sql"))
    present = {part.key: part for part in read_private(connection)}
    wanted = {part.key: part for part in fresh}
    going = [part for part in reversed(list(present.values())) if part.unmake and _goes(part, wanted)]
    coming = [part for part in fresh if _comes(part, present)]
    _run(connection, [(part, part.unmake) for part in going])
    _run(connection, [(part, part.make) for part in coming])
    connection.run(script("growsoft.postgres", "upgrade_rows.sql"))
    connection.run(script("growsoft.postgres", "walls.sql"))
    _refuse_other(read_private(connection), fresh)
    return list(dict.fromkeys(f"{part.kind} {part.name}" for part in (*going, *coming)))


def _run(connection: Superuser, steps: list[tuple[Part, str]]) -> None:
    """Run statements that may depend on each other: those that cannot run yet come again after the others."""
    while steps:
        waiting: list[tuple[Part, str]] = []
        for part, text in steps:
            try:
                with connection.atomic():
                    # PostgreSQL wrote it down, in a database that our own scripts made; names are quoted by format().
                    connection.raw.execute(text.encode(), prepare=False)
            except psycopg.Error as error:
                waiting.append((part, text))
                reason = str(error).partition("\n")[0]
                if len(waiting) == len(steps):
                    raise PrivateSideDiffers(f"{part.kind} {part.name}: {reason}") from error
        steps = waiting


def _refuse_other(present: tuple[Part, ...], fresh: tuple[Part, ...]) -> None:
    found = {part.key: part.what for part in present}
    other = [part for part in fresh if found.get(part.key) != part.what and part.key not in _OWN]
    if other:
        names = ", ".join(f"{part.kind} {part.name}" for part in other[:5])
        raise PrivateSideDiffers(f"{PrivateSideDiffers.default_message()} It differs in: {names}.")


def _goes(part: Part, fresh: dict[tuple[str, str], Part]) -> bool:
    """Say whether a part is taken away: it is not wanted, or not like this. Functions are replaced, not dropped."""
    wanted = fresh.get(part.key)
    if wanted is None:
        # Of a column that is no longer made only the demand for a value goes; what it holds stays.
        return part.kind not in ("default", "sequence") or ("column", part.name) in fresh
    return part.what != wanted.what and (
        part.kind in ("constraint", "index", "view") or _is_other_function(part, wanted)
    )


def _is_other_function(part: Part, wanted: Part) -> bool:
    """Say whether PostgreSQL would refuse to replace a function: its result or the names of its arguments changed."""
    return part.kind == "function" and _head(part) != _head(wanted)


def _head(part: Part) -> str:
    return part.what.partition("\n LANGUAGE")[0]


def _comes(part: Part, present: dict[tuple[str, str], Part]) -> bool:
    found = present.get(part.key)
    if found is None:
        # The statement that adds a column says these as well.
        return part.kind not in ("default", "required") or ("column", part.name) in present
    return (
        found.what != part.what and part.kind not in ("domain", "table", "column", "sequence") and part.key not in _OWN
    )


@contextmanager
def _scratch(server: Endpoint) -> Generator[str]:
    name = f"{SCRATCH}{token_hex(6)}"
    with superuser(server, MAINTENANCE_DATABASE) as cluster:
        cluster.run(sql("CREATE DATABASE {name} TEMPLATE template0", name=ident(name)))
        try:
            close_database(cluster, name)
            mark_unfinished(cluster, name)
            yield name
        finally:
            drop_database(cluster, name)


_PARTS: Final = script("growsoft.postgres", "private.sql")
