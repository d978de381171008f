"""Ranges: answers of which clients may take a part, so that a long download goes on where it broke off (RFC 9110)."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Final

from growsoft.web.http import Request, Response
from growsoft.web.streams import Parts

_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Download:
    """Content of a known length (bytes) and SHA-256 (hexadecimal), under a name of plain letters."""

    name: str
    content_type: str
    size: int
    sha256: str

    @property
    def etag(self) -> str:
        """The strong validator: the same bytes have the same one, and no others."""
        return f'"{self.sha256}"'


def ranged(request: Request, what: Download, content: Callable[[range], Generator[bytes]]) -> Response:
    """Answer with all of it, with the one part that is asked for (206), or refuse a part that is not there (416).

    Of several parts at once, or a part of what it was before, all of it is given, as RFC 9110 allows.
    """
    digest = b64encode(bytes.fromhex(what.sha256)).decode()
    headers = (
        ("accept-ranges", "bytes"), ("etag", what.etag), ("repr-digest", f"sha-256=:{digest}:"),
        ("content-disposition", f'attachment; filename="{what.name}"'),
    )  # fmt: skip
    if request.headers.get("if-none-match", "") == what.etag:
        return Response(304, headers=headers)
    wanted = _wanted(request, what)
    if wanted is None:
        size = ("content-length", str(what.size))
        return Response(200, b"", what.content_type, (*headers, size), stream=Parts(content(range(what.size))))
    if not wanted:
        return Response(416, headers=(*headers, ("content-range", f"bytes */{what.size}")))
    told = (
        ("content-length", str(len(wanted))),
        ("content-range", f"bytes {wanted.start}-{wanted.stop - 1}/{what.size}"),
    )
    return Response(206, b"", what.content_type, (*headers, *told), stream=Parts(content(wanted)))


def _wanted(request: Request, what: Download) -> range | None:
    """Read which part is asked for; an empty range when there is none of it, None for all."""
    found = _RANGE.match(request.headers.get("range", "").replace(" ", ""))
    if found is None or found[0] == "bytes=-" or request.headers.get("if-range", what.etag) != what.etag:
        return None
    first, last = found[1], found[2]
    if not first:  # so many bytes of the end
        return range(max(what.size - int(last), 0), what.size)
    stop = min(int(last) + 1, what.size) if last else what.size
    if last and int(last) < int(first):
        return None
    return range(int(first), stop) if int(first) < stop else range(0)
