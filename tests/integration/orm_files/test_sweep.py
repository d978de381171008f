"""Files go when nothing refers to them, and not before."""

from __future__ import annotations

import os
from pathlib import Path

from growsoft.apps.base.jobs import Files
from growsoft.orm.filesweep import referred_files, sweep_files
from growsoft.security.filestore import GRACE, FileStore
from tests.integration.orm.conftest import Trade
from tests.integration.orm_files.papers import Paper


def test_a_file_goes_after_its_last_record_and_some_time(shared: Trade) -> None:
    with shared.undone() as env:
        store = env.files
        assert isinstance(store, FileStore)
        one, other = env[Paper].create([{"name": "a", "scan": b"same"}, {"name": "b", "secret_scan": b"same"}])
        kept = env[Paper].create({"name": "c", "scan": b"kept"})
        _age(store.folder)
        before = set(store.addresses())
        assert referred_files(env) <= before
        one.unlink()
        sweep_files(env)
        assert len(referred_files(env)) == 2  # the other record has the same file
        other.unlink()
        assert len(referred_files(env)) == 1
        sweep_files(env)
        assert set(store.addresses()) == referred_files(env)
        assert kept.scan is not None
        assert kept.scan.read() == b"kept"


def test_the_schedule_sweeps_them(shared: Trade) -> None:
    with shared.undone() as env:
        store = env.files
        assert isinstance(store, FileStore)
        paper = env[Paper].create({"name": "a", "scan": b"of the schedule"})
        address = referred_files(env)
        _age(store.folder)
        paper.unlink()
        files = env["ir.attachment"]
        assert isinstance(files, Files)
        files.sweep_files()
        assert not address & set(store.addresses())


def _age(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            old = path.stat().st_mtime - 2 * GRACE
            os.utime(path, (old, old))
