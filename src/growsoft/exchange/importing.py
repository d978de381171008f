"""Importing: a file into the records of one model, all or nothing unless parts are wanted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import IO, Final
from zoneinfo import ZoneInfo

from growsoft.exchange.keys import Keys
from growsoft.exchange.opening import Rows, open_table
from growsoft.exchange.plan import Options, PlanRefused, make_plan, named_by_header
from growsoft.exchange.report import Faults, FileRefused, Report
from growsoft.exchange.resolving import Resolving
from growsoft.exchange.rows import NO_TEXTS, Reading, Row, read
from growsoft.exchange.targets import Plan
from growsoft.exchange.writing import Counts, Writing
from growsoft.orm import Env
from growsoft.orm.cells import NotReadable

BATCH: Final = 1000

Progress = Callable[[int], None]


class _Undo(Exception):
    """Nothing of this shall last."""


def import_file(
    env: Env,
    model: str,
    stream: IO[bytes],
    options: Options,
    *,
    partial: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Import a CSV or XLSX file into a model, by the rules of ``import_table``.

    Where ``options`` map nothing, the columns are named after the fields they fill. Moments without a time zone are in
    that of the environment. Raises ``PlanRefused`` for options that the model cannot follow.
    """
    try:
        table = open_table(stream, options.dialect)
    except FileRefused as refused:
        return Report(0, 0, 0, refused.errors)
    info = env.registry[model]
    plan = make_plan(env.registry, info, named_by_header(table.header, options), ZoneInfo(env.tz))
    return import_table(env, plan, table, partial=partial, dry_run=dry_run, progress=progress)


def import_csv(
    env: Env,
    plan: Plan,
    stream: IO[bytes],
    *,
    partial: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Import a file by a plan, by the rules of ``import_table``."""
    try:
        table = open_table(stream)
    except FileRefused as refused:
        return Report(0, 0, 0, refused.errors)
    return import_table(env, plan, table, partial=partial, dry_run=dry_run, progress=progress)


def import_table(
    env: Env,
    plan: Plan,
    table: Rows,
    *,
    partial: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Import a table in one transaction; every error of the file is in the report, none is raised.

    Without ``partial`` an error anywhere leaves the database as it was; with it the good rows go in. With ``dry_run``
    everything is done and undone, so that its numbers are those of the real run. ``progress`` is told the lines that
    are behind. Raises ``PlanRefused`` when a value for all rows does not fit.
    """
    faults = Faults()
    work = _Importing(env, plan, faults, progress)
    lasts = False
    with suppress(_Undo), env.savepoint():
        complete = work.run(table, stop_when_full=not partial)
        lasts = complete and (partial or not faults)
        _keep_if(lasts and not dry_run)
    counts = work.counts if lasts else Counts()
    return Report(counts.created, counts.updated, counts.unchanged, faults.in_order(), faults.more)


def _keep_if(wanted: object) -> None:
    if not wanted:
        raise _Undo


class _Importing:
    """One file on its way in."""

    def __init__(self, env: Env, plan: Plan, faults: Faults, progress: Progress | None) -> None:
        self._env = env
        self._plan = plan
        self._faults = faults
        self._progress = progress
        self._resolving = Resolving(env, plan.info.name, plan.targets, faults)
        self._of_lines = {
            line.name: Resolving(env, line.plan.info.name, line.plan.targets, faults) for line in plan.lines
        }
        self._for_lines = {line.name: fixed_values(env, line.plan) for line in plan.lines}
        self._keys = Keys(env, plan, faults)
        self._writing = Writing(env, plan, faults)
        self._waiting: list[Row] = []

    @property
    def counts(self) -> Counts:
        return self._writing.counts

    def run(self, table: Rows, *, stop_when_full: bool) -> bool:
        """Take the whole file; say whether it could be read to its end."""
        try:
            self._run(table, stop_when_full=stop_when_full)
        except FileRefused as refused:
            for error in refused.errors:
                self._faults.add(error.line, error.column, error.value, error.reason)
            return False
        return True

    def _run(self, table: Rows, *, stop_when_full: bool) -> None:
        reading = Reading(self._plan, table.header, fixed_values(self._env, self._plan), self._faults)
        for batch in _batches(reading.rows(table.rows())):
            self._take(batch)
            self._waiting.extend(row for row in batch if row.waits)
            if self._progress is not None:
                self._progress(batch[-1].line)
            if stop_when_full and self._faults.full:
                self._faults.more = True
                return
        self._take_waiting()

    def _take(self, batch: list[Row], *, last: bool = False) -> None:
        self._resolving.resolve(batch, last=last)
        self._resolve_lines(batch)
        self._keys.identify([row for row in batch if not row.awaits])
        self._writing.write([row for row in batch if row.ready])

    def _resolve_lines(self, batch: Iterable[Row]) -> None:
        for name, resolving in self._of_lines.items():
            owners = [row for row in batch if row.lines.get(name) and not row.broken]
            lines = [line for row in owners for line in row.lines[name]]
            for line in lines:
                line.values.update(self._for_lines[name])
            resolving.resolve(lines, last=True)
            for row in owners:
                row.broken = any(line.broken for line in row.lines[name])

    def _take_waiting(self) -> None:
        """Take rows whose links lead to rows of the same file, each when the row it waits for has gone in."""
        awaited: defaultdict[str, list[Row]] = defaultdict(list)
        came = self._take_all(self._waiting)
        for row in self._waiting:
            for name in row.awaits:
                awaited[name].append(row)
        while came:
            names = {name for row in came for name in self._resolving.provided(row)}
            came = self._take_all({row.line: row for name in names for row in awaited.pop(name, ())}.values())
        self._take_all([row for row in self._waiting if row.waits], last=True)

    def _take_all(self, rows: Iterable[Row], *, last: bool = False) -> list[Row]:
        """Take rows in batches; give those that went in."""
        took: list[Row] = []
        for batch in _batches(row for row in rows if last or row.waits):
            self._take(batch, last=last)
            took.extend(row for row in batch if row.ready)
        return took


def fixed_values(env: Env, plan: Plan) -> dict[str, object]:
    """Read the values that hold for all rows. Raises ``PlanRefused`` for one that does not fit."""
    row, faults = Row(0, NO_TEXTS, {}), Faults()
    for target in plan.fixed:
        try:
            read(target, target.fixed, row)
        except NotReadable as error:
            raise PlanRefused(f"--set {target.name}={target.fixed}: {error.message}") from None
    Resolving(env, plan.info.name, plan.fixed, faults).resolve([row], last=True)
    if faults:
        wrong = faults.in_order()[0]
        raise PlanRefused(f"--set: {wrong.value!r}: {wrong.reason}")
    return row.values


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, BATCH)):
        yield batch
