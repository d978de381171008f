"""PostgreSQL under our OpenSSL configuration: the scanner sees what it accepts, and a hole when there is one."""

from __future__ import annotations

import socket
from collections.abc import Generator
from pathlib import Path

import pytest

from growsoft.postgres.binaries import find, reachable
from growsoft.postgres.parameters import ServerTls, ephemeral, login_rules, with_tls
from growsoft.postgres.server import Server
from growsoft.security.certificates import Authority
from growsoft.security.files import Owner
from growsoft.security.tls import BITS, Suite, accepted_suites, write_openssl_config
from growsoft.testing.cluster import guarded, server_folder, server_user

pytestmark = pytest.mark.postgres


@pytest.fixture(params=[True, False], ids=["ours", "without configuration"])
def served(request: pytest.FixtureRequest) -> Generator[tuple[int, bool]]:
    """Return the port of a PostgreSQL with TLS, and whether it was started with our OpenSSL configuration."""
    user = server_user()
    owner = None if user is None else Owner(user.uid, user.gid)
    with server_folder(user) as folder:
        tls = certificates(folder, owner)
        server = Server(reachable(find(), user, folder), folder / "data", folder, free_port(), user, folder / "log")
        if request.param:
            server.openssl_config = folder / "openssl.cnf"
        server.initialise(password="only for this test", sync=False)
        server.configure({**ephemeral(), **with_tls(tls)}, login_rules(tls=True))
        with guarded(server.start(timeout=60), folder):
            try:
                yield server.port, bool(request.param)
            finally:
                server.stop("immediate")


def test_en1_postgresql_accepts_suites_of_256_bits_only(served: tuple[int, bool]) -> None:
    port, ours = served
    found = accepted_suites("127.0.0.1", port, postgresql=True)
    assert all(suite.bits >= BITS for suite in found) == ours
    assert (Suite("TLS 1.3", "TLS_AES_128_GCM_SHA256", 128) in found) != ours
    assert Suite("TLS 1.3", "TLS_AES_256_GCM_SHA384", 256) in found


def certificates(folder: Path, owner: Owner | None) -> ServerTls:
    """Issue what a server needs, owned by the user that runs it."""
    authority = Authority.create(folder, owner=owner)
    issued = authority.issue("localhost", ["localhost"], ["127.0.0.1"], into=folder, stem="server", owner=owner)
    write_openssl_config(folder / "openssl.cnf", owner=owner)
    return ServerTls(issued.certificate, issued.key, issued.authority)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
