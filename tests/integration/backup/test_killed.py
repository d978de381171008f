"""BK-1, BK-2: a worker is killed at random moments; nothing half-written is listed, what is called good restores.

`make crashes` kills hundreds of times, the test suite a few (GROWSOFT_KILLS).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest

from growsoft_cloud.backup.copies import prove
from growsoft_cloud.backup.entropy import mend
from growsoft_cloud.backup.folder import FolderSite
from growsoft_cloud.backup.records import scan
from growsoft_cloud.backup.restore import Target, restore
from growsoft_cloud.backup.service import BackupService
from tests.integration.backup import victim
from tests.integration.backup.conftest import Place
from tests.integration.backup.local import BareCluster
from tests.integration.backup.small import diaries, pages, write
from tests.unit.backup.cases import KEYRING
from tests.unit.backup.places import three_sites

pytestmark = pytest.mark.postgres

KILLS = int(os.environ.get("GROWSOFT_KILLS", "10"))


def test_bk2_a_worker_killed_at_any_moment_leaves_nothing_half_written_that_is_listed(
    home: Place, tmp_path: Path
) -> None:
    sites, key, chance = three_sites(tmp_path), victim.new_key(), Random(11)  # noqa: S311 - chance, no secret
    with diaries(home, "kyoto"):
        for number in range(300):
            write(home, "kyoto", datetime.fromtimestamp(number, UTC), os.urandom(2000).hex())
        for _ in range(KILLS):
            kill_after(home, tmp_path, key.to_text(), chance.uniform(0, 1.5))
            everything_listed_is_whole(sites)
        service = victim.service_at(tmp_path, key, home.endpoint(), [0])
        mend(service, datetime.now(UTC))
        records = service.list()
        assert records
        assert all(record.complete for record in records)
        assert len(records) <= 16
        for record in chance.sample(records, min(3, len(records))):
            restored(home, replace(service, cluster=BareCluster(home)), record.id)


def kill_after(home: Place, root: Path, key: str, seconds: float) -> None:
    """Let a worker work for some time after it is ready, then take everything from it at once."""
    server = home.endpoint()
    argv = [sys.executable, "-m", "tests.integration.backup.victim", str(root), key, server.host, str(server.port)]
    with subprocess.Popen([*argv, server.password], stdout=subprocess.PIPE, cwd=Path.cwd()) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"ready\n"
        time.sleep(seconds)
        assert worker.poll() is None
        worker.kill()


def everything_listed_is_whole(sites: tuple[FolderSite, ...]) -> None:
    """What a site lists as a backup is there, every byte of it."""
    for site in sites:
        found = scan(site, [KEYRING])
        assert found.refused == ()
        for manifest in found.manifests:
            prove(site, manifest.archive)


def restored(home: Place, service: BackupService, backup: str) -> None:
    name = f"trial_{uuid4().hex[:8]}"
    restore(service, backup, Target(name, uuid4()))
    try:
        assert pages(home, name) == pages(home, "kyoto")
    finally:
        service.cluster.drop(name)
