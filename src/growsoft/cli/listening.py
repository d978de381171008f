"""The sockets that web workers share: bound once by the supervisor, so that a restart refuses nobody."""

from __future__ import annotations

import socket
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

from growsoft.config import Settings
from growsoft.errors import GrowsoftError

BACKLOG: Final = 1024


class PortTaken(GrowsoftError):
    """Somebody else listens on the port; set GROWSOFT_PORT to another."""


@contextmanager
def bound(settings: Settings) -> Generator[Sequence[socket.socket]]:
    """Bind the HTTPS port; raises ``PortTaken`` naming it when somebody else has it."""
    with ExitStack() as stack:
        yield [stack.enter_context(_listen(address, settings.port)) for address in _addresses(settings)]


def _addresses(settings: Settings) -> list[str]:
    # Browsers may take localhost for either family.
    both = settings.bind == "127.0.0.1" and socket.has_ipv6 and _has_ipv6_loopback()
    return ["127.0.0.1", "::1"] if both else [settings.bind]


def _has_ipv6_loopback() -> bool:
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True


def _listen(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    try:
        sock.bind((address, port))
    except OSError as error:
        sock.close()
        raise PortTaken(
            f"Port {port} of {address} is taken ({error.strerror}); set GROWSOFT_PORT to another."
        ) from error
    sock.listen(BACKLOG)
    sock.setblocking(False)
    return sock
