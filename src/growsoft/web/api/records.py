"""Records as resources: lists with filters and pages, one record, its files, changes, and what its model lets call."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Final

import msgspec

from growsoft.errors import MissingError, ValidationError
from growsoft.orm import Env, Model, ModelInfo
from growsoft.orm.fields import Binary
from growsoft.orm.fields.binary import Content
from growsoft.orm.narrow import is_id, is_mapping, is_sequence
from growsoft.web.api.asking import KNOWN, Asked, asked, names
from growsoft.web.api.once import once
from growsoft.web.api.problems import problem
from growsoft.web.api.shapes import Row, Shape, read, shape_of, shown
from growsoft.web.api.values import values_of
from growsoft.web.api.visit import NATIVE_ROUTES, ROOT, NativeVisit, answer
from growsoft.web.calling import typed
from growsoft.web.errors import MethodNotAllowed, PageNotFound
from growsoft.web.http import Response
from growsoft.web.odoo.wire import plain

NDJSON: Final = "application/x-ndjson"
MOST_AT_ONCE: Final = 1000
_BATCH: Final = 500
_PIECE: Final = 64 * 1024

Work = Callable[[], Response]


def told(visit: NativeVisit, work: Work) -> Response:
    """Answer, or say what went wrong."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - every error has its form
        return problem(visit, error)


def info_of(env: Env, model: str) -> ModelInfo:
    """Give a model; one that nobody has is as little there as a page. Raises ``PageNotFound``."""
    info = env.registry.models.get(model)
    if info is None:
        raise PageNotFound("There is no such model; /api/1/openapi.json lists those that there are.")
    return info


def served(env: Env, model: str, method: str) -> ModelInfo:
    """Give a model whose records may be changed by a method. Raises ``MethodNotAllowed`` and says by which they may."""
    info = info_of(env, model)
    if method not in allowed(env, info):
        raise MethodNotAllowed(_CLOSED[method], headers=_allow(env, info, one=method != "POST"))
    return info


def allowed(env: Env, info: ModelInfo) -> frozenset[str]:
    """Give the methods by which the caller's groups may do anything at all with the records of a model."""
    rights = env.rights
    granted = (("POST", rights.insertable(info)), ("PATCH", rights.updatable(info)), ("DELETE", rights.deletable(info)))
    return frozenset(("GET", *(method for method, may in granted if may)))


def _allow(env: Env, info: ModelInfo, *, one: bool) -> tuple[tuple[str, str], ...]:
    here = {"GET", "PATCH", "DELETE"} if one else {"GET", "POST"}
    return (("allow", ", ".join(sorted(here & allowed(env, info)))),)


_CLOSED: Final = {
    "POST": "The owner of this key may not create such records.",
    "PATCH": "The owner of this key may not change such records.",
    "DELETE": "The owner of this key may not delete such records.",
}


@NATIVE_ROUTES.options(f"{ROOT}/{{model:model}}")
def options(visit: NativeVisit, model: str) -> Response:
    """Say what may be done with a list."""
    return _options(visit, model, one=False)


@NATIVE_ROUTES.options(f"{ROOT}/{{model:model}}/{{record:id}}")
def options_of_one(visit: NativeVisit, model: str, record: int) -> Response:
    """Say what may be done with a record, whether it is there or not."""
    del record
    return _options(visit, model, one=True)


def _options(visit: NativeVisit, model: str, *, one: bool) -> Response:
    def work(env: Env) -> Response:
        return Response(status=204, headers=_allow(env, info_of(env, model), one=one))

    return told(visit, lambda: visit.run(work, "read"))


# -- reading -----------------------------------------------------------------------------------------------------------


@NATIVE_ROUTES.get(f"{ROOT}/{{model:model}}")
def find(visit: NativeVisit, model: str) -> Response:
    """List records: one page, and the cursor of the next one."""

    def work(env: Env) -> dict[str, Any]:
        info = info_of(env, model)
        question = asked(info, visit.request.query)
        return page(env, info, question, shape_of(env, info, question.fields))

    return told(visit, lambda: answer(visit.run(work, "read")))


def page(env: Env, info: ModelInfo, question: Asked, shape: Shape) -> dict[str, Any]:
    """Give a page of records; it asks for one more than it shows, so that it knows whether there are others."""
    found = env[info.name].search_read(
        question.page, shape.names, offset=question.cursor.skip, limit=question.limit + 1, order=question.order
    )
    more = len(found) > question.limit
    items = shown(env, info, found[: question.limit], shape)
    result: dict[str, Any] = {"items": items, "next": question.next(items[-1]["id"]) if more else None}
    if question.count:
        result["count"] = env[info.name].search_count(question.condition)
    return result


@NATIVE_ROUTES.get(f"{ROOT}/{{model:model}}/export")
def export(visit: NativeVisit, model: str) -> Response:
    """Stream all records that meet a filter, as lines of JSON, as they are at one moment."""

    def lines(env: Env) -> Generator[bytes]:
        info = info_of(env, model)
        question = asked(info, visit.request.query, known=KNOWN - {"limit", "cursor", "count"})
        shape = shape_of(env, info, question.fields)
        encode = msgspec.json.Encoder().encode_lines
        for rows in env[info.name].stream(question.condition, shape.names, batch=_BATCH, order=question.order):
            yield encode(shown(env, info, rows, shape))

    return told(visit, lambda: Response(content_type=NDJSON, stream=visit.stream(lines)))


@NATIVE_ROUTES.get(f"{ROOT}/{{model:model}}/{{record:id}}")
def show(visit: NativeVisit, model: str, record: int) -> Response:
    """Give one record; its version is the ETag."""

    def work(env: Env) -> Row:
        info = info_of(env, model)
        return one(env, info, record, names(visit.request.query.text("fields")))

    def said() -> Response:
        found = visit.run(work, "read")
        return answer(found, headers=etag(found))

    return told(visit, said)


def one(env: Env, info: ModelInfo, record: int, fields: Sequence[str] = ()) -> Row:
    """Read a record. Raises ``MissingError``."""
    rows = read(env, info, (record,), shape_of(env, info, fields))
    if not rows:
        raise MissingError
    return rows[0]


def etag(row: Row) -> tuple[tuple[str, str], ...]:
    """Give the header that names the version of a record, for If-Match.

    It says nothing of the names and fields of linked records, so no request is answered with "not modified".
    """
    return (("etag", f'"{row["version"]}"'),) if "version" in row else ()


@NATIVE_ROUTES.get(f"{ROOT}/{{model:model}}/{{record:id}}/{{field:text}}")
def content(visit: NativeVisit, model: str, record: int, field: str) -> Response:
    """Stream the content of a file field. It is sent as bytes to be saved, never as something to be shown."""

    def parts(env: Env) -> Generator[bytes]:
        info = info_of(env, model)
        if not isinstance(info.fields.get(field), Binary):
            raise PageNotFound("This model has no such field with a file.")
        env.refuse_unreadable(info, info.fields[field])
        found: Content | None = getattr(present(env, info, record), field)
        if found is None:
            raise PageNotFound("There is no file in this field.")
        with found.reading() as source:
            while piece := source.read(_PIECE):
                yield piece

    headers = (("content-disposition", "attachment"),)
    kind = "application/octet-stream"
    return told(visit, lambda: Response(content_type=kind, headers=headers, stream=visit.stream(parts)))


# -- writing -----------------------------------------------------------------------------------------------------------


@NATIVE_ROUTES.post(f"{ROOT}/{{model:model}}")
def create(visit: NativeVisit, model: str) -> Response:
    """Make a record of an object, or many at once of a list of objects."""

    def work(env: Env) -> Row:
        info = served(env, model, "POST")
        body = visit.body
        ids = once(env, visit.request, lambda: list(created(env, info, body).ids))
        if is_mapping(body):
            return one(env, info, ids[0])
        return {"items": [{"id": i} for i in ids]}

    def said() -> Response:
        made = visit.run(work, "write")
        if "id" not in made:
            return answer(made, status=201)
        return answer(made, status=201, headers=(("location", f"{ROOT}/{model}/{made['id']}"), *etag(made)))

    return told(visit, said)


def created(env: Env, info: ModelInfo, body: object) -> Model:
    """Make records. Raises ``ValidationError`` for what is neither an object nor a list of them."""
    given = body if is_sequence(body) else [body]
    if not 1 <= len(given) <= MOST_AT_ONCE:
        raise ValidationError(f"Send 1 to {MOST_AT_ONCE} records at once.")
    return env[info.name].create([values_of(env, info, values) for values in _objects(given)])


def _objects(given: Sequence[object]) -> list[Mapping[str, object]]:
    found = [values for values in given if is_mapping(values)]
    if len(found) < len(given):
        raise ValidationError("A record is an object: the names of its fields with their values.")
    return found


@NATIVE_ROUTES.patch(f"{ROOT}/{{model:model}}/{{record:id}}")
def change(visit: NativeVisit, model: str, record: int) -> Response:
    """Change fields of a record; with ``If-Match`` only when it is still the version that was read."""

    def work(env: Env) -> Row:
        info = served(env, model, "PATCH")
        changed(env, info, record, visit.object, version_of(visit.request.headers.get("if-match", "")))
        return one(env, info, record)

    def said() -> Response:
        found = visit.run(work, "write")
        return answer(found, headers=etag(found))

    return told(visit, said)


def changed(env: Env, info: ModelInfo, record: int, values: Mapping[str, object], version: int | None) -> None:
    """Change a record. Raises ``MissingError``, and ``ChangedMeanwhile`` unless it has this version."""
    found = present(env, info, record)
    if version is not None:
        found.ensure_version(version)
    found.write(values_of(env, info, values, record))
    env.flush()


@NATIVE_ROUTES.delete(f"{ROOT}/{{model:model}}/{{record:id}}")
def delete(visit: NativeVisit, model: str, record: int) -> Response:
    """Delete a record."""

    def work(env: Env) -> Response:
        deleted(env, served(env, model, "DELETE"), record, version_of(visit.request.headers.get("if-match", "")))
        return Response(status=204)

    return told(visit, lambda: visit.run(work, "write"))


def deleted(env: Env, info: ModelInfo, record: int, version: int | None) -> None:
    """Delete a record. Raises ``MissingError``, and ``ChangedMeanwhile`` unless it has this version."""
    found = present(env, info, record)
    if version is not None:
        found.ensure_version(version)
    found.unlink()
    env.flush()


def present(env: Env, info: ModelInfo, record: int) -> Model:
    """Give a record that is there and may be seen. Raises ``MissingError``."""
    found = env[info.name].browse(record).exists()
    if not found:
        raise MissingError
    return found


def version_of(text: str) -> int | None:
    """Read the version in an If-Match header; none for an empty one and for ``*``. Raises ``ValidationError``."""
    if text in {"", "*"}:
        return None
    number = text.removeprefix('"').removesuffix('"')
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise ValidationError("If-Match is the ETag with which the record was read.")
    return int(number)


# -- calling -----------------------------------------------------------------------------------------------------------


@NATIVE_ROUTES.post(f"{ROOT}/{{model:model}}/{{record:id}}/call/{{method:text}}")
def call_one(visit: NativeVisit, model: str, record: int, method: str) -> Response:
    """Call a public method of a record; the body has its arguments by name."""
    return told(visit, lambda: _called(visit, model, method, (record,), _arguments(visit)))


@NATIVE_ROUTES.post(f"{ROOT}/{{model:model}}/call/{{method:text}}")
def call(visit: NativeVisit, model: str, method: str) -> Response:
    """Call a public method of a model, or of the records that ``ids`` names among the arguments."""

    def work() -> Response:
        given = _arguments(visit)
        ids = given.pop("ids", [])
        if not is_sequence(ids) or not all(map(is_id, ids)):
            raise ValidationError("ids is a list of ids of records.")
        return _called(visit, model, method, tuple(i for i in ids if is_id(i)), given)

    return told(visit, work)


def _arguments(visit: NativeVisit) -> dict[str, object]:
    return dict(visit.object) if visit.request.body else {}


def _called(visit: NativeVisit, model: str, method: str, ids: tuple[int, ...], given: Mapping[str, object]) -> Response:
    info = visit.site.registry.models.get(model)
    mode = None if info is None else info.public.get(method)

    def work(env: Env) -> object:
        return called(env, info_of(env, model), method, ids, given)

    result = visit.run(work, "read" if mode == "read" else "write")
    return answer({"result": result})


def called(env: Env, info: ModelInfo, method: str, ids: tuple[int, ...], given: Mapping[str, object]) -> object:
    """Call a method that its model marks as public, and no other (claim SW-4). Raises ``PageNotFound``."""
    if method not in info.public:
        raise PageNotFound(f"{info.name} has no such public method.")
    records = env[info.name].browse(ids)
    if len(records.exists()) < len(set(ids)):
        raise MissingError
    function: Callable[..., object] = getattr(type(records), method)
    result = typed(function, records, (), given)
    return None if result is None else plain(result)
