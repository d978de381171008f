"""TLS: our servers accept 256 bits only, and the scanner that says so finds every hole that is planted."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growsoft.errors import ConfigError
from growsoft.security import tls
from growsoft.security.certificates import Authority, Certificate
from growsoft.security.tls import (
    SUITES_13,
    VARIABLE,
    ScanFailed,
    Suite,
    accepted_suites,
    openssl_config,
    server_context,
    write_openssl_config,
)
from growsoft.security.tls_hello import Alert, Chosen, NotTls, answer, client_hello

StartServer = Callable[[str], int]

OURS = [
    Suite("TLS 1.2", "ECDHE-RSA-AES256-GCM-SHA384", 256),
    Suite("TLS 1.2", "ECDHE-RSA-CHACHA20-POLY1305", 256),
    Suite("TLS 1.3", "TLS_AES_256_GCM_SHA384", 256),
    Suite("TLS 1.3", "TLS_CHACHA20_POLY1305_SHA256", 256),
]


def test_en1_a_server_of_ours_accepts_suites_of_256_bits_only(start_server: StartServer) -> None:
    assert accepted_suites("127.0.0.1", start_server("ours")) == OURS
    assert all(suite.bits >= tls.BITS for suite in OURS)


@pytest.mark.parametrize(
    ("kind", "hole"),
    [
        ("default", Suite("TLS 1.3", "TLS_AES_128_GCM_SHA256", 128)),
        ("aes128-in-1.2", Suite("TLS 1.2", "AES128-GCM-SHA256", 128)),
        ("old", Suite("TLS 1.0", "AES128-SHA", 128)),
        ("old", Suite("TLS 1.1", "AES256-SHA", 256)),
        ("no-encryption", Suite("TLS 1.2", "NULL-SHA256", 0)),
        ("no-encryption", Suite("TLS 1.2", "AECDH-NULL-SHA", 0)),
        ("client-certificate", Suite("TLS 1.3", "TLS_AES_128_GCM_SHA256", 128)),
    ],
)
def test_en1_the_scanner_finds_a_planted_hole(start_server: StartServer, kind: str, hole: Suite) -> None:
    assert hole in accepted_suites("127.0.0.1", start_server(kind))


@pytest.mark.parametrize("kind", ["ours", "default", "aes128-in-1.2"])
def test_en1_the_scanner_agrees_with_real_handshakes_of_every_suite(start_server: StartServer, kind: str) -> None:
    port = start_server(kind)
    found = {suite.name for suite in accepted_suites("127.0.0.1", port)}
    every = [suite["name"] for suite in client_context().get_ciphers() if suite["protocol"] != "TLSv1.3"]
    assert len(every) > 50
    by_handshake = {name for name in every if shakes_hands(port, name)}
    assert {name for name in found if not name.startswith("TLS_")} == by_handshake


@pytest.mark.parametrize("kind", ["ours", "default"])
def test_en1_the_scanner_agrees_with_the_openssl_client_in_tls_1_3(start_server: StartServer, kind: str) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("Python cannot choose a suite of TLS 1.3, and there is no openssl command here")
    port = start_server(kind)
    found = {suite.name for suite in accepted_suites("127.0.0.1", port) if suite.version == "TLS 1.3"}
    offered = ["TLS_AES_128_GCM_SHA256", "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256", *SUITES_13]
    assert found == {name for name in offered if s_client_connects(openssl, port, name)}


def test_en1_every_reason_not_to_know_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = closed.getsockname()[1]
    with pytest.raises(ScanFailed, match="see that it runs"):
        accepted_suites("127.0.0.1", nobody)
    with pytest.raises(ScanFailed, match="see that it runs"):
        accepted_suites("no-such-host.localhost.invalid", nobody)
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port, pytest.raises(ScanFailed, match="does not speak TLS"):
        accepted_suites("127.0.0.1", port)
    with answering(b"") as port, pytest.raises(ScanFailed, match="proves nothing"):
        accepted_suites("127.0.0.1", port)
    with answering(alert(40)) as port, pytest.raises(ScanFailed, match="proves nothing"):
        accepted_suites("127.0.0.1", port)
    with answering(b"N") as port, pytest.raises(ScanFailed, match="does not speak TLS"):
        accepted_suites("127.0.0.1", port, postgresql=True)
    with answering(alert(112)) as port, pytest.raises(ScanFailed, match="alert 112"):
        accepted_suites("127.0.0.1", port)
    with silent() as port, pytest.raises(ScanFailed, match="timed out"):
        accepted_suites("127.0.0.1", port, timeout=0.2)


def test_en1_a_server_that_goes_away_during_the_scan_is_no_strong_server() -> None:
    with answering(server_hello(0x1302), alert(40), times=4) as port, pytest.raises(ScanFailed):
        accepted_suites("127.0.0.1", port)
    with answering(server_hello(0x1302), alert(40)) as port, pytest.raises(ScanFailed, match="changed its answers"):
        accepted_suites("127.0.0.1", port)


def test_a_process_without_the_configuration_serves_nothing(web_certificate: Certificate) -> None:
    with pytest.raises(ConfigError, match=f"accept TLS_AES_128_GCM_SHA256; .*{VARIABLE}"):
        server_context(web_certificate.certificate, web_certificate.key)


def test_a_mistake_in_the_configuration_stops_the_process(tmp_path: Path, web_certificate: Certificate) -> None:
    path = tmp_path / "openssl.cnf"
    write_openssl_config(path)
    path.write_text(path.read_text().replace("Ciphersuites", "Ciphersuitez"))
    script = Path(__file__).with_name("tls_server.py")
    command = [sys.executable, str(script), str(web_certificate.certificate), str(web_certificate.key), "ours"]
    ended = subprocess.run(
        command, env={**os.environ, VARIABLE: str(path)}, check=False, capture_output=True, input=b""
    )
    assert ended.returncode != 0
    assert ended.stdout == b""
    assert b"This process would accept TLS_AES_128_GCM_SHA256" in ended.stderr


def test_the_configuration_names_the_promised_suites() -> None:
    text = openssl_config()
    assert "Ciphersuites = TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256\n" in text
    assert "MinProtocol = TLSv1.2\n" in text
    assert "128" not in text


def test_en3_clients_verify_the_server_and_its_name(start_server: StartServer, authority: Authority) -> None:
    port = start_server("ours")
    for name in ("localhost", "demo.localhost", "127.0.0.1"):
        assert greeted(authority, port, name) == b"hello\n"
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        greeted(authority, port, "example.com")
    # OpenSSL takes no star directly above a top-level name: each customer's name must be in the certificate.
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        greeted(authority, port, "other.localhost")


@given(st.sampled_from([0x0300, 0x0301, 0x0302, 0x0303, 0x0304]), st.lists(st.integers(0, 0xFFFF), min_size=1))
def test_an_offer_is_a_well_formed_record(version: int, suites: list[int]) -> None:
    record = client_hello(version, suites, "demo.localhost")
    assert record[0] == 22
    assert len(record) == 5 + int.from_bytes(record[3:5], "big") == 9 + int.from_bytes(record[6:9], "big")
    assert b"demo.localhost" in record
    assert b"".join(suite.to_bytes(2, "big") for suite in suites) in record
    with pytest.raises(NotTls):
        answer(record)


@given(st.binary(max_size=200))
def test_no_answer_of_a_server_breaks_the_scanner(data: bytes) -> None:
    for octets in (data, server_hello(0x1302)[: len(data)] + data):
        try:
            said = answer(octets)
        except NotTls:
            continue
        assert said is None or isinstance(said, Chosen | Alert)


@given(st.integers(1, 60), st.integers(0, 0xFFFF))
def test_an_answer_in_fragments_is_read_as_one(size: int, suite: int) -> None:
    message = server_hello(suite)[5:]
    fragments = [message[start : start + size] for start in range(0, len(message), size)]
    records = b"".join(b"\x16\x03\x03" + len(part).to_bytes(2, "big") + part for part in fragments)
    assert answer(alert(112, level=1) + records) == Chosen(0x0304, suite)
    assert answer(records[:-1]) is None


def client_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    return context


def shakes_hands(port: int, suite: str) -> bool:
    context = client_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"{suite}:@SECLEVEL=0")
    with socket.create_connection(("127.0.0.1", port), 5) as plain:
        try:
            with context.wrap_socket(plain) as secured:
                used = secured.cipher()
                return used is not None and used[0] == suite
        except (ssl.SSLError, ConnectionResetError):
            return False


def s_client_connects(openssl: str, port: int, suite: str) -> bool:
    command = [openssl, "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_3", "-ciphersuites", suite]
    ended = subprocess.run(command, check=False, input="", capture_output=True, text=True, timeout=20)
    return f"Cipher is {suite}" in ended.stdout


def greeted(authority: Authority, port: int, name: str) -> bytes:
    """Connect as Python 3.13 does by default: verified, with the strict rules of RFC 5280."""
    context = ssl.create_default_context(cafile=authority.certificate)
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    with (
        socket.create_connection(("127.0.0.1", port), 5) as plain,
        context.wrap_socket(plain, server_hostname=name) as secured,
    ):
        return secured.recv(100)


def alert(number: int, level: int = 2) -> bytes:
    return bytes([21, 3, 3, 0, 2, level, number])


def server_hello(suite: int) -> bytes:
    body = b"\x03\x03" + bytes(32) + b"\0" + suite.to_bytes(2, "big") + b"\0" + b"\0\x06\0\x2b\0\x02\x03\x04"
    return b"\x16\x03\x03" + (len(body) + 4).to_bytes(2, "big") + b"\x02" + len(body).to_bytes(3, "big") + body


@contextmanager
def answering(first: bytes, then: bytes | None = None, times: int = 10_000) -> Generator[int]:
    """Answer the first client one thing and the others another; after so many clients listen no more."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        def serve() -> None:
            for served in range(times):
                client, _ = listening.accept()
                with client:
                    if stop.is_set():
                        break
                    client.recv(4096)
                    client.sendall(first if served == 0 or then is None else then)
            listening.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield port
        finally:
            stop.set()
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port)).close()
            thread.join()


@contextmanager
def silent() -> Generator[int]:
    """Take connections and never say anything."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listening:
        yield listening.getsockname()[1]
