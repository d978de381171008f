"""From outside: requests that mean two things, names that are nearly ours, and guessing at all workers at once."""

from __future__ import annotations

import json
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.acceptance.security.stranger import Stranger
from tests.support.instance import Home

PASSWORD = "plum tractor lantern"
# An address of his own: what he does wrong must not be counted with what other tests do.
GUESSER = "127.0.0.5"

HOST = b"Host: demo.localhost:1\r\n"
POST = b"POST /web/login HTTP/1.1\r\n" + HOST
NEXT = b"GET /readyz HTTP/1.1\r\n" + HOST + b"\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
END = b"\r\n0\r\n\r\n"
# Where two who read the same bytes could disagree about where a request ends, the second request must not be answered.
SMUGGLED = {
    "two lengths": POST + b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n" + NEXT,
    "a list of lengths": POST + b"Content-Length: 0, 0\r\n\r\n" + NEXT,
    "a signed length": POST + b"Content-Length: +0\r\n\r\n" + NEXT,
    "length, then chunks": POST + b"Content-Length: 5\r\n" + CHUNKED + END + NEXT,
    "chunks, then length": POST + CHUNKED + b"Content-Length: 5\r\n" + END + NEXT,
    "nearly chunked": POST + b"Transfer-Encoding: xchunked\r\n" + END + NEXT,
    "chunked, and then not": POST + b"Transfer-Encoding: chunked, identity\r\n" + END + NEXT,
    "a blank before the colon": POST + b"Transfer-Encoding : chunked\r\n" + END + NEXT,
    "a folded line": POST + b"Transfer-Encoding:\r\n chunked\r\n" + END + NEXT,
    "bare line feeds": POST.replace(b"\r", b"") + b"Content-Length: 0\n\n" + NEXT,
    "a negative chunk": POST + CHUNKED + b"\r\n-1\r\n" + NEXT,
    "an endless chunk": POST + CHUNKED + b"\r\nFFFFFFFFFFFFFFFFFF\r\n" + NEXT,
    "a chunk too long": POST + CHUNKED + b"\r\n1\r\nabc\r\n0\r\n\r\n" + NEXT,
    "chunks with line feeds": POST + CHUNKED + b"\r\n1\na\n0\n\n" + NEXT,
    "a NUL in a field": POST + b"X: a\0b\r\n\r\n" + NEXT,
    "a line that is no field": POST + b"no field\r\n\r\n" + NEXT,
    "two hosts": b"GET /web/login HTTP/1.1\r\n" + HOST + b"Host: localhost\r\n\r\n" + NEXT,
    "a tunnel": b"CONNECT localhost:22 HTTP/1.1\r\n" + HOST + b"\r\n" + NEXT,
}  # fmt: skip

STRANGE_HOSTS = (
    "x.demo.localhost", ".demo.localhost", "..localhost", "demo.localhost.evil.example", "demo", "demo.local",
    "demolocalhost", "demo.localhost@localhost", "localhost,demo.localhost", "demo.localhost:1:2", "demo.localhost:x",
    "demo%2elocalhost", "demo.localhost/x", "demo.localhost#", "demo.localhost\\x", "xn--demo.localhost", "_.localhost",
    "%.localhost", "' or 1=1 --.localhost", "postgres.localhost", "template1.localhost", "control.localhost",
    "localhost.localhost", "d\xe9mo.localhost", "demo\xad.localhost", "169.254.169.254", "[::]", "0x7f000001",
    "a" * 5000,
)  # fmt: skip


@pytest.fixture(scope="module")
def stranger(running_instance: Home) -> Stranger:
    return Stranger(running_instance)


@pytest.fixture(scope="module")
def nancy(running_instance: Home) -> str:
    """The login of somebody who has a password."""
    running_instance.ok("user", "add", "demo", "throttled", "--password-stdin", stdin=f"{PASSWORD}\n")
    return "throttled"


def test_two_requests_on_one_connection_are_both_answered(stranger: Stranger) -> None:
    good = b"GET /readyz HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc" + NEXT
    assert stranger.say(good, patience=1).statuses == [200, 200]


@pytest.mark.parametrize("what", SMUGGLED)
def test_a_request_that_means_two_things_is_the_last_one(stranger: Stranger, what: str) -> None:
    heard = stranger.say(SMUGGLED[what], patience=3)
    assert len(heard.statuses) <= 1
    assert all(status >= 400 for status in heard.statuses)
    assert b"ready" not in heard.raw


def test_db2_a_host_that_is_nearly_a_name_leads_to_no_database(stranger: Stranger) -> None:
    assert stranger.ask("GET", "/web/login").statuses == [200]
    for host in STRANGE_HOSTS:
        heard = stranger.ask("GET", "/web/login", host=host)
        assert heard.statuses in ([421], [431], [400]), host
        assert "db_" not in heard.text, host


def test_db2_the_name_in_tls_opens_no_other_database(stranger: Stranger, nancy: str) -> None:
    visitor = Stranger(stranger.home)
    assert visitor.sign_in(nancy, PASSWORD).statuses == [303]
    assert visitor.ask("GET", "/app", sni="localhost").statuses == [200]
    elsewhere = visitor.ask("GET", "/app", host="localhost:1", sni="demo.localhost")
    assert elsewhere.statuses == [303]
    assert "location: /web/login" in elsewhere.text


def test_nobody_has_a_password_from_the_start(running_instance: Home) -> None:
    guesses = {"demo.localhost": ("admin", "demo"), "localhost": ("growsoft", "admin")}
    for host, passwords in guesses.items():
        for login in ("admin", "__system__", "__directory__", "root"):
            for password in passwords:
                answer = Stranger(running_instance, host, GUESSER).sign_in(login, password)
                assert answer.statuses == [401], (host, login)


def test_pw4_all_workers_count_together_and_believe_no_forwarded_address(stranger: Stranger, nancy: str) -> None:
    def guess(number: int) -> int:
        forged = f"198.51.100.{number}"
        headers = {"x_forwarded_for": forged, "x_real_ip": forged, "forwarded": f"for={forged}", "x_client_ip": forged}
        return Stranger(stranger.home, source=GUESSER).sign_in(nancy, f"wrong {number}", **headers).statuses[0]

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(guess, range(18)))
    assert answers.count(401) <= 5
    assert set(answers) <= {401, 429, 503}
    assert Stranger(stranger.home).sign_in(nancy, PASSWORD).statuses == [429]


def test_nd1_idle_connections_of_one_address_lock_nobody_else_out(stranger: Stranger) -> None:
    held: list[ssl.SSLSocket] = []
    try:
        for _ in range(230):
            try:
                held.append(stranger.connect())
            except OSError:
                break
        assert Stranger(stranger.home, source="127.0.0.9").ask("GET", "/web/login").statuses == [200]
    finally:
        for tls in held:
            tls.close()


def test_a_file_of_a_customer_does_not_steer_the_operator_s_terminal(running_instance: Home, tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text("name,price,\x1b[31m\nTea,12\x1b]0;title\x07,\n\x1b[2J,\x9b1m,\n", "utf-8")
    maps = ("--map", "name=name", "--map", "price=list_price")
    done = running_instance.run("import", "demo", "product.product", file, *maps, "--dry-run")
    assert done.code == 1
    assert "Line 2" in done.err
    assert not set("\x1b\x07\x9b") & set(done.err + done.out)


def test_the_log_is_lines_of_json_whatever_was_asked(stranger: Stranger) -> None:
    marker = "Zq7marker"
    for path in (
        f"/{marker}",
        f"/app/{marker}",
        f"/web/link/{marker}",
        f"/web/login?next=/{marker}",
        f"/%0d%0a{marker}",
    ):
        stranger.ask("GET", path, user_agent=marker, referer=marker, cookie=f"__Host-gs={marker}")
    stranger.sign_in(f"{marker}\n", f"{marker}\x1b[31m")
    threading.Event().wait(0.2)
    for log in stranger.home.state.log.glob("web-*.log"):
        text = log.read_text("utf-8")
        assert marker not in text
        lines = [json.loads(line) for line in text.splitlines()]
        assert lines
