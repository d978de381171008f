"""Claim EN-1: clients are offered 256-bit suites and nothing less."""

from __future__ import annotations

import ssl

import pytest

from growsoft.security.tls import BITS, accepted_suites
from tests.unit.web.conftest import Served


def test_en1_every_accepted_suite_has_256_bits(echo: Served) -> None:
    found = accepted_suites("127.0.0.1", echo.port, server_name="localhost")
    assert {suite.version for suite in found} == {"TLS 1.2", "TLS 1.3"}
    assert {suite.bits for suite in found} == {BITS}


def test_en1_a_client_that_knows_only_128_bits_gets_no_connection(echo: Served) -> None:
    weak = ssl.create_default_context()
    weak.check_hostname, weak.verify_mode = False, ssl.CERT_NONE
    weak.maximum_version = ssl.TLSVersion.TLSv1_2
    weak.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
    with echo.connect_plain(echo.port) as connection, pytest.raises(ssl.SSLError):
        weak.wrap_socket(connection, server_hostname="localhost")


def test_en1_a_failed_handshake_leaves_the_server_well(echo: Served) -> None:
    for nonsense in (b"\x16\x03\x01\x00\x05hello", b"\x16", b"\x16\x03\x01\xff\xff" + b"x" * 2000):
        with echo.connect_plain(echo.port) as connection:
            connection.sendall(nonsense)
    assert b" 200 " in echo.ask("GET / HTTP/1.1\nHost: localhost\nConnection: close\n\n")
