"""Exports: the records of a list as a file: which columns, and then the file itself."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final

from growsoft.errors import ValidationError
from growsoft.exchange.choices import Choice, exportable, titles
from growsoft.exchange.exporting import ExportRefused, Kind, export_file
from growsoft.orm.domain import Condition, Leaf
from growsoft.security.spool import Spool
from growsoft.views.fields import ModelView
from growsoft.views.lister import Lister
from growsoft.views.paths import list_path
from growsoft.web.errors import Busy
from growsoft.web.http import Fields, Response
from growsoft.web.pages.files import disposition
from growsoft.web.pages.lists import lister_of, pairs_in
from growsoft.web.pages.routes import SIGNED_IN_ROUTES
from growsoft.web.streams import Parts
from growsoft.web.threads import RETRY_AFTER
from growsoft.web.visit import SignedInVisit
from growsoft.words import _

TYPES: Final[dict[Kind, str]] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
MOST_COLUMNS: Final = 300
MOST_CHOSEN: Final = 4000
# An export holds a thread as long as it reads: the others are for people who wait for a page.
_room: Final = threading.BoundedSemaphore(2)


@SIGNED_IN_ROUTES.get("/app/{model:model}/export")
def ask(visit: SignedInVisit, model: str) -> Response:
    """Ask which columns, and in which kind of file."""
    view = visit.records.model(model)
    columns = visit.catalogue.views(view).list.columns
    chosen = [field.name for field in view.known(columns)]
    return _page(visit, view, visit.request.query, chosen)


@SIGNED_IN_ROUTES.post("/app/{model:model}/export/chosen", looks=True)
def ask_chosen(visit: SignedInVisit, model: str) -> Response:
    """Ask the same of the rows that were ticked in the list."""
    view = visit.records.model(model)
    rows = () if visit.form.text("every") == "1" else visit.form.every("row")
    given = Fields((*pairs_in(visit.form.text("asked")), ("ids", ",".join(rows))))
    return _page(visit, view, given, [field.name for field in view.known(visit.catalogue.views(view).list.columns)])


@SIGNED_IN_ROUTES.post("/app/{model:model}/export")
def send(visit: SignedInVisit, model: str) -> Response:
    """Send the file; records that are asked for their external ids and have none get one."""
    view = visit.records.model(model)
    form = visit.form
    everything = form.get("what", "") == "all"
    chosen = [*form.every("column"), *form.get("more", "").replace(",", " ").split()][:MOST_COLUMNS]
    if not everything and not chosen:
        return _page(visit, view, form, chosen, problem=_("Choose a column first."))
    try:
        return _file(visit, view, form, () if everything else chosen, titled=not everything and "titled" in form)
    except (ExportRefused, ValidationError) as error:
        return _page(visit, view, form, chosen, problem=error.words)


def _file(visit: SignedInVisit, model: ModelView, form: Fields, paths: Sequence[str], *, titled: bool) -> Response:
    """Make the file and send it in parts: the transaction does not wait for its reader."""
    kind: Kind = "csv" if form.get("kind", "") == "csv" else "xlsx"
    lister = lister_of(visit, model.name, form.pairs())
    words = titles(exportable(visit.env, visit.env.registry[model.name])) if titled else dict[str, str]()
    spool = Spool()
    try:
        with _one_of_few(), spool.writing() as stream:
            headed = {path: words.get(path, path) for path in paths}
            export_file(visit.env, model.name, stream, headed, _which(lister, form), kind=kind, order=lister.order)
    except BaseException:
        spool.close()
        raise
    headers = (
        ("content-disposition", disposition("attachment", f"{visit.catalogue.title(model)}.{kind}")),
        ("content-length", str(spool.size)),
    )
    return Response(content_type=TYPES[kind], headers=headers, stream=Parts(spool.parts()))


@contextmanager
def _one_of_few() -> Generator[None]:
    if not _room.acquire(blocking=False):
        raise Busy(headers=RETRY_AFTER)
    try:
        yield
    finally:
        _room.release()


def _which(lister: Lister, given: Fields) -> Condition:
    """Say which records: those that were ticked, or all that the list shows."""
    ids = _ids(given)
    return Leaf(("id",), "in", ids) if ids else lister.condition


def _ids(given: Fields) -> tuple[int, ...]:
    texts = [text for value in given.every("ids") for text in value.split(",")]
    return tuple(int(text) for text in texts[:MOST_CHOSEN] if text.isascii() and text.isdigit() and len(text) < 19)


def _page(
    visit: SignedInVisit, model: ModelView, given: Fields, chosen: Sequence[str], *, problem: str = ""
) -> Response:
    choices = exportable(visit.env, visit.env.registry[model.name])
    lister = lister_of(visit, model.name, given.pairs())
    query = lister.query.kept
    known = {choice.path for choice in choices}
    context = {
        "path": list_path(model.name),
        "back": query.address(list_path(model.name)),
        "title": visit.catalogue.title(model),
        "here": model.name,
        "count": visit.env[model.name].search_count(_which(lister, given)),
        "kept": [*query.pairs(), *(("ids", value) for value in given.every("ids"))],
        "groups": grouped(choices),
        "chosen": frozenset(chosen),
        "more": " ".join(path for path in chosen if path not in known),
        "all": given.get("what", "") == "all",
        "titled": "titled" in given or "what" not in given,
        "kind": given.get("kind", "") or "xlsx",
        "problem": problem,
    }
    return visit.page("export.html", context, status=422 if problem else 200)


def grouped(choices: Sequence[Choice]) -> list[tuple[str, list[Choice]]]:
    """Return the choices by the words of what they belong to, in their order."""
    found: dict[str, list[Choice]] = {}
    for choice in choices:
        found.setdefault(choice.group, []).append(choice)
    return list(found.items())
