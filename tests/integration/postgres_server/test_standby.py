"""Standby: it streams over TLS 1.3, follows, survives restarts, and is built anew only when that is safe."""

import subprocess
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from growsoft.postgres import replication
from growsoft.postgres.binaries import Binaries
from growsoft.postgres.files import write_file
from growsoft.postgres.parameters import ServerTls, login_rules
from growsoft.postgres.replication import Source, ensure_login
from growsoft.postgres.server import Server
from growsoft.postgres.standby import BaseBackupFailed, Standby, StandbyNeedsAPerson, lag
from growsoft.postgres.users import ServiceUser
from growsoft.security.certificates import Authority, Certificate
from tests.integration.postgres_server.conftest import (
    PASSWORD,
    ask,
    free_port,
    login,
    parameters,
    stopped_after,
    superuser,
    tls_server,
)

pytestmark = pytest.mark.postgres

REPLICATION_PASSWORD = "of: the \\ standby"


@pytest.fixture
def standby(
    primary: Server, folder: Path, binaries: Binaries, user: ServiceUser | None, tls: ServerTls
) -> Generator[Standby]:
    ensure_login(superuser(primary), REPLICATION_PASSWORD)
    copy = tls_server("standby", folder, binaries, user)
    source = Source("127.0.0.1", primary.port, tls.authority, folder / "standby.pgpass", REPLICATION_PASSWORD)
    with stopped_after(copy):
        yield Standby(copy, source, parameters(copy, tls), login_rules(tls=True))


def test_ha1_the_standby_streams_over_tls_1_3_and_follows(primary: Server, standby: Standby) -> None:
    standby.start()
    _write(primary, 1)
    _eventually(lambda: _rows(standby.server) == 1)
    assert ask(standby.server, "SELECT pg_is_in_recovery()") == (True,)
    stream = "SELECT ssl, version, bits FROM pg_stat_ssl JOIN pg_stat_replication USING (pid)"
    assert ask(primary, stream) == (True, "TLSv1.3", 256)
    _eventually(lambda: lag(superuser(primary)).bytes == 0)
    assert lag(superuser(primary)).state == "streaming"


def test_the_standby_takes_no_writes(primary: Server, standby: Standby) -> None:
    standby.start()
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        _write(standby.server, 1)
    assert standby.condition() == "sound"
    assert primary.is_running()


def test_a_standby_that_was_away_catches_up_without_a_copy(primary: Server, standby: Standby) -> None:
    standby.start()
    made = _made(standby)
    standby.stop()
    _write(primary, 2)
    away = lag(superuser(primary))
    assert (away.state, away.seconds) == ("disconnected", None)
    assert away.bytes is not None
    assert away.bytes > 0
    standby.start()
    _eventually(lambda: _rows(standby.server) == 2)
    assert _made(standby) == made


def test_the_standby_follows_a_primary_that_was_killed(primary: Server, standby: Standby) -> None:
    standby.start()
    primary.kill()
    assert standby.condition() == "unknown"
    primary.start()
    _write(primary, 1)
    _eventually(lambda: _rows(standby.server) == 1)
    assert standby.condition() == "sound"


def test_a_killed_standby_comes_back(primary: Server, standby: Standby) -> None:
    standby.start()
    standby.server.kill()
    _write(primary, 1)
    standby.start()
    _eventually(lambda: _rows(standby.server) == 1)


def test_a_standby_starts_without_its_primary_and_finds_it_later(primary: Server, standby: Standby) -> None:
    standby.start()
    standby.stop()
    primary.stop()
    standby.start()
    assert ask(standby.server, "SELECT pg_is_in_recovery()") == (True,)
    primary.start()
    _write(primary, 1)
    _eventually(lambda: _rows(standby.server) == 1)


def test_a_standby_whose_slot_was_dropped_is_built_anew(primary: Server, standby: Standby) -> None:
    standby.start()
    made = _made(standby)
    standby.stop()
    assert ask(primary, "SELECT count(pg_drop_replication_slot('gs_standby')) FROM pg_sleep(0)") == (1,)
    assert standby.condition() == "lost"
    standby.start()
    _write(primary, 1)
    _eventually(lambda: _rows(standby.server) == 1)
    assert _made(standby) != made


def test_a_running_standby_whose_slot_lost_its_wal_is_built_anew(
    primary: Server, standby: Standby, tls: ServerTls
) -> None:
    tight = {"max_slot_wal_keep_size": "1MB", "min_wal_size": "32MB", "max_wal_size": "32MB"}
    standby.start()
    assert standby.tend() is False
    primary.configure({**parameters(primary, tls), **tight}, login_rules(tls=True))
    standby.stop()
    with psycopg.connect(superuser(primary), autocommit=True) as connection:
        for _ in range(6):
            connection.execute("SELECT pg_switch_wal() FROM pg_logical_emit_message(false, 'x', repeat('x', 9000))")
            connection.execute("CHECKPOINT")
    assert ask(primary, "SELECT wal_status FROM pg_replication_slots") == ("lost",)
    standby.server.start()
    primary.configure(parameters(primary, tls), login_rules(tls=True))
    assert standby.tend() is True
    _write(primary, 1)
    _eventually(lambda: _rows(standby.server) == 1)


def test_a_promoted_standby_is_never_overwritten(primary: Server, standby: Standby) -> None:
    standby.start()
    assert ask(standby.server, "SELECT pg_promote()") == (True,)
    _write(standby.server, 3)
    with pytest.raises(StandbyNeedsAPerson, match="was promoted"):
        standby.tend()
    standby.stop()
    with pytest.raises(StandbyNeedsAPerson, match="was promoted"):
        standby.start()
    standby.server.start()
    assert _rows(standby.server) == 3
    assert primary.is_running()


def test_a_standby_that_is_ahead_of_an_old_primary_is_never_overwritten(
    primary: Server, standby: Standby, folder: Path
) -> None:
    primary.stop()
    old = folder / "old"
    subprocess.run(["cp", "-a", primary.data, old], check=True)
    primary.start()
    standby.start()
    _write(primary, 4)
    _eventually(lambda: _rows(standby.server) == 4)
    standby.stop()
    primary.stop()
    primary.data.rename(folder / "newer")
    old.rename(primary.data)
    primary.start()
    assert standby.condition() == "ahead"
    with pytest.raises(StandbyNeedsAPerson, match="may hold what that has lost"):
        standby.start()


def test_the_standby_of_another_cluster_is_never_overwritten(primary: Server, standby: Standby) -> None:
    standby.start()
    standby.stop()
    primary.stop()
    primary.data.rename(primary.data.with_name("gone"))
    primary.initialise(password=PASSWORD, sync=False)
    primary.configure(standby.parameters, login_rules(tls=True))
    primary.start()
    ensure_login(superuser(primary), REPLICATION_PASSWORD)
    assert standby.condition() == "ahead"


def test_a_standby_that_cannot_be_judged_is_left_to_a_person(standby: Standby) -> None:
    standby.start()
    standby.stop()
    (standby.server.data / "global" / "pg_control").unlink()
    with pytest.raises(StandbyNeedsAPerson, match=r"pg_control.*to have it built anew"):
        standby.start()


def test_a_standby_left_behind_by_a_failover_is_built_anew(primary: Server, standby: Standby, folder: Path) -> None:
    """Two standbys; one is promoted before the other has its last rows, and becomes its primary."""
    standby.start()
    third = replace(standby.server, data=folder / "third", port=free_port(), log=folder / "third.log")
    with stopped_after(third):
        source = replace(standby.source, passfile=folder / "third.pgpass")
        other = Standby(third, source, standby.parameters, standby.hba, slot="gs_third")
        other.start()
        standby.stop()
        _write(primary, 5)
        _eventually(lambda: _rows(third) == 5)
        _checkpoint(primary)
        _checkpoint(third)
        other.stop()
        primary.stop()
        standby.server.start()
        assert ask(standby.server, "SELECT pg_promote()") == (True,)
        _write(standby.server, 1)
        other.source = replace(source, port=standby.server.port)
        # Its slot is there, so that nothing but the history tells that it went another way.
        with replication.ask(other.source) as connection:
            replication.renew_slot(connection, other.slot)
        assert other.condition() == "lost"
        other.start()
        _eventually(lambda: _rows(third) == 1)


def test_a_standby_that_is_not_past_a_failover_follows_the_new_primary_without_a_copy(
    primary: Server, standby: Standby, folder: Path
) -> None:
    standby.start()
    third = replace(standby.server, data=folder / "third", port=free_port(), log=folder / "third.log")
    with stopped_after(third):
        source = replace(standby.source, passfile=folder / "third.pgpass")
        other = Standby(third, source, standby.parameters, standby.hba, slot="gs_third")
        other.start()
        made = _made(other)
        other.stop()
        _write(primary, 2)
        _eventually(lambda: _rows(standby.server) == 2)
        primary.stop()
        assert ask(standby.server, "SELECT pg_promote()") == (True,)
        _write(standby.server, 1)
        other.source = replace(source, port=standby.server.port)
        with replication.ask(other.source) as connection:
            replication.renew_slot(connection, other.slot)
        assert other.condition() == "sound"
        other.start()
        _eventually(lambda: _rows(third) == 3)
        assert _made(other) == made


def test_a_primary_with_a_certificate_of_another_authority_is_refused(
    standby: Standby, folder: Path, tmp_path: Path
) -> None:
    foreign = folder / "foreign.pem"
    foreign.write_bytes(Authority.create(tmp_path).certificate.read_bytes())
    foreign.chmod(0o644)
    standby.source = replace(standby.source, authority=foreign)
    with pytest.raises(BaseBackupFailed, match="certificate verify failed"):
        standby.start()


def test_a_primary_with_a_certificate_for_another_host_is_refused(
    primary: Server, standby: Standby, tls: ServerTls, certificate: Certificate
) -> None:
    elsewhere = Authority.load(certificate.authority.parent).issue(
        "elsewhere", ["elsewhere.localhost"], [], into=certificate.key.parent, stem="elsewhere"
    )
    write_file(tls.certificate, elsewhere.certificate.read_text(), primary.user)
    write_file(tls.key, elsewhere.key.read_text(), primary.user)
    primary.configure(parameters(primary, tls), login_rules(tls=True))
    with pytest.raises(BaseBackupFailed, match='does not match host name "127'):
        _repeatedly(standby.rebuild)


def test_replication_without_tls_is_refused(primary: Server, standby: Standby) -> None:
    plain = standby.source.conninfo("x").replace("sslmode=verify-full", "sslmode=disable")
    plain = plain.replace("channel_binding=require", "")
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        psycopg.connect(plain, replication="true")
    assert primary.is_running()


def test_the_replication_login_reads_no_table_and_its_password_is_in_no_configuration(
    primary: Server, standby: Standby
) -> None:
    standby.start()
    with pytest.raises(psycopg.OperationalError, match="rejects connection"):
        psycopg.connect(login(primary, "gs_replication", REPLICATION_PASSWORD, "postgres"))
    written = [*standby.server.data.glob("*.conf"), primary.log, standby.server.log]
    assert [path for path in written if "the \\ standby" in path.read_text().replace("\\\\", "\\")] == []
    assert standby.source.passfile.stat().st_mode & 0o777 == 0o600
    assert REPLICATION_PASSWORD not in repr(standby)


def test_the_login_gets_a_new_password(primary: Server, standby: Standby) -> None:
    ensure_login(superuser(primary), "another")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(standby.source.conninfo("x"), replication="true")
    with replication.ask(replace(standby.source, password="another")) as connection:
        assert replication.identify(connection).timeline == 1


def _write(server: Server, rows: int) -> None:
    with psycopg.connect(superuser(server), autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS followed (n integer)")
        connection.execute("INSERT INTO followed SELECT generate_series(1, %s)", [rows])


def _checkpoint(server: Server) -> None:
    with psycopg.connect(superuser(server), autocommit=True) as connection:
        connection.execute("CHECKPOINT")


def _rows(server: Server) -> int:
    try:
        return int(str(ask(server, "SELECT count(*) FROM followed")[0]))
    except psycopg.errors.UndefinedTable:
        return 0


def _repeatedly(act: Callable[[], object]) -> None:
    """Do something until a server that rereads its files has done so, and something is raised."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        act()


def _made(standby: Standby) -> int:
    """Tell one copy of the data from another."""
    return standby.server.data.stat().st_ino


def _eventually(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline, "it did not become true within 20 seconds"
        time.sleep(0.05)
