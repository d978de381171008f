"""The real server in a thread of the test, over TLS with a certificate of its own."""

from __future__ import annotations

import asyncio
import io
import socket
import ssl
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import uvloop

from growsoft.security.certificates import Authority, Certificate
from growsoft.web import log
from growsoft.web.asgi import Answerer
from growsoft.web.limits import Limits
from growsoft.web.server import Listener, Server

HOSTS = ("localhost", "show.localhost")


def issue(folder: Path) -> Certificate:
    """Make an authority and a certificate for the names of the tests."""
    for name in ("ca", "tls"):
        (folder / name).mkdir()
    authority = Authority.create(folder / "ca")
    return authority.issue("localhost", HOSTS, ("127.0.0.1",), into=folder / "tls", stem="server")


@contextmanager
def running(answerer: Answerer, certificate: Certificate, limits: Limits | None = None) -> Generator[int]:
    """Serve on a free port while the block runs, and give the port."""
    # The suites of TLS 1.3 are chosen when a process starts: test_en1 looks at them, in a process of its own.
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate.certificate, certificate.key)
    log.configure(io.StringIO())
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port: int = bound.getsockname()[1]
        started = threading.Event()
        server = Server(answerer, [Listener(bound, tls)], https_port=port, limits=limits or Limits(), ready=started.set)
        thread = threading.Thread(target=_serve, args=(server,))
        thread.start()
        started.wait(10)
        try:
            yield port
        finally:
            server.should_exit = True
            thread.join(20)


def _serve(server: Server) -> None:
    """Run a server until it is told to stop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(server.serve())
