"""The server under bad clients: slow, large, many, wrong, and without TLS."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor

from tests.unit.web.conftest import Served, Start, exchange, rest_of

GET = "GET /page HTTP/1.1\nHost: localhost\nConnection: close\n\n"


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_a_request_is_answered(echo: Served) -> None:
    answer = echo.ask(GET)
    assert status(answer) == 200
    assert answer.endswith(b'{"method":"GET","path":"/page","body":0,"client":"127.0.0.1"}')


def test_every_answer_carries_the_headers_policy(echo: Served) -> None:
    for request in (
        GET,
        "GET / HTTP/1.1\nConnection: close\n\n",
        "nonsense\n\n",
        "BREW /tea HTTP/1.1\nHost: localhost\n\n",
    ):
        answer = echo.ask(request).lower()
        for field in (
            b"content-security-policy: default-src 'none'",
            b"strict-transport-security: max-age=",
            b"x-content-type-options: nosniff",
            b"cache-control: no-store",
            b"cross-origin-resource-policy: ",
        ):
            assert field in answer, (request, field)


def test_a_head_that_dribbles_is_cut_off_in_time(echo: Served) -> None:
    begun = time.monotonic()
    with echo.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: local")
        assert status(rest_of(connection)) == 408
    assert 0.5 < time.monotonic() - begun < 4


def test_a_connection_that_says_nothing_is_closed(echo: Served) -> None:
    with echo.connect_plain(echo.port) as connection:
        assert connection.recv(1) == b""
    with echo.connect() as connection:
        assert connection.recv(1) == b""


def test_a_long_head_is_refused(echo: Served) -> None:
    assert status(echo.ask("GET / HTTP/1.1\nHost: localhost\nX: " + "a" * 40_000 + "\n\n")) == 431


def test_a_head_that_never_ends_is_refused_by_size(start: Start) -> None:
    served = start()
    with served.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: aaaaaaaa\r\n" * 4000)
        assert status(rest_of(connection)) == 431


def test_too_many_fields_are_refused(echo: Served) -> None:
    assert status(echo.ask("GET / HTTP/1.1\nHost: localhost\n" + "X: a\n" * 200 + "\n")) == 431


def test_a_body_that_dribbles_is_cut_off_and_takes_no_thread(start: Start) -> None:
    served = start(body_seconds=1.0, threads=1)
    slow = [served.connect() for _ in range(20)]
    for connection in slow:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nx")
    begun = time.monotonic()
    assert status(served.ask(GET)) == 200
    assert time.monotonic() - begun < 0.5
    assert {status(rest_of(connection)) for connection in slow} == {408}
    for connection in slow:
        connection.close()


def test_a_body_of_a_gigabyte_is_refused_unread(echo: Served) -> None:
    before = echo.memory()
    begun = time.monotonic()
    head = "POST / HTTP/1.1\nHost: localhost\nContent-Length: 1000000000\n\n"
    with echo.connect() as connection:
        connection.sendall(head.replace("\n", "\r\n").encode())
        assert connection.recv(12) == b"HTTP/1.1 413"
    assert time.monotonic() - begun < 0.5
    assert echo.memory() - before < 5_000_000


def test_a_body_that_grows_beyond_the_limit_is_refused_on_the_way(echo: Served) -> None:
    before = echo.memory()
    sent = 0
    with echo.connect() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while sent < 200_000_000:
                connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                sent += 65536
        except OSError:
            pass
        answer = rest_of(connection)
    assert status(answer) == 413
    assert sent < 60_000_000
    assert echo.memory() - before < 60_000_000


def test_a_body_within_the_limit_is_read(echo: Served) -> None:
    body = b"x" * 3_000_000
    head = f"POST / HTTP/1.1\nHost: localhost\nConnection: close\nContent-Length: {len(body)}\n\n"
    assert b'"body":3000000' in echo.ask(head, body)


def test_all_bodies_together_have_a_limit(start: Start) -> None:
    served = start(body_bytes=1_000_000, bodies_bytes=1_000_000)
    held = served.connect()
    held.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n\r\n" + b"x" * 800_000)
    time.sleep(0.3)
    head = "POST / HTTP/1.1\nHost: localhost\nConnection: close\nContent-Length: 300000\n\n"
    assert status(served.ask(head, b"x" * 300_000)) == 503
    held.sendall(b"x" * 100_000)
    assert held.recv(15) == b"HTTP/1.1 200 OK"
    held.close()
    assert status(served.ask(head, b"x" * 300_000)) == 200


def test_two_hosts_or_none_are_refused(echo: Served) -> None:
    assert status(echo.ask("GET / HTTP/1.1\nConnection: close\n\n")) == 421
    assert status(echo.ask("GET / HTTP/1.1\nHost: localhost\nHost: other\nConnection: close\n\n")) == 421


def test_two_lengths_or_a_length_that_is_none_are_refused(echo: Served) -> None:
    for lengths in (
        "Content-Length: 5\nContent-Length: 6\n",
        "Content-Length: five\n",
        "Content-Length: -5\n",
        "Content-Length: 5\nTransfer-Encoding: chunked\n",
    ):
        assert status(echo.ask(f"POST / HTTP/1.1\nHost: localhost\n{lengths}\nhello")) == 400


def test_one_address_gets_its_share_of_connections(start: Start) -> None:
    served = start(connections_per_address=5)
    held = [served.connect() for _ in range(5)]
    with served.connect_plain(served.port) as sixth:
        assert sixth.recv(1) == b""
    held.pop().close()
    time.sleep(0.2)
    assert status(served.ask(GET)) == 200
    for connection in held:
        connection.close()


def test_a_flood_of_requests_is_told_to_come_back(start: Start) -> None:
    served = start(threads=1, waiting=1)
    slow = "GET /slow HTTP/1.1\nHost: localhost\nConnection: close\n\n"
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(served.ask, [slow] * 6))
    assert sorted(status(answer) for answer in answers) == [200, 200, 503, 503, 503, 503]
    assert all(b"retry-after: 2" in answer for answer in answers if status(answer) == 503)


def test_a_reader_that_does_not_read_is_cut_off(start: Start) -> None:
    served = start(write_seconds=1.0)
    with served.connect() as connection:
        connection.sendall(b"GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(2.5)
        received = 0
        try:
            while part := connection.recv(65536):
                received += len(part)
        except OSError:
            pass
    assert received < 50_000_000


def test_an_answer_in_parts_is_longer_than_memory_holds(start: Start) -> None:
    served = start()
    before = served.memory()
    received = 0
    with served.connect() as connection:
        connection.sendall(b"GET /parts/300 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        while part := connection.recv(1_000_000):
            received += len(part)
    assert 300_000_000 < received < 301_000_000
    assert served.memory() - before < 30_000_000


def test_a_client_that_leaves_or_reads_nothing_ends_his_answer_and_takes_no_thread(start: Start) -> None:
    served = start(threads=1, streams=3)
    head = b"GET /parts/1000 HTTP/1.1\r\nHost: localhost\r\n\r\n"
    reader = [served.connect() for _ in range(3)]
    for connection in reader:
        connection.sendall(head)
        assert connection.recv(12) == b"HTTP/1.1 200"
    assert b'"method"' in served.ask(GET)
    assert status(served.ask("GET /parts/1 HTTP/1.1\nHost: localhost\nConnection: close\n\n")) == 503
    for connection in reader:
        connection.close()
    deadline = time.monotonic() + 10
    ended = b"GET /ended HTTP/1.1\nHost: localhost\nConnection: close\n\n".decode()
    while b'"ended":4' not in served.ask(ended) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert b'"ended":4' in served.ask(ended)
    assert status(served.ask("GET /parts/1 HTTP/1.1\nHost: localhost\nConnection: close\n\n")) == 200


def test_an_answer_that_breaks_has_no_end(echo: Served) -> None:
    whole = echo.ask("GET /parts/1 HTTP/1.1\nHost: localhost\nConnection: close\n\n")
    broken = echo.ask("GET /parts/fails HTTP/1.1\nHost: localhost\nConnection: close\n\n")
    assert whole.endswith(b"\r\n0\r\n\r\n")
    assert status(broken) == 200
    assert not broken.endswith(b"0\r\n\r\n")
    head = echo.ask("HEAD /parts/9 HTTP/1.1\nHost: localhost\nConnection: close\n\n")
    assert status(head) == 200
    assert head.endswith(b"\r\n\r\n")
    assert b"yyy" not in head


def test_health_is_told_without_a_database_and_under_any_name(echo: Served) -> None:
    assert echo.ask("GET /healthz HTTP/1.1\nHost: 10.0.0.1\nConnection: close\n\n").endswith(b"ok\n")


def test_the_end_is_orderly(start: Start) -> None:
    served = start()
    with served.connect() as connection:
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(0.5)
        served.process.send_signal(signal.SIGTERM)
        assert b'"path":"/slow"' in rest_of(connection)
    assert served.process.wait(timeout=10) == 0
    assert start().stop(signal.SIGINT) == 0


def test_pw3_plain_http_redirects_those_who_look(echo: Served) -> None:
    for port in (echo.plain_port, echo.port):
        with echo.connect_plain(port) as connection:
            answer = exchange(connection, f"GET /web/login?a=b HTTP/1.1\nHost: demo.localhost:{port}\n\n")
        assert status(answer) == 308
        assert f"location: https://demo.localhost:{echo.port}/web/login?a=b\r\n".encode() in answer
    with echo.connect_plain(echo.plain_port) as connection:
        assert status(exchange(connection, "HEAD / HTTP/1.1\nHost: localhost\n\n")) == 308


def test_pw3_plain_http_reads_no_body_and_takes_no_password(echo: Served) -> None:
    body = b"login=ada&password=correct+horse"
    for port in (echo.plain_port, echo.port):
        for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            with echo.connect_plain(port) as connection:
                head = f"{method} /web/login HTTP/1.1\nHost: localhost\nContent-Length: 1000000\n\n"
                answer = exchange(connection, head, body)
            assert status(answer) == 403
            assert b"https://" in answer
            assert b"location" not in answer.lower()


def test_pw3_plain_http_answers_before_the_body_comes(echo: Served) -> None:
    with echo.connect_plain(echo.plain_port) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n")
        assert status(rest_of(connection)) == 403


def test_pw3_a_redirect_cannot_be_turned_elsewhere(echo: Served) -> None:
    for head in (
        "GET //evil.example HTTP/1.1\nHost: localhost",
        "GET / HTTP/1.1\nHost: a/b",
        "GET / HTTP/1.1",
        "GET http://evil.example/ HTTP/1.1\nHost: localhost",
        "GET / HTTP/1.1\nHost: a\nHost: b",
        "GET / HTTP/1.1\nHost: user@evil.example",
        "GET /a\x0bb HTTP/1.1\nHost: localhost",
    ):
        with echo.connect_plain(echo.plain_port) as connection:
            answer = exchange(connection, head + "\n\n")
        assert b"//evil.example" not in answer.replace(b"https://localhost:%d//evil.example" % echo.port, b"")
        assert status(answer) in {308, 400}
