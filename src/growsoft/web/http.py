"""Requests and responses as values: what a handler gets and what it gives back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from urllib.parse import parse_qsl

from werkzeug.http import parse_accept_header
from werkzeug.sansio.http import parse_cookie

from growsoft.web.errors import Refusal
from growsoft.web.streams import Parts

HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
JSON = "application/json"

# RFC 9110, section 9.2.1: these only look; everything else may change something.
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
MOST_PARAMETERS = 200


class Headers(Mapping[str, str]):
    """The header fields of a request: names in any case, the first value of each unless all are asked for."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        """Take the fields in the order they came."""
        self._pairs = tuple((name.lower(), value) for name, value in pairs)

    def __getitem__(self, name: str) -> str:
        """Return the first value of a field."""
        wanted = name.lower()
        for found, value in self._pairs:
            if found == wanted:
                return value
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        """Name each field once."""
        return iter(dict.fromkeys(name for name, _ in self._pairs))

    def __len__(self) -> int:
        """Count the names."""
        return len({name for name, _ in self._pairs})

    def every(self, name: str) -> tuple[str, ...]:
        """Return all values of a field, none when it was not sent."""
        wanted = name.lower()
        return tuple(value for found, value in self._pairs if found == wanted)


class Fields(Mapping[str, str]):
    """The fields of a form or of a query: the last value of each name, or all of them."""

    __slots__ = ("_values",)

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        """Take names and values in the order they came."""
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def __getitem__(self, name: str) -> str:
        """Return the last value: a hidden default stands before the box that overrides it."""
        return self._values[name][-1]

    def __iter__(self) -> Iterator[str]:
        """Name each field once."""
        return iter(self._values)

    def __len__(self) -> int:
        """Count the names."""
        return len(self._values)

    def text(self, name: str) -> str:
        """Return the last value of a name, empty text when it was not sent."""
        return self.get(name, "")

    def sent(self, name: str) -> bool:
        """Say whether a name was sent at all."""
        return name in self._values

    def every(self, name: str) -> tuple[str, ...]:
        """Return all values of a name, none when there is none."""
        return tuple(self._values.get(name, ()))

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Return names and values, the values of one name together."""
        return tuple((name, value) for name, values in self._values.items() for value in values)


@dataclass(frozen=True)
class Request:
    """One request, its body already read under the limits; `id` is the reference number people are given."""

    method: str
    path: str
    query_string: str = ""
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    client: str = ""
    id: str = ""

    @property
    def safe(self) -> bool:
        """Whether this request only looks."""
        return self.method in SAFE_METHODS

    @property
    def host(self) -> str:
        """The Host field as sent, in lower case; empty when it is missing or ambiguous."""
        hosts = self.headers.every("host")
        return hosts[0].strip().lower() if len(hosts) == 1 else ""

    @cached_property
    def query(self) -> Fields:
        """The fields behind the question mark; bytes that are not text become replacement characters.

        Raises `Refusal` for more fields than any page of ours has.
        """
        try:
            return Fields(parse_qsl(self.query_string, keep_blank_values=True, max_num_fields=MOST_PARAMETERS))
        except ValueError as error:
            raise Refusal from error

    @cached_property
    def cookies(self) -> Mapping[str, str]:
        """The cookies of this request."""
        return parse_cookie("; ".join(self.headers.every("cookie")))

    @property
    def partial(self) -> bool:
        """Whether the client will swap a fragment into a page that it already shows."""
        return self.headers.get("hx-request-type") == "partial"

    def accepts_gzip(self) -> bool:
        """Whether the answer may be compressed with gzip."""
        return parse_accept_header(self.headers.get("accept-encoding", "")).quality("gzip") > 0


@dataclass(frozen=True, slots=True)
class Response:
    """One answer before the headers policy; `nonce` is set when the page runs scripts.

    With a `stream` its parts are the body; who knows its size beforehand gives a `content-length` with the headers.
    """

    status: int = 200
    body: bytes = b""
    content_type: str = HTML
    headers: tuple[tuple[str, str], ...] = ()
    nonce: str = ""
    close: bool = False
    stream: Parts | None = None

    def __post_init__(self) -> None:
        """Refuse a header that would start another one (RFC 9110, section 5.5)."""
        for name, value in self.headers:
            if not name.isascii() or any(character in value for character in "\r\n\0"):
                raise ValueError(f"The header {name!r} has a value that no header may have.")

    def with_headers(self, *headers: tuple[str, str]) -> Response:
        """Return this answer with more header fields."""
        return replace(self, headers=(*self.headers, *headers))


def redirect(location: str, *, status: int = 303) -> Response:
    """Send the client on to a path of this host; 303 makes a form's answer a page that can be reloaded.

    Raises `ValueError` for anything else than a local path: no redirect leaves the host.
    """
    if not local_path(location):
        raise ValueError("A redirect leads to a path of this host.")
    return Response(status=status, headers=(("location", location),))


def local_path(path: str) -> bool:
    """Say whether a text is a path on this host: browsers read two slashes, of either kind, as another host."""
    return (
        path.startswith("/")
        and not path.startswith(("//", "/\\"))
        and path.isprintable()
        and path.isascii()
        and "\\" not in path
    )
