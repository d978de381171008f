"""Files: those of a record to see, to add and to delete, and what is served of what somebody uploaded.

Uploaded bytes are never a page of ours: pictures and PDF by their signature with a policy that runs nothing, text as
escaped letters, everything else as a download.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final
from urllib.parse import quote

from growsoft.errors import MissingError, UserError
from growsoft.orm.fields.binary import MAX_SIZE, Content
from growsoft.views.attachments import attach, attached, beginning, detach, files_of, held, shown_as
from growsoft.views.fields import ModelView
from growsoft.views.paths import list_path, record_path
from growsoft.views.previews import Preview, text_of
from growsoft.web.http import TEXT, Response
from growsoft.web.pages.routes import SIGNED_IN_ROUTES
from growsoft.web.streams import Parts
from growsoft.web.visit import SignedInVisit

DOWNLOAD: Final = "application/octet-stream"
# Longer text is cut off on the screen; the download has all of it.
MOST_TEXT: Final = 200_000
PART: Final = 1024 * 1024
SHOWN_IN_PLACE: Final = frozenset({"image", "pdf"})


@SIGNED_IN_ROUTES.get("/app/{model:model}/{record:id}/files")
def show(visit: SignedInVisit, model: str, record: int) -> Response:
    """Show the files of a record: as the part of its page, or as a page."""
    return _files(visit, visit.records.model(model), record)


@SIGNED_IN_ROUTES.post("/app/{model:model}/{record:id}/files", files=True)
def add(visit: SignedInVisit, model: str, record: int) -> Response:
    """Add the files of a form; a client that shows how far it is gets a sentence instead of a page."""
    view = visit.records.model(model)
    quiet = visit.request.headers.get("accept", "").startswith("text/plain")
    try:
        with visit.env.savepoint():
            attach(visit.env, view, record, visit.files)
    except MissingError:
        raise
    except UserError as error:
        if quiet:
            return Response(status=422, body=visit.manner.say(error.words).encode(), content_type=TEXT)
        return _files(visit, view, record, problem=error.words)
    return Response(status=204) if quiet else visit.go(f"{record_path(model, record)}#files")


@SIGNED_IN_ROUTES.get("/app/{model:model}/{record:id}/files/{file:id}")
def look(visit: SignedInVisit, model: str, record: int, file: int) -> Response:
    """Show one file on a page of its own, as far as its kind can be shown."""
    view = visit.records.model(model)
    name, content = attached(visit.env, view, record, file)
    named = visit.records.read(view, record, ())
    preview = shown_as(content)
    text = text_of(beginning(content, MOST_TEXT)) if preview.kind == "text" else ""
    context = {
        "path": list_path(model), "title": visit.catalogue.title(view), "here": model, "record": named, "file": file,
        "name": name, "length": content.size, "preview": preview, "text": text, "cut": content.size > MOST_TEXT,
    }  # fmt: skip
    return visit.page("file.html", context)


@SIGNED_IN_ROUTES.get("/app/{model:model}/{record:id}/files/{file:id}/content")
def download(visit: SignedInVisit, model: str, record: int, file: int) -> Response:
    """Send a file to be kept."""
    name, content = attached(visit.env, visit.records.model(model), record, file)
    return as_download(name, content)


@SIGNED_IN_ROUTES.get("/app/{model:model}/{record:id}/files/{file:id}/shown")
def shown(visit: SignedInVisit, model: str, record: int, file: int) -> Response:
    """Send a picture or a PDF to be looked at; anything else is sent to be kept."""
    name, content = attached(visit.env, visit.records.model(model), record, file)
    return in_place(name, content)


@SIGNED_IN_ROUTES.post("/app/{model:model}/{record:id}/files/{file:id}/delete")
def delete(visit: SignedInVisit, model: str, record: int, file: int) -> Response:
    """Delete a file of a record."""
    view = visit.records.model(model)
    detach(visit.env, view, record, file)
    return _files(visit, view, record) if visit.request.partial else visit.go(f"{record_path(model, record)}#files")


@SIGNED_IN_ROUTES.get("/app/{model:model}/{record:id}/field/{field:text}")
def field_download(visit: SignedInVisit, model: str, record: int, field: str) -> Response:
    """Send what a field holds to be kept."""
    return as_download(*held(visit.env, visit.records.model(model), record, field))


@SIGNED_IN_ROUTES.get("/app/{model:model}/{record:id}/field/{field:text}/shown")
def field_shown(visit: SignedInVisit, model: str, record: int, field: str) -> Response:
    """Send a picture or a PDF that a field holds to be looked at."""
    return in_place(*held(visit.env, visit.records.model(model), record, field))


def as_download(name: str, content: Content) -> Response:
    """Send content to be kept, whatever it is."""
    return _sent(content, DOWNLOAD, disposition("attachment", name))


def in_place(name: str, content: Content) -> Response:
    """Send content to be looked at where its bytes are of a harmless kind, and else to be kept."""
    preview: Preview = shown_as(content)
    if preview.kind not in SHOWN_IN_PLACE:
        return as_download(name, content)
    return _sent(content, preview.content_type, disposition("inline", name))


def _sent(content: Content, content_type: str, named: str) -> Response:
    """Send content: at once what is small, in parts what is not, so that few threads and little memory wait for it."""
    name = ("content-disposition", named)
    if content.size <= PART:
        return Response(body=content.read(), content_type=content_type, headers=(name,))
    length = ("content-length", str(content.size))
    return Response(content_type=content_type, headers=(name, length), stream=Parts(_parts(content)))


def _parts(content: Content) -> Generator[bytes]:
    """Read content part by part."""
    with content.reading() as stream:
        while part := stream.read(PART):
            yield part


def disposition(kind: str, name: str) -> str:
    """Return how a file is to be taken, with its name in ASCII and as it is (RFC 6266, section 4.3; RFC 8187)."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _files(visit: SignedInVisit, model: ModelView, record: int, *, problem: str = "") -> Response:
    """Return the files of a record, as a part or as a page."""
    named = visit.records.read(model, record, ())
    files = files_of(visit.env, model, record, visit.manner)
    context = {"files": files, "model": model, "record": named, "problem": problem, "most": MAX_SIZE}
    status = 422 if problem else 200
    if visit.request.partial:
        return visit.fragment("_files.html", context, status=status)
    frame = {"path": list_path(model.name), "title": visit.catalogue.title(model), "here": model.name}
    return visit.page("files.html", {**frame, **context}, status=status)
