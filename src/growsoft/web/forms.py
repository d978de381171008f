"""Forms: the fields of a request's body, read under limits."""

from __future__ import annotations

from io import BytesIO
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


def form_of(request: Request) -> Fields:
    """Return the fields of a form. Raises `WrongType` for other content, `Refusal` for what is not UTF-8."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind == URLENCODED:
        return Fields(_urlencoded(request.body))
    if kind == MULTIPART:
        return Fields(_multipart(request.body, options))
    if not kind and not request.body:
        return Fields()
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


def _multipart(body: bytes, options: dict[str, str]) -> list[tuple[str, str]]:
    """Read the form that HTML sends with files; a page that takes files reads them itself."""
    parser = FormDataParser(max_form_memory_size=len(body) + 1, max_form_parts=MOST_FIELDS, silent=False)
    try:
        _, fields, uploads = parser.parse(BytesIO(body), MULTIPART, len(body), options)
    except RequestEntityTooLarge as error:
        raise TooLarge from error
    except ValueError as error:
        raise Refusal from error
    for upload in uploads.values():
        upload.close()
    if uploads:
        raise WrongType
    return list(fields.items(multi=True))
