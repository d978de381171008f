"""BK-1, BK-2: the files that a dump refers to are in its backup, proven at every site, and come back with it."""

from __future__ import annotations

import os
import shutil
import signal
import stat
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from uuid import uuid4

import pytest

from growsoft.keeper.verbs import Dumped
from growsoft_cloud.backup.entropy import mend
from growsoft_cloud.backup.folder import FolderSite
from growsoft_cloud.backup.pruning import let_all_go, prune
from growsoft_cloud.backup.restore import Target, restore
from growsoft_cloud.backup.service import BackupService
from growsoft_cloud.backup.sites import Kind, Writer
from growsoft_cloud.fleet import BackupPolicy, Retention
from tests.integration.backup.conftest import MARKER, SHOP, Place
from tests.integration.backup.local import BareCluster
from tests.integration.backup.paper import NAME, Papers, content, drop, papers
from tests.integration.backup.small import subject_of
from tests.unit.backup.places import GRAVELINES

pytestmark = pytest.mark.postgres

SUBJECT = subject_of(NAME, SHOP)


@dataclass(frozen=True)
class Late(BareCluster):
    """A cluster in which a row and its file go as soon as the dump is there."""

    office: Papers
    gone: str

    def dump(self, database: str, fd: int, /) -> Dumped:
        told = super().dump(database, fd)
        self.office.forget(self.gone)
        later = datetime.now(UTC).timestamp() + 72 * 3600
        assert self.office.store().sweep(set(), now=later) == 1
        assert not list(self.office.store().addresses())
        return told


@pytest.fixture
def office(home: Place, tmp_path: Path) -> Generator[Papers]:
    with papers(home, tmp_path) as made:
        yield made


def restored(office: Papers, service: BackupService, backup: str) -> tuple[list[bytes], tuple[str, ...]]:
    """Restore a backup, read its papers, and drop it; give them, and what was passed over."""
    name = f"trial_{uuid4().hex[:8]}"
    try:
        done = restore(service, backup, Target(name, uuid4()))
        return office.contents(name), tuple(failure.reason for failure in done.damaged)
    finally:
        drop(office.place, name)
        shutil.rmtree(office.files / name, ignore_errors=True)


def objects(service: BackupService) -> list[list[str]]:
    return [sorted(site.list(Kind.FILE)) for site in service.policy.sites]


def path_at(site: FolderSite, name: str) -> Path:
    return site.path / name


def sites_of(service: BackupService) -> list[FolderSite]:
    return [site for site in service.policy.sites if isinstance(site, FolderSite)]


def test_files_come_back_after_database_and_storage_are_gone(office: Papers) -> None:
    wanted = [content(1), content(2), content(1), b""]
    for one in wanted:
        office.write(one)
    service = office.service()
    record = service.backup_now(SUBJECT)
    assert record.complete
    assert record.manifest.files is not None
    assert (record.manifest.files.files, record.manifest.files.missing) == (3, 0)
    drop(office.place, NAME)
    shutil.rmtree(office.files)
    name = f"back_{uuid4().hex[:8]}"
    restore(office.service(), record.id, Target(name, uuid4()))
    try:
        assert office.contents(name) == wanted
        for path in (office.files / name).rglob("*"):
            assert stat.S_IMODE(path.stat().st_mode) == (0o777 if path.is_dir() else 0o644)
    finally:
        drop(office.place, name)


def test_each_file_lies_once_at_a_site_and_its_name_tells_only_whose_it_is(office: Papers) -> None:
    first = office.write(content(1))
    service = office.service()
    service.backup_now(SUBJECT)
    before = objects(service)
    office.write(content(2))
    assert service.backup_now(SUBJECT).complete
    after = objects(service)
    assert after[0] == after[1] == after[2]
    assert (len(before[0]), len(after[0])) == (1, 2)
    assert first[:32] not in str(after)
    for path in office.root.rglob("*"):
        if path.is_file():
            assert MARKER.encode() not in path.read_bytes()


@pytest.mark.parametrize("damage", ["lost", "damaged"])
def test_a_file_that_a_site_lost_is_passed_over_and_mended(office: Papers, damage: str) -> None:
    office.write(content(1))
    service = office.service()
    record = service.backup_now(SUBJECT)
    bad = path_at(sites_of(service)[0], objects(service)[0][0])
    whole = bad.read_bytes()
    if damage == "lost":
        bad.unlink()
    else:
        bad.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    found, passed_over = restored(office, service, record.id)
    assert found == [content(1)]
    assert any("gravelines" in reason for reason in passed_over)
    assert bad.read_bytes() == whole  # the restore had it mended
    bad.unlink()
    assert mend(service, datetime.now(UTC)).whole == [record.id]
    assert bad.read_bytes() == whole
    assert service.repair(record.id).complete


def test_a_backup_counts_on_no_file_that_a_site_was_not_seen_to_have_of_late(office: Papers) -> None:
    office.write(content(1))
    service = office.service()
    service.backup_now(SUBJECT)
    path_at(sites_of(service)[1], objects(service)[1][0]).unlink()
    # A registry that was made anew knows of no proof, so everything is read again.
    record = office.service().backup_now(SUBJECT)
    assert record.complete
    assert objects(service)[1] == objects(service)[0]


def test_a_file_whose_record_went_after_the_snapshot_is_in_the_backup(office: Papers) -> None:
    gone = office.write(content(1))
    service = office.service()
    record = replace(service, cluster=Late(office.place, office, gone)).backup_now(SUBJECT)
    assert record.complete
    assert restored(office, service, record.id)[0] == [content(1)]


def test_a_missing_file_is_told_and_the_backup_is_never_called_good(office: Papers) -> None:
    office.write(content(1))
    lost = office.write(content(2))
    office.store().path(lost).unlink()
    service = office.service()
    record = service.backup_now(SUBJECT)
    assert not record.complete
    assert len(record.copies) == 3
    assert "1 files" in record.failures[0].reason
    assert not service.repair(record.id).complete
    office.forget(lost)
    assert service.backup_now(SUBJECT).complete


def test_a_file_that_only_an_earlier_backup_has_still_is_in_the_next_one(office: Papers) -> None:
    lost = office.write(content(1))
    service = office.service()
    service.backup_now(SUBJECT)
    office.store().path(lost).unlink()
    service = office.service()
    record = service.backup_now(SUBJECT)
    assert record.complete
    assert restored(office, service, record.id)[0] == [content(1)]


def test_pruning_keeps_every_file_that_a_kept_backup_refers_to(office: Papers) -> None:
    old = office.write(content(1))
    office.write(content(2))
    service = office.service()
    first = service.backup_now(SUBJECT, "midday")
    office.forget(old)
    second = service.backup_now(SUBJECT, "daily")
    prune(service, SHOP, Retention(), datetime.now(UTC) + timedelta(days=3))
    assert [record.id for record in service.list()] == [second.id]
    assert first.manifest.files is not None
    assert [len(names) for names in objects(service)] == [1, 1, 1]
    assert first.manifest.files.stored.name not in service.policy.sites[0].list(Kind.ARCHIVE)
    assert restored(office, service, second.id)[0] == [content(2)]
    let_all_go(service, SHOP)
    assert objects(service) == [[], [], []]


def test_files_of_an_upload_that_died_go_after_a_day_and_no_others(office: Papers) -> None:
    office.write(content(1))
    service = office.service()
    record = service.backup_now(SUBJECT)
    left = f"file/{SHOP.hex}-{'0' * 32}"
    for site in sites_of(service):
        with site.create(left) as writer:
            writer.write(b"of a backup that was never finished")
    now = datetime.now(UTC)
    mend(service, now)
    assert left in objects(service)[0]
    mend(service, now + timedelta(days=2))
    assert [len(names) for names in objects(service)] == [1, 1, 1]
    assert restored(office, service, record.id)[0] == [content(1)]


def test_a_worker_killed_while_it_sends_a_file_leaves_nothing_that_is_listed(office: Papers) -> None:
    for number in range(3):
        office.write(content(number))
    office.keys.current(SHOP)  # both have the same
    worker = get_context("fork").Process(target=back_up_and_die, args=(office,))
    worker.start()
    worker.join()
    assert worker.exitcode == -signal.SIGKILL
    service = office.service()
    assert service.list() == []
    assert [len(names) for names in objects(service)] == [1, 0, 0]
    record = service.backup_now(SUBJECT)
    assert record.complete
    assert [len(names) for names in objects(service)] == [3, 3, 3]
    assert restored(office, service, record.id)[0] == [content(number) for number in range(3)]


def back_up_and_die(office: Papers) -> None:
    """Back up to sites of which the first takes everything with it in the middle of the second file."""
    service = office.service()
    first, *others = sites_of(service)
    deadly = Deadly(first.name, first.data_centre, first.path)
    replace(service, policy=BackupPolicy(Retention(), (deadly, *others), GRAVELINES)).backup_now(SUBJECT)


class Deadly(FolderSite):
    """A site at which the process ends in the middle of its second file."""

    @contextmanager
    def create(self, name: str, /) -> Generator[Writer]:
        second = name.startswith("file/") and bool(self.list(Kind.FILE))
        with super().create(name) as writer:
            if second:
                writer.write(b"half of it")
                os.kill(os.getpid(), signal.SIGKILL)
            yield writer


def test_a_file_that_is_whole_nowhere_does_not_keep_the_rest_from_coming_back(office: Papers) -> None:
    office.write(content(1))
    service = office.service()
    record = service.backup_now(SUBJECT)
    for site, names in zip(sites_of(service), objects(service), strict=True):
        path_at(site, names[0]).write_bytes(b"nothing of it")
    name = f"back_{uuid4().hex[:8]}"
    done = restore(service, record.id, Target(name, uuid4()))
    try:
        assert "1 of 1 files are whole at no site" in done.damaged[-1].reason
        assert not list((office.files / name).rglob("[0-9a-f]*/*"))
    finally:
        drop(office.place, name)
    assert not service.find(record.id).complete
    with pytest.raises(Exception, match="whole at no site"):
        restore(replace(service, files=None), record.id, Target(name, uuid4()))
