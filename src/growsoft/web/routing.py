"""Routing: each address and method has one handler, checked against its address when it is declared."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Concatenate, Generic, TypeVar, get_type_hints

from growsoft.web.errors import MethodNotAllowed
from growsoft.web.http import Response

Context = TypeVar("Context")
Handler = Callable[Concatenate[Context, ...], Response]

_PARAMETER = re.compile(r"\{(?P<name>[a-z_]+)(:(?P<kind>[a-z]+))?\}")
# What a part of an address may look like, and the Python type it becomes.
_KINDS: Mapping[str, tuple[str, type]] = {
    "text": (r"[^/]{1,200}", str),
    "model": (r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*", str),
    "id": (r"[1-9][0-9]{0,17}", int),
    "path": (r"[A-Za-z0-9._/-]{1,200}", str),
}


@dataclass(frozen=True, slots=True)
class Route(Generic[Context]):
    """One address with one method; GET only looks, and cannot be declared to change something."""

    method: str
    pattern: str
    handler: Handler[Context]
    regex: re.Pattern[str]
    kinds: Mapping[str, type]
    looks: bool = True
    files: bool = False

    def match(self, path: str) -> dict[str, str | int] | None:
        """Return the typed parameters of a path, or nothing when the path is another one."""
        found = self.regex.fullmatch(path)
        return None if found is None else {name: self.kinds[name](text) for name, text in found.groupdict().items()}


@dataclass(frozen=True, slots=True)
class Match(Generic[Context]):
    """A route and the parameters that a path gave it."""

    route: Route[Context]
    parameters: Mapping[str, str | int]

    def answer(self, context: Context) -> Response:
        """Run the handler."""
        return self.route.handler(context, **self.parameters)


class Routes(Generic[Context]):
    """The addresses whose handlers get one kind of context."""

    def __init__(self) -> None:
        """Start without any."""
        self._routes: list[Route[Context]] = []
        self._fixed: dict[str, list[Route[Context]]] = {}

    def get(self, pattern: str) -> Callable[[Handler[Context]], Handler[Context]]:
        """Declare a handler that only looks; HEAD is answered by it too."""
        return lambda handler: self._add("GET", pattern, handler, looks=True)

    def post(
        self, pattern: str, *, looks: bool = False, files: bool = False
    ) -> Callable[[Handler[Context]], Handler[Context]]:
        """Declare a handler that may change something.

        With `looks` it is sent a form and only reads; with `files` its form may bring files, within their own limits.
        """
        return lambda handler: self._add("POST", pattern, handler, looks=looks, files=files)

    def patch(self, pattern: str) -> Callable[[Handler[Context]], Handler[Context]]:
        """Declare a handler that changes a part of what is at its address (RFC 5789)."""
        return lambda handler: self._add("PATCH", pattern, handler, looks=False)

    def delete(self, pattern: str) -> Callable[[Handler[Context]], Handler[Context]]:
        """Declare a handler that deletes what is at its address."""
        return lambda handler: self._add("DELETE", pattern, handler, looks=False)

    def options(self, pattern: str) -> Callable[[Handler[Context]], Handler[Context]]:
        """Declare a handler that tells what may be done at its address (RFC 9110, section 9.3.7)."""
        return lambda handler: self._add("OPTIONS", pattern, handler, looks=True)

    def __iter__(self) -> Iterator[Route[Context]]:
        """Go through all routes."""
        return iter(self._routes)

    def find(self, method: str, path: str) -> Match[Context] | None:
        """Find the route of a request; raises `MethodNotAllowed` for an address that has only other methods.

        An address without parameters goes before one whose parameters would take the same text.
        """
        wanted = "GET" if method == "HEAD" else method
        methods: set[str] = set()
        for route in self._fixed.get(path, self._routes):
            parameters = route.match(path)
            if parameters is None:
                continue
            if route.method == wanted:
                return Match(route, parameters)
            methods.add(route.method)
        if methods:
            raise MethodNotAllowed(headers=(("allow", ", ".join(sorted(methods))),))
        return None

    def _add(
        self, method: str, pattern: str, handler: Handler[Context], *, looks: bool, files: bool = False
    ) -> Handler[Context]:
        """Remember a handler, once its parameters agree with its address."""
        kinds = kinds_of(pattern)
        hints = get_type_hints(handler)
        hints.pop("return", None)
        taken = dict(list(hints.items())[1:])
        if taken != kinds:
            raise TypeError(f"{handler.__qualname__} takes {taken}, but {pattern} gives {kinds}.")
        if any(route.method == method and route.pattern == pattern for route in self._routes):
            raise ValueError(f"{method} {pattern} has a handler already.")
        route = Route(method, pattern, handler, regex_of(pattern), kinds, looks, files)
        self._routes.append(route)
        if not kinds:
            self._fixed.setdefault(pattern, []).append(route)
        return handler


def kinds_of(pattern: str) -> dict[str, type]:
    """Return the names and types of the parameters in an address."""
    return {found["name"]: _KINDS[found["kind"] or "text"][1] for found in _PARAMETER.finditer(pattern)}


def regex_of(pattern: str) -> re.Pattern[str]:
    """Return what the paths of an address look like."""
    text = ""
    end = 0
    for found in _PARAMETER.finditer(pattern):
        text += re.escape(pattern[end : found.start()]) + f"(?P<{found['name']}>{_KINDS[found['kind'] or 'text'][0]})"
        end = found.end()
    return re.compile(text + re.escape(pattern[end:]))
