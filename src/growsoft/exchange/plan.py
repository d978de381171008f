"""Plans: which column of a file becomes which field, checked against the model before a row is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from decimal import Decimal
from typing import Any, Final

from growsoft.errors import UserError
from growsoft.exchange.dialect import STANDARD, Dialect
from growsoft.exchange.targets import BY_EXTERNAL, EXTERNAL, Kind, LinePlan, Plan, Target, steps
from growsoft.orm import ModelInfo, Registry
from growsoft.orm.cells import NotReadable, Reader, number, opposite, reader_of
from growsoft.orm.fields import AnyField, Many2many, Many2one, One2many
from growsoft.orm.fields.stamps import STAMPS

_NUMBERS: Final = frozenset(("integer", "decimal", "monetary"))
_TEXTS: Final = frozenset(("char", "text"))


class PlanRefused(UserError):
    """The columns cannot be brought to these fields; correct the options."""


@dataclass(frozen=True, slots=True)
class Options:
    """What somebody asks for: pairs as they were given, in their order.

    ``maps`` (column, field), ``sets`` (field, value for all rows), ``prefixes`` (field, text put before its values),
    ``scales`` (column, factor), ``key`` the fields that say which record a row is; ``dialect`` how the file is written.
    """

    maps: Sequence[tuple[str, str]] = ()
    sets: Sequence[tuple[str, str]] = ()
    prefixes: Sequence[tuple[str, str]] = ()
    scales: Sequence[tuple[str, str]] = ()
    key: Sequence[str] = ()
    dialect: Dialect = STANDARD


def make_plan(registry: Registry, info: ModelInfo, options: Options, zone: tzinfo = UTC) -> Plan:
    """Check what was asked for. Raises ``PlanRefused`` with a sentence for whoever wrote the options.

    Moments in the file that do not say their time zone are in ``zone``.
    """
    return _Planning(registry, info, options, zone).plan()


def named_by_header(header: Iterable[str], options: Options) -> Options:
    """Take the columns of a file for fields of their names, when nobody says what they become."""
    return options if options.maps else replace(options, maps=[(column, column) for column in header if column])


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

    def __init__(self, registry: Registry, info: ModelInfo, options: Options, zone: tzinfo) -> None:
        self._zone = zone
        self._notation = options.dialect.notation
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
        external = self._external(columns.pop(EXTERNAL, []))
        of_lines = {text: columns.pop(text) for text in list(columns) if self._line(text)}
        targets = tuple(self._target(text, tuple(names)) for text, names in columns.items())
        sets = _once("--set", self._options.sets)
        fixed = tuple(self._target(text, (), value) for text, value in sets.items() if not self._line(text))
        self._refuse_doubles((*targets, *fixed))
        lines = tuple(self._lines(of_lines))
        plan = Plan(self._info, targets, fixed, self._key((*targets, *fixed)), external, lines)
        self._refuse_strays(targets, plan)
        return plan

    def _external(self, columns: Sequence[str]) -> Target | None:
        if len(columns) > 1:
            raise PlanRefused(f"id takes one column, the external id, not {', '.join(columns)}.")
        return Target(self._info, EXTERNAL, "external", None, tuple(columns)) if columns else None

    # -- lines -------------------------------------------------------------------------------------------------------

    def _line(self, text: str) -> One2many[Any] | None:
        """Give the list of lines that a path such as ``order_line/product_id`` leads into."""
        name, slash, _rest = text.removeprefix("!").partition("/")
        found = self._info.fields.get(name) if slash else None
        return found if isinstance(found, One2many) else None

    def _lines(self, columns: Mapping[str, Sequence[str]]) -> Iterator[LinePlan]:
        names = dict.fromkeys(text.removeprefix("!").partition("/")[0] for text in columns)
        for name in names:
            field = self._line(f"{name}/")
            if field is None:
                raise TypeError(f"{name} has no lines")
            maps = [(column, _within(name, text)) for text, many in columns.items() for column in many]
            options = Options(
                [(column, text) for column, text in maps if text],
                sets=_all_within(name, self._options.sets),
                prefixes=_all_within(name, self._options.prefixes),
                dialect=self._options.dialect,
                scales=[pair for pair in self._options.scales if pair[0] in {column for column, text in maps if text}],
            )
            plan = _Planning(self._registry, self._registry[field.comodel], options, self._zone).plan()
            if plan.lines or any(target.name == field.inverse for target in (*plan.targets, *plan.fixed)):
                raise PlanRefused(f"{name}: the lines of a record are its own, and have no lines themselves.")
            yield LinePlan(name, field.inverse, plan)

    # -- fields ------------------------------------------------------------------------------------------------------

    def _target(self, text: str, columns: tuple[str, ...], fixed: str = "") -> Target:
        name, *path = steps(text.removeprefix("!"))
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
        return (
            opposite
            if opposed
            else reader_of(found, factors[0][1] if factors else Decimal(1), self._zone, self._notation)
        )

    def _check_path(self, found: AnyField, path: Sequence[str]) -> None:
        here = found
        if list(path) == [BY_EXTERNAL] and isinstance(found, Many2one | Many2many):
            return
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

    def _refuse_strays(self, targets: Iterable[Target], plan: Plan) -> None:
        columns = set(plan.columns())
        stray = [column for column in self._scales if column not in columns]
        if stray:
            raise PlanRefused(f"--scale {stray[0]}: this column is not mapped; map it, or correct its name.")
        names = {name for target in targets for name in (target.name, ".".join((target.name, *target.path)))}
        unused = [name for name in self._prefixes if name not in names and not self._line(name)]
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


def _within(name: str, text: str) -> str:
    """Give what a path says within the lines of a record, nothing for the path of other lines."""
    opposed = "!" if text.startswith("!") else ""
    own, _slash, rest = text.removeprefix("!").partition("/")
    return f"{opposed}{rest}" if own == name else ""


def _all_within(name: str, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(rest, value) for text, value in pairs if (rest := _within(name, text))]


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
