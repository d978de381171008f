"""Writing: batches of rows become records; a batch that the database refuses is halved until its bad rows are alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from growsoft.errors import UserError
from growsoft.exchange.plan import Plan, Target
from growsoft.exchange.report import Faults
from growsoft.exchange.rows import Row
from growsoft.orm import Condition, Env, Model
from growsoft.orm.domain import Every, Leaf, Negation, Some
from growsoft.orm.names import name_within
from growsoft.orm.narrow import is_sequence
from growsoft.postgres.transaction import ConstraintViolated


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
        new = [self._given(row) for row in rows if not row.record]
        model.create(new)
        known = {row.record: row for row in rows if row.record}
        unchanged = sum(not self._change(record, known[record.id]) for record in model.browse(known))
        return Counts(len(new), len(known), unchanged)

    def _given(self, row: Row) -> dict[str, object]:
        # An empty cell says nothing about a new record: it gets the field's default.
        return {
            target.name: self._value(target, row.values[target.name])
            for target in self._targets
            if row.values.get(target.name) is not None
        }

    def _change(self, record: Model, row: Row) -> bool:
        changes = {
            target.name: self._value(target, row.values[target.name])
            for target in self._targets
            if self._differs(record, target, row.values.get(target.name))
        }
        if changes:
            record.write(changes)
        return bool(changes)

    @staticmethod
    def _differs(record: Model, target: Target, value: object) -> bool:
        # An empty cell empties the field, unless it has a default: then nothing but a value can have been meant.
        field = target.declared()
        if value is None and field.default is not None:
            return False
        present = getattr(record, target.name)
        if target.kind == "links":
            return set(present.ids) != set(_ids(value))
        return field.to_raw(present) != field.to_raw(value)

    @staticmethod
    def _value(target: Target, value: object) -> object:
        return [(6, 0, _ids(value))] if target.kind == "links" else value

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
