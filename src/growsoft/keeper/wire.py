"""The wire: messages over a stream socket, each with its length in front; a descriptor may come with one."""

from __future__ import annotations

import array
import contextlib
import os
import select
import socket
import struct
import time
from dataclasses import dataclass
from typing import Final

from growsoft.postgres.keeper import RequestMalformed

# Nobody takes longer than this over one message; a verb may take as long as it needs between two.
MESSAGE_SECONDS: Final = 10.0

_LENGTH: Final = struct.Struct(">I")
_CREDENTIALS: Final = struct.Struct("3i")
_MOST_DESCRIPTORS: Final = 4


@dataclass(frozen=True, slots=True)
class Frame:
    """A message as it came; whoever takes the frame closes the descriptor."""

    body: bytes
    fd: int | None


@dataclass(frozen=True, slots=True)
class Peer:
    """The process at the other end, as the kernel knows it (unix(7), SO_PEERCRED)."""

    pid: int
    uid: int


def peer_of(sock: socket.socket) -> Peer:
    """Ask the kernel who connected, or who made a pair."""
    pid, uid, _gid = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return Peer(pid, uid)


class Wire:
    """One end of a connection; `longest` is the largest message it takes, in bytes."""

    def __init__(self, sock: socket.socket, longest: int) -> None:
        """Take a connected socket; it stays the opener's."""
        self._sock = sock
        self._longest = longest

    def send(self, body: bytes, fd: int | None = None) -> None:
        """Send a message; raises `OSError` when the other end is gone or does not read."""
        data = _LENGTH.pack(len(body)) + body
        self._sock.settimeout(MESSAGE_SECONDS)
        if fd is not None:
            data = data[socket.send_fds(self._sock, [data], [fd]) :]
        self._sock.sendall(data)

    def receive(self) -> Frame | None:
        """Read a message that has begun to come; None at the end of the connection.

        Raises `RequestMalformed` for one that is too long, cut off, too slow or full of descriptors: nothing after it
        could be understood.
        """
        deadline = time.monotonic() + MESSAGE_SECONDS
        descriptors: list[int] = []
        try:
            header = self._header(deadline, descriptors)
            if not header:
                return None
            body = self._body(_LENGTH.unpack(header)[0], deadline)
            if len(descriptors) > 1:
                raise RequestMalformed("A request comes with one descriptor at most.")
            return Frame(body, descriptors.pop() if descriptors else None)
        except TimeoutError:
            raise RequestMalformed("The message did not come to its end in time.") from None
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def drain(self) -> None:
        """Forget everything that has come so far: where a message begins could not be told any more."""
        self._sock.setblocking(False)
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while self._sock.recv(65_536):
                pass

    def wait(self, stop: int | None, seconds: float | None) -> bool:
        """Wait for something to read; False when `stop` became readable or the time is over."""
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        if stop is not None:
            poll.register(stop, select.POLLIN)
        ready = [descriptor for descriptor, _event in poll.poll(None if seconds is None else max(seconds, 0) * 1000)]
        return bool(ready) and stop not in ready

    def _header(self, deadline: float, descriptors: list[int]) -> bytes:
        header = b""
        while len(header) < _LENGTH.size:
            self._sock.settimeout(_left(deadline))
            part = self._receive_with_descriptors(_LENGTH.size - len(header), descriptors)
            if not part:
                break
            header += part
        if 0 < len(header) < _LENGTH.size:
            raise RequestMalformed("The message was cut off.")
        return header

    def _receive_with_descriptors(self, size: int, descriptors: list[int]) -> bytes:
        # Descriptors come with the first byte; close-on-exec, so that no program we start ever inherits one.
        space = socket.CMSG_SPACE(_MOST_DESCRIPTORS * array.array("i").itemsize)
        part, ancillary, flags, _address = self._sock.recvmsg(size, space, socket.MSG_CMSG_CLOEXEC)
        for level, kind, data in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                found = array.array("i")
                found.frombytes(data[: len(data) - len(data) % found.itemsize])
                descriptors.extend(found)
        if flags & socket.MSG_CTRUNC:
            raise RequestMalformed("A request comes with one descriptor at most.")
        return part

    def _body(self, length: int, deadline: float) -> bytes:
        if length > self._longest:
            raise RequestMalformed(f"A message of {length} bytes is too long; {self._longest} are allowed here.")
        body = bytearray()
        while len(body) < length:
            self._sock.settimeout(_left(deadline))
            part = self._sock.recv(min(length - len(body), 65_536))
            if not part:
                raise RequestMalformed("The message was cut off.")
            body += part
        return bytes(body)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
