"""fields_get: fields in the words of Odoo, as far as the caller may read them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from growsoft.orm import Env, ModelInfo
from growsoft.orm.fields import AnyField, Many2many, One2many, Reference, Relation, Selection
from growsoft.orm.fields.stamps import STAMPS
from growsoft.views.describing import choice_label

Said = dict[str, Any]

_TYPES: Final = {"decimal": "float"}


def fields_get(
    env: Env, info: ModelInfo, names: Collection[str], attributes: Collection[str]
) -> dict[str, dict[str, Any]]:
    """Describe fields by name: all that the caller may read, or some of them; with all attributes, or some."""
    found = {name: _field(env, info, field) for name, field in info.fields.items() if env.sees(info, field)}
    found["display_name"] = _display_name()
    wanted = {name: found[name] for name in found if not names or name in names}
    if not attributes:
        return wanted
    return {name: {key: value for key, value in said.items() if key in attributes} for name, said in wanted.items()}


def _field(env: Env, info: ModelInfo, field: AnyField) -> Said:
    said: Said = {
        "name": field.name,
        "type": _TYPES.get(field.kind, field.kind),
        "string": env.terms.say(field.label),
        "help": env.terms.text(field.help, field.name) or False,
        "required": field.required,
        "readonly": _readonly(env, info, field),
        "store": field.stored or isinstance(field, Many2many),
        "searchable": field.stored or isinstance(field, One2many | Many2many),
        "sortable": field.stored,
        "groupable": field.stored,
        "company_dependent": field.company_dependent,
        "change_default": False,
        "depends": list(field.depends),
        "manual": False,
    }
    if isinstance(field, Relation):
        said["relation"], said["domain"], said["context"] = field.comodel, [], {}
    if isinstance(field, One2many):
        said["relation_field"] = field.inverse
    if isinstance(field, Selection):
        said["selection"] = [
            [str(member.value), env.terms.text(choice_label(member), field.name)] for member in field.choices
        ]
    if isinstance(field, Reference):
        said["selection"] = [
            [name, env.terms.say(env.registry[name].description)]
            for name in field.comodels
            if name in env.registry.models
        ]
    if field.kind == "monetary":
        said["currency_field"] = getattr(field, "currency", "currency_id")
    if field.kind in ("char", "text"):
        said["translate"] = field.translate
    if field.kind == "char":
        said["size"] = getattr(field, "size", 0)
    return said


def _readonly(env: Env, info: ModelInfo, field: AnyField) -> bool:
    if field.name in STAMPS or field.name == "id" or (field.readonly and not env.elevated):
        return True
    return field.stored and field.name not in (env.rights.updatable(info) | env.rights.insertable(info))


def _display_name() -> Said:
    return {
        "name": "display_name", "type": "char", "string": "Display Name", "help": False, "required": False,
        "readonly": True, "store": False, "searchable": False, "sortable": False, "groupable": False, "depends": [],
        "company_dependent": False, "change_default": False, "manual": False, "translate": False,
    }  # fmt: skip
