"""Forms: the fields of a request's body, read under limits."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import IO, BinaryIO
from urllib.parse import parse_qsl

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from growsoft.web.errors import Refusal, TooLarge, WrongType
from growsoft.web.http import Fields, Request

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
# A form of 200 lines of 12 columns, each with four inputs.
MOST_FIELDS = 10_000
MOST_FILES = 50


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a form: the field it was chosen in, the name its sender gave it, and its bytes."""

    field: str
    name: str
    content: BinaryIO


@dataclass(frozen=True, slots=True)
class Form:
    """What a form sent: its fields, and its files."""

    fields: Fields
    files: tuple[Upload, ...] = ()


def form_of(request: Request, *, files: bool = False) -> Form:
    """Return what a form sent; only with `files` it may bring some.

    Raises `WrongType` for other content, `Refusal` for what is not UTF-8.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind == URLENCODED:
        return Form(Fields(_urlencoded(request.body)))
    if kind == MULTIPART:
        found = _multipart(request.body, options)
        if found.files and not files:
            raise WrongType
        return found
    if not kind and not request.body:
        return Form(Fields())
    raise WrongType


def _urlencoded(body: bytes) -> list[tuple[str, str]]:
    """Read the form that HTML sends without files."""
    try:
        return parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS, separator="&"
        )
    except UnicodeDecodeError as error:
        raise Refusal from error
    except ValueError as error:
        raise TooLarge from error


def _multipart(body: bytes, options: dict[str, str]) -> Form:
    """Read the form that HTML sends with files. They stay in memory: on a disk they would lie unencrypted."""
    parser = FormDataParser(
        stream_factory=_in_memory, max_form_memory_size=len(body) + 1, max_form_parts=MOST_FIELDS, silent=False
    )
    try:
        _, fields, uploads = parser.parse(BytesIO(body), MULTIPART, len(body), options)
    except RequestEntityTooLarge as error:
        raise TooLarge from error
    except ValueError as error:
        raise Refusal from error
    files = [
        Upload(name, file.filename or "", file.stream)  # type: ignore[arg-type]  # what the factory below made
        for name, file in uploads.items(multi=True)
        if file.filename
    ]
    if len(files) > MOST_FILES:
        raise TooLarge
    return Form(Fields(fields.items(multi=True)), tuple(files))


def _in_memory(
    total_content_length: int | None,
    content_type: str | None,
    filename: str | None,
    content_length: int | None = None,
) -> IO[bytes]:
    """Make the place of a file."""
    del total_content_length, content_type, filename, content_length
    return BytesIO()
