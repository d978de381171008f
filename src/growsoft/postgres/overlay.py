"""The overlay in the private side of a database: what was declared, what is applied, and what goes for good."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import msgspec

from growsoft.postgres.schema import Trigger
from growsoft.postgres.sql import Sql, ident, sql
from growsoft.postgres.superuser import Superuser

CUSTOM: Final = "x_"  # what every name of an administrator's begins with
# The tables in which administrators write what they add; each row is mirrored to the private side (overlay.sql).
TRIGGERS: Final = {
    "ir_model": Trigger("gs_overlay", "mirror_overlay", ("model",)),
    "ir_model_fields": Trigger("gs_overlay", "mirror_overlay", ("field",)),
}


@dataclass(frozen=True, slots=True)
class Declared:
    """One row of an administrator, as the trigger mirrored it; ``source`` is ``model`` or ``field``."""

    source: str
    id: int
    definition: Mapping[str, object]

    @property
    def place(self) -> tuple[str, str, str]:
        """Where it stands: a table, and a column of it."""
        table = str(self.definition.get("model", "")).replace(".", "_")
        return self.source, table, str(self.definition.get("name", "")) if self.source == "field" else ""


@dataclass(frozen=True, slots=True)
class Declarations:
    """All rows with their number, and those that were applied before."""

    number: int
    rows: tuple[Declared, ...]
    applied: tuple[Declared, ...]


def read_declared(connection: Superuser) -> Declarations:
    """Read what administrators declared; whoever calls has made sure that nobody else can write there."""
    number, rows, applied = connection.run(_DECLARED).one()
    return Declarations(int(number), read_rows(rows), read_rows(applied))


def read_rows(text: str) -> tuple[Declared, ...]:
    """Read what ``gs.overlay_definitions()`` gives: rows of source, id and definition, as JSON."""
    return tuple(Declared(*row) for row in _ROWS.decode(text))


def note_applied(connection: Superuser, declared: Declarations) -> None:
    """Delete for good what nobody declares any more, and let workers see the rest from now on."""
    connection.run_all(_gone(declared))
    rows = _json(declared.rows)
    token = sha256(rows.encode()).hexdigest()[:16] if declared.rows else ""
    connection.run(
        sql(
            "UPDATE gs_priv.overlay_state SET applied = {number}, definitions = {rows}::jsonb, token = {token}"
            " WHERE applied <> {number}",
            number=declared.number, rows=rows, token=token,
        )
    )  # fmt: skip


def _json(rows: Iterable[Declared]) -> str:
    return msgspec.json.encode([(row.source, row.id, row.definition) for row in rows]).decode()


def _gone(declared: Declarations) -> Iterable[Sql]:
    places = {row.place for row in declared.rows}
    for source, table, column in {row.place for row in declared.applied} - places:
        # Only what an administrator's name says it is: nothing of an app can be meant.
        if source == "field" and column.startswith(CUSTOM):
            yield sql("ALTER TABLE IF EXISTS {t} DROP COLUMN IF EXISTS {c}", t=ident(table), c=ident(column))
        elif source == "model" and table.startswith(CUSTOM):
            yield sql("DROP TABLE IF EXISTS {t} CASCADE", t=ident(table))


_ROWS: Final = msgspec.json.Decoder(list[tuple[str, int, dict[str, object]]])
_DECLARED: Final = sql(
    "SELECT declared, coalesce((SELECT jsonb_agg(jsonb_build_array(source, id, definition) ORDER BY source DESC, id)"
    " FROM gs_priv.overlay), '[]')::text, definitions::text FROM gs_priv.overlay_state"
)
