"""The models and fields of the apps, written down as records whenever the apps of a database change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from growsoft.orm import Env, Model, ModelInfo
from growsoft.orm.fields import AnyField, Char, Decimal, One2many, Relation, Selection

Values = Mapping[str, object]
Place = tuple[str, ...]

BASE: Final = ["state", "=", "base"]


def reflect(env: Env) -> None:
    """Bring the records of models and fields to what the registry has; what administrators added stays as it is."""
    infos = env.registry.plain.models.values()
    models: dict[Place, Values] = {(info.name,): _model(info) for info in infos}
    _bring(env["ir.model"], models, ("model",))
    ids = {row["model"]: row["id"] for row in env["ir.model"].search_read([BASE], ["model"])}
    fields: dict[Place, Values] = {
        (info.name, name): _field(info, name, ids[info.name]) for info in infos for name in info.fields
    }
    _bring(env["ir.model.fields"], fields, ("model", "name"))
    _forget(env["ir.model.fields"], fields, ("model", "name"))
    _forget(env["ir.model"], models, ("model",))


def _bring(records: Model, wanted: Mapping[Place, Values], key: Place) -> None:
    present = {tuple(row[part] for part in key): row for row in records.search_read([BASE])}
    records.create([values for place, values in wanted.items() if place not in present])
    for place, values in wanted.items():
        row = present.get(place)
        if row is not None and any(_plain(row[name]) != values[name] for name in values):
            records.browse(row["id"]).write(values)


def _forget(records: Model, wanted: Mapping[Place, Values], key: Place) -> None:
    rows = records.search_read([BASE], key)
    records.browse([row["id"] for row in rows if tuple(row[part] for part in key) not in wanted]).unlink()


def _plain(value: object) -> object:
    return value[0] if isinstance(value, tuple) else value  # pyright: ignore[reportUnknownVariableType]  a link on the wire


def _model(info: ModelInfo) -> Values:
    return {
        "model": info.name,
        "name": info.description,
        "state": "base",
        "modules": info.app,
        "transient": info.transient,
    }


def _field(info: ModelInfo, name: str, model_id: int) -> Values:
    field = info.fields[name]
    return {
        "model_id": model_id,
        "model": info.name,
        "name": name,
        "field_description": field.label,
        "help": field.help,
        "ttype": field.kind,
        "relation": field.comodel if isinstance(field, Relation) else "",
        "relation_field": field.inverse if isinstance(field, One2many) else "",
        "required": field.required,
        "readonly": bool(field.readonly),
        "index": bool(field.index),
        "store": field.stored,
        "groups": ", ".join(field.groups),
        "selection": _choices(field),
        "size": field.size if isinstance(field, Char) else 0,
        "digits": (field.digits or 0) if isinstance(field, Decimal) else 0,
        "state": "base",
        "modules": info.app,
    }


def _choices(field: AnyField) -> str:
    if not isinstance(field, Selection):
        return ""
    return "\n".join(f"{member.value}: {getattr(member, 'label', '') or member.value}" for member in field.choices)
