"""The methods every model has for the outside, with the arguments that Odoo's clients give them.

Each takes what it is called on, and the arguments by Odoo's names. Whoever calls acts with his own rights: nothing here
elevates.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from growsoft.errors import ValidationError
from growsoft.orm import Env, Model, ModelInfo
from growsoft.orm.copying import copied
from growsoft.orm.narrow import is_mapping, is_sequence
from growsoft.web.odoo import described, wire
from growsoft.web.odoo.arguments import count, flat_names, limit_of, text
from growsoft.web.odoo.domains import condition
from growsoft.web.odoo.grouped import aggregates, ordered, row_of

Mode = Literal["read", "write"]


@dataclass(frozen=True, slots=True)
class Subject:
    """What a method is called on: records of a model (none, when it is about the model), and the caller's context."""

    records: Model
    info: ModelInfo
    context: Mapping[str, object]

    @property
    def env(self) -> Env:
        """Who calls."""
        return self.records.env


@dataclass(frozen=True, slots=True)
class Method:
    """One of them: whether it works on records or on the model, and whether it only reads."""

    run: Callable[..., object]
    on_records: bool
    mode: Mode

    def parameters(self) -> tuple[str, ...]:
        """Give the names of its arguments, in order."""
        return tuple(inspect.signature(self.run).parameters)[1:]


METHODS: Final[dict[str, Method]] = {}


def _method(*, records: bool = False, writes: bool = False) -> Callable[[Callable[..., object]], Callable[..., object]]:
    def add(function: Callable[..., object]) -> Callable[..., object]:
        METHODS[function.__name__] = Method(function, records, "write" if writes else "read")
        return function

    return add


# -- reading -----------------------------------------------------------------------------------------------------------


@_method()
def fields_get(on: Subject, allfields: object = None, attributes: object = None) -> object:
    """Describe the fields."""
    return described.fields_get(on.env, on.info, flat_names(allfields), flat_names(attributes))


@_method()
def search(
    on: Subject, domain: object = (), offset: object = 0, limit: object = None, order: object = "",
) -> object:  # fmt: skip
    """Give the ids of records."""
    found = condition(on.info, domain, on.context)
    return list(on.records.search(found, offset=count(offset), limit=limit_of(limit), order=text(order)).ids)


@_method()
def search_count(on: Subject, domain: object = (), limit: object = None) -> object:
    """Count records."""
    return on.records.search_count(condition(on.info, domain, on.context), limit=limit_of(limit))


@_method()
def search_read(
    on: Subject, domain: object = (), fields: object = None, offset: object = 0,
    limit: object = None, order: object = "", load: object = "_classic_read",
) -> object:  # fmt: skip
    """Search and read."""
    names = _names(on, fields)
    found = condition(on.info, domain, on.context)
    rows = on.records.search_read(
        found, _ours(on, names), offset=count(offset), limit=limit_of(limit), order=text(order)
    )
    return _shown(on, rows, names, load)


@_method(records=True)
def read(on: Subject, fields: object = None, load: object = "_classic_read") -> object:
    """Read records."""
    names = _names(on, fields)
    return _shown(on, on.records.read(_ours(on, names)), names, load)


@_method()
def name_search(
    on: Subject, name: object = "", args: object = (), operator: object = "ilike",
    limit: object = 100, domain: object = (),
) -> object:  # fmt: skip
    """Find records by name."""
    found = condition(on.info, args or domain, on.context)
    wanted = text(operator) or "ilike"
    pairs = on.records.name_search(text(name), found, operator=wanted, limit=limit_of(limit))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  checked there
    return [list(pair) for pair in pairs]


@_method(records=True)
def name_get(on: Subject) -> object:
    """Give ids with names."""
    return [[record.id, record.display_name] for record in on.records]


@_method()
def read_group(
    on: Subject, domain: object = (), fields: object = (), groupby: object = (),
    offset: object = 0, limit: object = None, orderby: object = "", lazy: object = True,
) -> object:  # fmt: skip
    """Count and add up by groups; ``lazy`` takes the first group only and names the count after it."""
    keys = flat_names([groupby] if isinstance(groupby, str) else groupby)
    wanted = keys[:1] if lazy else keys
    sums = aggregates(on.info, flat_names(fields), keys)
    rows = on.records.read_group(
        condition(on.info, domain, on.context), wanted, [ours for _theirs, ours in sums],
        order=ordered(text(orderby), sums), offset=count(offset), limit=limit_of(limit),
    )  # fmt: skip
    return [row_of(on.info, row, wanted, keys[1:] if lazy else (), sums, lazy=bool(lazy and wanted)) for row in rows]


@_method(records=True)
def exists(on: Subject) -> object:
    """Give those that are there."""
    return list(on.records.exists().ids)


@_method(records=True)
def get_metadata(on: Subject) -> object:
    """Say who made and changed records, and their external ids."""
    stamps = ("create_uid", "create_date", "write_uid", "write_date")
    ids = _external_ids(on)
    people = {row["id"]: row["name"] for row in _people(on, stamps)}
    found: list[dict[str, Any]] = []
    for row in on.records.read(stamps):
        shown = {name: wire.plain(row[name]) for name in stamps}
        for name in ("create_uid", "write_uid"):
            shown[name] = [row[name], people[row[name]]] if row[name] in people else False
        named = ids.get(row["id"], [])
        xmlids = [{"xmlid": one, "noupdate": fixed} for one, fixed in named]
        first = named[0] if named else (False, False)
        found.append({"id": row["id"], **shown, "xmlid": first[0], "xmlids": xmlids, "noupdate": first[1]})
    return found


@_method(records=True)
def get_external_id(on: Subject) -> object:
    """Give the external id of each record, empty where there is none."""
    ids = _external_ids(on)
    return {str(i): ids[i][0][0] if i in ids else "" for i in on.records.ids}


@_method()
def default_get(on: Subject, fields_list: object = None, fields: object = None) -> object:
    """Give what a new record would begin with."""
    names = [name for name in flat_names(fields_list or fields) if name in on.info.fields]
    found = on.records.defaults(names)
    for name in names:
        given = on.context.get(f"default_{name}")
        if given is not None:
            found[name] = given
    return {name: wire.field_value(on.info.fields[name], value, pairs=False) for name, value in found.items()}


# -- writing -----------------------------------------------------------------------------------------------------------


@_method(writes=True)
def create(on: Subject, vals_list: object = None) -> object:
    """Make a record, or several."""
    if is_mapping(vals_list):
        return on.records.create(_values(on, vals_list)).id
    if not is_sequence(vals_list) or not all(is_mapping(values) for values in vals_list):
        raise ValidationError("create takes a dictionary of values, or a list of them.")
    return list(on.records.create([_values(on, values) for values in vals_list if is_mapping(values)]).ids)


@_method(records=True, writes=True)
def write(on: Subject, vals: object = None) -> object:
    """Change records."""
    if not is_mapping(vals):
        raise ValidationError("write takes a dictionary of values.")
    on.records.write(vals)
    return True


@_method(records=True, writes=True)
def unlink(on: Subject) -> object:
    """Delete records."""
    on.records.unlink()
    return True


@_method(records=True, writes=True)
def copy(on: Subject, default: object = None) -> object:
    """Copy records; of one record the id of the copy."""
    made = [copied(record, default if is_mapping(default) else {}).id for record in on.records]
    return made[0] if len(made) == 1 else made


@_method(records=True, writes=True)
def action_archive(on: Subject) -> object:
    """Put records away."""
    return _set_active(on, active=False)


@_method(records=True, writes=True)
def action_unarchive(on: Subject) -> object:
    """Get records back."""
    return _set_active(on, active=True)


def _names(on: Subject, fields: object) -> tuple[str, ...]:
    names = flat_names(fields)
    if names:
        return names
    info, env = on.info, on.env
    return (*(name for name, field in info.fields.items() if env.sees(info, field)), "display_name")


def _ours(on: Subject, names: Sequence[str]) -> list[str]:
    asked = [name for name in names if name != "display_name"]
    return [*asked, *([on.info.rec_name] if "display_name" in names and on.info.rec_name not in asked else [])] or [
        "id"
    ]


def _shown(on: Subject, rows: list[dict[str, Any]], names: Sequence[str], load: object) -> object:
    if "display_name" in names:
        for row in rows:
            row["display_name"] = _named(row[on.info.rec_name])
    sizes = bool(on.context.get("bin_size"))
    return wire.shown(on.env, on.info, rows, names, pairs=load != "_classic_write", sizes=sizes)


def _named(value: Any) -> str:  # noqa: ANN401  what a name is made of
    return str(value[1]) if isinstance(value, tuple) else "" if value is None else str(value)  # pyright: ignore[reportUnknownArgumentType]


def _values(on: Subject, values: Mapping[str, object]) -> dict[str, object]:
    """Give the values of a new record, with what the context says of those that are not given."""
    prefix = "default_"
    given = {name.removeprefix(prefix): value for name, value in on.context.items() if name.startswith(prefix)}
    return {**{name: value for name, value in given.items() if name in on.info.fields}, **values}


def _set_active(on: Subject, *, active: bool) -> bool:
    if "active" not in on.info.fields:
        raise ValidationError(f"{on.info.description} cannot be archived: it has no field active.")
    on.records.write({"active": active})
    return True


# -- facts about records -----------------------------------------------------------------------------------------------


def _people(on: Subject, stamps: Sequence[str]) -> list[dict[str, Any]]:
    ids = {row[name] for row in on.records.read(stamps) for name in stamps if name.endswith("_uid")}
    if "res.users" not in on.env.registry.models:
        return []
    return on.env["res.users"].search_read([["id", "in", sorted(ids)]], ["name"])


def _external_ids(on: Subject) -> dict[int, list[tuple[str, bool]]]:
    env = on.env
    if "ir.model.data" not in env.registry.models or not env.sees(
        env.registry["ir.model.data"], env.registry["ir.model.data"].fields["id"]
    ):
        return {}
    domain = [["model", "=", on.info.name], ["res_id", "in", list(on.records.ids)]]
    found: dict[int, list[tuple[str, bool]]] = {}
    for row in env["ir.model.data"].search_read(domain, ["module", "name", "res_id", "noupdate"], order="id"):
        found.setdefault(row["res_id"], []).append((f"{row['module']}.{row['name']}", row["noupdate"]))
    return found
