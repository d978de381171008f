"""Serving: what a worker process calls to answer requests until it is told to stop."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Sequence

from growsoft.config import Settings
from growsoft.postgres.keeper import KeeperPort
from growsoft.web import log, server
from growsoft.web.app import Application
from growsoft.web.limits import Limits
from growsoft.web.ports import Authenticator, Directory


def serve(
    settings: Settings,
    directory: Directory,
    authenticator: Authenticator,
    sockets: Sequence[socket.socket],
    *,
    tls: ssl.SSLContext,
    keeper: KeeperPort | None = None,
    ready: Callable[[], None] | None = None,
    limits: Limits | None = None,
) -> int:
    """Serve HTTPS on bound sockets until SIGTERM or SIGINT; return the exit code 0.

    Clients that speak no TLS are sent on to HTTPS, so port 80 can be one of the sockets. `ready` is called once
    requests are accepted. The log goes to standard error as JSON lines.
    """
    log.to_stderr()
    application = Application(directory, authenticator, keeper=keeper)
    listeners = [server.Listener(bound, tls) for bound in sockets]
    return server.run(application, listeners, https_port=settings.port, limits=limits, ready=ready)
