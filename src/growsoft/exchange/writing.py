"""Writing: batches of rows become records; a batch that the database refuses is halved until its bad rows are alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from growsoft.errors import UserError
from growsoft.exchange.externals import known_ids, note_ids
from growsoft.exchange.report import Faults
from growsoft.exchange.rows import EMPTIED, Row
from growsoft.exchange.targets import LinePlan, Plan, Target
from growsoft.orm import Condition, Env, Model
from growsoft.orm.domain import Every, Leaf, Negation, Some
from growsoft.orm.names import name_within
from growsoft.orm.narrow import is_sequence
from growsoft.postgres.transaction import ConstraintViolated

Values = dict[str, object]
Command = tuple[int, int, object]


@dataclass(slots=True)
class Counts:
    """How many records were made, were there already, and among these said nothing new."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0

    def add(self, other: Counts) -> None:
        """Add up."""
        self.created += other.created
        self.updated += other.updated
        self.unchanged += other.unchanged


class Writing:
    """Writes rows under savepoints; what cannot be written goes to ``faults``."""

    def __init__(self, env: Env, plan: Plan, faults: Faults) -> None:
        """Start with nothing written."""
        self.counts = Counts()
        self._env = env
        self._plan = plan
        self._faults = faults
        self._targets = (*plan.targets, *plan.fixed)
        checks = plan.info.checks.items()
        self._checked = {
            name_within(f"{plan.info.table}_{name}_check"): set(_names(check.condition)) for name, check in checks
        }

    def write(self, rows: Sequence[Row]) -> None:
        """Write those of a batch that can be written."""
        if not rows:
            return
        try:
            with self._env.savepoint():
                counts = self._put(rows)
        except UserError as error:
            if len(rows) == 1:
                self._blame(rows[0], error)
            else:
                middle = len(rows) // 2
                self.write(rows[:middle])
                self.write(rows[middle:])
        else:
            self.counts.add(counts)
            self._env.cache.forget()  # a file is larger than what fits into memory

    def _put(self, rows: Sequence[Row]) -> Counts:
        model = self._env[self._plan.info.name]
        new = [row for row in rows if not row.record]
        made = model.create([self._given(row) for row in new])
        note_ids(
            self._env, self._plan.info.name,
            {row.external: record.id for row, record in zip(new, made, strict=True) if row.external},
        )  # fmt: skip
        for line in self._plan.lines:
            if line.plan.external is not None:
                for row, record in zip(new, made, strict=True):
                    _note_lines(record, line, row.lines.get(line.name, ()), ())
        known = {row.record: row for row in rows if row.record}
        unchanged = sum(not self._change(record, known[record.id]) for record in model.browse(known))
        return Counts(len(new), len(known), unchanged)

    def _given(self, row: Row) -> Values:
        values = _given(self._targets, row)
        for line in self._plan.lines:
            if row.lines.get(line.name):
                values[line.name] = [(0, 0, _given_line(line.plan, one)) for one in row.lines[line.name]]
        return values

    def _change(self, record: Model, row: Row) -> bool:
        changes = _changes(self._targets, record, row)
        for line in self._plan.lines:
            commands = _line_commands(record, line, row.lines.get(line.name, ()))
            if commands:
                changes[line.name] = commands
        if not changes:
            return False
        before = {line.name: getattr(record, line.name).ids for line in self._plan.lines if line.name in changes}
        record.write(changes)
        for line in self._plan.lines:
            if line.name in before and line.plan.external is not None:
                _note_lines(record, line, row.lines.get(line.name, ()), before[line.name])
        return True

    def _blame(self, row: Row, error: UserError) -> None:
        row.broken = True
        target = next((target for target in self._targets if self._is_about(error, target)), None)
        column, text = ("", "") if target is None else (target.label, row.texts.get(target.name, ""))
        self._faults.add(row.line, column, text, error.message)

    def _is_about(self, error: UserError, target: Target) -> bool:
        if isinstance(error, ConstraintViolated):
            own = f"{self._plan.info.table}_{target.name}_"
            named = error.constraint == target.name or error.constraint.startswith(own)
            return named or target.name in self._checked.get(error.constraint, ())
        return error.message.startswith((f"{target.declared().label}:", f"{target.declared().label} is "))


# -- values ------------------------------------------------------------------------------------------------------------


def _given(targets: Sequence[Target], row: Row) -> Values:
    """Give the values of a new record. An empty cell says nothing about it: it gets the field's default."""
    pairs = ((target, row.values.get(target.name)) for target in targets)
    return {target.name: _value(target, value) for target, value in pairs if value is not None}


def _changes(targets: Sequence[Target], record: Model, row: Row) -> Values:
    return {
        target.name: _value(target, row.values.get(target.name))
        for target in targets
        if _differs(record, target, row.values.get(target.name))
    }


def _differs(record: Model, target: Target, value: object) -> bool:
    # An empty cell empties the field, unless it has a default: then nothing but a value can have been meant.
    field = target.declared()
    if value is None and field.default is not None:
        return False
    present = getattr(record, target.name)
    if target.kind == "links":
        return set(present.ids) != set(_ids(value))
    return field.to_raw(present) != field.to_raw(None if value is EMPTIED else value)


def _value(target: Target, value: object) -> object:
    if target.kind == "links":
        return [(6, 0, _ids(value))]
    return None if value is EMPTIED else value


# -- lines -------------------------------------------------------------------------------------------------------------


def _given_line(plan: Plan, row: Row) -> Values:
    return _given((*plan.targets, *plan.fixed), row)


def _line_commands(record: Model, line: LinePlan, rows: Sequence[Row]) -> list[Command]:
    """Give what brings the lines of a record to those of the file; a file without any leaves them alone.

    A line is the one with its external id, else the one at its place: so a second run changes nothing, and what the
    file does not speak of stays. Lines that are not in the file go.
    """
    if not rows:
        return []
    present: Model = getattr(record, line.name)
    targets = (*line.plan.targets, *line.plan.fixed)
    pairs = list(_paired(record.env, line, rows, present))
    commands: list[Command] = []
    for row, known in pairs:
        if known is None:
            commands.append((0, 0, _given_line(line.plan, row)))
        elif changes := _changes(targets, known, row):
            commands.append((1, known.id, changes))
    kept = {known.id for _row, known in pairs if known is not None}
    return [*((2, record_id, None) for record_id in present.ids if record_id not in kept), *commands]


def _paired(env: Env, line: LinePlan, rows: Sequence[Row], present: Model) -> Iterator[tuple[Row, Model | None]]:
    by_id = {one.id: one for one in present}
    if line.plan.external is None:
        places = list(present)
        yield from ((row, places[place] if place < len(places) else None) for place, row in enumerate(rows))
        return
    named = known_ids(env, line.plan.info.name, [row.external for row in rows if row.external])
    yield from ((row, by_id.get(named.get(row.external, 0))) for row in rows)


def _note_lines(record: Model, line: LinePlan, rows: Sequence[Row], before: Sequence[int]) -> None:
    """Keep the external ids of new lines, which were made in the order of the file."""
    made = sorted(set(getattr(record, line.name).ids) - set(before))
    known: Mapping[str, int] = {}
    if before:
        known = known_ids(record.env, line.plan.info.name, [row.external for row in rows if row.external])
    new = [row for row in rows if known.get(row.external, 0) not in before]
    named = {row.external: line_id for row, line_id in zip(new, made, strict=True) if row.external}
    note_ids(record.env, line.plan.info.name, named)


def _names(condition: Condition) -> Iterator[str]:
    """Give the fields that a check compares."""
    match condition:
        case Leaf():
            yield condition.names[0]
        case Every(parts) | Some(parts):
            for part in parts:
                yield from _names(part)
        case Negation(part):
            yield from _names(part)
        case _:
            raise TypeError(f"no condition: {condition!r}")


def _ids(value: object) -> tuple[object, ...]:
    return tuple(value) if is_sequence(value) else ()
