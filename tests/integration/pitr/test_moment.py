"""A cluster as it was at a moment, rebuilt from base backups and WAL of whichever sites are whole."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from growsoft.postgres.binaries import Binaries
from growsoft.postgres.files import make_folder, write_file
from growsoft.postgres.parameters import ServerTls, login_rules
from growsoft.postgres.replication import Source
from growsoft.postgres.sql import sql
from growsoft.postgres.standby import Standby
from growsoft.postgres.superuser import superuser as inside
from growsoft.postgres.users import ServiceUser
from growsoft_cloud.backup.copies import Failure
from growsoft_cloud.backup.errors import NoGoodCopy
from growsoft_cloud.backup.sites import Kind
from growsoft_cloud.pitr.bases import files_name
from growsoft_cloud.pitr.keeping import ON_ITS_WAY, join, mend, prune
from growsoft_cloud.pitr.planning import plan
from growsoft_cloud.pitr.rebuilding import Rebuilding, forks_of, histories_of, started
from growsoft_cloud.pitr.store import everywhere
from growsoft_cloud.pitr.taking import BaseBackups
from tests.integration.pitr.conftest import House
from tests.integration.pitr.test_archiver import promote, replayed
from tests.integration.postgres_server.conftest import parameters, stopped_after, tls_server
from tests.unit.backup.places import GRAVELINES

pytestmark = pytest.mark.postgres

MARKER = "Zanzibar-base-77ac"


@dataclass
class Rebuilt:
    """What is needed to rebuild a house's cluster."""

    house: House
    binaries: Binaries
    user: ServiceUser | None
    folder: Path

    def __post_init__(self) -> None:
        source = self.house.source
        write_file(source.passfile, source.passfile_line(), None)

    def backups(self, source: Source | None = None) -> BaseBackups:
        system = self.house.status.system
        keys = self.house.keys_for(system)
        return BaseBackups(source or self.house.source, self.binaries, self.house.sites, GRAVELINES, keys, system)

    @contextmanager
    def rows_at(self, moment: datetime, damaged: list[Failure] | None = None) -> Generator[list[str]]:
        """The rows of the table as they were; everything is gone afterwards."""
        backups = self.backups()
        pieces = list(everywhere(backups.sites, backups.system))
        histories = histories_of(backups.keys, backups.sites, pieces)
        wanted = plan(moment, backups.list(), pieces, forks_of(histories), self.house.status.covered)
        place = self.folder / f"m{secrets.token_hex(4)}"
        make_folder(place, self.user)
        passed_over = [] if damaged is None else damaged
        work = Rebuilding(backups.sites, backups.keys, self.binaries, self.user, place, _silent, passed_over)
        work.refuse_too_large(wanted)
        data = work.bring(wanted, [one for one in histories if one.timeline == wanted.timeline])
        with (
            started(data, place, self.binaries, self.user, wanted) as endpoint,
            inside(endpoint, "postgres") as connection,
        ):
            yield connection.run(sql("SELECT x FROM t ORDER BY x")).column(str)
        shutil.rmtree(place)


@pytest.fixture
def rebuilt(house: House, binaries: Binaries, user: ServiceUser | None, folder: Path) -> Rebuilt:
    return Rebuilt(house, binaries, user, folder)


def now() -> datetime:
    """A moment between what came before and what comes after."""
    time.sleep(0.05)
    found = datetime.now(UTC)
    time.sleep(0.05)
    return found


def test_every_moment_after_a_base_backup_comes_back_whatever_single_copy_is_lost(rebuilt: Rebuilt) -> None:
    house = rebuilt.house
    with house.archiving():
        house.archived(house.run("CREATE TABLE t (x text)", "INSERT INTO t VALUES ('full'), ('Zanzibar-base-77ac')"))
        full, failures = rebuilt.backups().take()
        assert failures == ()
        house.run("INSERT INTO t VALUES ('between')")
        first = now()
        house.run("INSERT INTO t VALUES ('second')", "CREATE TABLE other (y int)")
        difference, failures = rebuilt.backups().take(full)
        assert (failures, difference.parent) == ((), full.id)
        house.run("UPDATE t SET x = 'changed' WHERE x = 'full'")
        second = now()
        house.run("DROP TABLE t")
        house.archived(house.run("CREATE TABLE later (z int)"))
        house.covers(second)
    size = [(house.sites[0].path / files_name(one.system, one.id)).stat().st_size for one in (full, difference)]
    assert size[1] < size[0] / 5
    for site in house.sites:
        assert not any(MARKER.encode() in path.read_bytes() for path in (site.path / "base").iterdir())
    with rebuilt.rows_at(first) as rows:
        assert rows == [MARKER, "between", "full"]
    # The first site is damaged, the second is gone: one that is whole is enough.
    files = house.sites[0].path / files_name(full.system, full.id)
    files.write_bytes(files.read_bytes()[:-30] + bytes(30))
    away = house.sites[1].path.rename(house.sites[1].path.with_name("away"))
    damaged: list[Failure] = []
    with rebuilt.rows_at(second, damaged) as rows:
        assert rows == [MARKER, "between", "changed", "second"]
    assert {failure.site for failure in damaged} >= {house.sites[0].name}
    away.rename(house.sites[1].path)


def test_a_moment_after_a_promotion_comes_back_over_the_fork(
    rebuilt: Rebuilt, folder: Path, binaries: Binaries, user: ServiceUser | None, tls: ServerTls
) -> None:
    house = rebuilt.house
    copy = tls_server("standby", folder, binaries, user)
    source = Source("127.0.0.1", house.primary.port, tls.authority, folder / "standby.pgpass", house.source.password)
    with stopped_after(copy):
        Standby(copy, source, parameters(copy, tls), login_rules(tls=True)).start()
        with house.archiving():
            house.archived(house.run("CREATE TABLE t (x text)", "INSERT INTO t VALUES ('on the first')"))
            rebuilt.backups().take()
            position = house.run("INSERT INTO t VALUES ('still on the first')")
            before = now()
            house.covers(before)
        replayed(copy, position)
        house.primary.stop()
        promote(copy)
        new = Source("127.0.0.1", copy.port, tls.authority, house.source.passfile, house.source.password)
        with house.archiving(new):
            house.archived(house.run("INSERT INTO t VALUES ('on the second')", server=copy))
            after = now()
            house.archived(house.run("DELETE FROM t", server=copy))
            house.covers(after)
    with rebuilt.rows_at(after) as rows:
        assert rows == ["on the first", "on the second", "still on the first"]
    with rebuilt.rows_at(before) as rows:
        assert rows == ["on the first", "still on the first"]


def test_sites_are_made_whole_and_what_no_moment_needs_goes(rebuilt: Rebuilt) -> None:
    house = rebuilt.house
    with house.archiving():
        house.archived(house.run("CREATE TABLE t (x text)"))
        old, _failures = rebuilt.backups().take()
        house.archived(house.run("INSERT INTO t SELECT repeat('y', 900) FROM generate_series(1, 20000)"))
        new, _failures = rebuilt.backups().take()
        house.archived(house.run("INSERT INTO t VALUES ('last')"))
        house.covers(datetime.now(UTC))
    backups, lost = rebuilt.backups(), house.sites[2]
    later = datetime.now(UTC) + 2 * ON_ITS_WAY
    for kind in (Kind.WAL, Kind.BASE):
        for name in lost.list(kind):
            lost.delete(name)
    # Nothing goes while one site lacks what displaces it.
    assert prune(backups, later).removed == []
    assert mend(backups, later).failed == []
    assert sorted(lost.list(Kind.WAL)) == sorted(house.sites[0].list(Kind.WAL))
    many = len(house.sites[0].list(Kind.WAL))
    assert join(backups, later).failed == []
    assert [len(site.list(Kind.WAL)) for site in house.sites] == [len(house.sites[0].list(Kind.WAL))] * 3
    assert len(house.sites[0].list(Kind.WAL)) < many
    prune(backups, old.taken + timedelta(microseconds=1))
    assert backups.list() == [old, new]
    gone = prune(backups, new.taken + timedelta(seconds=1)).removed
    assert f"{lost.name}: {old.name}" in gone
    assert backups.list() == [new]
    with rebuilt.rows_at(house.status.covered or later) as rows:
        assert rows[0] == "last"


def test_a_base_backup_that_no_site_has_whole_is_no_way_to_a_moment(rebuilt: Rebuilt) -> None:
    house = rebuilt.house
    with house.archiving():
        house.archived(house.run("CREATE TABLE t (x text)"))
        base, _failures = rebuilt.backups().take()
        house.covers(datetime.now(UTC))
    for site in house.sites:
        path = site.path / files_name(base.system, base.id)
        path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(NoGoodCopy, match="whole at no site"), rebuilt.rows_at(house.status.covered or now()):
        raise AssertionError


def _silent(_step: str) -> None:
    """Say nothing."""
