"""Asks the product and the oracle the same, by raw SQL on the user's signed context and through the ORM."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Final

from growsoft.errors import AccessError, MissingError
from growsoft.orm import Env, Model, open_env
from growsoft.postgres.sql import Sql, ident, idents, join, sql
from growsoft.postgres.transaction import ConstraintViolated
from tests.security.oracle.drawing import GROUPS, VERBS
from tests.security.oracle.product import Made, table_name
from tests.security.oracle.world import DELEGATED, Eyes, Row, Table, User, Value, Verb, linked, referenced

# What came of it: refused, stopped by a foreign key, or the rows it gave or touched.
Outcome = str | frozenset[object]
REFUSED: Final = "refused"
REFERENCED: Final = "referenced"
DONE: Final[Outcome] = frozenset()

CHANGES: Final[list[dict[str, Value]]] = [
    {"num": 1}, {"name": "a"}, {"flag": True}, {"owner_id": 101}, {"company_id": 2}, {"secret": 2},
    {"x_kept": 2},
]  # fmt: skip

UNSET: Final[Row] = {"name": "", "num": 0, "flag": False, "secret": 0, "x_kept": 0}

News = Mapping[str, Iterable[Row]]


class _Undo(Exception):
    """Takes back what was done."""


class Asking:
    """One user in one transaction that is undone at its end; ``found`` are the differences."""

    def __init__(self, made: Made, user: User, env: Env) -> None:
        """Take the place of somebody."""
        self.world = made.world
        self.user = user
        self.eyes = Eyes(made.world, User(user.id, user.groups | {GROUPS[0]}, user.companies))
        self.env = env
        self.found: list[str] = []

    def ask(self, what: str, statement: Sql, *expected: Outcome) -> None:
        """Run a statement, take it back, and compare its rows with what may come of it."""
        self.attempt(what, lambda: frozenset(map(_plain, self.env.execute(statement).rows)), *expected)

    def count(self, what: str, statement: Sql, expected: int, *, may: bool) -> None:
        """Run a statement and compare how many rows it touched."""
        self.attempt(
            what, lambda: _counted(self.env.execute(statement).rowcount), _counted(expected) if may else REFUSED
        )

    def attempt(self, what: str, action: Callable[[], Outcome], *expected: Outcome) -> None:
        """Do something, take it back, and compare."""
        outcome = self._outcome(action)
        if outcome not in expected:
            told = " or ".join(map(_shown, expected))
            self.found.append(f"user {self.user.id} {what}: the oracle says {told}, the product {_shown(outcome)}")

    def _outcome(self, action: Callable[[], Outcome]) -> Outcome:
        outcome: Outcome = ""
        try:
            with suppress(_Undo), self.env.savepoint():
                outcome = action()
                self.env.flush()
                raise _Undo
        except (AccessError, MissingError):
            return REFUSED
        except ConstraintViolated:
            return REFERENCED
        return outcome


def differences(made: Made, news: News) -> list[str]:
    """Compare everything for every user; ``news`` are rows that he tries to make, by table."""
    found: list[str] = []
    for user in made.world.users:
        door = made.database.signed(made.contexts[user.id])
        with suppress(_Undo), open_env(made.database, made.registry, door) as env:
            asking = Asking(made, user, env)
            for table in made.world.tables.values():
                _read(asking, table)
                _group(asking, table)
                _make(asking, table, news.get(table.name, ()))
                _change(asking, table)
                _delete(asking, table)
                if table.tagged:
                    _tag(asking, table)
            _box(asking)
            _delegate(asking)
            found += asking.found
            raise _Undo
    return found


# -- reading -----------------------------------------------------------------------------------------------------------


def _read(asking: Asking, table: Table) -> None:
    eyes, name, model = asking.eyes, ident(table_name(table)), asking.env[table.name]
    columns, visible = eyes.columns(table, "read"), eyes.visible(table)
    for column in ("name", "num", "flag", "secret", "x_kept", "owner_id", *(("link_id",) if table.target else ())):
        counted = sum(table.rows[row][column] is not None for row in visible)
        statement = sql("SELECT count({c}), 0 FROM {t}", c=ident(column), t=name)
        expected = frozenset([(counted, 0)]) if column in columns else REFUSED
        asking.ask(f"reads {column} of {table.name}", statement, expected)
    ids: Outcome = frozenset(visible) if "id" in columns else REFUSED
    asking.ask(f"sees {table.name}", sql("SELECT id FROM {t}", t=name), ids)
    asking.attempt(f"searches {table.name}", lambda: frozenset(model.search([]).ids), ids)
    asking.attempt(f"asks which {table.name} exist", lambda: frozenset(model.browse(table.rows).exists().ids), ids)
    rows: Outcome = frozenset((row, table.rows[row]["num"]) for row in visible) if "num" in columns else REFUSED
    asking.attempt(
        f"lists {table.name}", lambda: frozenset((r["id"], r["num"]) for r in model.search_read([], ["num"])), rows
    )


def _group(asking: Asking, table: Table) -> None:
    """Compare which rows are in which group, by own columns and by those of linked rows, and what `any` finds."""
    eyes, model, visible = asking.eyes, asking.env[table.name], asking.eyes.visible(table)
    columns = eyes.columns(table, "read")
    for key in ("num", "name", "flag", "secret", "x_kept"):
        groups = _grouped((table.rows[row][key], row) for row in visible)
        asking.attempt(
            f"groups {table.name} by {key}", partial(_groups, model, key), groups if {"id", key} <= columns else REFUSED
        )
    if not table.target:
        return
    target = asking.world.tables[table.target]
    beyond = eyes.columns(target, "read")
    for key in ("num", "secret"):
        may = {"id", "link_id"} <= columns and {"id", key} <= beyond
        values = ((_of_link(asking, target, table.rows[row], key), row) for row in visible)
        asking.attempt(
            f"groups {table.name} by link_id.{key}",
            partial(_groups, model, f"link_id.{key}"), _grouped(values) if may else REFUSED,
        )  # fmt: skip
        for operator in ("any", "not any"):
            domain: list[object] = [["link_id", operator, [[key, "=", 1]]]]
            found = {row for row in visible if _of_link(asking, target, table.rows[row], key) == 1}
            expected = found if operator == "any" else visible - found
            asking.attempt(
                f"searches {table.name} by {domain}",
                partial(_searched, model, domain), frozenset(expected) if may else REFUSED,
            )  # fmt: skip


def _of_link(asking: Asking, target: Table, row: Row, column: str) -> Value:
    link = row["link_id"]
    seen = isinstance(link, int) and asking.eyes.sees(target, link)
    return target.rows[link][column] if seen and isinstance(link, int) else None


def _grouped(pairs: Iterable[tuple[Value, int]]) -> Outcome:
    groups: dict[object, list[int]] = {}
    for value, row in pairs:
        groups.setdefault(value, []).append(row)
    return frozenset((value, tuple(sorted(rows))) for value, rows in groups.items())


def _groups(model: Model, key: str) -> Outcome:
    rows = model.read_group([], [key], ["id:array_agg"])
    for row in rows:  # each group leads back to its rows
        if sorted(model.search(row["__domain"]).ids) != row["id:array_agg"]:
            return f"lost {row}"
    return frozenset((row[key], tuple(row["id:array_agg"])) for row in rows)


def _searched(model: Model, domain: list[object]) -> Outcome:
    return frozenset(model.search(domain).ids)


# -- making ------------------------------------------------------------------------------------------------------------


def _make(asking: Asking, table: Table, news: Iterable[Row]) -> None:
    columns = asking.eyes.columns(table, "create")
    for row in news:
        given = {column: value for column, value in row.items() if column != "tag_ids"}
        mine = {column: value for column, value in given.items() if column in columns}
        _make_one(asking, table, given, row)
        if mine and mine != given:  # what he may not give takes its default
            _make_one(asking, table, mine, {**row, **{name: UNSET.get(name) for name in given if name not in mine}})


def _make_one(asking: Asking, table: Table, given: Mapping[str, Value], row: Row) -> None:
    eyes = asking.eyes
    allowed = set(given) <= eyes.columns(table, "create") and eyes.rules_allow(table, row, "create")
    values = join(", ", [sql("{v}", v=value) for value in given.values()])
    insert = sql("INSERT INTO {t} ({c}) VALUES ({v})", t=ident(table_name(table)), c=idents(given), v=values)
    asking.ask(f"makes {given} in {table.name}", insert, DONE if allowed else REFUSED)
    readable = "id" in eyes.columns(table, "read") and eyes.rules_allow(table, row, "read")
    asking.attempt(
        f"creates {given} in {table.name}",
        partial(_create, asking.env[table.name], given),
        DONE if allowed and readable and _sees_links(asking, table, given) else REFUSED,
    )


def _sees_links(asking: Asking, table: Table, given: Mapping[str, Value]) -> bool:
    # People and companies are seen by everybody; what else one links to has to be seen.
    link = given.get("link_id")
    if not isinstance(link, int):
        return True
    target = asking.world.tables[table.target]
    return "id" in asking.eyes.columns(target, "read") and asking.eyes.sees(target, link)


# -- changing ----------------------------------------------------------------------------------------------------------


def _change(asking: Asking, table: Table) -> None:
    eyes, name = asking.eyes, ident(table_name(table))
    readable = "id" in eyes.columns(table, "read")
    for place, change in enumerate(CHANGES):
        (column, value), *_ = change.items()
        may = column in eyes.columns(table, "write")
        sets = sql("{c} = {v}, write_uid = {u}::bigint", c=ident(column), v=value, u=asking.user.id)
        # With a condition PostgreSQL asks the rules of reading as well, of the row as it is and as it would be.
        for row in [*table.rows][place % 2 :: 2]:  # every second one: each row is changed in some ways
            changed = {**table.rows[row], **change}
            reached = eyes.sees(table, row) and eyes.rules_allow(table, table.rows[row], "write")
            kept = eyes.rules_allow(table, changed, "write") and eyes.rules_allow(table, changed, "read")
            outcome: Outcome = REFUSED
            if may and readable and (kept or not reached):
                outcome = frozenset([row] if reached else [])
            statement = sql("UPDATE {t} SET {sets} WHERE id = {id} RETURNING id", t=name, sets=sets, id=row)
            asking.ask(f"changes {change} of {table.name} {row}", statement, outcome)
            if (row + place) % 3 == 0:
                asking.attempt(
                    f"writes {change} of {table.name} {row}",
                    partial(_write, asking.env[table.name].browse(row), change),
                    DONE if may and readable and reached and kept else REFUSED,
                )
        # Without one, the rules of writing alone.
        all_reached = [row for row, values in table.rows.items() if eyes.rules_allow(table, values, "write")]
        all_kept = all(eyes.rules_allow(table, {**table.rows[row], **change}, "write") for row in all_reached)
        statement = sql("UPDATE {t} SET {sets}", t=name, sets=sets)
        asking.count(f"changes {change} of all {table.name}", statement, len(all_reached), may=may and all_kept)


# -- deleting ----------------------------------------------------------------------------------------------------------


def _delete(asking: Asking, table: Table) -> None:
    eyes, name = asking.eyes, ident(table_name(table))
    may, readable = eyes.may_delete(table), "id" in eyes.columns(table, "read")
    opened = [row for row, values in table.rows.items() if eyes.rules_allow(table, values, "unlink")]
    for row in table.rows:
        reached = row in opened and eyes.sees(table, row)
        outcome: Outcome = frozenset([row] if reached else [])
        if reached and referenced(asking.world, table, row):
            outcome = REFERENCED
        statement = sql("DELETE FROM {t} WHERE id = {id} RETURNING id", t=name, id=row)
        asking.ask(f"deletes {table.name} {row}", statement, outcome if may and readable else REFUSED)
    statement = sql("DELETE FROM {t}", t=name)
    if may and any(referenced(asking.world, table, row) for row in opened):
        asking.ask(f"deletes all {table.name}", statement, REFERENCED)
    else:
        asking.count(f"deletes all {table.name}", statement, len(opened), may=may)


# -- links to many -----------------------------------------------------------------------------------------------------


def _tag(asking: Asking, table: Table) -> None:
    eyes, rel = asking.eyes, ident(f"{table_name(table)}_tag_ids_rel")
    pairs = {(row, tag) for row, values in table.rows.items() for tag in linked(values, "tag_ids")}
    readable = "id" in eyes.columns(table, "read")
    may_read, may_write = eyes.may_touch_tags(table, "read"), eyes.may_touch_tags(table, "write")
    # Whose links nothing opens to him: whether PostgreSQL refuses or shows none, he sees none.
    nothing: tuple[Outcome, ...] = () if readable else (REFUSED, DONE)
    seen = frozenset(pair for pair in pairs if eyes.sees_link(table, *pair, "read"))
    select = sql("SELECT source_id, target_id FROM {rel}", rel=rel)
    asking.ask(
        f"sees tags of {table.name}", select, *((seen, *nothing) if may_read and readable else (REFUSED, *nothing))
    )
    for row in table.rows:
        for tag in asking.world.tables[table.target].rows:
            may_change = eyes.sees_link(table, row, tag, "write")
            if (row, tag) in pairs:
                delete = sql(
                    "DELETE FROM {rel} WHERE source_id = {row} AND target_id = {tag} RETURNING source_id, target_id",
                    rel=rel, row=row, tag=tag,
                )  # fmt: skip
                gone = frozenset([(row, tag)] if may_change and (row, tag) in seen else [])
                may = may_read and may_write and readable
                asking.ask(f"untags {table.name} {row} {tag}", delete, gone if may else REFUSED, *nothing)
            else:
                insert = sql("INSERT INTO {rel} VALUES ({row}, {tag})", rel=rel, row=row, tag=tag)
                may = may_write and readable and may_change
                asking.ask(f"tags {table.name} {row} {tag}", insert, DONE if may else REFUSED)


# -- a model that an administrator made --------------------------------------------------------------------------------


def _box(asking: Asking) -> None:
    """No rules: whoever was given a verb may use it on every row, and nobody else on any."""
    box, model = asking.world.box, asking.env["x_box"]
    may: dict[Verb, bool] = {verb: asking.eyes.may(box.access, verb) for verb in VERBS}
    rows: Outcome = frozenset(box.rows.items()) if may["read"] else REFUSED
    asking.ask("sees boxes", sql("SELECT id, x_num FROM x_box"), rows)
    asking.attempt(
        "lists boxes", lambda: frozenset((r["id"], r["x_num"]) for r in model.search_read([], ["x_num"])), rows
    )
    insert = sql("INSERT INTO x_box (x_name, x_num) VALUES ('new', 1)")
    asking.ask("makes a box", insert, DONE if may["create"] else REFUSED)
    author = asking.user.id
    change = sql("UPDATE x_box SET x_num = 1, write_uid = {u}::bigint", u=author)
    # Without a condition PostgreSQL asks the rules of writing alone: there are none but the rights.
    asking.count("changes all boxes", change, len(box.rows), may=may["write"])
    asking.count("deletes all boxes", sql("DELETE FROM x_box"), len(box.rows), may=may["unlink"])
    for row in box.rows:
        found = may["write"] and may["read"]
        asking.attempt(
            f"writes box {row}", partial(_write, model.browse(row), {"x_num": 2}), DONE if found else REFUSED
        )


# -- rows that show those of another model -----------------------------------------------------------------------------


def _delegate(asking: Asking) -> None:
    """The parent's rules apply: what is hidden there is unset here, is not found by its value, and is not written."""
    world, eyes, model = asking.world, asking.eyes, asking.env["w.delegate"]
    rows, target = world.delegate.rows, world.tables[DELEGATED]
    may, columns = eyes.may(world.delegate.access, "read"), eyes.columns(target, "read")
    writable = eyes.columns(target, "write")
    asking.attempt("sees delegates", lambda: frozenset(model.search([]).ids), frozenset(rows) if may else REFUSED)
    for name in ("num", "secret"):
        told = may and "id" in columns and name in columns
        # Whoever may read the field but no record there is told nothing; where there is nothing, he is not refused.
        nothing: tuple[Outcome, ...] = (frozenset((row, 0) for row in rows), DONE) if may and name in columns else ()
        shown = {row: target.rows[base][name] if eyes.sees(target, base) else 0 for row, base in rows.items()}
        asking.attempt(
            f"reads {name} of delegates",
            partial(_rows_of, model, name),
            *((frozenset(shown.items()),) if told else (REFUSED, *nothing)),
        )
        found = {row for row, base in rows.items() if eyes.sees(target, base) and target.rows[base][name] == 1}
        domain: list[object] = [[name, "=", 1]]
        asking.attempt(
            f"searches delegates by {domain}", partial(_searched, model, domain),
            *((frozenset(found),) if told else (REFUSED, *nothing[1:])),
        )  # fmt: skip
        for row, base in rows.items():
            values = target.rows[base]
            changed = {**values, name: 2}
            kept = eyes.rules_allow(target, changed, "write") and eyes.rules_allow(target, changed, "read")
            reached = eyes.sees(target, base) and eyes.rules_allow(target, values, "write")
            allowed = may and told and name in writable and reached and kept
            asking.attempt(
                f"writes {name} of delegate {row}",
                partial(_write, model.browse(row), {name: 2}), DONE if allowed else REFUSED,
            )  # fmt: skip


def _rows_of(model: Model, name: str) -> Outcome:
    return frozenset((row["id"], row[name]) for row in model.search_read([], [name]))


# -- outcomes ----------------------------------------------------------------------------------------------------------


def _plain(row: tuple[object, ...]) -> object:
    return row[0] if len(row) == 1 else row


def _counted(rows: int) -> Outcome:
    return frozenset([f"{rows} rows"])


def _create(model: Model, values: Mapping[str, object]) -> Outcome:
    model.create(values)
    return DONE


def _write(record: Model, values: Mapping[str, object]) -> Outcome:
    record.write(values)
    return DONE


def _shown(outcome: Outcome) -> str:
    return outcome if isinstance(outcome, str) else str(sorted(map(str, outcome)))
