"""Drafts: what follows from what somebody has entered in a form, before any of it is saved.

The same methods that work out stored and shown fields run over records that exist in memory alone, with the rights of
whoever fills in the form. Nothing is written; open the environment with ``mode="read"`` and PostgreSQL sees to that.

What goes in and comes out are plain values of JSON, as ``read`` and ``write`` have them on the wire:

* text, truth and whole numbers as they are; decimals and amounts as text (``"12.50"``; numbers are taken, too);
  days ``"2026-12-31"``; moments in UTC ``"2026-12-31T12:00:00+00:00"``; choices by their value
* a link ``[id, name]`` or null (an id alone is taken); a reference ``"model,id"`` or ``""``
* lines and links to many as the commands 0 to 6, each relative to what is stored
"""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from growsoft.errors import AccessError, MissingError, UserError, ValidationError
from growsoft.orm.drafting import Drafting, Entered, Line, ToMany, default_of
from growsoft.orm.fields import AnyField, Binary, JsonValue, Many2many, Many2one, One2many
from growsoft.orm.fields.stamps import STAMPS
from growsoft.orm.following import Following
from growsoft.orm.recompute import settle

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.registry import ModelInfo

_NOTHING: Final = object()


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with something that was entered; ``field`` is its name, ``lines.POSITION.name`` on a line."""

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What changes on the form: values by field, and problems with what was entered (such a value counts as not given).

    Lines come as one command for each that was given, in the same order, with the values that change on it; lines about
    which nothing was said and that change follow.
    """

    values: Mapping[str, JsonValue]
    problems: tuple[Problem, ...]

    def plain(self) -> dict[str, JsonValue]:
        """Give it as JSON: ``{"values": {...}, "warnings": [{"field": ..., "message": ...}]}``."""
        warnings: list[JsonValue] = [{"field": one.field, "message": one.message} for one in self.problems]
        return {"values": dict(self.values), "warnings": warnings}


def draft(
    env: Env,
    model: str,
    values: Mapping[str, object],
    *,
    record: int = 0,
    changed: Sequence[str] = (),
    names: Sequence[str] = (),
) -> Draft:
    """Work out what follows from what a form holds.

    ``values`` is what the form holds by now (of a stored ``record`` what differs is enough). ``changed`` are the fields
    that somebody has just changed, ``"lines.POSITION.name"`` for one on the line of that command: a value in ``values``
    that people may correct stays, unless something that it comes from is among these. ``names`` are the fields of the
    form, ``"lines.name"`` for columns of lines; empty: all that may be read. A new record (``record`` = 0) begins with
    its defaults, which come back unless ``values`` has them. The form of a line gives the record around it as
    ``{"order_id": {"id": 5, "state": "draft"}}`` (no id: new, too).

    Fields that the caller may not write keep their values, whatever the form says. Raises ``AccessError`` for fields
    that he may not read, ``MissingError`` for records that he may not see, ``ValidationError`` for unknown fields.
    """
    info = env.registry[model]
    if record and not env[model].browse(record).exists():
        raise MissingError
    env.work.prepare(env, ())  # what waits is to be seen by the queries to come
    settle(env)
    drafting = Drafting(env)
    wanted = _Names(env, info, names)
    entered = drafting.take(info, record, values)
    _take_untouched(drafting, entered)
    following = Following(drafting)
    for name in changed:
        _touch(drafting, following, entered, name)
    following.compare(env)
    following.work_out()
    found = _Output(env, drafting, wanted).of(entered)
    return Draft(found, tuple(Problem(name, message) for name, message in drafting.problems.items()))


def defaults(env: Env, info: ModelInfo, names: Sequence[str] = ()) -> dict[str, Any]:
    """Give the values with which a new record begins, by field, as ``read`` gives them; see ``Model.defaults``."""
    found: dict[str, Any] = {}
    for name in names or [name for name, field in info.fields.items() if env.sees(info, field)]:
        field = info.field(name)
        env.refuse_unreadable(info, field)
        if field.default is not None and field.stored and not isinstance(field, Binary):
            raw = default_of(env, field)
            found[name] = _named(env, field, raw) if isinstance(field, Many2one) else raw
    return found


def _take_untouched(drafting: Drafting, entered: Entered) -> None:
    """Take the lines in about which the form says nothing: what changes around them may change them."""
    for name in list(entered.lines):
        field = entered.info.fields[name]
        if isinstance(field, One2many):
            info = drafting.env.registry.models[field.comodel]
            for line in drafting.record(entered)._value(name):
                if (info.name, line) not in drafting.entered:
                    drafting.take(info, line, {})
                    drafting.env.cache.records[info.name][line][field.inverse] = entered.id


def _touch(drafting: Drafting, following: Following, entered: Entered, name: str) -> None:
    first, _dot, rest = name.partition(".")
    if not rest:
        following.touch(entered, first)
        return
    position, _dot, inner = rest.partition(".")
    lines = entered.lines.get(first, [])
    if not (position.isascii() and position.isdigit() and int(position[:6]) < len(lines) and inner):
        raise ValidationError(f"{name[:60]!r} is no field of the form: write lines.POSITION.name.")
    line = lines[int(position)]
    comodel = entered.info.field(first)
    if line.record and isinstance(comodel, One2many | Many2many):
        _touch(drafting, following, drafting.entered[comodel.comodel, line.record], inner)


class _Names:
    """Which fields of a form are worked out: by model level, those of lines by the field that lists them."""

    def __init__(self, env: Env, info: ModelInfo, names: Sequence[str]) -> None:
        self._env = env
        self._info = info
        self._inner: dict[str, list[str]] = {}
        for name in names:
            first, _dot, inner = name.partition(".")
            env.refuse_unreadable(info, info.field(first))
            columns = self._inner.setdefault(first, [])
            if inner:
                columns.append(inner)

    def own(self) -> Iterator[AnyField]:
        """Give the fields of the record itself."""
        for name in self._inner or self._info.fields:
            field = self._info.fields[name]
            # A file is no value of JSON, and where it lies is nobody's business.
            kept = name == "id" or name in STAMPS or isinstance(field, Binary)
            if not kept and self._env.sees(self._info, field):
                yield field

    def lines(self, field: ToMany) -> _Names:
        """Give the fields of lines."""
        return _Names(self._env, self._env.registry.models[field.comodel], self._inner.get(field.name, ()))


class _Output:
    """What has changed on the records of a form, as plain values."""

    def __init__(self, env: Env, drafting: Drafting, names: _Names) -> None:
        self._env = env
        self._drafting = drafting
        self._names = names

    def of(self, entered: Entered, without: str = "") -> dict[str, JsonValue]:
        """Give what changed on one record."""
        found: dict[str, JsonValue] = {}
        for field in self._names.own():
            if field.name == without:
                continue
            if isinstance(field, One2many | Many2many):
                lines = self._lines(entered, field)
                if lines:
                    found[field.name] = lines
                continue
            raw = self._now(entered, field)
            if raw is not _NOTHING and raw != self._before(entered, field):
                found[field.name] = plain(self._drafting.env, field, raw)
        return found

    def _now(self, entered: Entered, field: AnyField) -> object:
        try:
            return self._drafting.record(entered)._value(field.name)
        except (AccessError, MissingError):
            return _NOTHING
        except UserError as error:
            self._drafting.problems.setdefault(field.name, error.message)
            return _NOTHING

    def _before(self, entered: Entered, field: AnyField) -> object:
        if field.name in entered.raws:
            return entered.raws[field.name]
        if entered.is_new:
            return _NOTHING
        try:
            return self._drafting.stored(self._env, entered)._value(field.name)
        except (AccessError, MissingError):
            return _NOTHING

    def _lines(self, entered: Entered, field: ToMany) -> list[JsonValue]:
        given = entered.lines.get(field.name, [])
        output = _Output(self._env, self._drafting, self._names.lines(field))
        inverse = field.inverse if isinstance(field, One2many) else ""
        found = [self._command(output, field, line, inverse) for line in given]
        changed = any(item[0] in (0, 1) and item[2] for item in found)
        for line in self._untouched(entered, field):
            values = output.of(line, inverse)
            if values:
                found.append([1, line.id, values])
                changed = True
        return [*found] if changed else []

    def _command(self, output: _Output, field: ToMany, line: Line, inverse: str) -> list[JsonValue]:
        command = line.command
        if not line.record:
            return [command.code, command.line, None]
        changed = self._drafting.entered[field.comodel, line.record]
        return [command.code, command.line, output.of(changed, inverse)]

    def _untouched(self, entered: Entered, field: ToMany) -> Iterator[Entered]:
        known = {line.record for line in entered.lines.get(field.name, [])}
        for line in self._drafting.record(entered)._value(field.name) if field.name in entered.lines else ():
            found = self._drafting.entered.get((field.comodel, line))
            if line not in known and found is not None:
                yield found


def plain(env: Env, field: AnyField, raw: object) -> JsonValue:
    """Give what a column holds as a value of JSON; see the module."""
    if isinstance(field, Many2one):
        named = _named(env, field, raw)
        return None if named is None else [*named]
    if isinstance(raw, Decimal):
        return f"{raw:f}"
    if isinstance(raw, date):  # and moments, which are dates with a time
        return raw.isoformat()
    value: JsonValue = raw  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]  all other columns hold what JSON has
    return value


def _named(env: Env, field: Many2one[Any], raw: object) -> tuple[int, str] | None:
    if not isinstance(raw, int) or raw <= 0:
        return None
    try:
        return raw, env[field.comodel].browse(raw).display_name
    except (AccessError, MissingError):
        return raw, ""
