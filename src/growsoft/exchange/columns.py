"""Columns: what an export shows of a model, read along links and lists for many records at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from growsoft.errors import UserError
from growsoft.exchange.escaping import MARK, harmless
from growsoft.exchange.externals import given_ids
from growsoft.exchange.naming import Naming
from growsoft.exchange.plan import importable
from growsoft.exchange.targets import BY_EXTERNAL, EXTERNAL, steps
from growsoft.orm import Env, ModelInfo
from growsoft.orm.fields import AnyField, Computed, Many2many, Many2one, One2many, Relation
from growsoft.orm.rows import read

Cell = str | int | Decimal | date | datetime | None
Row = Mapping[str, Any]
Getter = Callable[[Row], Any]

NOT_IN_CELLS: Final = frozenset(("binary", "many2one_reference"))
_NUMBER: Final = ".id"


class ExportRefused(UserError):
    """These fields cannot be exported; choose others."""


@dataclass(slots=True)
class Branch:
    """What is read of the records of one model, and of those that they are linked with."""

    info: ModelInfo
    names: set[str] = field(default_factory=set[str])
    links: dict[str, Branch] = field(default_factory=dict[str, "Branch"])
    externals: bool = False
    rows: dict[int, Row] = field(default_factory=dict[int, Row])
    ids: dict[int, str] = field(default_factory=dict[int, str])

    def fetch(self, env: Env, ids: Iterable[int]) -> None:
        """Read records as far as whoever asks sees them, and forget those of before."""
        # Whoever deletes one of them in this moment does not end the export.
        self.take(env, read(env, self.info, sorted(self.names) or ["id"], tuple(dict.fromkeys(ids))))

    def take(self, env: Env, rows: Sequence[Row]) -> None:
        """Take the rows of these records, and read what is behind their links."""
        self.rows = {row["id"]: row for row in rows}
        if self.externals:
            self.ids = given_ids(env, self.info.name, self.rows)
        for name, branch in self.links.items():
            many = not isinstance(self.info.fields[name], Many2one)
            values = [row[name] for row in rows if row[name]]
            branch.fetch(env, [linked for value in values for linked in (value if many else (value[0],))])


@dataclass(frozen=True, slots=True)
class Column:
    """What stands in one column: ``get`` gives the value for a row.

    ``falls_back`` says that an empty cell would give a new record something else than nothing: a default.
    """

    get: Getter
    falls_back: bool = False

    def cell(self, row: Row) -> Cell:
        """Give the cell of a row."""
        value = self.get(row)
        if value is None or value == "":
            return MARK if self.falls_back else None
        return harmless(value) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class Lines:
    """The columns of one list of lines: places in the table, and what stands there."""

    name: str
    branch: Branch
    columns: Mapping[int, Column]


class Columns:
    """The columns of one export. Raises ``ExportRefused``."""

    def __init__(self, env: Env, info: ModelInfo, paths: Sequence[str]) -> None:
        """Check the paths; what may not be read is refused when the rows are asked for."""
        self.branch = Branch(info)
        self._env = env
        self._own: dict[int, Column] = {}
        self._lines: dict[str, Lines] = {}
        self.header = tuple(dict.fromkeys(map(_heading, (self._way(info, path) for path in paths))))
        for place, heading in enumerate(self.header):
            self._add(place, self._way(info, heading))

    @property
    def has_lines(self) -> bool:
        """Whether a record may have more than one row."""
        return bool(self._lines)

    def rows(self, records: Sequence[Row]) -> Iterable[list[Cell]]:
        """Give the rows of a batch of records, each with its lines below it."""
        self.branch.take(self._env, records)
        for record in records:
            of_lines = [(lines, record[lines.name]) for lines in self._lines.values()]
            height = max((len(ids) for _lines, ids in of_lines), default=0)
            for number in range(max(1, height)):
                row: list[Cell] = [None] * len(self.header)
                if number == 0:
                    _fill(row, self._own, record)
                for lines, ids in of_lines:
                    if number < len(ids) and (line := lines.branch.rows.get(ids[number])) is not None:
                        _fill(row, lines.columns, line)
                yield row

    # -- paths -------------------------------------------------------------------------------------------------------

    def _way(self, info: ModelInfo, path: str) -> list[str]:
        way = [EXTERNAL] if path == EXTERNAL else steps(path.removeprefix(".") if path == _NUMBER else path)
        if path == EXTERNAL:
            return [BY_EXTERNAL]
        if not all(way):
            raise ExportRefused(f"{path[:60]!r} is no field; write fields of {info.name}, such as partner_id/name.")
        return way

    def _add(self, place: int, way: Sequence[str]) -> None:
        first, *rest = way
        found = self.branch.info.fields.get(first)
        if isinstance(found, One2many) and rest:
            self.branch.names.add(first)
            branch = self._behind(self.branch, found)
            columns = self._lines[first].columns if first in self._lines else dict[int, Column]()
            self._lines[first] = Lines(first, branch, {**columns, place: self._column(branch, rest)})
        else:
            self._own[place] = self._column(self.branch, way)

    def _column(self, branch: Branch, way: Sequence[str]) -> Column:
        found = branch.info.fields.get(way[0])
        falls_back = found is not None and (found.default is not None or isinstance(found, Computed))
        return Column(self._getter(branch, way), falls_back and len(way) == 1)

    def _getter(self, branch: Branch, way: Sequence[str]) -> Getter:
        first, *rest = way
        if first == BY_EXTERNAL:
            branch.externals = True
            return lambda row: branch.ids.get(row["id"], "")
        found = _checked(branch.info, first)
        branch.names.add(first)
        if isinstance(found, Many2many):
            return self._many(branch, found, rest)
        if isinstance(found, Many2one):
            return self._one(branch, found, rest)
        if rest:
            raise ExportRefused(f"{first}/{rest[0]} leads nowhere: {first} is no link.")
        if found.kind == "json":
            return lambda row: None if row[first] is None else msgspec.json.encode(row[first]).decode()
        return lambda row: row[first]

    def _one(self, branch: Branch, link: Many2one[Any], rest: Sequence[str]) -> Getter:
        name = link.name
        if not rest:
            return lambda row: row[name][1] if row[name] else None
        linked = self._behind(branch, link)
        inner = self._getter(linked, rest)

        def get(row: Row) -> object:
            there = linked.rows.get(row[name][0]) if row[name] else None
            return None if there is None else inner(there)

        return get

    def _many(self, branch: Branch, links: Many2many[Any], rest: Sequence[str]) -> Getter:
        name = links.name
        linked = self._behind(branch, links)
        inner = self._getter(linked, rest or [linked.info.rec_name])

        def get(row: Row) -> str:
            values = [inner(linked.rows[one]) for one in row[name] if one in linked.rows]
            return ", ".join(_listed(str(value)) for value in values if value is not None)

        return get

    def _behind(self, branch: Branch, link: Relation[Any]) -> Branch:
        return branch.links.setdefault(link.name, Branch(self._env.registry[link.comodel]))


def columns_by_default(env: Env, info: ModelInfo) -> tuple[str, ...]:
    """Give the external id and all fields of a model that a file can fill, as far as whoever asks may read them.

    Links are named as the linked model says, else by a text that every record has and no other one, else by their
    external ids.
    """
    seen = [info.fields[name] for name in importable(info) if env.sees(info, info.fields[name])]
    return (EXTERNAL, *(_by_default(env, found) for found in seen if found.kind not in NOT_IN_CELLS))


def _by_default(env: Env, found: AnyField) -> str:
    if not isinstance(found, Many2one | Many2many):
        return found.name
    linked = env.registry[found.comodel]
    if isinstance(getattr(linked.cls, "naming", None), Naming):
        return found.name
    sure = [one.name for one in linked.columns.values() if one.kind == "char" and one.unique and one.required]
    return f"{found.name}/{sure[0] if sure and not linked.fields[sure[0]].unique_per else EXTERNAL}"


def _heading(way: Sequence[str]) -> str:
    names = [EXTERNAL if step == BY_EXTERNAL else _NUMBER if step == "id" else step for step in way]
    return "/".join(names)


def _checked(info: ModelInfo, name: str) -> AnyField:
    found = info.fields.get(name)
    if found is None:
        raise ExportRefused(f"{info.name} has no field {name[:60]!r}.")
    if isinstance(found, One2many):
        raise ExportRefused(f"{name}: name the fields of its lines, such as {name}/id; lines have no lines themselves.")
    if found.kind in NOT_IN_CELLS:
        raise ExportRefused(f"{name}: files have no place in cells.")
    return found


def _fill(row: list[Cell], columns: Mapping[int, Column], record: Row) -> None:
    blank = True
    for place, column in columns.items():
        cell = row[place] = column.cell(record)
        blank = blank and cell is None
    # Cells that say nothing at all would be taken for no record, or for one more line of the record above.
    if blank and columns:
        row[min(columns)] = MARK


def _listed(name: str) -> str:
    plain = "," not in name and '"' not in name and name == name.strip()
    return name if plain else '"' + name.replace('"', '""') + '"'
