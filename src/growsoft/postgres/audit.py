"""What the history keeps of each table: the functions of its triggers, generated from what is declared."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from growsoft.postgres.schema import Column, Event, Trigger
from growsoft.postgres.sql import Sql, ident, join, literal, sql

# Triggers and functions of the history are known by their names.
TRIGGER_PREFIX: Final = "gs_audit_"
FUNCTION_PREFIX: Final = "audit_"
EVENTS: Final[tuple[Event, ...]] = ("insert", "update", "delete", "truncate")
# Content of files is kept apart from rows, and a search vector is worked out from columns that are in the history.
UNRECORDED: Final = frozenset(("bytea", "tsvector"))

_MOST_ARGUMENTS: Final = 90  # PostgreSQL takes 100 for one function


@dataclass(frozen=True, slots=True)
class Audit:
    """The history of a table: of its columns, or, of a table of links, of one ``field`` of the records of ``owner``.

    ``function`` names what its triggers call, below ``FUNCTION_PREFIX``.
    """

    table: str
    function: str
    columns: tuple[Column, ...] = ()
    owner: str = ""
    field: str = ""

    def triggers(self) -> tuple[Trigger, ...]:
        """Give the triggers, one for each event; they see all rows of a statement at once."""
        return tuple(Trigger(f"{TRIGGER_PREFIX}{event}", self.function, (), event) for event in EVENTS)


def audit_functions(audits: Iterable[Audit]) -> Iterable[Sql]:
    """Write the functions. Their owner is the definer, whom no row security of the tables concerns."""
    for audit in audits:
        name = ident(audit.function)
        yield sql(
            "CREATE OR REPLACE FUNCTION gs_priv.{name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
            " SET search_path = pg_catalog, pg_temp AS $audit$\n"
            "DECLARE w record;\n"
            "BEGIN\n"
            "  SELECT * INTO w FROM gs_priv.acting();\n"
            "  CASE TG_OP\n"
            "  WHEN 'INSERT' THEN\n{insert};\n"
            "  WHEN 'UPDATE' THEN\n{update};\n"
            "  WHEN 'DELETE' THEN\n{delete};\n"
            "  ELSE\n"
            "    INSERT INTO gs_priv.audit (kind, user_id, actor, entry, request, table_name)\n"
            "    VALUES ('truncate', w.user_id, w.actor, w.entry, w.request, {table});\n"
            "  END CASE;\n"
            "  RETURN NULL;\n"
            "END $audit$;\n"
            "ALTER FUNCTION gs_priv.{name}() OWNER TO gs_definer;\n"
            "REVOKE ALL ON FUNCTION gs_priv.{name}() FROM PUBLIC",
            name=name, table=literal(audit.owner or audit.table), **_bodies(audit),
        )  # fmt: skip


def _bodies(audit: Audit) -> dict[str, Sql]:
    return _link_bodies(audit) if audit.field else _row_bodies(audit)


def _row_bodies(audit: Audit) -> dict[str, Sql]:
    table, new, old = literal(audit.table), sql("n"), sql("o")
    return {
        "insert": _insert(sql("'create'"), table, sql("n.id"), _values(audit.columns, new), sql("new_rows n")),
        # An id that was changed by hand leaves one record and makes another.
        "update": _insert(
            sql("CASE WHEN o.id IS NULL THEN 'create' WHEN n.id IS NULL THEN 'unlink' ELSE 'write' END"),
            table, sql("coalesce(n.id, o.id)"), _changes(audit.columns),
            sql("old_rows o FULL JOIN new_rows n ON n.id = o.id"),
        ),
        "delete": _insert(sql("'unlink'"), table, sql("o.id"), _values(audit.columns, old), sql("old_rows o")),
    }  # fmt: skip


def _insert(kind: Sql, table: Sql, record: Sql, details: Sql, rows: Sql) -> Sql:
    return sql(
        "    INSERT INTO gs_priv.audit (kind, user_id, actor, entry, request, table_name, record_id, details)\n"
        "    SELECT {kind}, w.user_id, w.actor, w.entry, w.request, {table}, {record},\n"
        "      ('{{' || {details} || '}}')::jsonb FROM {rows}",
        kind=kind, table=table, record=record, details=details, rows=rows,
    )  # fmt: skip


def _link_bodies(audit: Audit) -> dict[str, Sql]:
    """Links that came and went, as a change of the record that they belong to."""
    came = _links(audit, sql("'added'"), sql("new_rows"))
    gone = _links(audit, sql("'removed'"), sql("old_rows"))
    return {"insert": came, "delete": gone, "update": sql("{gone};\n{came}", gone=gone, came=came)}


def _links(audit: Audit, what: Sql, rows: Sql) -> Sql:
    return sql(
        "    INSERT INTO gs_priv.audit\n"
        "      (kind, user_id, actor, entry, request, table_name, relation, record_id, details)\n"
        "    SELECT 'write', w.user_id, w.actor, w.entry, w.request, {owner}, {relation}, r.source_id,\n"
        "      jsonb_build_object({field}, jsonb_build_object({what}, jsonb_agg(r.target_id ORDER BY r.target_id)))\n"
        "      FROM {rows} r GROUP BY r.source_id",
        owner=literal(audit.owner), relation=literal(audit.table), field=literal(audit.field), what=what, rows=rows,
    )  # fmt: skip


def _values(columns: Sequence[Column], row: Sql) -> Sql:
    """Write the values of a row that are set: ``"name":value`` with commas between."""
    return _joined(
        sql(
            "CASE WHEN {row}.{c} {is_set} THEN {key} || {value} END",
            row=row, c=ident(column.name), key=_key(column),
            is_set=sql("<> ''") if column.type == "text" else sql("IS NOT NULL"), value=_json(column, row),
        )
        for column in columns
    )  # fmt: skip


def _changes(columns: Sequence[Column]) -> Sql:
    """Write what changed: ``"name":[before,after]`` with commas between. What did not change costs a comparison."""
    return _joined(
        sql(
            "CASE WHEN o.{c} IS DISTINCT FROM n.{c} THEN {key} || '[' || coalesce({before}, 'null') || ','"
            " || coalesce({after}, 'null') || ']' END",
            c=ident(column.name), key=_key(column), before=_json(column, sql("o")), after=_json(column, sql("n")),
        )
        for column in columns
    )  # fmt: skip


def _joined(pieces: Iterable[Sql]) -> Sql:
    found = list(pieces)
    chunks = [found[i : i + _MOST_ARGUMENTS] for i in range(0, len(found), _MOST_ARGUMENTS)] or [[sql("NULL")]]
    texts = [sql("concat_ws(',',\n        {parts})", parts=join(",\n        ", chunk)) for chunk in chunks]
    if len(texts) == 1:
        return texts[0]
    return sql("concat_ws(',', {texts})", texts=join(", ", [sql("nullif({t}, '')", t=text) for text in texts]))


def _key(column: Column) -> Sql:
    return literal(f'"{column.name}":')


def _json(column: Column, row: Sql) -> Sql:
    return _JSON.get(column.type, _text)(sql("{row}.{c}", row=row, c=ident(column.name)))


def _plain(value: Sql) -> Sql:
    return sql("{v}::text", v=value)


def _encoded(value: Sql) -> Sql:
    return sql("to_json({v})::text", v=value)


def _utc(value: Sql) -> Sql:
    # Whatever zone the session shows moments in.
    return sql("to_json({v} AT TIME ZONE 'UTC')::text", v=value)


def _text(value: Sql) -> Sql:
    return sql("to_json({v}::text)::text", v=value)


_JSON: Final[Mapping[str, Callable[[Sql], Sql]]] = {
    "bigint": _plain,
    "integer": _plain,
    "boolean": _plain,
    "jsonb": _plain,
    "text": _encoded,
    "numeric": _encoded,
    "date": _encoded,
    "double precision": _encoded,
    "timestamptz": _utc,
}
