"""Records: one of any model to look at, to change, to add and to delete."""

from __future__ import annotations

from growsoft.errors import MissingError, UserError
from growsoft.orm.fields.binary import MAX_SIZE
from growsoft.views import talk
from growsoft.views.access import may_ask
from growsoft.views.acting import act, archive, buttons_of
from growsoft.views.attachments import files_of, kept_for
from growsoft.views.editing import Editor, NotSaved
from growsoft.views.fields import ModelView
from growsoft.views.history import NEWEST, history_of
from growsoft.views.paths import access_path, list_path, record_path
from growsoft.views.people import users_of
from growsoft.views.screens import EntryScreen, Table, line_table, record_screen
from growsoft.views.values import Form, Lines
from growsoft.web.errors import PageNotFound
from growsoft.web.http import Response
from growsoft.web.pages.routes import SIGNED_IN_ROUTES
from growsoft.web.visit import SignedInVisit

ADD = "add"


@SIGNED_IN_ROUTES.get("/app/{model:model}/{record:id}")
def show(visit: SignedInVisit, model: str, record: int) -> Response:
    """Show a record with its lines."""
    return _shown(visit, visit.records.model(model), record)


def _shown(visit: SignedInVisit, view: ModelView, record: int, *, problem: str = "") -> Response:
    """Return the page of a record, with what could not be done with it."""
    form = visit.catalogue.views(view).form
    found = visit.records.read(view, record, form.fields)
    manner = visit.manner
    screen = record_screen(view, form, found, _tables(visit, view, form, record), manner)
    files = files_of(visit.env, view, record, manner) if kept_for(visit.env, view) else None
    context = {
        "screen": screen, "model": view, "record": found, "most": MAX_SIZE, "problem": "", "refused": problem,
        "changed": manner.moment(found.changed_at) if found.changed_at is not None else "",
        "files": files if files and (files.files or files.changeable) else None,
        "buttons": buttons_of(visit.env, view, form, record),
        "access": access_path(view.name, record, _login(visit, view.name, record)) if may_ask(visit.env) else "",
        "talks": talk.kept_for(visit.env, view),
    }  # fmt: skip
    return visit.page("record.html", {**_frame(visit, view), **context}, status=422 if problem else 200)


def _login(visit: SignedInVisit, model: str, record: int) -> str:
    """Return the login of a user whose page this is; of other records none."""
    users = users_of(visit.env)
    if users is None or users.name != model:
        return ""
    return str(visit.env[model].browse(record).read(["login"])[0]["login"])


def _tables(visit: SignedInVisit, model: ModelView, form: Form, record: int) -> dict[str, Table]:
    """Return the lines of a record; lines that may not be read are not mentioned."""
    found: dict[str, Table] = {}
    for part in form.parts:
        if not isinstance(part, Lines) or part.field not in model.fields:
            continue
        field = model.fields[part.field]
        lines = visit.records.model(field.relation)
        names = part.columns or visit.catalogue.views(lines).list.columns
        columns = [column for column in lines.known(names) if column.name != field.inverse]
        rows = visit.records.lines(model, record, part.field, [column.name for column in columns])
        found[part.field] = line_table(field, lines, columns, rows, visit.manner)
    return found


@SIGNED_IN_ROUTES.get("/app/{model:model}/{record:id}/history")
def history(visit: SignedInVisit, model: str, record: int) -> Response:
    """Show who changed a record when: as the part that its page loads on demand, or as a page."""
    view = visit.records.model(model)
    context = {"moments": history_of(visit.env, view, record, visit.manner), "newest": NEWEST}
    if visit.request.partial:
        return visit.fragment("_history.html", context)
    named = visit.records.read(view, record, ())
    return visit.page("history.html", {**_frame(visit, view), **context, "record": named})


@SIGNED_IN_ROUTES.get("/app/{model:model}/new")
def ask_new(visit: SignedInVisit, model: str) -> Response:
    """Show an empty form, or one that begins as a copy of another record."""
    editor = _editor(visit, model, "create")
    other = visit.request.query.get("copy", "")
    known = other.isascii() and other.isdigit() and 0 < len(other) < 19
    return _form(visit, editor.copy(int(other)) if known else editor.new())


@SIGNED_IN_ROUTES.post("/app/{model:model}/new")
def create(visit: SignedInVisit, model: str) -> Response:
    """Add a record."""
    return _save(visit, _editor(visit, model, "create"), 0)


@SIGNED_IN_ROUTES.get("/app/{model:model}/{record:id}/edit")
def ask_edit(visit: SignedInVisit, model: str, record: int) -> Response:
    """Show the form of a record."""
    return _form(visit, _editor(visit, model, "write").open(record))


@SIGNED_IN_ROUTES.post("/app/{model:model}/{record:id}/edit")
def edit(visit: SignedInVisit, model: str, record: int) -> Response:
    """Change a record."""
    return _save(visit, _editor(visit, model, "write"), record)


@SIGNED_IN_ROUTES.post("/app/{model:model}/new/following", looks=True)
def follow_new(visit: SignedInVisit, model: str) -> Response:
    """Tell what follows from what was typed in the form of a new record."""
    return _following(visit, _editor(visit, model, "create"), 0)


@SIGNED_IN_ROUTES.post("/app/{model:model}/{record:id}/following", looks=True)
def follow(visit: SignedInVisit, model: str, record: int) -> Response:
    """Tell what follows from what was typed in the form of a record."""
    return _following(visit, _editor(visit, model, "write"), record)


def _following(visit: SignedInVisit, editor: Editor, record: int) -> Response:
    """Return the values that the client puts in place."""
    return visit.fragment("_following.html", {"entries": editor.following(record, visit.form)})


@SIGNED_IN_ROUTES.post("/app/{model:model}/{record:id}/do/{method:text}")
def run_action(visit: SignedInVisit, model: str, record: int, method: str) -> Response:
    """Run an action of the form, or show the record with what was against it."""
    view = visit.records.model(model)
    try:
        with visit.records.savepoint():
            act(visit.env, view, visit.catalogue.views(view).form, record, method)
    except MissingError:
        raise
    except UserError as error:
        return _shown(visit, view, record, problem=error.words)
    return visit.go(record_path(model, record))


@SIGNED_IN_ROUTES.post("/app/{model:model}/{record:id}/archive")
def set_active(visit: SignedInVisit, model: str, record: int) -> Response:
    """Take a record out of use, or into use again."""
    view = visit.records.model(model)
    try:
        with visit.records.savepoint():
            archive(visit.env, view, record, active=visit.form.get("active") == "1")
    except MissingError:
        raise
    except UserError as error:
        return _shown(visit, view, record, problem=error.words)
    return visit.go(record_path(model, record))


@SIGNED_IN_ROUTES.get("/app/{model:model}/{record:id}/delete")
def ask_delete(visit: SignedInVisit, model: str, record: int) -> Response:
    """Ask before deleting."""
    return _deletion(visit, model, record, "")


@SIGNED_IN_ROUTES.post("/app/{model:model}/{record:id}/delete")
def delete(visit: SignedInVisit, model: str, record: int) -> Response:
    """Delete a record, or say what keeps it."""
    view = _deletable(visit, model)
    try:
        with visit.records.savepoint():
            visit.records.delete(view, record)
    except MissingError:
        raise
    except UserError as error:
        return _deletion(visit, model, record, error.words)
    return visit.go(list_path(model))


def _editor(visit: SignedInVisit, model: str, verb: str) -> Editor:
    """Return the editor of a model, for those who may do this with it at all."""
    view = visit.records.model(model)
    if verb not in view.verbs:
        raise PageNotFound
    return Editor(
        records=visit.records,
        model=view,
        form=visit.catalogue.views(view).form,
        views_of=visit.catalogue.views,
        path=list_path(model),
        manner=visit.manner,
    )


def _save(visit: SignedInVisit, editor: Editor, record: int) -> Response:
    """Save what was entered and show the record, or show the form again with what is wrong."""
    if ADD in visit.form:
        return _form(visit, editor.with_line(record, visit.form, visit.form[ADD]))
    try:
        saved = editor.save(record, visit.form)
    except NotSaved as error:
        return _form(visit, error.screen, status=409 if error.conflict else 422)
    return visit.go(record_path(editor.model.name, saved))


def _form(visit: SignedInVisit, screen: EntryScreen, *, status: int = 200) -> Response:
    """Return a form, as a page or as the part that is swapped."""
    if visit.request.partial:
        return visit.fragment("_edit.html", {"screen": screen}, status=status)
    return visit.page("edit.html", {**_frame(visit, screen.model), "screen": screen}, status=status)


def _deletable(visit: SignedInVisit, model: str) -> ModelView:
    """Return a model whose records this person may delete."""
    view = visit.records.model(model)
    if not view.may("unlink"):
        raise PageNotFound
    return view


def _deletion(visit: SignedInVisit, model: str, record: int, problem: str) -> Response:
    """Return the page that asks before deleting."""
    view = _deletable(visit, model)
    found = visit.records.read(view, record, ())
    context = {**_frame(visit, view), "record": found, "problem": problem}
    return visit.page("delete.html", context, status=422 if problem else 200)


def _frame(visit: SignedInVisit, model: ModelView) -> dict[str, object]:
    """Return what leads from a record back to its list."""
    return {"path": list_path(model.name), "title": visit.catalogue.title(model), "here": model.name}
