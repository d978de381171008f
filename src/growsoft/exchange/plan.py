"""Plans: which column of a file becomes which field, checked against the model before a row is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Literal

from growsoft.errors import UserError
from growsoft.exchange.report import FileRefused, RowError
from growsoft.orm import ModelInfo, Registry
from growsoft.orm.cells import NotReadable, Reader, number, opposite, reader_of
from growsoft.orm.fields import AnyField, Many2many, Many2one, One2many
from growsoft.orm.fields.stamps import STAMPS

Kind = Literal["value", "text", "link", "links"]

_NUMBERS: Final = frozenset(("integer", "decimal", "monetary"))
_TEXTS: Final = frozenset(("char", "text", "html"))
_COLUMNS_NAMED: Final = 40


class PlanRefused(UserError):
    """The columns cannot be brought to these fields; correct the options."""


@dataclass(frozen=True, slots=True)
class Options:
    """What somebody asks for: pairs as they were given, in their order.

    ``maps`` (column, field), ``sets`` (field, value for all rows), ``prefixes`` (field, text put before its values),
    ``scales`` (column, factor), ``key`` the fields that say which record a row is.
    """

    maps: Sequence[tuple[str, str]]
    sets: Sequence[tuple[str, str]] = ()
    prefixes: Sequence[tuple[str, str]] = ()
    scales: Sequence[tuple[str, str]] = ()
    key: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """One field that is filled: from which columns, or with which text for all rows.

    ``path`` is how its links are found on the linked records (``partner_id.ref`` has ``("ref",)``); empty: by the
    naming of the linked model.
    """

    info: ModelInfo
    name: str
    kind: Kind
    reader: Reader | None
    columns: tuple[str, ...] = ()
    fixed: str = ""
    prefix: str = ""
    path: tuple[str, ...] = ()

    def declared(self) -> AnyField:
        """Give the field."""
        return self.info.fields[self.name]

    @property
    def label(self) -> str:
        """What errors call the source: the columns of the file."""
        return "+".join(self.columns)


@dataclass(frozen=True, slots=True)
class Plan:
    """Columns and fields of one model, checked; ``key`` names the fields that identify a record."""

    info: ModelInfo
    targets: tuple[Target, ...]
    fixed: tuple[Target, ...]
    key: tuple[str, ...] = field(default=())

    def positions(self, header: Sequence[str]) -> dict[str, int]:
        """Find the columns in a header. Raises ``FileRefused`` naming those that are missing."""
        wanted = dict.fromkeys(column for target in self.targets for column in target.columns)
        missing = [column for column in wanted if column not in header]
        if missing:
            raise FileRefused(RowError(1, column, "", _missing(column, header)) for column in missing)
        return {column: header.index(column) for column in wanted}


def make_plan(registry: Registry, info: ModelInfo, options: Options) -> Plan:
    """Check what was asked for. Raises ``PlanRefused`` with a sentence for whoever wrote the options."""
    return _Planning(registry, info, options).plan()


def importable(info: ModelInfo) -> tuple[str, ...]:
    """Give the fields of a model that a file can fill."""
    return tuple(name for name, found in info.fields.items() if _is_importable(found))


def _is_importable(found: AnyField) -> bool:
    kept = (
        (found.readonly and not found.writes_through)
        or not found.editable
        or found.name in STAMPS
        or found.name == "id"
    )
    return not (kept or isinstance(found, One2many))


class _Planning:
    """The checks of one plan."""

    def __init__(self, registry: Registry, info: ModelInfo, options: Options) -> None:
        self._registry = registry
        self._info = info
        self._options = options
        self._scales = _factors(options.scales)
        self._prefixes = _once("--prefix", options.prefixes)

    def plan(self) -> Plan:
        if not self._options.maps:
            raise PlanRefused("Nothing is mapped; say which column becomes which field with --map column=field.")
        columns: dict[str, list[str]] = {}
        for column, text in dict.fromkeys(self._options.maps):
            columns.setdefault(text, []).append(column)
        targets = tuple(self._target(text, tuple(names)) for text, names in columns.items())
        fixed = tuple(self._target(text, (), value) for text, value in _once("--set", self._options.sets).items())
        self._refuse_doubles((*targets, *fixed))
        self._refuse_strays(targets)
        return Plan(self._info, targets, fixed, self._key((*targets, *fixed)))

    def _target(self, text: str, columns: tuple[str, ...], fixed: str = "") -> Target:
        name, *path = text.removeprefix("!").split(".")
        found = self._field(name)
        kind = _kind(found)
        if len(columns) > 1 and kind != "text":
            raise PlanRefused(f"{name} takes one column, not {', '.join(columns)}; only texts are put together.")
        self._check_path(found, path)
        prefix = self._prefixes.get(text, self._prefixes.get(name, ""))
        if prefix and kind == "value":
            raise PlanRefused(f"--prefix {name}: only texts and links can have text before them.")
        reader = self._reader(found, kind, columns, opposed=text.startswith("!"))
        return Target(self._info, name, kind, reader, columns, fixed, prefix, tuple(path))

    def _field(self, name: str) -> AnyField:
        found = self._info.fields.get(name)
        if found is None or not _is_importable(found):
            why = "has no field" if found is None else "keeps for itself"
            raise PlanRefused(
                f"{self._info.name} {why} {name[:60]!r}; these can be imported: {', '.join(importable(self._info))}."
            )
        return found

    def _reader(self, found: AnyField, kind: Kind, columns: tuple[str, ...], *, opposed: bool) -> Reader | None:
        factors = [(column, self._scales[column]) for column in columns if column in self._scales]
        if factors and found.kind not in _NUMBERS:
            raise PlanRefused(f"--scale {factors[0][0]}: {found.name} is no number.")
        if opposed and found.kind != "boolean":
            raise PlanRefused(f"!{found.name}: only yes and no have an opposite.")
        if kind in ("link", "links"):
            return None
        return opposite if opposed else reader_of(found, *(factor for _column, factor in factors))

    def _check_path(self, found: AnyField, path: Sequence[str]) -> None:
        here = found
        for step in path:
            if not isinstance(here, Many2one | Many2many):
                raise PlanRefused(f"{here.name}.{step} leads nowhere: {here.name} is no link.")
            comodel = self._registry[here.comodel]
            if step not in comodel.fields:
                raise PlanRefused(f"{comodel.name} has no field {step[:60]!r}.")
            here = comodel.fields[step]
        if path and not (here.name == "id" or here.column == "text"):
            raise PlanRefused(f"Records are found by a text or by id; {'.'.join((found.name, *path))} is neither.")

    def _refuse_doubles(self, targets: Iterable[Target]) -> None:
        double = [name for name, count in Counter(target.name for target in targets).items() if count > 1]
        if double:
            raise PlanRefused(f"{double[0]} is filled twice; take one --map or --set away.")

    def _refuse_strays(self, targets: Iterable[Target]) -> None:
        columns = {column for target in targets for column in target.columns}
        stray = [column for column in self._scales if column not in columns]
        if stray:
            raise PlanRefused(f"--scale {stray[0]}: this column is not mapped; map it, or correct its name.")
        names = {name for target in targets for name in (target.name, ".".join((target.name, *target.path)))}
        unused = [name for name in self._prefixes if name not in names]
        if unused:
            raise PlanRefused(f"--prefix {unused[0]}: no column is mapped to this field; map one, or correct its name.")

    def _key(self, targets: Iterable[Target]) -> tuple[str, ...]:
        filled = {target.name: target for target in targets}
        key = tuple(dict.fromkeys(self._options.key))
        for name in key:
            target = filled.get(self._field(name).name)
            if target is None:
                raise PlanRefused(f"--key {name}: no column is mapped to this field.")
            if target.kind == "links" or target.declared().kind == "text":
                raise PlanRefused(f"--key {name}: records cannot be told apart by this kind of field.")
        return key


def _kind(found: AnyField) -> Kind:
    match found:
        case Many2one():
            return "link"
        case Many2many():
            return "links"
        case _:
            return "text" if found.kind in _TEXTS else "value"


def _once(option: str, pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in pairs:
        if found.setdefault(name, value) != value:
            raise PlanRefused(f"{option} {name} is given twice; which one holds?")
    return found


def _factors(pairs: Iterable[tuple[str, str]]) -> dict[str, Decimal]:
    factors: dict[str, Decimal] = {}
    for column, text in _once("--scale", pairs).items():
        try:
            factors[column] = number(text)
        except NotReadable as error:
            raise PlanRefused(f"--scale {column}: {error.message}") from None
    return factors


def _missing(column: str, header: Sequence[str]) -> str:
    named = [name or "(no name)" for name in header[:_COLUMNS_NAMED]]
    more = f" and {len(header) - _COLUMNS_NAMED} more" if len(header) > _COLUMNS_NAMED else ""
    separator = next((mark for mark in (";", "\t", "|") if len(header) == 1 and mark in header[0]), "")
    hint = " Its cells seem not to be separated by commas; save it with commas." if separator else ""
    return f"The file has no column {column}; it has: {', '.join(named)}{more}.{hint}"
