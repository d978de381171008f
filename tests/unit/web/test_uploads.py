"""Uploads at the door: more room and time than other bodies, for what may bring files, and no more than that."""

from __future__ import annotations

import contextlib

from tests.unit.web.conftest import Served, Start, rest_of
from tests.unit.web.test_server import status

MIB = 1024 * 1024
HEAD = "POST {path} HTTP/1.1\nHost: localhost\nConnection: close\nContent-Length: {length}\n\n"


def test_a_file_may_be_larger_than_a_form(echo: Served) -> None:
    body = bytes(11 * MIB)
    answer = echo.ask(HEAD.format(path="/files", length=len(body)), body)
    assert status(answer) == 200
    assert b'"body":11534336' in answer


def test_a_form_does_not_become_larger_by_saying_so(echo: Served) -> None:
    assert status(echo.ask(HEAD.format(path="/page", length=11 * MIB))) == 413


def test_a_file_beyond_the_limit_is_refused_unread(echo: Served) -> None:
    before = echo.memory()
    for length in (52 * MIB, 10**12, 10**18):
        assert status(echo.ask(HEAD.format(path="/files", length=length))) == 413
    assert echo.memory() - before < 5_000_000


def test_a_file_that_does_not_say_how_long_it_is_has_the_room_of_a_form(echo: Served) -> None:
    with echo.connect() as connection:
        connection.sendall(b"POST /files HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(12 * 16):
                connection.sendall(b"10000\r\n" + bytes(65536) + b"\r\n")
        except OSError:
            pass
        assert status(rest_of(connection)) == 413


def test_files_that_never_end_leave_threads_and_room_for_others(start: Start) -> None:
    served = start(upload_seconds=1.5, threads=1, upload_bytes=12 * MIB, uploads_bytes=30 * MIB)
    slow = [served.connect() for _ in range(10)]
    for connection in slow:
        connection.sendall(HEAD.format(path="/files", length=11 * MIB).replace("\n", "\r\n").encode() + bytes(1000))
    full = [served.connect() for _ in range(2)]
    for connection in full:
        connection.sendall(HEAD.format(path="/files", length=12 * MIB).replace("\n", "\r\n").encode() + bytes(11 * MIB))
    small = bytes(1000)
    assert status(served.ask(HEAD.format(path="/page", length=len(small)), small)) == 200
    more = bytes(12 * MIB)
    with served.connect() as third:
        with contextlib.suppress(OSError):
            third.sendall(HEAD.format(path="/files", length=len(more)).replace("\n", "\r\n").encode() + more)
        assert status(rest_of(third)) == 503
    assert {status(rest_of(connection)) for connection in (*slow, *full)} == {408}
    for connection in (*slow, *full):
        connection.close()
