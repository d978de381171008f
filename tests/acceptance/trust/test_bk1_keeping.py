"""BK-1, BK-6, DR-1 on a running instance: what is promised is there, is watched, and is young."""

from __future__ import annotations

import subprocess
import sys
import time

from tests.acceptance.trust.conftest import Ask
from tests.support.instance import Home

LONGEST = 240


def test_bk1_every_database_has_the_backups_that_its_age_allows(ask: Ask) -> None:
    found = ask("BK-1")
    assert found["state"] == "simulated", found
    assert "folders of this machine" in found["evidence"]


def test_bk1_an_archive_that_a_site_lost_is_found(running_instance: Home, ask: Ask) -> None:
    made = running_instance.json("backup", "now", "demo")
    (archive,) = [
        path
        for path in (running_instance.state.sites / "frankfurt" / "archive").iterdir()
        if path.stat().st_size == made["bytes"]
    ][:1]
    away = archive.rename(archive.parents[1] / "away")
    try:
        found = ask("BK-1")
    finally:
        away.rename(archive)
    assert found["state"] == "not met"
    assert "frankfurt does not list b-" in found["evidence"]


def test_bk6_the_monitor_sees_what_is_planted_and_looks_at_every_database(ask: Ask) -> None:
    found = ask("BK-6")
    assert found["state"] == "met", found
    assert "each raised an alarm" in found["evidence"]


def test_dr1_no_copy_is_older_than_a_day(ask: Ask) -> None:
    found = ask("DR-1")
    assert found["state"] == "simulated", found
    assert "the control database included" in found["evidence"]


def test_bk1_the_operations_worker_backs_up_a_new_database_by_itself(running_instance: Home) -> None:
    running_instance.ok("db", "create", "unasked")
    try:
        deadline = time.monotonic() + LONGEST
        while time.monotonic() < deadline:
            listed = running_instance.json("backup", "list", "unasked")
            if listed and listed[0]["complete"]:
                assert listed[0]["purpose"] == "daily"
                return
            time.sleep(1)
        raise AssertionError("nobody backed it up")
    finally:
        running_instance.ok("db", "drop", "unasked", "--confirm", "unasked", "--without-backup")


# Four workers who ask for numbers at once, in a process that may become the keeper's user.
AT_ONCE = """
import os
from concurrent.futures import ThreadPoolExecutor
from growsoft.cli.instance import open_instance
from growsoft_cloud.backup.catalogue import ControlCatalogue

with open_instance() as instance, ThreadPoolExecutor(4) as pool:
    catalogue = ControlCatalogue(instance)
    found = list(pool.map(lambda _: catalogue.next_number(), range(40)))
assert len(set(found)) == 40, sorted(found)
"""


def test_bk1_backups_that_end_at_the_same_moment_are_all_recorded(running_instance: Home) -> None:
    subprocess.run([sys.executable, "-c", AT_ONCE], env=dict(running_instance.environ), check=True, timeout=120)
