"""Plain HTTP: reads no body, sends GET and HEAD on to HTTPS, refuses the rest (claim PW-3)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import cast

from growsoft.web.limits import Limits

LONGEST_HEAD = 8 * 1024
# A name or an IPv6 address in brackets, then perhaps a port; nothing that could end a header or start a path.
HOST = re.compile(rb"(?P<name>[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:\d{1,5})?")
TARGET = re.compile(rb"/[!-~]*")
REFUSED = b"Nothing is accepted over plain HTTP; send it to the https:// address of this page.\n"
NOT_UNDERSTOOD = b"This is no HTTP request; open the https:// address of this page.\n"


class PlainProtocol(asyncio.Protocol):
    """One connection without TLS: looks at one head and answers once, whatever follows it."""

    def __init__(self, https_port: int, limits: Limits, over: Callable[[], None]) -> None:
        """Send clients on to this port of the same host."""
        self._https_port = https_port
        self._limits = limits
        self._over = over
        self._head = b""
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Give the head its time."""
        # Not checked: uvloop's transports keep asyncio's contract without being subclasses of its classes.
        self._transport = cast("asyncio.Transport", transport)
        self._timer = asyncio.get_running_loop().call_later(self._limits.header_seconds, self._transport.abort)

    def data_received(self, data: bytes) -> None:
        """Take the head; what comes after it is dropped unseen."""
        if self._transport is None or self._transport.is_closing():
            return
        self._head += data[: LONGEST_HEAD - len(self._head)]
        head, found, _ = self._head.partition(b"\r\n\r\n")
        if found or len(self._head) >= LONGEST_HEAD:
            self._transport.write(answer(head, self._https_port))
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Say that the connection is over."""
        del exc
        if self._timer is not None:
            self._timer.cancel()
        self._over()


def answer(head: bytes, https_port: int) -> bytes:
    """Return the whole answer to the head of a plain request."""
    lines = head.split(b"\r\n")
    method, _, rest = lines[0].partition(b" ")
    target, _, version = rest.partition(b" ")
    host = _host(lines[1:])
    if not version.startswith(b"HTTP/1.") or not TARGET.fullmatch(target) or host is None:
        return _plain(b"400 Bad Request", NOT_UNDERSTOOD, method)
    if method not in {b"GET", b"HEAD"}:
        return _plain(b"403 Forbidden", REFUSED, method)
    port = b"" if https_port == 443 else b":%d" % https_port
    return _plain(b"308 Permanent Redirect", b"", method, (b"location: https://%s%s%s" % (host, port, target),))


def _host(lines: list[bytes]) -> bytes | None:
    """Return the name in the only Host field; none when it is missing, doubled or malformed."""
    fields = [line.partition(b":") for line in lines]
    hosts = [value.strip() for name, _, value in fields if name.strip().lower() == b"host"]
    match = HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
    return match["name"] if match else None


def _plain(status: bytes, text: bytes, method: bytes, fields: tuple[bytes, ...] = ()) -> bytes:
    """Word an answer without anything of the application in it."""
    lines = (
        b"HTTP/1.1 " + status,
        *fields,
        b"content-type: text/plain; charset=utf-8",
        b"content-length: %d" % len(text),
        b"content-security-policy: default-src 'none'; frame-ancestors 'none'",
        b"x-content-type-options: nosniff",
        b"referrer-policy: same-origin",
        b"cache-control: no-store",
        b"connection: close",
    )
    return b"\r\n".join(lines) + b"\r\n\r\n" + (b"" if method == b"HEAD" else text)
