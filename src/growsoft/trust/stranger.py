"""A stranger: what a server says to somebody who knows nothing of it but its address.

Written apart from the product's own HTTP, on plain sockets: a scanner must not share the mistakes of what it scans.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Final

from growsoft.trust.world import Address, CannotCheck

TIMEOUT: Final = 5.0
MOST_BYTES: Final = 4 * 1024 * 1024

# PostgreSQL's protocol asks for TLS with these eight bytes, and is answered with one letter.
_SSL_REQUEST: Final = bytes.fromhex("00000008 04d2162f")
_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3})(?: |$)")


@dataclass(frozen=True, slots=True)
class Said:
    """An answer: its status, the fields of its head in order, its body, and after how many seconds it began."""

    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes
    seconds: float

    def every(self, name: str) -> list[str]:
        """Return all values of a field."""
        return [value for field, value in self.fields if field == name]

    def first(self, name: str) -> str:
        """Return the first value of a field, empty when there is none."""
        return next(iter(self.every(name)), "")


@dataclass(frozen=True, slots=True)
class Served:
    """What a TLS server showed: its certificate (DER), and the version that was spoken."""

    certificate: bytes
    version: str


def ask_plain(address: Address, head: bytes, *, patience: float = TIMEOUT) -> Said | None:
    """Send the head of a request without TLS and read the answer; None when the server closes without one.

    Raises ``TimeoutError`` when the server waits for more.
    """
    with _connected(address, patience) as connection:
        try:
            return _exchange(connection, head)
        except ConnectionError:
            return None


def ask(address: Address, name: str, path: str, method: str = "GET") -> Said:
    """Ask over TLS under a host name, certificate and name verified; raises ``CannotCheck`` without an answer."""
    host = f"{name}:{address.port}".encode()
    head = b"%s %s HTTP/1.1\r\nhost: %s\r\nconnection: close\r\n\r\n" % (method.encode(), path.encode(), host)
    with _connected(address, TIMEOUT) as connection, _secured(address, connection, name) as secured:
        said = _exchange(secured, head)
    if said is None:
        raise CannotCheck(f"The server closed the connection for {path} without an answer.", "See the log of the web.")
    return said


def handshake(address: Address, name: str, *, postgresql: bool = False) -> Served:
    """Shake hands under a host name, certificate and name verified, and return what was shown."""
    with _connected(address, TIMEOUT) as connection:
        if postgresql:
            connection.sendall(_SSL_REQUEST)
            if connection.recv(1) != b"S":
                raise CannotCheck("PostgreSQL refused TLS.", "See `ssl` in its configuration.")
        with _secured(address, connection, name) as secured:
            return Served(secured.getpeercert(binary_form=True) or b"", secured.version() or "")


def _connected(address: Address, timeout: float) -> socket.socket:
    try:
        return socket.create_connection((address.host, address.port), timeout)
    except OSError as error:
        raise CannotCheck(
            f"Nothing answers at {address.host}:{address.port} ({error.strerror or error}).", "Start it: growsoft up"
        ) from error


def _secured(address: Address, connection: socket.socket, name: str) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=address.authority)
    try:
        return context.wrap_socket(connection, server_hostname=name)
    except ssl.SSLError as error:
        raise CannotCheck(
            f"The server at port {address.port} is not who it should be ({error.reason or error}).",
            "Have its certificate issued anew: stop, then growsoft up",
        ) from error


def _exchange(connection: socket.socket, head: bytes) -> Said | None:
    began = time.perf_counter()
    connection.sendall(head)
    data = connection.recv(65536)
    seconds = time.perf_counter() - began
    while len(data) < MOST_BYTES and (more := connection.recv(65536)):
        data += more
    return _said(data, seconds)


def _said(data: bytes, seconds: float) -> Said | None:
    head, _, body = data.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    match = _STATUS.match(status)
    if match is None:
        return None
    fields = (line.decode("latin-1").partition(":") for line in lines)
    return Said(int(match[1]), tuple((name.lower(), value.strip()) for name, _, value in fields), body, seconds)
