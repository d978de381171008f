"""Bad input to a running instance: it is refused in words, it changes nothing, and it costs next to nothing."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.support.https import Site
from tests.support.instance import Home, eventually

MIB = 1024 * 1024
PARTNERS = 'print(json.dumps(env["res.partner"].search([["ref", "like", "ZZ"]]).mapped("ref")))'
MAPPED = ("--map", "Nr=ref", "--map", "Firma=name", "--map", "Land=country_id", "--key", "ref", "--json")
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"

LATIN = "Nr,Firma,Land\nZZ1,Müller,Germany\nZZ2,Größe,Germany\n".encode("latin-1")


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (LATIN, 2, "UTF-8"),
        (b"Nr,Firma\nZZ1,Cut\n", 1, "no column Land; it has: Nr, Firma"),
        (b"Nr:Firma:Land\nZZ1:Cut:Germany\n", 1, "no column"),
        (b"Nr,Firma,Land\nZZ1,Good,Germany\nZZ2,Bad,Atlantis\n", 3, "no Country"),
        (b"", 1, "empty"),
        (b"PK\x03\x04\x14\x00\x06\x00spreadsheet", 1, "."),
    ],
)
def test_a_broken_file_is_refused_by_line(
    running_instance: Home, tmp_path: Path, content: bytes, line: int, reason: str
) -> None:
    file = tmp_path / "broken.csv"
    file.write_bytes(content)
    done = running_instance.run("import", "demo", "res.partner", file, *MAPPED)
    told = done.json
    assert (done.code, told["created"], told["updated"]) == (1, 0, 0)
    assert set(told["errors"][0]) == {"line", "column", "value", "reason"}
    found = [error for error in told["errors"] if error["line"] == line]
    assert any(part in error["reason"] for error in found for part in reason.split("|")), told["errors"]
    assert "Traceback" not in done.err


def test_nothing_of_broken_files_is_there(running_instance: Home) -> None:
    assert running_instance.shell("demo", PARTNERS) == []


def _memory(home: Home) -> int:
    """The private memory of both web workers, in bytes."""
    total = 0
    for name in ("web-1", "web-2"):
        rollup = Path(f"/proc/{home.pid(name)}/smaps_rollup").read_text()
        total += sum(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Private_"))
    return total


def _sent(connection: ssl.SSLSocket, parts: Iterator[bytes]) -> int:
    """Send until the other side has had enough; returns how many bytes it took."""
    sent = 0
    with suppress(OSError):
        for part in parts:
            connection.sendall(part)
            sent += len(part)
    return sent


def _answer(connection: ssl.SSLSocket) -> bytes:
    """Read what came back, also when the connection was closed in the middle of our sending."""
    read = b""
    with suppress(OSError):
        while part := connection.recv(65536):
            read += part
    return read


def _chunks(size: int) -> Iterator[bytes]:
    chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    yield from (chunk for _ in range(size // 0x10000))


@pytest.mark.parametrize("length", [b"Content-Length: 1073741824\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_a_body_of_a_gigabyte_is_not_read(running_instance: Home, length: bytes) -> None:
    site = Site(running_instance, "demo.localhost")
    site.get("/web/login")
    before = _memory(running_instance)
    with closing(site.connected()) as connection:
        connection.sendall(
            b"POST /web/login HTTP/1.1\r\nHost: " + site.host.encode() + b"\r\n" + FORM + length + b"\r\n"
        )
        parts = _chunks(1024 * MIB) if b"chunked" in length else (bytes(0x10000) for _ in range(1024 * 16))
        sent = _sent(connection, parts)
        answer = _answer(connection)
    # A few buffers on the way may be full; whoever reads more has begun to believe us.
    assert sent < 64 * MIB
    assert b"413" in answer.partition(b"\r\n")[0] or not answer
    assert _memory(running_instance) - before < 32 * MIB
    assert site.get("/web/login").status == 200


def test_a_body_of_a_gigabyte_that_was_announced_is_answered_before_it_comes(running_instance: Home) -> None:
    site = Site(running_instance, "demo.localhost")
    with closing(site.connected()) as connection:
        connection.sendall(
            b"POST /web/login HTTP/1.1\r\nHost: " + site.host.encode() + b"\r\n" + FORM
            + b"Content-Length: 1073741824\r\n\r\n"
        )  # fmt: skip
        answer = _answer(connection).decode()
    assert answer.startswith("HTTP/1.1 413 ")
    assert "Too much at once" in answer


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "demo.localhost.evil.example",
        "evil.demo.localhost",
        "demo",
        "nobody.localhost",
        "control.localhost",
        "demo.localhost@evil.example",
        "demo.localhost/web",
        "127.0.0.2",
    ],
)
def test_a_wrong_host_header_is_served_from_no_database(running_instance: Home, host: str) -> None:
    site = Site(running_instance, "demo.localhost")
    for path in ("/web/login", "/app", "/"):
        answer = site.get(path, Host=host)
        assert answer.status in (400, 421), (host, path, answer.words)
        assert "Traceback" not in answer.text
        assert "Sign in" not in answer.words


def test_a_session_of_one_database_is_worth_nothing_at_another(running_instance: Home) -> None:
    home = running_instance
    home.ok("db", "create", "elsewhere")
    home.json(
        "user", "add", "demo", "kim", "--group", "contacts.manager", "--password-stdin", stdin="drei Räder am Wagen"
    )
    site = Site(home, "demo.localhost")
    site.sign_in("kim", "drei Räder am Wagen")
    assert site.get("/app/res.partner").status == 200
    for host in ("elsewhere.localhost", "localhost"):
        answer = site.get("/app/res.partner", Host=f"{host}:{home.port}")
        assert (answer.status, answer.location.partition("?")[0]) == (303, "/web/login")
    home.ok("db", "drop", "elsewhere", "--confirm", "elsewhere", "--without-backup")


def _plain(home: Home, request: bytes, seconds: float = 10) -> bytes:
    with closing(socket.create_connection(("127.0.0.1", home.port), seconds)) as connection:
        connection.sendall(request)
        read = b""
        with suppress(OSError):
            while part := connection.recv(65536):
                read += part
    return read


def test_plain_http_is_led_to_https(running_instance: Home) -> None:
    host = f"demo.localhost:{running_instance.port}"
    answer = _plain(running_instance, f"GET /app?a=1 HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()).decode()
    head, _, _ = answer.partition("\r\n\r\n")
    assert head.split()[1] in ("301", "308")
    assert f"location: https://{host}/app?a=1" in head.lower()


def test_plain_http_takes_no_password(running_instance: Home) -> None:
    host = f"demo.localhost:{running_instance.port}"
    body = b"login=admin&password=secret"
    request = f"POST /web/login HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    answer = _plain(running_instance, request).decode()
    assert answer.split()[1][0] == "4"
    assert "set-cookie" not in answer.lower()


def test_what_is_no_protocol_at_all_is_cut_off(running_instance: Home) -> None:
    for noise in (b"\x00" * 2000, b"SSH-2.0-OpenSSH_9.9\r\n", b"\x16\x03\x01\xff\xff" + b"\x00" * 100):
        _plain(running_instance, noise, seconds=1)
    eventually(lambda: Site(running_instance, "demo.localhost").get("/web/login").status == 200, within=10)
