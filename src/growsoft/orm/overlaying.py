"""From a registry and an overlay to the registry of one database: what is not touched is shared, nothing is changed."""

# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from enum import Enum, EnumType
from typing import Final

from growsoft.errors import ConfigError
from growsoft.orm import fields
from growsoft.orm.access import Access
from growsoft.orm.building import check_added, linked
from growsoft.orm.fields import AnyField, Relation
from growsoft.orm.fields.base import is_field
from growsoft.orm.fields.options import Common
from growsoft.orm.model import Model, ModelType
from growsoft.orm.overlay import RECORD_NAME, CustomField, CustomModel, Overlay, read_overlay
from growsoft.orm.registry import ModelInfo, Registry
from growsoft.postgres.overlay import Declared


def laid_over(base: Registry, rows: Iterable[Declared]) -> tuple[Overlay, Registry]:
    """Read what was declared for one database and lay it over the registry of its apps, as far as it fits.

    A registry that cannot be built with it is served without: an overlay never keeps people from their work.
    """
    found: dict[str, list[Mapping[str, object]]] = {"model": [], "field": []}
    for row in rows:
        found[row.source].append(row.definition)
    overlay = read_overlay(base, found["model"], found["field"])
    try:
        return overlay, overlaid(base, overlay)
    except ConfigError as error:
        return replace(overlay, models=(), fields=(), left_out=(*overlay.left_out, error.message)), base


def overlaid(base: Registry, overlay: Overlay) -> Registry:
    """Give the registry of a database that has an overlay; raises ``ConfigError`` where both do not fit together."""
    if not overlay:
        return base
    by_model: defaultdict[str, list[CustomField]] = defaultdict(list)
    for custom in overlay.fields:
        by_model[custom.model].append(custom)
    models = dict(base.models)
    made = {custom.name: _made(custom, by_model.pop(custom.name, ())) for custom in overlay.models}
    models |= {custom.name: made[custom.name] for custom in overlay.models if custom.active}
    for name, added in by_model.items():
        models[name] = _extended(models[name], [custom for custom in added if custom.active])
    touched = {*made, *by_model} & set(models)
    links = [field for name in touched for field in models[name].fields.values() if isinstance(field, Relation)]
    for name in touched | {link.comodel for link in links}:
        models[name] = linked(models[name], models)
    kept = tuple(made[custom.name] for custom in overlay.models if not custom.active)
    registry = replace(base, models=models, kept=kept, under=base)
    check_added(registry, touched)
    return registry


def _made(custom: CustomModel, added: Iterable[CustomField]) -> ModelInfo:
    found: dict[str, AnyField] = {RECORD_NAME: fields.Char("Name", required=True, index="trigram")}
    found |= {one.name: _field(one) for one in added if one.active or not custom.active}
    members = {
        "_made": True,
        "_name": custom.name,
        "_table": custom.name,
        "_order": RECORD_NAME,
        "_rec_name": RECORD_NAME,
        "_description": custom.label,
        **found,
    }
    cls = ModelType(custom.name, (Model,), members)
    if not issubclass(cls, Model):
        raise TypeError(f"{custom.name} is no model")
    return ModelInfo(
        name=custom.name,
        app="base",
        cls=cls,
        fields={**_own_fields(), **found},
        access=tuple(Access(group, *verbs) for group, verbs in custom.access),
        rules={},
        checks={},
        constraints=(),
        public={},
    )


def _own_fields() -> Mapping[str, AnyField]:
    """Give the fields that every record has."""
    return {name: member for name, member in vars(Model).items() if is_field(member)}


def _extended(info: ModelInfo, added: Iterable[CustomField]) -> ModelInfo:
    found = {one.name: _field(one) for one in added}
    if not found:
        return info
    members = {"_made": True, "__module__": info.cls.__module__, **found}
    cls = ModelType(info.cls.__name__, (info.cls,), members)
    if not issubclass(cls, Model):
        raise TypeError(f"{info.name} is no model")
    return replace(info, cls=cls, fields={**info.fields, **found})


def _field(custom: CustomField) -> AnyField:
    return _FIELDS[custom.kind](custom)


def _enum(custom: CustomField) -> type[Enum]:
    members = {f"choice_{number}": value for number, (value, _words) in enumerate(custom.choices)}
    made: type[Enum] = EnumType.__call__(Enum, custom.name, members)
    for member, (_value, words) in zip(made, custom.choices, strict=True):
        setattr(member, "label", words)  # noqa: B010  what screens look for; an Enum cannot declare it
    return made


def _options(custom: CustomField) -> Common:
    return {"help": custom.help, "groups": custom.groups, "index": custom.index, "readonly": custom.readonly}


_FIELDS: Final[dict[str, Callable[[CustomField], AnyField]]] = {
    "char": lambda one: fields.Char(one.label, size=one.size, required=one.required, **_options(one)),
    "text": lambda one: fields.Text(one.label, required=one.required, **_options(one)),
    "integer": lambda one: fields.Integer(one.label, required=one.required, **_options(one)),
    "decimal": lambda one: fields.Decimal(one.label, digits=one.digits, required=one.required, **_options(one)),
    "monetary": lambda one: fields.Monetary(one.label, required=one.required, **_options(one)),
    "boolean": lambda one: fields.Boolean(one.label, **_options(one)),
    "date": lambda one: fields.Date(one.label, **_options(one)),
    "datetime": lambda one: fields.Datetime(one.label, **_options(one)),
    "selection": lambda one: fields.Selection(_enum(one), one.label, **_options(one)),
    "many2one": lambda one: fields.Many2one[Model](one.relation, one.label, **_options(one)),
}
