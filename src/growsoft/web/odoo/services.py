"""The three services of XML-RPC and JSON-RPC: common, object and db."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from growsoft.errors import ValidationError
from growsoft.orm.narrow import is_id, is_mapping, is_sequence
from growsoft.web.doors import AccessDenied
from growsoft.web.odoo.calls import Call
from growsoft.web.odoo.visit import ApiVisit

SERIES: Final = "19.0"
VERSION_INFO: Final = [19, 0, 0, "final", 0, ""]
VERSION: Final = {
    "server_version": SERIES,
    "server_version_info": VERSION_INFO,
    "server_serie": SERIES,
    "protocol_version": 1,
}


def serve(visit: ApiVisit, service: object, method: object, args: Sequence[object]) -> Any:  # noqa: ANN401  to the wire
    """Answer one request of a service. Raises ``AccessDenied`` for everything that is not here."""
    match (service, method):
        case ("common", "version"):
            return VERSION
        case ("common", "login" | "authenticate"):
            return _authenticate(visit, *_arguments(args, 3))
        case ("object", "execute_kw"):
            return _execute_kw(visit, args)
        case ("object", "execute"):
            return _execute(visit, args)
        case ("db", "list"):
            return [visit.site.name]
        case ("db", "server_version"):
            return SERIES
        case _:
            raise AccessDenied


def _authenticate(visit: ApiVisit, db: object, login: object, password: object) -> object:
    """Give the id of a user, False for a wrong password: clients test for it."""
    site = visit.site_of(db)
    if not isinstance(login, str) or not isinstance(password, str):
        return False
    try:
        return visit.api.callers.by_login(site, login, password, visit.client).user_id
    except AccessDenied as error:
        if str(error) != AccessDenied.default_message():
            raise  # too many attempts: a client that is told so waits
        return False


def _execute_kw(visit: ApiVisit, args: Sequence[object]) -> Any:  # noqa: ANN401  to the wire
    named: object = args[6] if len(args) > 6 else {}
    positional: object = args[5] if len(args) > 5 else ()
    if not is_mapping(named) or not is_sequence(positional):
        raise ValidationError("execute_kw takes a list of arguments and a dictionary of named ones.")
    return _object(visit, args, Call(*_names(args), positional, named))


def _execute(visit: ApiVisit, args: Sequence[object]) -> Any:  # noqa: ANN401  to the wire
    return _object(visit, args, Call(*_names(args), tuple(args[5:])))


def _object(visit: ApiVisit, args: Sequence[object], call: Call) -> Any:  # noqa: ANN401  to the wire
    db, uid, password = _arguments(args, 3)
    site = visit.site_of(db)
    if not is_id(uid) or not isinstance(password, str):
        raise AccessDenied
    return visit.perform(site, lambda: visit.api.callers.by_id(site, uid, password, visit.client), call)


def _names(args: Sequence[object]) -> tuple[str, str]:
    _db, _uid, _password, model, method = _arguments(args, 5)
    if not isinstance(model, str) or not isinstance(method, str):
        raise ValidationError("A call names its model and its method.")
    return model, method


def _arguments(args: Sequence[object], count: int) -> Sequence[object]:
    if len(args) < count:
        raise ValidationError(f"This takes at least {count} arguments.")
    return args[:count]
