"""The description of the API: OpenAPI 3.1, made of the registry, as far as whoever asks may see and do things."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

import msgspec

from growsoft.orm import Env, ModelInfo, Registry
from growsoft.web.api.batch import Batch
from growsoft.web.api.fields import change_schema, may_call, method_schema, new_schema, read_schema
from growsoft.web.api.records import NDJSON, told
from growsoft.web.api.visit import JSON, NATIVE_ROUTES, ROOT, NativeVisit
from growsoft.web.http import Response

Said = dict[str, Any]

VERSION: Final = "3.1.0"
PROBLEM: Final = "application/problem+json"

# Registries are immutable and profiles are named by what they hold.
_known: WeakKeyDictionary[Registry, dict[tuple[str, str], bytes]] = WeakKeyDictionary()


@NATIVE_ROUTES.get(f"{ROOT}/openapi.json")
def openapi(visit: NativeVisit) -> Response:
    """Describe the API for the holder of a key."""
    return told(visit, lambda: Response(body=visit.run(described, "read"), content_type=JSON))


def described(env: Env) -> bytes:
    """Give the description as JSON; worked out once for each profile and language."""
    known = _known.setdefault(env.registry, {})
    key = (env.context.profile, env.lang)
    if key not in known:
        known[key] = msgspec.json.encode(description(env))
    return known[key]


def description(env: Env) -> Said:
    """Describe the models that may be read, with what may be done to their records."""
    models = [info for info in env.registry.models.values() if env.sees(info, info.fields["id"])]
    models = [info for info in models if not info.transient]
    paths: Said = {f"{ROOT}/openapi.json": {"get": _operation("describe", "api", "This description", _json({}))}}
    schemas: Said = {"problem": _PROBLEM, "link": _LINK}
    batch, parts = msgspec.json.schema_components((Batch,), ref_template="#/components/schemas/{name}")
    schemas |= parts
    paths[f"{ROOT}/batch"] = {"post": _batch(batch[0])}
    for info in models:
        schemas |= _schemas(env, info)
        paths |= _paths(env, info)
    return {
        "openapi": VERSION,
        "info": {"title": "Growsoft", "version": "1", "description": _INTRODUCTION},
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "tags": [{"name": info.name, "description": env.terms.say(info.description)} for info in models],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "A personal key: gsk_..."}},
            "responses": _RESPONSES,
            "parameters": _PARAMETERS,
        },
    }


def _schemas(env: Env, info: ModelInfo) -> Said:
    read = read_schema(env, info)
    items = {"type": "array", "items": _ref(info.name)}
    found: Said = {
        info.name: read,
        f"{info.name}.page": {**_PAGE, "properties": {**_PAGE["properties"], "items": items}},
    }
    if env.rights.insertable(info):
        found[f"{info.name}.new"] = new_schema(env, info)
    if env.rights.updatable(info):
        found[f"{info.name}.changes"] = change_schema(env, info)
    return found


def _paths(env: Env, info: ModelInfo) -> Said:
    say = env.terms.say(info.description)
    slug = info.name.replace(".", "_")
    root, one = f"{ROOT}/{info.name}", f"{ROOT}/{info.name}/{{id}}"
    many: Said = {"get": _find(env, info, slug, say)}
    single: Said = {"get": _show(env, info, slug, say), "parameters": [_param("id")]}
    if env.rights.insertable(info):
        many["post"] = _create(info, slug, say)
    if env.rights.updatable(info):
        single["patch"] = _change(info, slug, say)
    if env.rights.deletable(info):
        single["delete"] = _operation(
            f"delete_{slug}", info.name, f"Delete: {say}", None, status="204", parameters=["if_match"],
            refused=("404", "412", "422"),
        )  # fmt: skip
    export = _operation(
        f"export_{slug}", info.name, f"Export: {say}", {NDJSON: {"schema": {"type": "string"}}},
        parameters=["filter", "archived"], own=(_fields(env, info), _order(env, info)), refused=("422",),
    )  # fmt: skip
    return {root: many, one: single, f"{root}/export": {"get": export}, **_methods(info, slug)}


def _find(env: Env, info: ModelInfo, slug: str, say: str) -> Said:
    listed = ["filter", "limit", "cursor", "count", "archived"]
    return _operation(
        f"find_{slug}", info.name, f"Find: {say}", _json(_ref(f"{info.name}.page")), parameters=listed,
        own=(_fields(env, info), _order(env, info)), refused=("404", "422"),
    )  # fmt: skip


def _show(env: Env, info: ModelInfo, slug: str, say: str) -> Said:
    return _operation(
        f"read_{slug}", info.name, f"Read: {say}", _json(_ref(info.name)), own=(_fields(env, info),),
        refused=("404", "422"),
    )  # fmt: skip


def _create(info: ModelInfo, slug: str, say: str) -> Said:
    new = _ref(f"{info.name}.new")
    made: Said = {"type": "array", "items": {"type": "object", "properties": {"id": _ID}, "required": ["id"]}}
    many: Said = {"type": "object", "properties": {"items": made}, "required": ["items"]}
    body = _json({"anyOf": [new, {"type": "array", "items": new, "minItems": 1, "maxItems": 1000}]})
    return _operation(
        f"create_{slug}", info.name, f"Create: {say}", _json({"anyOf": [_ref(info.name), many]}), status="201",
        body=body, parameters=["idempotency_key"], refused=("409", "415", "422"),
    )  # fmt: skip


def _change(info: ModelInfo, slug: str, say: str) -> Said:
    return _operation(
        f"change_{slug}", info.name, f"Change: {say}", _json(_ref(info.name)), body=_json(_ref(f"{info.name}.changes")),
        parameters=["if_match"], refused=("404", "409", "412", "415", "422"),
    )  # fmt: skip


def _methods(info: ModelInfo, slug: str) -> Said:
    paths: Said = {}
    answer = _json({"type": "object", "properties": {"result": {}}, "required": ["result"]})
    for method in info.public:
        function: Callable[..., object] = getattr(info.cls, method)
        if not may_call(function):
            continue
        told_of = (function.__doc__ or method).partition("\n")[0]
        schema, needed = method_schema(function)
        calls = f"{ROOT}/{info.name}/{{id}}/call/{method}", f"{ROOT}/{info.name}/call/{method}"
        for path, ids in zip(calls, (False, True), strict=True):
            properties = {**({"ids": {"type": "array", "items": _ID}} if ids else {}), **schema}
            body = {"type": "object", "properties": properties, "required": needed, "additionalProperties": False}
            operation = _operation(
                f"{'call' if ids else 'on'}_{slug}_{method}", info.name, told_of, answer,
                body=_json(body), needs_body=bool(needed), refused=("404", "409", "415", "422"),
            )  # fmt: skip
            paths[path] = {"post": operation, **({} if ids else {"parameters": [_param("id")]})}
    return paths


def _batch(schema: Said) -> Said:
    result = {"type": "object", "properties": {"id": _ID, "result": {}}}
    answer: Said = {
        "type": "object", "required": ["results"], "properties": {"results": {"type": "array", "items": result}},
    }  # fmt: skip
    return _operation(
        "batch", "api", "Do several operations in one transaction: all of them or none", _json(answer),
        body=_json(schema), parameters=["idempotency_key"], refused=("404", "409", "412", "415", "422"),
    )  # fmt: skip


def _operation(  # noqa: PLR0913  the parts of an operation
    name: str, tag: str, summary: str, answer: Said | None, *, status: str = "200", body: Said | None = None,
    needs_body: bool = True, parameters: Sequence[str] = (), own: Sequence[Said] = (), refused: tuple[str, ...] = (),
) -> Said:  # fmt: skip
    found: Said = {"operationId": name, "tags": [tag], "summary": summary}
    if parameters or own:
        found["parameters"] = [*own, *(_param(name) for name in parameters)]
    if body is not None:
        found["requestBody"] = {"required": needs_body, "content": body}
    done: Said = {"description": "Done"} if answer is None else {"description": "Done", "content": answer}
    refusals = {code: {"$ref": f"#/components/responses/{code}"} for code in ("401", "403", *refused, "503")}
    found["responses"] = {status: done, **refusals}
    return found


def _fields(env: Env, info: ModelInfo) -> Said:
    """Describe which fields may be asked for."""
    names = [name for name, field in info.fields.items() if env.sees(info, field)]
    return {
        "name": "fields", "in": "query", "style": "form", "explode": False,
        "description": "Names of fields; those behind a link, too: `partner_id.country_id`.",
        "schema": {"type": "array", "items": {"type": "string", "enum": names}},
    }  # fmt: skip


def _order(env: Env, info: ModelInfo) -> Said:
    """Describe how a list may be sorted."""
    names = [name for name, field in info.fields.items() if field.stored and field.kind != "json"]
    one = f"({'|'.join(name for name in names if env.sees(info, info.fields[name]))})( asc| desc)?"
    words = "`name, date_order desc`; by default `id`: in this order pages have no gaps while others write."
    return _text("order", words, pattern=f"^({one}(, {one}){{0,2}})?$")


def _json(schema: Said) -> Said:
    return {JSON: {"schema": schema}}


def _ref(name: str) -> Said:
    return {"$ref": f"#/components/schemas/{name}"}


def _param(name: str) -> Said:
    return {"$ref": f"#/components/parameters/{name}"}


_INTRODUCTION: Final = """\
Records as resources. Every request carries a personal key and acts with the rights of its owner; this description shows
what these are. A list is read page by page: send the `next` of one page as the `cursor` of the next. Amounts and other
decimals are text, so that nobody rounds them; moments are in UTC.
"""
_ID: Final[Said] = {"type": "integer", "format": "int64", "minimum": 1}
_LINK: Final[Said] = {
    "type": "object",
    "description": "A linked record: its id, its name, and the fields of it that were asked for.",
    "properties": {"id": _ID, "name": {"type": "string"}},
    "required": ["id"],
}
_PAGE: Final[Said] = {
    "type": "object",
    "properties": {
        "items": {},
        "next": {"type": ["string", "null"], "description": "The cursor of the next page; null on the last one."},
        "count": {"type": "integer", "description": "How many records meet the filter, when that was asked for."},
    },
    "required": ["items", "next"],
}
_PROBLEM: Final[Said] = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A sentence for people."},
        "instance": {"type": "string", "description": "By this the request is found in the log."},
        "fields": {"type": "array", "items": {"type": "string"}, "description": "What somebody else changed."},
        "operation": {"type": "integer", "description": "Which operation of a batch failed, from 0."},
    },
    "required": ["type", "title", "status", "detail", "instance"],
}


def _refusal(words: str) -> Said:
    return {"description": words, "content": {PROBLEM: {"schema": _ref("problem")}}}


_RESPONSES: Final[Said] = {
    "401": _refusal("The key is missing, wrong, expired or dropped."),
    "403": _refusal("The owner of the key may not do that."),
    "404": _refusal("It is not there, or the owner of the key may not see it."),
    "409": _refusal("Somebody else changed the same data at the same moment; send it again."),
    "412": _refusal("It is no longer the version that If-Match names."),
    "415": _refusal("The body is no JSON."),
    "422": _refusal("It was not understood, or cannot be stored."),
    "503": _refusal("The server is busy; send it again a little later."),
}


def _text(name: str, words: str, *, where: str = "query", **schema: object) -> Said:
    return {"name": name, "in": where, "description": words, "schema": {"type": "string", **schema}}


_PARAMETERS: Final[Said] = {
    "id": {"name": "id", "in": "path", "required": True, "schema": {**_ID, "maximum": 2**53}},
    "filter": _text(
        "filter", 'Conditions: `[["name", "ilike", "kyo"], ["active", "=", true]]`, with `|`, `&` and `!` before them.',
        contentMediaType=JSON, contentSchema={"type": "array"},
    ),
    "cursor": _text("cursor", "The `next` of the page before."),
    "limit": {
        "name": "limit",
        "in": "query",
        "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 80},
    },
    "count": {"name": "count", "in": "query", "schema": {"type": "boolean", "default": False}},
    "archived": {"name": "archived", "in": "query", "schema": {"type": "boolean", "default": False}},
    "if_match": _text("If-Match", "The ETag of the version that shall be changed.", where="header"),
    "idempotency_key": _text(
        "Idempotency-Key", "Sent again with the same key, the request is answered and not done again.",
        where="header", maxLength=255,
    ),
}  # fmt: skip
