"""Static files: the client's own, from the package, at addresses that change with their content."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from growsoft.web.compress import SMALLEST
from growsoft.web.errors import PageNotFound
from growsoft.web.http import Request, Response

PREFIX: Final = "/static/"
TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
# The modules of the client travel as one: each is a block of its own, so their names do not meet.
# Those of records come only with their pages, so that lists weigh less.
BUNDLES: Final = {"client.js": "client/", "record.js": "record/"}
FOR_EVER: Final = "public, max-age=31536000, immutable"


_COMMENTS: Final = re.compile(rb"^[ \t]+|^//[^\n]*\n|/\*.*?\*/\n?", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class File:
    """One file, and what it is when compressed."""

    content_type: str
    plain: bytes
    packed: bytes


class StaticFiles:
    """All files of the client; each address holds a hash of all of them, so that a page gets what belongs to it."""

    def __init__(self, package: str = "growsoft.web") -> None:
        """Read the files once."""
        found = dict(_walk(package))
        for bundle, folder in BUNDLES.items():
            modules = [found.pop(name) for name in sorted(found) if name.startswith(folder)]
            found[bundle] = b"".join(b"{\n%s\n}\n" % module for module in modules)
        self._files: Mapping[str, File] = {name: _file(name, content) for name, content in found.items()}
        everything = hashlib.sha256()
        for name in sorted(self._files):
            everything.update(name.encode() + b"\0" + hashlib.sha256(self._files[name].plain).digest())
        self._version = everything.hexdigest()[:12]

    def url(self, name: str) -> str:
        """Return the address of a file; raises `KeyError` for one that is not there."""
        if name not in self._files:
            raise KeyError(name)
        return f"{PREFIX}{self._version}/{name}"

    def answer(self, request: Request) -> Response:
        """Return the file of a request; one asked for by an old page is given, but not to be kept."""
        version, _, name = request.path.removeprefix(PREFIX).partition("/")
        file = self._files.get(name)
        if file is None or request.method not in {"GET", "HEAD"}:
            raise PageNotFound
        caching = FOR_EVER if version == self._version else "no-store"
        headers = (("cache-control", caching), ("vary", "accept-encoding"))
        if file.packed and request.accepts_gzip():
            return Response(
                body=file.packed, content_type=file.content_type, headers=(*headers, ("content-encoding", "gzip"))
            )
        return Response(body=file.plain, content_type=file.content_type, headers=headers)


def _walk(package: str) -> Iterator[tuple[str, bytes]]:
    """Return the names and contents of the files that browsers may have."""
    pending: list[tuple[str, Traversable]] = [("", files(package).joinpath("static"))]
    while pending:
        prefix, folder = pending.pop()
        for entry in folder.iterdir():
            if entry.is_dir():
                pending.append((f"{prefix}{entry.name}/", entry))
            elif _suffix(entry.name) in TYPES:
                yield prefix + entry.name, entry.read_bytes()


def _suffix(name: str) -> str:
    """Return what a name ends with."""
    return name[name.rfind(".") :]


def _file(name: str, content: bytes) -> File:
    """Prepare a file: our own lose their comments and indents, those of others stay as they were published."""
    if name in BUNDLES or name.endswith(".css"):
        content = _COMMENTS.sub(b"", content)
    packed = gzip.compress(content, compresslevel=9, mtime=0) if len(content) >= SMALLEST else b""
    return File(TYPES[_suffix(name)], content, packed)
