"""Fields as JSON Schema: what a value of each kind looks like when it is read, and when it is written."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final, get_type_hints

import msgspec

from growsoft.orm import Env, ModelInfo
from growsoft.orm.fields import AnyField, Char, Many2many, One2many, Selection
from growsoft.orm.fields.stamps import STAMPS
from growsoft.web.api.shapes import columns_of, is_many

Said = dict[str, Any]

_ID: Final[Said] = {"type": "integer", "format": "int64", "minimum": 1}
_LINK: Final[Said] = {"$ref": "#/components/schemas/link"}
# A linked record may be sent as its id, or as it was read.
_SENT_LINK: Final[Said] = {"anyOf": [_ID, {"type": "object", "properties": {"id": _ID}, "required": ["id"]}]}
_DECIMAL: Final[Said] = {"type": "string", "format": "decimal"}
# What is sent: as many digits as anything needs that is counted, weighed or paid.
_SENT_DECIMAL: Final[Said] = {
    "anyOf": [
        {"type": "string", "pattern": "^-?[0-9]{1,15}([.][0-9]{1,6})?$"},
        {"type": "number", "minimum": -1e15, "maximum": 1e15},
    ]
}
_TEXT: Final[Said] = {"type": "string", "pattern": "^[^\\u0000]*$"}
_READ: Final[dict[str, Said]] = {
    "char": {"type": "string"},
    "text": {"type": "string"},
    "html": {"type": "string", "description": "HTML, cleaned"},
    "integer": {"type": "integer", "format": "int32"},
    "decimal": _DECIMAL,
    "monetary": _DECIMAL,
    "boolean": {"type": "boolean"},
    "date": {"type": ["string", "null"], "format": "date"},
    "datetime": {"type": ["string", "null"], "format": "date-time"},
    "many2one": {"anyOf": [_LINK, {"type": "null"}]},
    "one2many": {"type": "array", "items": {"anyOf": [_ID, _LINK]}},
    "many2many": {"type": "array", "items": {"anyOf": [_ID, _LINK]}},
    "reference": {"type": ["string", "null"], "description": "model,id"},
    "many2one_reference": {"type": ["integer", "null"]},
    "binary": {"type": ["integer", "null"], "description": "The size in bytes; the content has an address of its own"},
}
_WRITTEN: Final[dict[str, Said]] = {
    **_READ,
    "char": _TEXT,
    "text": _TEXT,
    "decimal": _SENT_DECIMAL,
    "monetary": _SENT_DECIMAL,
    "integer": {"type": "integer", "format": "int32", "minimum": -(2**31) + 1, "maximum": 2**31 - 1},
    "many2one": {"anyOf": [_SENT_LINK, {"type": "null"}]},
    "many2many": {"type": "array", "items": _SENT_LINK},
    "binary": {"type": ["string", "null"], "contentEncoding": "base64"},
}


def read_schema(env: Env, info: ModelInfo) -> Said:
    """Describe a record as it is read; which of these fields it has is said by the request."""
    columns = columns_of(env, info)
    others = [name for name, field in info.fields.items() if name not in columns and env.sees(info, field)]
    properties = {name: _said(env, info.fields[name], _READ) for name in (*columns, *others)}
    return {"type": "object", "properties": {**properties, "id": _ID}, "required": ["id"]}


def new_schema(env: Env, info: ModelInfo) -> Said:
    """Describe what a new record is made of."""
    fields = _writable(env, info, env.rights.insertable(info))
    needed = [name for name, field in fields.items() if _is_needed(field)]
    return _sent(env, fields) | ({"required": needed} if needed else {})


def change_schema(env: Env, info: ModelInfo) -> Said:
    """Describe what of a record can be changed."""
    return _sent(env, _writable(env, info, env.rights.updatable(info)))


def _sent(env: Env, fields: dict[str, AnyField]) -> Said:
    properties = {name: _written(env, field) for name, field in fields.items()}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _writable(env: Env, info: ModelInfo, columns: frozenset[str]) -> dict[str, AnyField]:
    """Give the fields that may be sent: the columns that are granted, and the lists behind them."""
    found: dict[str, AnyField] = {}
    for name, field in info.fields.items():
        if name == "id" or name in STAMPS or (field.readonly and not env.elevated):
            continue
        if name in columns or (is_many(field) and env.sees(info, field)):
            found[name] = field
    return found


def _is_needed(field: AnyField) -> bool:
    return field.required and field.default is None and not field.worked_out and not isinstance(field, Many2many)


def _written(env: Env, field: AnyField) -> Said:
    if not isinstance(field, One2many):
        return _said(env, field, _WRITTEN)
    comodel = env.registry[field.comodel]
    own = {name: _said(env, line, _WRITTEN) for name, line in _lines(env, comodel, field.inverse).items()}
    line = {"type": "object", "properties": {"id": _ID, **own}, "additionalProperties": False}
    return {"type": "array", "items": {"anyOf": [_ID, line]}}


def _lines(env: Env, comodel: ModelInfo, inverse: str) -> dict[str, AnyField]:
    """Give the fields of a line that may be sent with it; lines of lines have a request of their own."""
    columns = env.rights.insertable(comodel) | env.rights.updatable(comodel)
    fields = _writable(env, comodel, columns)
    return {name: field for name, field in fields.items() if name != inverse and not isinstance(field, One2many)}


def _said(env: Env, field: AnyField, kinds: dict[str, Said]) -> Said:
    found = {"title": env.terms.say(field.label), **kinds.get(field.kind, {})}
    if field.help:
        found["description"] = env.terms.text(field.help, field.name)
    if isinstance(field, Selection):
        values = [str(member.value) for member in field.choices]
        found |= {"type": "string", "enum": values if field.required else ["", *values]}
    if kinds is _WRITTEN:
        return _sent_as(field, found)
    return found


def _sent_as(field: AnyField, said: Said) -> Said:
    """Describe what may be sent: text within its length, and null for whatever may be unset."""
    if isinstance(field, Char):
        said["maxLength"] = field.size
    if field.required or field.default is not None:
        return said
    if isinstance(said.get("type"), str):
        said["type"] = [said["type"], "null"]
        said |= {"enum": [*said["enum"], None]} if "enum" in said else {}
    elif "anyOf" in said and {"type": "null"} not in said["anyOf"]:
        said["anyOf"] = [*said["anyOf"], {"type": "null"}]
    return said


def may_call(function: Callable[..., object]) -> bool:
    """Whether a public method says what each of its arguments is: otherwise it takes none from outside."""
    hints = get_type_hints(function)
    return all(name in hints for name in list(inspect.signature(function).parameters)[1:])


def method_schema(function: Callable[..., object]) -> tuple[Said, list[str]]:
    """Describe the arguments of a public method, and name those that it cannot do without."""
    hints = get_type_hints(function)
    parameters = list(inspect.signature(function).parameters.values())[1:]
    schemas = {one.name: msgspec.json.schema(hints[one.name]) for one in parameters}
    return schemas, [one.name for one in parameters if one.default is inspect.Parameter.empty]
