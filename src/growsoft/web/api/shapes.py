"""What goes out: the fields that were asked for, also those of linked records, as nested objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from growsoft.errors import ValidationError
from growsoft.orm import Env, ModelInfo
from growsoft.orm.fields import AnyField, Many2many, Many2one, One2many, Relation

Row = dict[str, Any]

# How far a request may follow links: each step is one more query.
MOST_STEPS: Final = 3
MOST_FIELDS: Final = 200


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields of one model, and below each link those of the linked records."""

    names: tuple[str, ...]
    below: Mapping[str, Shape]


def shape_of(env: Env, info: ModelInfo, asked: Sequence[str]) -> Shape:
    """Read the fields that were asked for: ``name``, ``partner_id.country_id``; none: every column that may be read.

    Raises ``ValidationError`` for a field that is not there and for a path that is too long, ``AccessError`` for one
    that may not be read.
    """
    if len(asked) > MOST_FIELDS:
        raise ValidationError(f"A request asks for {MOST_FIELDS} fields at most.")
    if not asked:
        return Shape(columns_of(env, info), {})
    return _shaped(env, info, [tuple(path.split(".")) for path in asked], 0)


def columns_of(env: Env, info: ModelInfo) -> tuple[str, ...]:
    """Give the fields that a record has when nobody asks for others: its columns, as far as they may be read."""
    found = ("id", *env.rights.readable_columns(info))
    env.refuse_unreadable(info, info.fields["id"])
    return found


def _shaped(env: Env, info: ModelInfo, paths: Iterable[tuple[str, ...]], steps: int) -> Shape:
    if steps > MOST_STEPS:
        raise ValidationError(f"A field is at most {MOST_STEPS} links away.")
    within: dict[str, list[tuple[str, ...]]] = {"id": []}
    for name, *rest in paths:
        within.setdefault(name, []).extend([tuple(rest)] if rest else [])
    for name in within:
        env.refuse_unreadable(info, info.field(name))
    below = {name: _linked(env, info.field(name), rests, steps) for name, rests in within.items() if rests}
    return Shape(tuple(within), below)


def _linked(env: Env, field: AnyField, paths: Iterable[tuple[str, ...]], steps: int) -> Shape:
    if not isinstance(field, Relation):
        raise ValidationError(f"{field.name} is no link, so nothing is behind it.")
    return _shaped(env, env.registry[field.comodel], paths, steps + 1)


def shown(env: Env, info: ModelInfo, rows: list[Row], shape: Shape) -> list[Row]:
    """Turn rows of the data layer into what goes out, in place."""
    for name in shape.names:
        match info.fields[name]:
            case Many2one():
                _show_links(rows, name)
            case _:
                pass
    for name, inner in shape.below.items():
        field = info.fields[name]
        assert isinstance(field, Relation)  # noqa: S101 - shape_of saw to it
        _show_behind(env, field, rows, inner)
    return rows


def _show_links(rows: list[Row], name: str) -> None:
    for row in rows:
        if (link := row[name]) is not None:
            row[name] = {"id": link[0], "name": link[1]}


def _show_behind(env: Env, field: Relation[Any], rows: list[Row], shape: Shape) -> None:
    """Put the linked records in the place of their ids; one that is hidden keeps its id and no more."""
    name, many = field.name, is_many(field)
    linked = ((row[name] if many else [row[name]["id"]]) for row in rows if row[name] is not None)
    ids = {i for these in linked for i in these}
    comodel = env.registry[field.comodel]
    found = {row["id"]: row for row in read(env, comodel, sorted(ids), shape)}
    for row in rows:
        if many:
            row[name] = [found.get(i, {"id": i}) for i in row[name]]
        elif row[name] is not None:
            row[name] = {**row[name], **found.get(row[name]["id"], {})}


def read(env: Env, info: ModelInfo, ids: Sequence[int], shape: Shape) -> list[Row]:
    """Read those of some records that may be seen, in the order of their ids."""
    rows = env[info.name].search_read([["id", "in", list(ids)]], shape.names, order="id") if ids else []
    return shown(env, info, rows, shape)


def is_many(field: AnyField) -> TypeGuard[One2many[Any] | Many2many[Any]]:
    """Whether a field links to many records."""
    return isinstance(field, One2many | Many2many)
