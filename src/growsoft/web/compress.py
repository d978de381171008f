"""Compression: gzip for text, where it can tell nobody anything."""

from __future__ import annotations

import gzip
import io
import secrets
from dataclasses import replace

from growsoft.web.http import Request, Response

SMALLEST = 1000
LEVEL = 9
TEXT_TYPES = ("text/", "application/json", "image/svg+xml")


def compressed(request: Request, response: Response) -> Response:
    """Compress an answer when its client can read that and it is worth the effort."""
    if not compressible(response) or not request.accepts_gzip() or from_elsewhere(request):
        return response
    headers = (("content-encoding", "gzip"), ("vary", "accept-encoding"))
    return replace(response, body=gzip_of(response.body), headers=(*response.headers, *headers))


def compressible(response: Response) -> bool:
    """Say whether an answer gets smaller."""
    done = response.stream is not None or any(name == "content-encoding" for name, _ in response.headers)
    return not done and len(response.body) >= SMALLEST and response.content_type.startswith(TEXT_TYPES)


def from_elsewhere(request: Request) -> bool:
    """Say whether another site made the browser ask: it could then learn from sizes what a page holds (BREACH)."""
    return request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}


def gzip_of(body: bytes) -> bytes:
    """Compress, with a file name of random length, so that equal pages differ in size."""
    packed = io.BytesIO()
    name = "x" * (1 + secrets.randbelow(64))
    with gzip.GzipFile(filename=name, mode="wb", compresslevel=LEVEL, fileobj=packed, mtime=0) as file:
        file.write(body)
    return packed.getvalue()
