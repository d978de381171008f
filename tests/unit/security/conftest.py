"""Fixtures of the security floor: an authority, and TLS servers in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from growsoft.security.certificates import Authority, Certificate
from growsoft.security.tls import VARIABLE, write_openssl_config

StartServer = Callable[[str], int]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.create(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="session")
def web_certificate(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    names = ["localhost", "demo.localhost", "*.localhost"]
    return authority.issue("localhost", names, ["127.0.0.1", "::1"], into=tmp_path_factory.mktemp("tls"), stem="web")


@pytest.fixture(scope="session")
def openssl_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("openssl") / "openssl.cnf"
    write_openssl_config(path)
    return path


@pytest.fixture
def start_server(web_certificate: Certificate, openssl_config: Path) -> Iterator[StartServer]:
    """Return a function that starts a server of a kind and returns its port; `ours` gets our OpenSSL configuration."""
    with ExitStack() as stack:

        def start(kind: str) -> int:
            environ = {**os.environ, VARIABLE: str(openssl_config if kind == "ours" else "/dev/null")}
            script = Path(__file__).with_name("tls_server.py")
            process = subprocess.Popen(
                [sys.executable, str(script), str(web_certificate.certificate), str(web_certificate.key), kind],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environ,
            )
            stack.enter_context(process)
            assert process.stdin is not None
            assert process.stdout is not None
            stack.callback(process.stdin.close)
            return int(process.stdout.readline())

        yield start
