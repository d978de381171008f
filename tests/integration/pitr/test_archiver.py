"""The archiver on a real primary: nothing is acknowledged before it is safe, and nothing of it can be read."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from growsoft.postgres.binaries import Binaries
from growsoft.postgres.parameters import ServerTls, login_rules
from growsoft.postgres.replication import Source
from growsoft.postgres.server import Server
from growsoft.postgres.standby import Standby
from growsoft.postgres.users import ServiceUser
from growsoft.postgres.walstream import SEGMENT
from growsoft_cloud.backup.errors import ArchiveError
from growsoft_cloud.backup.sites import Kind
from growsoft_cloud.pitr.pieces import floor, read_all, stretches
from growsoft_cloud.pitr.store import everywhere, read
from tests.integration.pitr.conftest import House, eventually
from tests.integration.postgres_server.conftest import parameters, stopped_after, superuser, tls_server

pytestmark = pytest.mark.postgres

MARKER = b"Zanzibar-archive-5e1d"


def plain(house: House) -> bytes:
    """What the archive holds, opened and joined."""
    system = house.status.system
    found = everywhere(house.sites, system)
    return b"".join(read(house.keys_for(system), sites, piece.name)[0] for piece, sites in sorted(found.items()))


def test_wal_reaches_every_site_in_one_stretch_and_shows_nothing(house: House) -> None:
    with house.archiving():
        house.run("CREATE TABLE t (x text)", "INSERT INTO t VALUES ('Zanzibar-archive-5e1d')")
        house.archived(house.run("CHECKPOINT"))
        house.archived(house.run("INSERT INTO t SELECT repeat('y', 500) FROM generate_series(1, 40000)"))
        eventually(lambda: (house.status.rpo() or 99) < 3)
    for site in house.sites:
        (stretch,) = stretches(read_all(site.list(Kind.WAL), house.status.system))
        assert stretch.end == house.status.position
        assert stretch.until <= datetime.now(UTC)
        assert not any(MARKER in path.read_bytes() for path in (site.path / "wal").iterdir())
    assert MARKER in plain(house)  # the search finds what is there
    assert plain(house)[:SEGMENT] == (house.primary.data / "pg_wal" / "000000010000000000000001").read_bytes()


def test_what_no_two_sites_outside_have_is_kept_by_the_primary_until_they_do(house: House) -> None:
    with house.archiving():
        house.archived(house.run("CREATE TABLE t (x text)"))
        away = house.sites[2].path.rename(house.sites[2].path.with_name("away"))
        position = house.run("INSERT INTO t VALUES ('while a site is away')")
        eventually(lambda: "montreal" in house.status.sites)
        assert not _kept(house, position)
        away.rename(house.sites[2].path)
    house.run("INSERT INTO t VALUES ('while nobody archived')")
    with house.archiving():
        house.archived(house.run("CHECKPOINT"))
    outside = [read_all(site.list(Kind.WAL), house.status.system) for site in house.sites[1:]]
    assert all(len(stretches(pieces)) == 1 for pieces in outside)


def test_an_archiver_that_was_killed_goes_on_where_two_sites_agree(house: House) -> None:
    with house.archiving():
        house.archived(house.run("CREATE TABLE t (x text)"))
    (house.sites[0].path / "wal" / "unfinished").write_bytes(b"of a writer that was killed")
    only_here = max(read_all(house.sites[1].list(Kind.WAL), house.status.system))
    house.told.unlink()
    house.sites[2].delete(only_here.name)  # it died before the second site had it
    position = house.run("INSERT INTO t VALUES ('meanwhile')")
    with house.archiving():
        house.archived(position)
    assert len(stretches(read_all(house.sites[2].list(Kind.WAL), house.status.system))) == 1
    assert only_here.start < house.status.position


def test_a_damaged_piece_is_passed_over_and_one_under_another_name_refused(house: House) -> None:
    with house.archiving():
        house.archived(house.run("CREATE TABLE t (x text)"))
        house.archived(house.run("INSERT INTO t VALUES ('another piece')"))
    system = house.status.system
    keys = house.keys_for(system)
    piece, other = sorted(everywhere(house.sites, system))[:2]
    whole, nothing_wrong = read(keys, house.sites, piece.name)
    assert nothing_wrong == ()
    path = house.sites[0].path / piece.name
    path.write_bytes(path.read_bytes()[:-20] + bytes(20))
    found, failures = read(keys, house.sites, piece.name)
    assert found == whole
    assert [failure.site for failure in failures] == [house.sites[0].name]
    shutil.copy(house.sites[1].path / other.name, path)
    with pytest.raises(ArchiveError):
        read(keys, house.sites[:1], piece.name)


def test_after_a_promotion_the_archive_follows_the_new_timeline(
    house: House, folder: Path, binaries: Binaries, user: ServiceUser | None, tls: ServerTls
) -> None:
    copy = tls_server("standby", folder, binaries, user)
    source = Source("127.0.0.1", house.primary.port, tls.authority, folder / "standby.pgpass", house.source.password)
    with stopped_after(copy):
        Standby(copy, source, parameters(copy, tls), login_rules(tls=True)).start()
        with house.archiving():
            position = house.run("CREATE TABLE t (x text)")
            house.archived(position)
        replayed(copy, position)
        house.primary.stop()
        promote(copy)
        new = Source("127.0.0.1", copy.port, tls.authority, house.source.passfile, house.source.password)
        with house.archiving(new):
            house.archived(house.run("INSERT INTO t VALUES ('on the second timeline')", server=copy))
            eventually(lambda: house.status.timeline == 2)
    pieces = read_all(house.sites[1].list(Kind.WAL), house.status.system)
    first, second = stretches(pieces)
    assert (first.timeline, second.timeline) == (1, 2)
    assert second.start == floor(second.start) <= first.end
    (history,) = [piece for piece in pieces if piece.is_history]
    text, _failures = read(house.keys_for(house.status.system), house.sites, history.name)
    assert text.startswith(b"1\t0/")


def test_wal_that_the_primary_gave_up_is_told_as_a_gap(house: House) -> None:
    with house.archiving():
        house.archived(house.run("CREATE TABLE t (x text)"))
    with psycopg.connect(superuser(house.primary), autocommit=True) as connection:
        connection.execute("SELECT pg_drop_replication_slot('gs_archive')")
        for _ in range(4):
            connection.execute("INSERT INTO t VALUES ('x')")
            connection.execute("SELECT pg_switch_wal()")
        connection.execute("CHECKPOINT")
        connection.execute("CHECKPOINT")
    for path in (house.primary.data / "pg_wal").glob("00000001000000000000000[12]"):
        path.unlink(missing_ok=True)
    with house.archiving():
        house.archived(house.run("INSERT INTO t VALUES ('after the gap')"))
        eventually(lambda: bool(house.status.gaps))
    (gap,) = house.status.gaps
    assert gap.after < gap.before
    assert len(stretches(read_all(house.sites[0].list(Kind.WAL), house.status.system))) == 2


def _kept(house: House, position: str) -> bool:
    high, low = position.split("/")
    return house.status.position >= int(high, 16) << 32 | int(low, 16)


def replayed(server: Server, position: str) -> None:
    with psycopg.connect(superuser(server), autocommit=True) as connection:

        def is_there() -> bool:
            row = connection.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", [position]).fetchone()
            return row == (True,)

        eventually(is_there)


def promote(server: Server) -> None:
    with psycopg.connect(superuser(server), autocommit=True) as connection:
        assert connection.execute("SELECT pg_promote(true, 30)").fetchone() == (True,)
