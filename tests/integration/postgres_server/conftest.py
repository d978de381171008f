"""Fixtures: folders that the servers' user can enter, and servers of each test's own."""

import contextlib
import socket
from collections.abc import Generator
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from growsoft.postgres.binaries import Binaries, find
from growsoft.postgres.files import write_file
from growsoft.postgres.parameters import SUPERUSER, ServerTls, login_rules, standard, with_tls
from growsoft.postgres.server import Server
from growsoft.postgres.users import ServiceUser
from growsoft.security.certificates import Authority, Certificate
from growsoft.security.tls import write_openssl_config
from growsoft.testing.cluster import server_folder, server_user

PASSWORD = "a password of this test"

# A killed process loses nothing that it wrote, only a power cut does; these tests cut none.
QUICK = {"fsync": "off"}


@pytest.fixture(scope="session")
def user() -> ServiceUser | None:
    return server_user()


@pytest.fixture(scope="session")
def binaries() -> Binaries:
    return find()


@pytest.fixture
def folder(user: ServiceUser | None) -> Generator[Path]:
    with server_folder(user) as place:
        yield place


@pytest.fixture
def server(folder: Path, binaries: Binaries, user: ServiceUser | None) -> Generator[Server]:
    """A stopped server with an empty cluster, on its socket only."""
    with stopped_after(Server(binaries, folder / "data", folder, 5432, user, folder / "log")) as made:
        made.initialise(password=PASSWORD, sync=False)
        made.configure({**standard(binaries), **QUICK}, login_rules(tls=False))
        yield made


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A server's certificate for loopback, of an authority of this test run."""
    place = tmp_path_factory.mktemp("ca")
    return Authority.create(place).issue("127.0.0.1", ["localhost"], ["127.0.0.1"], into=place, stem="server")


@pytest.fixture
def tls(folder: Path, user: ServiceUser | None, certificate: Certificate) -> ServerTls:
    """That certificate where the server finds it, and beside it what its OpenSSL may speak."""
    placed = ServerTls(folder / "server.pem", folder / "server.key", folder / "ca.pem")
    write_file(placed.certificate, certificate.certificate.read_text(), user, 0o644)
    write_file(placed.authority, certificate.authority.read_text(), user, 0o644)
    write_file(placed.key, certificate.key.read_text(), user)
    write_openssl_config(folder / "openssl.cnf")
    return placed


@pytest.fixture
def primary(folder: Path, binaries: Binaries, user: ServiceUser | None, tls: ServerTls) -> Generator[Server]:
    """A running server that also takes TLS connections on loopback."""
    with stopped_after(tls_server("primary", folder, binaries, user)) as made:
        made.initialise(password=PASSWORD, sync=False)
        made.configure(parameters(made, tls), login_rules(tls=True))
        made.start()
        yield made


@contextlib.contextmanager
def stopped_after(server: Server) -> Generator[Server]:
    """End a server after its test, however the test left it."""
    try:
        yield server
    finally:
        server.stop("immediate")


def tls_server(name: str, folder: Path, binaries: Binaries, user: ServiceUser | None) -> Server:
    """Return a server that will listen on loopback beside its socket."""
    log, config = folder / f"{name}.log", folder / "openssl.cnf"
    return Server(binaries, folder / name, folder, free_port(), user, log, config)


def parameters(server: Server, tls: ServerTls) -> dict[str, str]:
    return {**standard(server.binaries, connections=20), **with_tls(tls), **QUICK}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def superuser(server: Server) -> str:
    """Return the connection string of a server's superuser."""
    return login(server, SUPERUSER, PASSWORD, "postgres")


def login(server: Server, user: str, password: str, dbname: str) -> str:
    """Return the connection string of a login by the server's socket."""
    host = str(server.socket_dir)
    return make_conninfo("", host=host, port=server.port, user=user, password=password, dbname=dbname)


def ask(server: Server, query: LiteralString) -> tuple[object, ...]:
    """Return the first row of a query, asked as the superuser."""
    with psycopg.connect(superuser(server), autocommit=True) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return row
