"""Fixtures of the web tests: a throw-away certificate, and the real server in a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from growsoft.security.certificates import Authority, Certificate
from growsoft.security.tls import VARIABLE, write_openssl_config

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for localhost, as the product's own authority issues it."""
    folder = tmp_path_factory.mktemp("tls")
    return Authority.create(folder).issue("localhost", ("localhost",), ("127.0.0.1",), into=folder, stem="server")


@dataclass
class Served:
    """A running server and how to reach it."""

    process: subprocess.Popen[str]
    port: int
    plain_port: int
    trust: ssl.SSLContext

    def connect(self) -> ssl.SSLSocket:
        """Open a connection with TLS."""
        return self.trust.wrap_socket(self.connect_plain(self.port), server_hostname="localhost")

    def connect_plain(self, port: int) -> socket.socket:
        """Open a connection without TLS."""
        return socket.create_connection(("127.0.0.1", port), timeout=15)

    def ask(self, head: str, body: bytes = b"") -> bytes:
        """Send one request over TLS and return everything that comes back until the server closes."""
        with self.connect() as connection:
            return exchange(connection, head, body)

    def memory(self) -> int:
        """How much memory the server holds, in bytes."""
        fields = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in fields if line.startswith("VmRSS")) * 1024

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End the server by a signal and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=20)


def exchange(connection: socket.socket, head: str, body: bytes = b"") -> bytes:
    """Send a request and return what comes back until the other side closes."""
    connection.sendall(head.replace("\n", "\r\n").encode() + body)
    return rest_of(connection)


def rest_of(connection: socket.socket) -> bytes:
    """Return everything until the other side closes."""
    parts: list[bytes] = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


Start = Callable[..., Served]


@pytest.fixture(scope="module")
def start(certificate: Certificate) -> Iterator[Start]:
    """Start servers, with limits of the test's own, and end those that still run when the module is done."""
    running: list[Served] = []
    suites = certificate.certificate.parent / "openssl.cnf"
    write_openssl_config(suites)

    def begin(**limits: float) -> Served:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.unit.web.echo", str(certificate.certificate), str(certificate.key),
             msgspec.json.encode(limits).decode()],
            stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), VARIABLE: str(suites)},
        )  # fmt: skip
        assert process.stdout is not None
        port, plain_port = map(int, process.stdout.readline().split())
        trust = ssl.create_default_context(cafile=str(certificate.authority))
        running.append(Served(process, port, plain_port, trust))
        return running[-1]

    yield begin
    for served in running:
        if served.process.poll() is None:
            served.stop()
        if served.process.stdout is not None:
            served.process.stdout.close()


@pytest.fixture(scope="module")
def echo(start: Start) -> Served:
    """A server with the limits of the product, but for short times."""
    return start(header_seconds=1.0, body_seconds=1.0)
