"""XML-RPC: the same services for clients in every language; no None, no large integers, dates as text."""

from __future__ import annotations

import re
from typing import Final
from xml.parsers.expat import ExpatError  # nosemgrep: growsoft-xml-parser - only the error of the parser below
from xmlrpc.client import Fault as XmlFault  # nosec B411 - no document with declarations is read, see _read
from xmlrpc.client import ResponseError, dumps, loads  # nosec B411 - the same reading of plain UTF-8

from growsoft.errors import ValidationError
from growsoft.web.http import Response
from growsoft.web.odoo.faults import fault_of
from growsoft.web.odoo.services import serve
from growsoft.web.odoo.visit import API_ROUTES, ApiVisit
from growsoft.web.odoo.wire import plain

XML: Final = "text/xml; charset=utf-8"
# What XML 1.0 cannot hold at all (section 2.2).
_IMPOSSIBLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@API_ROUTES.post("/xmlrpc/2/common")
def common(visit: ApiVisit) -> Response:
    """Sign in, and ask for the version."""
    return _answered(visit, "common")


@API_ROUTES.post("/xmlrpc/2/object")
def object_(visit: ApiVisit) -> Response:
    """Call methods of models."""
    return _answered(visit, "object")


@API_ROUTES.post("/xmlrpc/2/db")
def db(visit: ApiVisit) -> Response:
    """Say which database this is; everything else is denied."""
    return _answered(visit, "db")


@API_ROUTES.post("/xmlrpc/common")
def common_1(visit: ApiVisit) -> Response:
    """Do the same for clients of the first version."""
    return _answered(visit, "common")


@API_ROUTES.post("/xmlrpc/object")
def object_1(visit: ApiVisit) -> Response:
    """Do the same for clients of the first version."""
    return _answered(visit, "object")


@API_ROUTES.post("/xmlrpc/db")
def db_1(visit: ApiVisit) -> Response:
    """Do the same for clients of the first version."""
    return _answered(visit, "db")


def _answered(visit: ApiVisit, service: str) -> Response:
    try:
        args, method = _read(visit.request.body)
        body = dumps((_writable(plain(serve(visit, service, method, args))),), methodresponse=True)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  what plain() gives
    except OverflowError:
        body = dumps(XmlFault(1, "A number is too large for XML-RPC; use JSON-RPC for this call."))
    except Exception as error:  # noqa: BLE001 - every error has its place in the answer
        fault = fault_of(error, visit.noted, visit.request.id)
        body = dumps(XmlFault(fault.code, _text(fault.message)))
    return Response(body=body.encode("utf-8", "replace"), content_type=XML)


def _read(body: bytes) -> tuple[tuple[object, ...], str | None]:
    """Read a request. A document that declares anything of its own is refused: entities can grow without end.

    Only UTF-8 is read: in UTF-16, which the parser knows by its NULs, a declaration looks otherwise.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValidationError("A request of XML-RPC is written in UTF-8.") from error
    if "<!" in text or "\0" in text:
        raise ValidationError("A request of XML-RPC has no document type and no entities.")
    try:
        return loads(text, use_builtin_types=True)
    except (ExpatError, ResponseError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise ValidationError("This is no request of XML-RPC.") from error


def _writable(value: object) -> object:
    """Leave out what XML cannot say: characters that no document may hold."""
    match value:
        case str():
            return _text(value)
        case dict():
            return {_text(str(key)): _writable(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        case list():
            return [_writable(item) for item in value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        case _:
            return value


def _text(value: str) -> str:
    return _IMPOSSIBLE.sub("", value)
