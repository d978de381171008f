"""Batches: many changes in one transaction, all of them or none; later ones may refer to what earlier ones made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from growsoft.errors import UserError, ValidationError
from growsoft.orm import Env
from growsoft.orm.narrow import is_mapping, is_sequence
from growsoft.postgres.transaction import Conflict
from growsoft.web.api.once import once
from growsoft.web.api.problems import Failed
from growsoft.web.api.records import called, changed, created, deleted, info_of, told
from growsoft.web.api.visit import NATIVE_ROUTES, ROOT, NativeVisit, answer
from growsoft.web.http import Response

MOST: Final = 1000
# {"$id": 0} stands for the id that the first operation made.
REFERENCE: Final = "$id"

Done = dict[str, Any]
# A record by its id, or by the operation that made it.
Name = int | dict[str, int]


class Create(msgspec.Struct, tag="create", tag_field="do", forbid_unknown_fields=True):
    """Make a record."""

    model: str
    values: dict[str, Any]


class Change(msgspec.Struct, tag="change", tag_field="do", forbid_unknown_fields=True):
    """Change a record, with ``version`` only when it is still that one."""

    model: str
    id: Name
    values: dict[str, Any]
    version: int | None = None


class Delete(msgspec.Struct, tag="delete", tag_field="do", forbid_unknown_fields=True):
    """Delete a record, with ``version`` only when it is still that one."""

    model: str
    id: Name
    version: int | None = None


class Run(msgspec.Struct, tag="call", tag_field="do", forbid_unknown_fields=True):
    """Call a public method of records."""

    model: str
    method: str
    ids: list[Name] = []
    arguments: dict[str, Any] = {}


Operation = Create | Change | Delete | Run


class Batch(msgspec.Struct, forbid_unknown_fields=True):
    """What a request does, in this order."""

    operations: list[Operation]


@NATIVE_ROUTES.post(f"{ROOT}/batch")
def batch(visit: NativeVisit) -> Response:
    """Do several operations in one transaction."""

    def work(env: Env) -> Done:
        given = _read(visit.body)
        return {"results": once(env, visit.request, lambda: _all(env, given.operations))}

    return told(visit, lambda: answer(visit.run(work, "write")))


def _read(body: object) -> Batch:
    try:
        found = msgspec.convert(body, Batch)
    except msgspec.ValidationError as error:
        raise ValidationError(f"This is no batch: {error}.") from None
    if not 1 <= len(found.operations) <= MOST:
        raise ValidationError(f"A batch has 1 to {MOST} operations.")
    return found


def _all(env: Env, operations: list[Operation]) -> list[Done]:
    done: list[Done] = []
    for place, operation in enumerate(operations):
        try:
            done.append(_do(env, operation, done))
            env.flush()
        except UserError as error:
            if isinstance(error, Conflict):  # all of it runs again
                raise
            raise Failed(place, error) from error
    return done


def _do(env: Env, operation: Operation, done: list[Done]) -> Done:
    info = info_of(env, operation.model)
    match operation:
        case Create():
            return {"id": created(env, info, _resolved(operation.values, done)).id}
        case Change():
            record = _id(operation.id, done)
            changed(env, info, record, _resolved(operation.values, done), operation.version)
            return {"id": record}
        case Delete():
            record = _id(operation.id, done)
            deleted(env, info, record, operation.version)
            return {"id": record}
        case Run():
            ids = tuple(_id(given, done) for given in operation.ids)
            return {"result": called(env, info, operation.method, ids, _resolved(operation.arguments, done))}


def _resolved(values: Mapping[str, object], done: list[Done]) -> dict[str, object]:
    return {name: _value(value, done) for name, value in values.items()}


def _value(value: object, done: list[Done]) -> object:
    """Put ids in the place of references, wherever they stand."""
    if is_mapping(value):
        return _made(value[REFERENCE], done) if set(value) == {REFERENCE} else _resolved(value, done)
    return [_value(item, done) for item in value] if is_sequence(value) else value


def _id(given: object, done: list[Done]) -> int:
    found = _value(given, done)
    if not isinstance(found, int) or isinstance(found, bool) or not 0 < found < 2**63:
        raise ValidationError('A record is named by its id, or by {"$id": n} when operation n made it.')
    return found


def _made(place: object, done: list[Done]) -> int:
    if not isinstance(place, int) or isinstance(place, bool) or not 0 <= place < len(done) or "id" not in done[place]:
        raise ValidationError(f'{{"$id": {place!r}}} names no operation before this one that has an id.')
    found: int = done[place]["id"]
    return found
