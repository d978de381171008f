"""A keeper that serves in a thread of the test: its socket, its workers' ports, and raw bytes to either."""

import contextlib
import os
import socket
import struct
import tempfile
import threading
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from growsoft.keeper.client import KeeperClient, WorkerPort
from growsoft.keeper.server import KeeperServer, listening
from growsoft.keeper.verbs import Answer, Failed, Request, Verb
from tests.integration.keeper.conftest import House


@dataclass
class Service:
    """A keeper that serves, and everything that can speak to it."""

    house: House
    path: Path
    server: KeeperServer
    thread: threading.Thread
    lines: list[socket.socket]

    @property
    def client(self) -> KeeperClient:
        return KeeperClient(self.path)

    def worker(self, number: int = 0, seconds: float = 2.0) -> WorkerPort:
        return WorkerPort(self.lines[number], seconds)

    @contextlib.contextmanager
    def connection(self) -> Generator[socket.socket]:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(20)
            sock.connect(str(self.path))
            yield sock


@contextlib.contextmanager
def serving(house: House, workers: int = 1) -> Generator[Service]:
    with contextlib.ExitStack() as stack:
        # Not tmp_path: the path of a socket must be short.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gs-")))
        pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(workers)]
        for ours, theirs in pairs:
            stack.callback(ours.close)
            stack.callback(theirs.close)
        listener = stack.enter_context(listening(folder / "keeper.sock"))
        server = KeeperServer(house.keeper, listener, [theirs for _ours, theirs in pairs], house.verb_log)
        thread = threading.Thread(target=server.serve)
        thread.start()
        try:
            yield Service(house, folder / "keeper.sock", server, thread, [ours for ours, _theirs in pairs])
        finally:
            server.stop()
            thread.join()


def framed(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


def asked(verb: Verb, number: int = 1) -> bytes:
    return framed(msgspec.msgpack.encode(Request(number, verb)))


def answer(sock: socket.socket) -> Answer | None:
    """Read the next message; None when the keeper closed the connection."""
    header = _exactly(sock, 4)
    if not header:
        return None
    return msgspec.msgpack.decode(_exactly(sock, struct.unpack(">I", header)[0]), type=Answer)


def failure(sock: socket.socket) -> str:
    """Read the next message, which says that something failed; returns which error it was."""
    found = answer(sock)
    assert found is not None
    assert isinstance(found.message, Failed)
    return found.message.error


def descriptors() -> set[str]:
    """Every open descriptor of this process, and what it is."""
    found: set[str] = set()
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - entries vanish while they are read
        with contextlib.suppress(OSError):
            found.add(f"{name} {os.readlink(f'/proc/self/fd/{name}')}")  # noqa: PTH115 - not a path
    return found


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (part := sock.recv(size - len(data))):
        data += part
    return data
