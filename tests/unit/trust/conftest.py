"""Fixtures: small web servers, each with one hole, on a port that also takes plain connections as ours does."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from growsoft.security.certificates import Authority, Certificate
from growsoft.trust.world import Address
from tests.unit.security.conftest import authority, openssl_config, start_server, web_certificate

__all__ = ["authority", "openssl_config", "start_server", "web_certificate"]

HSTS = "strict-transport-security: max-age=86400"
COOKIE = "set-cookie: __Host-gs=; Path=/; Secure; HttpOnly; SameSite=Lax"


@dataclass(frozen=True)
class Manners:
    """How a server answers: the fields of every secure answer, and whole answers to plain requests."""

    fields: tuple[str, ...] = (HSTS, COOKIE)
    status: str = "200 OK"
    plain_post: str = "HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n"
    plain_get: str = "HTTP/1.1 308 Permanent Redirect\r\nlocation: https://localhost/web/login\r\n\r\n"
    waits_for_body: bool = False

    def secure(self) -> bytes:
        """Word an answer over TLS."""
        return "\r\n".join((f"HTTP/1.1 {self.status}", *self.fields, "connection: close", "", "<p>hello")).encode()


Serve = Callable[[Manners], Address]


@pytest.fixture
def serve(web_certificate: Certificate, authority: Authority) -> Iterator[Serve]:
    """Start a server of some manners; it ends with the test."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(web_certificate.certificate, web_certificate.key)
    with ExitStack() as stack:

        def start(manners: Manners) -> Address:
            listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=50))
            thread = threading.Thread(target=_serve, args=(listening, context, manners), daemon=True)
            thread.start()
            stack.callback(thread.join, 10)
            stack.callback(listening.shutdown, socket.SHUT_RDWR)
            return Address("127.0.0.1", listening.getsockname()[1], authority.certificate)

        yield start


def _serve(listening: socket.socket, context: ssl.SSLContext, manners: Manners) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        connection.settimeout(10)
        with connection, contextlib.suppress(OSError):
            _answer(connection, context, manners)


def _answer(connection: socket.socket, context: ssl.SSLContext, manners: Manners) -> None:
    if connection.recv(1, socket.MSG_PEEK) == b"\x16":
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(65536)
            secured.sendall(manners.secure())
        return
    head = connection.recv(65536)
    if head.startswith(b"POST") and manners.waits_for_body:
        connection.recv(65536)
    connection.sendall((manners.plain_post if head.startswith(b"POST") else manners.plain_get).encode())
