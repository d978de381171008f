"""The ASGI adapter: reads head and body under the limits, and only then takes a thread for the handler."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from growsoft.web.errors import Busy, HeadTooLarge, MethodNotAllowed, Refusal, TooLarge, TooSlow, UnknownHost
from growsoft.web.http import TEXT, Headers, Request, Response
from growsoft.web.limits import Budget, Limits
from growsoft.web.streams import Parts, Streams
from growsoft.web.threads import RETRY_AFTER, Threads

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope

METHODS = ("GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS")
HEALTH = "/healthz"


class Answerer(Protocol):
    """What stands behind the adapter: the application, or a handler in a test."""

    def handle(self, request: Request) -> Response:
        """Answer a request; runs in a thread and never raises."""
        ...

    def takes_files(self, request: Request) -> bool:
        """Say by its head whether a request may bring files; runs in a thread and raises a `Refusal` at most."""
        ...

    def refuse(self, request: Request, refusal: Refusal) -> Response:
        """Word the answer to a request that gets no thread; quick, since it runs on the event loop."""
        ...

    def finish(self, request: Request, response: Response) -> tuple[Response, tuple[tuple[str, str], ...]]:
        """Apply the headers policy; every answer passes here."""
        ...

    def broke(self, request: Request, error: Exception) -> None:
        """Write down what went wrong after an answer had begun."""
        ...


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


class Gateway:
    """An ASGI application (version 3, HTTP only) in front of one answerer."""

    def __init__(self, answerer: Answerer, limits: Limits, threads: Threads) -> None:
        """Stand in front of an answerer, with the limits and threads of this worker."""
        self._answerer = answerer
        self._limits = limits
        self._threads = threads
        self._bodies = Budget(limits.bodies_bytes)
        self._streams = Streams(limits, threads)
        self._uploads = Budget(limits.uploads_bytes)

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise NotImplementedError("Only HTTP is served here.")
        request = head_of(scope)
        try:
            response = await self._answer(request, scope, receive)
        except ClientGone:
            return
        if response.stream is None:
            await self._send(request, response, send)
        else:
            await self._send_parts(request, response, response.stream, receive, send)

    async def _answer(self, request: Request, scope: HTTPScope, receive: ASGIReceiveCallable) -> Response:
        """Read the body and run the handler, or word why not."""
        try:
            refuse_head(request, scope, self._limits)
            if request.path == HEALTH:
                return Response(body=b"ok\n", content_type=TEXT)
            return await self._with_body(request, receive)
        except Refusal as refusal:
            # Closed, because the rest of this request may still be on its way.
            return replace(self._answerer.refuse(request, refusal), close=True)

    async def _with_body(self, request: Request, receive: ASGIReceiveCallable) -> Response:
        """Read the body into its share of the memory for all bodies, then run the handler."""
        body, seconds = await self._room_for(request)
        if body is None:
            return await self._threads.run(lambda: self._answerer.handle(request))
        try:
            await body.read(receive, seconds)
            complete = replace(request, body=body.content)
            return await self._threads.run(lambda: self._answerer.handle(complete))
        finally:
            body.release()

    async def _room_for(self, request: Request) -> tuple[Body | None, float]:
        """Return where the body goes and how long it may take: nothing for none, more of both for somebody's files."""
        limits = self._limits
        if announced(request) > limits.body_bytes and await self._threads.run(
            lambda: self._answerer.takes_files(request)
        ):
            return Body(expected_size(request, limits.upload_bytes), self._uploads), limits.upload_seconds
        expected = expected_size(request, limits.body_bytes)
        return Body(expected, self._bodies) if expected else None, limits.body_seconds

    async def _send(self, request: Request, response: Response, send: ASGISendCallable) -> None:
        """Send the finished answer; the connection is closed where the request was not read to its end."""
        response, headers = self._head(request, response)
        if response.status not in {204, 304}:
            headers.append((b"content-length", str(len(response.body)).encode("ascii")))
        await send({"type": "http.response.start", "status": response.status, "headers": headers, "trailers": False})
        await send({"type": "http.response.body", "body": response.body, "more_body": False})

    async def _send_parts(
        self, request: Request, response: Response, parts: Parts, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Send an answer part by part; what breaks on the way closes the connection before the end is told."""
        try:
            self._streams.admit()
        except Refusal as refusal:
            await asyncio.get_running_loop().run_in_executor(None, parts.close)
            await self._send(request, self._answerer.refuse(request, refusal), send)
            return
        try:
            response, headers = self._head(request, response)
            begin = {"type": "http.response.start", "status": response.status, "headers": headers, "trailers": False}
            await send(begin)  # type: ignore[arg-type]  # a TypedDict by its values
            await self._streams.send(parts, receive, send, only_head=request.method == "HEAD")
        except Exception as error:  # noqa: BLE001 - the head is sent: the missing end tells the client, the log us
            self._answerer.broke(request, error)
        finally:
            await self._streams.leave(parts)

    def _head(self, request: Request, response: Response) -> tuple[Response, list[tuple[bytes, bytes]]]:
        """Finish an answer and encode its head."""
        response, fields = self._answerer.finish(request, response)
        headers = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in fields]
        if response.close:
            headers.append((b"connection", b"close"))
        return response, headers


def head_of(scope: HTTPScope) -> Request:
    """Make a request without a body of an ASGI scope, with a fresh reference number."""
    client = scope["client"]
    return Request(
        method=scope["method"],
        path=scope["path"],
        query_string=scope["query_string"].decode("latin-1"),
        headers=Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]),
        client=client[0] if client else "",
        id=new_reference(),
    )


def new_reference() -> str:
    """Return a reference number that can be read out over the telephone."""
    return "-".join(secrets.token_hex(2) for _ in range(2))


def refuse_head(request: Request, scope: HTTPScope, limits: Limits) -> None:
    """Refuse a head before anything else of the request is looked at."""
    sizes = [len(name) + len(value) + 4 for name, value in scope["headers"]]
    if len(sizes) > limits.header_fields or sum(sizes) > limits.header_bytes:
        raise HeadTooLarge
    if request.method not in METHODS:
        raise MethodNotAllowed(headers=(("allow", ", ".join(METHODS)),))
    if not request.host and request.path != HEALTH:
        raise UnknownHost
    if "\0" in request.path or "\N{REPLACEMENT CHARACTER}" in request.path:
        raise Refusal


def announced(request: Request) -> int:
    """Return how long a body says it is, 0 for one that does not say so."""
    text = request.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def expected_size(request: Request, most: int) -> int:
    """Return how many bytes a body may have: what it announces, or the limit when it comes in chunks.

    Raises `TooLarge` for an announcement beyond the limit, before a byte of the body is read.
    """
    length = request.headers.get("content-length")
    if length is None:
        return most if "transfer-encoding" in request.headers else 0
    if not (length.isascii() and length.isdigit()):
        raise Refusal
    if len(length) > len(str(most)) or int(length) > most:
        raise TooLarge
    return int(length)


class Body:
    """A request's body while it is read: its size, and its share of the memory for all bodies, are bounded."""

    def __init__(self, most: int, budget: Budget) -> None:
        """Expect at most so many bytes."""
        self._most = most
        self._budget = budget
        self._parts = bytearray()

    @property
    def content(self) -> bytes:
        """What was read."""
        return bytes(self._parts)

    async def read(self, receive: ASGIReceiveCallable, seconds: float) -> None:
        """Read to the end within so many seconds; raises `TooLarge`, `TooSlow`, `Busy` or `ClientGone`."""
        try:
            async with asyncio.timeout(seconds):
                while await self._read_part(receive):
                    pass
        except TimeoutError:
            raise TooSlow from None

    async def _read_part(self, receive: ASGIReceiveCallable) -> bool:
        """Read one part and say whether more follows."""
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        part = message["body"]
        if len(self._parts) + len(part) > self._most:
            raise TooLarge
        # Taken as the bytes arrive: announced bodies that never come must not lock others out.
        if not self._budget.take(len(part)):
            raise Busy(headers=RETRY_AFTER)
        self._parts += part
        return message["more_body"]

    def release(self) -> None:
        """Give the share of the memory back."""
        self._budget.give_back(len(self._parts))
