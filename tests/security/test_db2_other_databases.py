"""DB-2: from one customer's database there is no way to another's, nor to the server's own, by socket or by network.

Two walls stand there, the login rules and the missing right to connect; each is tried alone, with the other torn down.
"""

import socket
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg
import pytest

from growsoft.postgres.binaries import find, reachable
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.files import write_file
from growsoft.postgres.parameters import SUPERUSER, ServerTls, ephemeral, login_rules, with_tls
from growsoft.postgres.pool import Pools
from growsoft.postgres.provision import new_template
from growsoft.postgres.server import Server
from growsoft.postgres.sql import ident, sql
from growsoft.postgres.superuser import superuser
from growsoft.security.certificates import Authority
from growsoft.testing.cluster import guarded, server_folder, server_user
from tests.support.attacker import Attacker
from tests.support.databases import database_from
from tests.support.notes import ANN, DECLARATIONS, Notes, fill

PASSWORD: Final = "the superuser of this test"
WAYS: Final = ("socket", "tls")
OPEN_RULES: Final = "local all all scram-sha-256\nhostssl all all 127.0.0.1/32 scram-sha-256\n"


@dataclass(frozen=True)
class Host:
    """A server with two customers, reached by its socket and over TLS."""

    server: Server
    superuser: Endpoint
    mine: Notes
    theirs: Notes

    def options(self, way: str) -> dict[str, Any]:
        """Say how to get there."""
        if way == "socket":
            return {}
        return {"host": "127.0.0.1", "sslmode": "require" if way == "tls" else "disable"}

    def targets(self) -> list[str]:
        """Name every database but one's own."""
        with superuser(self.superuser) as connection:
            names = connection.run(sql("SELECT datname::text FROM pg_database")).column(str)
        return sorted(set(names) - {self.mine.database.name})


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Generator[Host]:
    """A server of this module's own: its login rules are changed."""
    user = server_user()
    certificate = Authority.create(tmp_path_factory.mktemp("ca")).issue(
        "127.0.0.1", ["localhost"], ["127.0.0.1"], into=tmp_path_factory.mktemp("tls"), stem="server"
    )
    with server_folder(user) as folder:
        placed = ServerTls(folder / "server.pem", folder / "server.key", folder / "ca.pem")
        write_file(placed.certificate, certificate.certificate.read_text(), user, 0o644)
        write_file(placed.authority, certificate.authority.read_text(), user, 0o644)
        write_file(placed.key, certificate.key.read_text(), user)
        server = Server(reachable(find(), user, folder), folder / "data", folder, _free_port(), user, folder / "log")
        server.initialise(SUPERUSER, password=PASSWORD, sync=False)
        _rules(server, login_rules(tls=True), placed)
        with guarded(server.start(timeout=60), folder):
            try:
                yield from _with_two_customers(server)
            finally:
                server.stop("immediate")


def _with_two_customers(server: Server) -> Generator[Host]:
    where = Endpoint(str(server.socket_dir), server.port, "postgres", SUPERUSER, password=PASSWORD)
    pools = Pools(4)
    with new_template(where, "a_template", DECLARATIONS), superuser(where, "a_template") as connection:
        fill(connection)
    with database_from(where, "a_template", pools) as mine, database_from(where, "a_template", pools) as theirs:
        yield Host(server, where, Notes(mine, where), Notes(theirs, where))
    pools.close()


def _rules(server: Server, rules: str, tls: ServerTls | None = None) -> None:
    folder = server.socket_dir
    placed = tls or ServerTls(folder / "server.pem", folder / "server.key", folder / "ca.pem")
    server.configure({**ephemeral(), **with_tls(placed)}, rules)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _refusal(host: Host, way: str, **options: Any) -> str:  # noqa: ANN401  what the driver takes
    try:
        with Attacker(host.mine, **(host.options(way) | options)):
            return ""
    except psycopg.OperationalError as error:
        return str(error)


@contextmanager
def _rules_torn_down(host: Host) -> Generator[None]:
    _rules(host.server, f"local all {SUPERUSER} scram-sha-256\n{OPEN_RULES}")
    _taken_over(host, strict=False)
    try:
        yield
    finally:
        _rules(host.server, login_rules(tls=True))
        _taken_over(host, strict=True)


def _taken_over(host: Host, *, strict: bool) -> None:
    # The server reads its rules at a moment of its own.
    for _ in range(200):
        if ("pg_hba.conf" in _refusal(host, "socket", dbname=host.theirs.database.name)) == strict:
            return
        time.sleep(0.02)
    pytest.fail("the server did not take over its login rules")


@contextmanager
def _connect_torn_down(host: Host) -> Generator[None]:
    names = [host.theirs.database.name, "postgres", "template1", "a_template"]
    with superuser(host.superuser) as connection:
        for name in names:
            connection.run(sql("GRANT CONNECT ON DATABASE {n} TO PUBLIC", n=ident(name)))
        try:
            yield
        finally:
            for name in names:
                connection.run(sql("REVOKE CONNECT ON DATABASE {n} FROM PUBLIC", n=ident(name)))


@pytest.mark.parametrize("way", WAYS)
def test_one_s_own_database_is_reached(host: Host, way: str) -> None:
    with Attacker(host.mine, **host.options(way)) as login:
        login.enter(ANN)
        assert login.sees() == {1, 2}


@pytest.mark.parametrize("way", WAYS)
def test_no_other_database_is_reached(host: Host, way: str) -> None:
    targets = host.targets()
    assert {host.theirs.database.name, "postgres", "template0", "template1", "a_template"} <= set(targets)
    for name in targets:
        assert "pg_hba.conf" in _refusal(host, way, dbname=name), name


@pytest.mark.parametrize("way", WAYS)
def test_the_missing_right_alone_keeps_everybody_out(host: Host, way: str) -> None:
    with _rules_torn_down(host):
        for name in host.targets():
            refusal = _refusal(host, way, dbname=name)
            assert "permission denied for database" in refusal or "not currently accepting" in refusal, (name, refusal)


@pytest.mark.parametrize("way", WAYS)
def test_the_login_rules_alone_keep_everybody_out(host: Host, way: str) -> None:
    with _connect_torn_down(host):
        for name in host.targets():
            assert "pg_hba.conf" in _refusal(host, way, dbname=name), name


@pytest.mark.parametrize("way", WAYS)
def test_with_both_walls_down_one_gets_in_and_still_sees_nothing(host: Host, way: str) -> None:
    there = {**host.options(way), "dbname": host.theirs.database.name}
    with _rules_torn_down(host), _connect_torn_down(host), Attacker(host.mine, **there) as login:
        found = login.attempt("SELECT current_database()::text").rows
        assert found == [(host.theirs.database.name,)], "the planted hole is found"
        login.raw.execute("BEGIN")
        login.attempt(f"SET LOCAL ROLE {ANN.profile}")
        assert login.sees() == set(), "and behind it stands the signature"


@pytest.mark.parametrize("way", WAYS)
def test_nobody_is_let_in_as_somebody_else(host: Host, way: str) -> None:
    theirs, mine = host.theirs.database.endpoint, host.mine.database.endpoint
    for user, dbname, password in (
        (theirs.user, theirs.dbname, mine.password), (mine.user, mine.dbname, theirs.password),
        (theirs.user, mine.dbname, theirs.password), (mine.user, theirs.dbname, mine.password),
        (SUPERUSER, mine.dbname, mine.password), (SUPERUSER, "postgres", ""), ("gs_owner", mine.dbname, mine.password),
        ("gs_definer", mine.dbname, ""), (ANN.profile, mine.dbname, mine.password), ("gs_replication", "postgres", ""),
        ("postgres", "postgres", ""), (mine.user.upper(), mine.dbname, mine.password), (mine.user, mine.dbname, ""),
    ):  # fmt: skip
        assert _refusal(host, way, user=user, dbname=dbname, password=password), (user, dbname)


def test_the_superuser_comes_by_the_socket_only(host: Host) -> None:
    options = {"user": SUPERUSER, "password": PASSWORD, "dbname": "postgres"}
    assert _refusal(host, "socket", **options) == ""
    assert "pg_hba.conf" in _refusal(host, "tls", **options)
    assert "pg_hba.conf" in _refusal(host, "plain", **options)


def test_nothing_is_said_in_clear(host: Host) -> None:
    assert "pg_hba.conf" in _refusal(host, "plain")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["true", "database"])
def test_nobody_streams_the_cluster(host: Host, way: str, kind: str) -> None:
    assert _refusal(host, way, replication=kind)


def test_no_statement_reaches_another_customer_s_login_or_database(host: Host) -> None:
    other = host.theirs.database.name
    with Attacker(host.mine) as login:
        for statement in (
            f"SET ROLE {other}", f"SET SESSION AUTHORIZATION {other}", f"GRANT {other} TO CURRENT_USER",
            f"ALTER ROLE {other} PASSWORD 'x'", f"ALTER ROLE {other} SET search_path = 'x'", f"DROP ROLE {other}",
            f"DROP OWNED BY {other}", f"REASSIGN OWNED BY {other} TO CURRENT_USER",
            f"ALTER DATABASE {other} RENAME TO x",
            f"DROP DATABASE {other}", f"CREATE DATABASE x TEMPLATE {other}", "CREATE DATABASE x TEMPLATE a_template",
            f"ALTER DATABASE {other} SET search_path = 'x'", f"COMMENT ON DATABASE {other} IS 'x'",
            f"SELECT pg_database_size('{other}')", "SELECT * FROM pg_stat_database", "SELECT * FROM pg_locks",
            "SELECT pg_stat_get_db_tuples_inserted(oid) FROM pg_database", "SELECT pid FROM pg_stat_activity",
            f"REVOKE CONNECT ON DATABASE {other} FROM {other}",
        ):  # fmt: skip
            for inside in (False, True):
                if inside:
                    login.enter(ANN)
                outcome = login.attempt(statement)
                idle = statement.startswith("REVOKE") and not outcome.refused
                assert idle or outcome.sqlstate in {"42501", "25001"}, (statement, outcome)
                login.rollback()
        assert login.attempt(f"TABLE {other}.public.note").sqlstate == "0A000"
    with Attacker(host.theirs) as login:
        login.enter(ANN)
        assert login.sees() == {1, 2}


def test_locks_and_notices_stay_in_their_database(host: Host) -> None:
    with Attacker(host.mine) as mine, Attacker(host.theirs) as theirs:
        assert not mine.attempt("SELECT pg_advisory_lock(7)").refused
        assert theirs.attempt("SELECT pg_try_advisory_lock(7)").rows == [(True,)]
        theirs.attempt("LISTEN channel")
        mine.attempt("NOTIFY channel, 'hello'")
        theirs.attempt("SELECT 1")
        assert list(theirs.raw.notifies(timeout=0.2)) == []
        theirs.attempt("NOTIFY channel, 'hello'")
        assert len(list(theirs.raw.notifies(timeout=0.2))) == 1, "at home it is heard"


def test_a_signature_of_one_database_is_none_in_another(host: Host) -> None:
    with Attacker(host.theirs) as login:
        login.raw.execute("BEGIN")
        entry = login.entry(ANN, key=host.mine.database.signing_key)
        outcome = login.attempt("SELECT gs.enter(%s,%s,%s,%s,%s,%s::bigint[],%s,%s,%s,%s,%s,%s)", *entry.values())
        assert outcome.sqlstate == "28P01"
