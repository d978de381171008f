"""JSON-2: one address for each method, a key in the header, named arguments in the body, and HTTP's own statuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from growsoft.errors import ValidationError
from growsoft.orm import Env
from growsoft.orm.narrow import is_mapping
from growsoft.web.doors import AccessDenied, Caller
from growsoft.web.http import JSON, Response
from growsoft.web.odoo import described
from growsoft.web.odoo.calls import Call
from growsoft.web.odoo.faults import fault_of
from growsoft.web.odoo.methods import METHODS
from growsoft.web.odoo.visit import API_ROUTES, ApiVisit
from growsoft.web.odoo.wire import plain
from growsoft.web.ports import Site

DATABASE: Final = "x-odoo-database"
_BEARER: Final = "bearer "


@API_ROUTES.post("/json/2/{model:model}/{method:text}")
def call(visit: ApiVisit, model: str, method: str) -> Response:
    """Call a method of a model; the answer is its bare result."""

    def work() -> object:
        body: object = msgspec.json.decode(visit.request.body or b"{}")
        if not is_mapping(body):
            raise ValidationError("The body has the named arguments of the method, as a dictionary.")
        known = METHODS.get(method)
        if known is not None and not known.on_records and body.get("ids"):
            raise ValidationError(f"{method} is about the model and takes no ids.")
        site = _site(visit)
        return visit.perform(site, lambda: _caller(visit, site), Call(model, method, (), body))

    return _answered(visit, work)


@API_ROUTES.get("/doc-bearer/{name:text}")
def documented_for_key(visit: ApiVisit, name: str) -> Response:
    """Describe a model's fields and methods, as far as the holder of the key may see them."""
    return _documented(visit, name)


@API_ROUTES.get("/doc/{name:text}")
def documented(visit: ApiVisit, name: str) -> Response:
    """Do the same at the address that older clients ask."""
    return _documented(visit, name)


def _documented(visit: ApiVisit, name: str) -> Response:
    site = _site(visit)

    def about(env: Env) -> object:
        info = env.registry[name.removesuffix(".json")]
        methods = {own: {"mode": mode} for own, mode in info.public.items()}
        methods |= {known: {"mode": method.mode} for known, method in METHODS.items()}
        fields = described.fields_get(env, info, (), ())
        return {
            "model": info.name,
            "name": env.terms.say(info.description),
            "fields": plain(fields),
            "methods": methods,
        }

    return _answered(visit, lambda: visit.api.runner.run(site, _caller(visit, site).session, about, "read"))


def _answered(visit: ApiVisit, work: Callable[[], object]) -> Response:
    try:
        return Response(body=msgspec.json.encode(work()), content_type=JSON)
    except msgspec.DecodeError:
        error: Exception = ValidationError("This is no JSON.")
    except Exception as raised:  # noqa: BLE001 - every error has its form
        error = raised
    fault = fault_of(error, visit.noted, visit.request.id)
    return Response(status=fault.status, body=msgspec.json.encode(fault.data), content_type=JSON)


def _site(visit: ApiVisit) -> Site:
    return visit.site_of(visit.request.headers.get(DATABASE, ""))


def _caller(visit: ApiVisit, site: Site) -> Caller:
    """Prove the caller by his key. What else comes as one is refused without being tried or written down."""
    given = visit.request.headers.get("authorization", "")
    if not given.lower().startswith(_BEARER):
        raise AccessDenied
    caller = visit.api.callers.by_key(site, given[len(_BEARER) :].strip(), visit.client)
    visit.noted.user = caller.user_id
    return caller
