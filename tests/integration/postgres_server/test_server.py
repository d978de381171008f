"""Server: what a new cluster is, and that it comes back from every kind of death by itself."""

import os
import signal
import subprocess
import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from growsoft.errors import ConfigError
from growsoft.postgres import processes
from growsoft.postgres.parameters import login_rules, standard
from growsoft.postgres.server import LONGEST_SOCKET, Server, ServerDidNotStart
from growsoft.postgres.users import ServiceUser
from tests.integration.postgres_server.conftest import PASSWORD, ask, login, superuser

pytestmark = pytest.mark.postgres


def test_a_new_cluster_has_checksums_and_the_builtin_locale(server: Server) -> None:
    server.start()
    assert ask(server, "SHOW data_checksums") == ("on",)
    assert ask(server, "SHOW server_encoding") == ("UTF8",)
    query = "SELECT DISTINCT datlocprovider, datlocale FROM pg_database"
    assert ask(server, query) == ("b", "C.UTF-8")


def test_a_cluster_runs_with_our_parameters(server: Server) -> None:
    server.start()
    with psycopg.connect(superuser(server)) as connection:
        shown = {name: str(value) for name, value in connection.execute("SELECT name, setting FROM pg_settings")}
    expected = {
        "log_parameter_max_length": "0",
        "log_parameter_max_length_on_error": "0",
        "log_statement": "none",
        "log_error_verbosity": "terse",
        "password_encryption": "scram-sha-256",
        "track_activities": "on",
        "wal_level": "replica",
        "wal_retrieve_retry_interval": "500",
        "autovacuum_naptime": "300",
        "idle_in_transaction_session_timeout": "300000",
        "TimeZone": "UTC",
        "listen_addresses": "",
        "allow_alter_system": "off",
    }
    assert {name: shown[name] for name in expected} == expected


def test_no_file_keeps_the_superusers_password(server: Server, folder: Path) -> None:
    server.start()
    server.stop()
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 900
    assert [path for path in files if PASSWORD.encode() in path.read_bytes()] == []


def test_the_superuser_needs_its_password(server: Server) -> None:
    server.start()
    wrong = superuser(server).replace(PASSWORD, "another")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_a_login_reaches_the_database_named_like_it_and_no_other(server: Server) -> None:
    server.start()
    with psycopg.connect(superuser(server), autocommit=True) as connection:
        connection.execute("CREATE ROLE shop LOGIN PASSWORD 'of the shop'")
        connection.execute("CREATE DATABASE shop")
    with psycopg.connect(login(server, "shop", "of the shop", "shop")) as connection:
        assert connection.execute("SELECT session_user").fetchone() == ("shop",)
    with pytest.raises(psycopg.OperationalError, match="rejects connection"):
        psycopg.connect(login(server, "shop", "of the shop", "postgres"))


def test_starting_twice_gives_the_same_server(server: Server) -> None:
    pid = server.start()
    again = replace(server)
    assert again.start() == pid
    assert again.is_running()


def test_a_stopped_server_is_gone_and_stopping_it_again_is_nothing(server: Server) -> None:
    pid = server.start()
    server.stop()
    server.stop()
    assert not server.is_running()
    assert not processes.works_in(pid, server.data, server.user)
    assert not server.socket.exists()


def test_what_was_committed_survives_a_kill(server: Server) -> None:
    server.start()
    with psycopg.connect(superuser(server), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
    server.kill()
    assert not server.is_running()
    began = time.monotonic()
    server.start()
    assert time.monotonic() - began < 15
    assert ask(server, "SELECT count(*) FROM kept") == (1000,)


def test_children_that_outlived_a_killed_server_are_ended_before_the_next(server: Server) -> None:
    server.start()
    pid = server.pid()
    assert pid is not None
    with psycopg.connect(superuser(server), autocommit=True) as connection:
        backend = connection.info.backend_pid
        # A stopped process cannot notice that its postmaster is dead: it would still be there, and write later.
        os.kill(backend, signal.SIGSTOP)
        server.kill()
        assert backend in processes.all_in(server.data, server.user)
        server.start()
        assert not processes.works_in(backend, server.data, server.user)
    assert server.pid() != pid


def test_a_pid_file_whose_number_is_another_process_today_does_not_stop_a_start(
    server: Server, stranger: subprocess.Popen[bytes]
) -> None:
    server.start()
    server.kill()
    _renumber(server.data / "postmaster.pid", stranger.pid)
    _renumber(server.socket.with_name(f"{server.socket.name}.lock"), stranger.pid)
    assert server.pid() is None
    server.start()
    assert ask(server, "SELECT 1") == (1,)
    assert stranger.poll() is None


def test_a_pid_file_that_was_cut_off_is_no_running_server(server: Server) -> None:
    (server.data / "postmaster.pid").write_text("")
    assert server.pid() is None


def test_a_socket_of_another_living_server_is_left_alone(server: Server, folder: Path) -> None:
    server.start()
    other = replace(server, data=folder / "other", log=folder / "other.log")
    other.initialise(password=PASSWORD, sync=False)
    other.configure(standard(server.binaries), login_rules(tls=False))
    with pytest.raises(ServerDidNotStart, match="belongs to the server in"):
        other.start()
    assert ask(server, "SELECT 1") == (1,)


def test_a_server_that_cannot_start_says_why(server: Server) -> None:
    server.configure({**standard(server.binaries), "shared_buffers": "nonsense"}, login_rules(tls=False))
    with pytest.raises(ServerDidNotStart, match='invalid value for parameter "shared_buffers": "nonsense"'):
        server.start()


def test_a_second_cluster_in_the_same_place_is_refused(server: Server) -> None:
    with pytest.raises(ConfigError, match="move it away"):
        server.initialise(password=PASSWORD)


def test_an_interrupted_initialisation_leaves_nothing_that_could_start(server: Server, folder: Path) -> None:
    half = replace(server, data=folder / "half")
    (folder / "half.new").mkdir()
    (folder / "half.new" / "PG_VERSION").write_text("17\n")
    assert not half.is_initialised()
    half.initialise(password=PASSWORD, sync=False)
    assert half.is_initialised()
    assert not (folder / "half.new").exists()


def test_a_socket_path_that_is_too_long_is_refused_at_once(server: Server) -> None:
    long = Path("/" + "d" * (LONGEST_SOCKET - len("/.s.PGSQL.5432") - 1))
    assert replace(server, socket_dir=long).socket_dir == long
    with pytest.raises(ConfigError, match="too long for a socket"):
        replace(server, socket_dir=long.with_name(long.name + "d"))


@pytest.mark.parametrize("value", ["1'\nfsync = off", "two\nlines", "\0"])
def test_a_parameter_cannot_bring_another_line(server: Server, value: str) -> None:
    with pytest.raises(ConfigError, match="no server parameter"):
        server.configure({"work_mem": value}, "")


def test_a_quote_in_a_parameter_is_only_a_quote(server: Server) -> None:
    name = "it's \\ here"
    server.configure({**standard(server.binaries), "cluster_name": name}, login_rules(tls=False))
    server.start()
    assert ask(server, "SHOW cluster_name") == (name,)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can see how root would be served")
def test_root_is_refused_as_the_user_of_a_server(server: Server) -> None:
    with pytest.raises(ConfigError, match="give it a service user"):
        replace(server, user=None)


@pytest.fixture
def stranger(user: ServiceUser | None) -> Generator[subprocess.Popen[bytes]]:
    """A process of the server's user that has nothing to do with PostgreSQL."""
    uid = None if user is None else user.uid
    with subprocess.Popen(["sleep", "60"], cwd="/", user=uid) as process:
        yield process
        process.kill()


def _renumber(path: Path, pid: int) -> None:
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([f"{pid}\n", *lines[1:]]))
