"""Imports: a file is brought, its columns are told apart, it is checked, and only then its rows go in."""

from __future__ import annotations

from itertools import islice
from typing import Any, Final

from growsoft.errors import UserError, ValidationError
from growsoft.exchange.choices import Choice, fillable, guessed
from growsoft.exchange.dialect import ENCODINGS, SEPARATORS, NoDialect
from growsoft.exchange.opening import open_table
from growsoft.exchange.report import FileRefused, shown
from growsoft.views.fields import ModelView
from growsoft.views.importing import FileColumn, Outcome, outcome_of
from growsoft.views.paths import list_path
from growsoft.views.previews import safe_name
from growsoft.web.errors import PageNotFound
from growsoft.web.http import Response
from growsoft.web.pages.exports import grouped
from growsoft.web.pages.routes import SIGNED_IN_ROUTES
from growsoft.web.visit import SignedInVisit
from growsoft.words import _

MODEL: Final = "ir.import"
JOB: Final = "ir.job"
# Smaller files are taken while their bringer waits; a job tells how far it is with the others.
AT_ONCE: Final = 400_000  # bytes
EXAMPLES: Final = 3
MOST_COLUMNS: Final = 300
LONGEST_EXAMPLE: Final = 60
WRITTEN: Final = ("encoding", "separator", "decimal", "dates", "sheet")


@SIGNED_IN_ROUTES.get("/app/{model:model}/import")
def ask(visit: SignedInVisit, model: str) -> Response:
    """Ask for the file."""
    return _chooser(visit, _importable(visit, model))


@SIGNED_IN_ROUTES.post("/app/{model:model}/import", files=True)
def bring(visit: SignedInVisit, model: str) -> Response:
    """Keep the file, encrypted, for its bringer alone."""
    view = _importable(visit, model)
    if not visit.files:
        return _chooser(visit, view, problem=_("Choose a file first."))
    upload = visit.files[0]
    values = {"name": safe_name(upload.name), "model_name": model, "content": upload.content}
    try:
        with visit.env.savepoint():
            made = visit.env[MODEL].create(values)
    except ValidationError as error:
        return _chooser(visit, view, problem=error.words)
    return visit.go(_path(model, made.id))


@SIGNED_IN_ROUTES.get("/app/{model:model}/import/{record:id}")
def tell_apart(visit: SignedInVisit, model: str, record: int) -> Response:
    """Show the columns of the file, and which fields they seem to mean."""
    view = _importable(visit, model)
    return _columns(visit, view, _import(visit, model, record))


@SIGNED_IN_ROUTES.post("/app/{model:model}/import/{record:id}")
def decide(visit: SignedInVisit, model: str, record: int) -> Response:
    """Keep what was chosen; then show the file anew, check it, or import it."""
    view = _importable(visit, model)
    found = _import(visit, model, record)
    action = visit.form.text("action")
    if action != "do" or visit.form.sent("decimal"):
        found.settings = _chosen(visit)
    if action == "read":
        return visit.go(_path(model, record))
    if not found.told().get("maps"):
        return _columns(visit, view, found, problem=_("Choose a field for at least one column first."))
    try:
        with visit.env.savepoint():
            _take(found, dry=action != "do")
    except UserError as error:
        return _columns(visit, view, found, problem=error.words)
    return visit.go(f"{_path(model, record)}/result")


@SIGNED_IN_ROUTES.get("/app/{model:model}/import/{record:id}/result")
def result(visit: SignedInVisit, model: str, record: int) -> Response:
    """Show what came of it, or how far it is."""
    view = _importable(visit, model)
    found = _import(visit, model, record)
    context = {
        **_frame(visit, view), "outcome": _outcome(visit, found), "name": found.name,
        "address": _path(model, record), "newest": f"{list_path(model)}?sort=-write_date",
    }  # fmt: skip
    if visit.request.partial:
        return visit.fragment("_imported.html", context)
    return visit.page("imported.html", context)


def _importable(visit: SignedInVisit, model: str) -> ModelView:
    """Return a model whose records this person may make or change."""
    view = visit.records.model(model)
    if not (view.may("create") or view.may("write")) or MODEL not in visit.env.registry.models:
        raise PageNotFound
    return view


def _import(visit: SignedInVisit, model: str, record: int) -> Any:  # noqa: ANN401  a record of a model that no floor below knows
    """Return an import of this person, as long as it is there."""
    found = visit.env[MODEL].search([["id", "=", record], ["model_name", "=", model]])
    if not found:
        raise PageNotFound
    return found


def _path(model: str, record: int) -> str:
    return f"{list_path(model)}/import/{record}"


def _take(found: Any, *, dry: bool) -> None:  # noqa: ANN401  as above
    found.report = None
    if found.content.size <= AT_ONCE:
        found.take(dry)
    else:
        found.delayed().take(dry)


def _outcome(visit: SignedInVisit, found: Any) -> Outcome:  # noqa: ANN401  as above
    """Read the report; where there is none yet, ask the queue."""
    told = outcome_of(found.report)
    if told is not None:
        return told
    job: Any = visit.env[JOB].search(
        [["model_name", "=", MODEL], ["record_ids", "=", str(found.id)]], order="id desc", limit=1
    )
    if not job or job.state.value not in ("waiting", "running"):
        return Outcome(failed=job.message if job else "")
    far = job.progress_ids[:1]
    return Outcome(running=far.done if far else 0, lines=far.text if far else "")


# -- columns -----------------------------------------------------------------------------------------------------------


def _chosen(visit: SignedInVisit) -> dict[str, object]:
    """Return what a form says about a file: which column fills which field, and how it is written."""
    form = visit.form
    numbers = range(min(len(form.every("heading")), MOST_COLUMNS))
    headings = form.every("heading")
    maps = [[headings[n], form.text(f"path.{n}")] for n in numbers if form.text(f"path.{n}")]
    key = [form.text(f"path.{n}") for n in numbers if form.sent(f"key.{n}") and form.text(f"path.{n}")]
    written = {name: form.text(name) for name in WRITTEN}
    return {**written, "maps": maps, "key": key, "partial": form.text("partial") == "1"}


def _columns(visit: SignedInVisit, model: ModelView, found: Any, *, problem: str = "") -> Response:  # noqa: ANN401  as above
    choices = fillable(visit.env, visit.env.registry[model.name])
    told = found.told()
    columns: list[FileColumn] = []
    try:
        columns = _read(visit, model, found, choices)
    except FileRefused as error:
        problem = problem or " ".join(one.reason for one in error.errors[:3])
    except NoDialect as error:
        problem = problem or error.words
    context = {
        **_frame(visit, model), "address": _path(model.name, found.id), "name": found.name, "columns": columns,
        "groups": grouped(choices), "written": {name: told.get(name, "") for name in WRITTEN},
        "partial": told.get("partial") is True, "encodings": ENCODINGS, "separators": SEPARATORS,
        "problem": problem, "is_sheet": found.name.lower().endswith(".xlsx"),
    }  # fmt: skip
    return visit.page("import_columns.html", context, status=422 if problem else 200)


def _read(visit: SignedInVisit, model: ModelView, found: Any, choices: tuple[Choice, ...]) -> list[FileColumn]:  # noqa: ANN401  as above
    with found.content.reading() as stream:
        table = open_table(stream, found.dialect())
        rows = [row.cells for row in islice(table.rows(), EXAMPLES)]
    told = found.told()
    maps = dict(told["maps"]) if told.get("maps") else guessed(table.header, choices)
    key = told.get("key") if told.get("maps") else _key(visit, model, set(maps.values()))
    return [
        FileColumn(
            number,
            heading,
            tuple(shown(row[number])[:LONGEST_EXAMPLE] for row in rows if number < len(row) and row[number]),
            maps.get(heading, ""),
            bool(maps.get(heading)) and maps[heading] in (key or ()),
        )
        for number, heading in enumerate(table.header[:MOST_COLUMNS])
        if heading
    ]


def _key(visit: SignedInVisit, model: ModelView, paths: set[str]) -> tuple[str, ...]:
    """Guess what tells records apart: an external id does by itself, else the first unique text of the file."""
    columns = visit.env.registry[model.name].columns.values()
    unique = [field.name for field in columns if field.kind == "char" and field.unique and field.name in paths]
    return () if "id" in paths else tuple(unique[:1])


def _frame(visit: SignedInVisit, model: ModelView) -> dict[str, object]:
    return {"path": list_path(model.name), "title": visit.catalogue.title(model), "here": model.name}


def _chooser(visit: SignedInVisit, model: ModelView, *, problem: str = "") -> Response:
    return visit.page("import.html", {**_frame(visit, model), "problem": problem}, status=422 if problem else 200)
