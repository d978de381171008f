"""The wire: messages whole or not at all, and no descriptor is ever lost."""

import os
import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growsoft.keeper import wire as module
from growsoft.keeper.wire import Wire, peer_of
from growsoft.postgres.keeper import RequestMalformed


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


@given(st.lists(st.binary(max_size=5000), max_size=5))
def test_messages_come_as_they_were_sent_and_in_order(bodies: list[bytes]) -> None:
    one, other = socket.socketpair()
    with one, other:
        sender, receiver = Wire(one, 0), Wire(other, 5000)
        for body in bodies:
            sender.send(body)
        one.shutdown(socket.SHUT_WR)
        for body in bodies:
            frame = receiver.receive()
            assert frame is not None
            assert (frame.body, frame.fd) == (body, None)
        assert receiver.receive() is None


def test_a_message_larger_than_the_socket_holds_arrives(ends: tuple[socket.socket, socket.socket]) -> None:
    body = os.urandom(4 << 20)
    thread = threading.Thread(target=lambda: Wire(ends[0], 0).send(body))
    thread.start()
    frame = Wire(ends[1], len(body)).receive()
    thread.join()
    assert frame is not None
    assert frame.body == body


def test_a_descriptor_arrives_with_its_message_and_is_not_inherited(ends: tuple[socket.socket, socket.socket]) -> None:
    reading, writing = os.pipe()
    Wire(ends[0], 0).send(b"x" * 100, writing)
    os.close(writing)
    frame = Wire(ends[1], 100).receive()
    assert frame is not None
    assert frame.fd is not None
    assert not os.get_inheritable(frame.fd)
    os.write(frame.fd, b"through")
    os.close(frame.fd)
    assert os.read(reading, 10) == b"through"
    assert os.read(reading, 10) == b""  # nobody else holds the writing end
    os.close(reading)


@pytest.mark.parametrize("count", [2, 4, 5, 20])
def test_more_than_one_descriptor_is_refused_and_all_are_closed(
    ends: tuple[socket.socket, socket.socket], count: int
) -> None:
    reading, writing = os.pipe()
    socket.send_fds(ends[0], [struct.pack(">I", 1) + b"x"], [writing] * count)
    os.close(writing)
    with pytest.raises(RequestMalformed):
        Wire(ends[1], 100).receive()
    assert os.read(reading, 10) == b""
    os.close(reading)


@pytest.mark.parametrize("sent", [b"\0", b"\0\0\0", b"\0\0\0\5abcd"])
def test_a_message_that_is_cut_off_is_refused(ends: tuple[socket.socket, socket.socket], sent: bytes) -> None:
    ends[0].sendall(sent)
    ends[0].close()
    with pytest.raises(RequestMalformed, match="cut off"):
        Wire(ends[1], 100).receive()


def test_a_message_that_is_too_long_is_refused_before_it_is_read(ends: tuple[socket.socket, socket.socket]) -> None:
    ends[0].sendall(struct.pack(">I", 101))
    with pytest.raises(RequestMalformed, match="too long"):
        Wire(ends[1], 100).receive()


def test_a_message_that_trickles_is_given_up(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MESSAGE_SECONDS", 0.2)
    over = threading.Event()

    def trickle() -> None:
        ends[0].sendall(struct.pack(">I", 100))
        while not over.wait(0.05):
            ends[0].sendall(b"x")

    thread = threading.Thread(target=trickle)
    thread.start()
    began = time.monotonic()
    with pytest.raises(RequestMalformed, match="in time"):
        Wire(ends[1], 100).receive()
    over.set()
    thread.join()
    assert time.monotonic() - began < 2


def test_whoever_does_not_read_is_given_up(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MESSAGE_SECONDS", 0.1)
    with pytest.raises(TimeoutError):
        Wire(ends[0], 0).send(b"x" * (4 << 20))


def test_waiting_ends_by_a_message_a_stop_or_the_time(ends: tuple[socket.socket, socket.socket]) -> None:
    stopped, stop = os.pipe()
    wire = Wire(ends[1], 100)
    assert not wire.wait(stopped, 0.01)
    ends[0].sendall(b"x")
    assert wire.wait(stopped, 5)
    os.close(stop)
    assert not wire.wait(stopped, None)
    os.close(stopped)


def test_what_was_drained_is_gone_and_what_comes_later_is_read(ends: tuple[socket.socket, socket.socket]) -> None:
    wire = Wire(ends[1], 100)
    ends[0].sendall(b"x" * 5000)
    wire.drain()
    Wire(ends[0], 0).send(b"a message")
    frame = wire.receive()
    assert frame is not None
    assert frame.body == b"a message"


def test_the_kernel_says_who_is_at_the_other_end(ends: tuple[socket.socket, socket.socket]) -> None:
    assert (peer_of(ends[0]).pid, peer_of(ends[0]).uid) == (os.getpid(), os.geteuid())
