"""Injection (SW-2): no statement is put together from strings, and what people type never becomes a part of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from operator import methodcaller
from typing import Final

from growsoft.errors import GrowsoftError
from growsoft.orm import Env, open_env
from growsoft.postgres.sql import Sql, ident, sql
from growsoft.trust.literal_sql import blind_spots, scan
from growsoft.trust.states import Finding, judged, met, not_met
from growsoft.trust.world import Subject, World

# What has ended statements, strings, identifiers and comments of others before.
HOSTILE: Final = (
    "'; DROP TABLE res_users; --",
    "' OR '1'='1",
    '" OR ""="',
    "\\'; SELECT pg_sleep(10); --",
    "x%' OR name LIKE '%",
    "1) OR (SELECT count(*) FROM res_users) > 0 --",
    "{0.__class__}%s%(x)s",
    "\u02bc OR 1=1 \u2013\u2013",
)

MODEL: Final = "res.users"


def no_built_statements(world: World) -> Finding:
    """SW-2: the rule sees its planted holes and none in the product; built text and hostile values are refused live."""
    blind = blind_spots()
    if blind:
        return not_met(
            f"The rule missed {len(blind)} of its planted samples, so its silence would prove nothing.",
            "Mend growsoft.trust.literal_sql.",
        )
    modules, holes = scan(world.packages)
    if not modules:
        return not_met("There was no source to look through.", "Install Growsoft from a wheel or a clone.")
    problems = [f"{hole.file}:{hole.line}: {hole.what}" for hole in holes] + list(_built_texts())
    for subject in world.subjects[:2]:
        problems += _injections(subject)
    return judged(
        problems,
        "Write the statement as a literal, bind values and quote names with ident().",
        met(
            f"No statement is built from strings in {modules} modules (the rule first found its planted holes); the"
            f" composer and a live connection refused built texts, and {len(HOSTILE)} hostile values stayed values."
        ),
    )


def _built_texts() -> Iterator[str]:
    """Hand built texts to the composer, as code could that no type checker reads."""
    compose: Callable[..., object] = sql
    statement, table = "SELECT * FROM ", "res_users"
    attempts: tuple[tuple[str, Callable[[], object]], ...] = (
        ("an f-string", lambda: compose(f"{statement}{table}")),
        ("a sum of strings", lambda: compose(statement + table)),
        ("a text from elsewhere", lambda: compose(" ".join(reversed([table, statement])))),
        ("a statement made directly", lambda: methodcaller("__call__")(Sql)),
        ("a name with a quote", lambda: ident('t"; DROP TABLE x; --')),
    )
    for told, attempt in attempts:
        if not _refused(attempt):
            yield f"the composer took {told}"


def _injections(subject: Subject) -> Iterator[str]:
    """Send hostile values through the composer, a live connection and the ORM; nothing of it is kept."""
    door = subject.database.elevated("claim SW-2 is checked", caller=__name__)
    with suppress(_Undone), open_env(subject.database, subject.registry, door, mode="write") as env:
        transaction = env.work.transaction
        if not _refused(lambda: methodcaller("execute", "SELECT 1")(transaction)):
            yield "a connection ran a plain string"
        everybody = env[MODEL].search_count([])
        for value in HOSTILE:
            if env.execute(sql("SELECT {value}::text", value=value)).scalar() != value:
                yield "a bound value came back as something else"
            for operator in ("=", "ilike", "in"):
                yield from _searched(env, value, operator, everybody)
            for told, attempt in _as_syntax(env, value):
                if not _refused(attempt):
                    yield f"a hostile text was taken as {told}"
        raise _Undone


def _searched(env: Env, value: str, operator: str, everybody: int) -> Iterator[str]:
    operand = [value] if operator == "in" else value
    found = env[MODEL].search_count([["login", operator, operand]])
    if found or not everybody:
        yield f"a search with {operator} found {found} of {everybody} users by a hostile value"


def _as_syntax(env: Env, value: str) -> Iterator[tuple[str, Callable[[], object]]]:
    """Put a hostile text where a name belongs."""
    model = env[MODEL]
    yield "a field", lambda: model.search_count([[value, "=", 1]])
    yield "an operator", lambda: model.search_count([["login", value, 1]])
    yield "an order", lambda: model.search([], order=value).ids
    yield "a limit", lambda: methodcaller("search", [], limit=value)(model).ids
    yield "a column", lambda: model.search_read([], [value])


def _refused(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (TypeError, ValueError, GrowsoftError):
        return True
    return False


class _Undone(Exception):
    """Ends a transaction without keeping anything of it."""
