"""Moments: one customer comes back as he was at any of them, with his files, looked at before anything is swapped."""

from __future__ import annotations

import json
import os
import signal
import time
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from growsoft_cloud.pitr.pieces import read_all, stretches
from tests.acceptance.trust.test_en4_marker import holding
from tests.support.instance import Home, eventually

MARKER = "Zanzibar-moment-91c4"
CHANGE = """
env["res.partner"].search([["name", "=", "Flour mill"]]).write({"name": "Overwritten"})
env["ir.attachment"].search([["name", "=", "dough.txt"]]).unlink()
env["res.partner"].create({"name": "Came later"})
print(1)
"""
MAKE = f"""
env["res.partner"].create({{"name": "Flour mill", "comment": "{MARKER}"}})
env["ir.attachment"].create({{"name": "dough.txt", "datas": b"flour, water"}})
print(1)
"""
PARTNERS = 'print(json.dumps(sorted(env["res.partner"].search([]).mapped("name"))))'


@pytest.fixture(scope="module")
def moment(running_instance: Home) -> tuple[str, str]:
    """A moment of a database before it was spoilt, and its marker's moment in the archive."""
    home = running_instance
    home.ok("db", "create", "mill")
    home.ok("cloud", "base")
    home.shell("mill", MAKE)
    time.sleep(1)
    then = datetime.now(UTC).isoformat()
    time.sleep(1)
    home.shell("mill", CHANGE)
    after = datetime.now(UTC)
    eventually(lambda: datetime.fromisoformat(home.json("cloud", "rpo")["covered"]) > after)
    return then, after.isoformat()


def test_a_customer_comes_back_as_he_was_with_his_files_and_is_looked_at_first(
    running_instance: Home, moment: tuple[str, str]
) -> None:
    home = running_instance
    done = home.json("backup", "restore", "mill", "--at", moment[0], "--into", "mill-then")
    try:
        names = home.shell("mill-then", PARTNERS)
        assert "Flour mill" in names
        assert not {"Came later", "Overwritten"} & set(names)
        read = 'print(json.dumps(env["ir.attachment"].search([["name", "=", "dough.txt"]]).datas.read().decode()))'
        assert home.shell("mill-then", read) == "flour, water"
        assert (done["files"], done["damaged"]) == (1, [])
        assert done["seconds"] > 0
        lost = {one["model"]: one for one in done["preview"]["lost"]}
        assert (lost["res.partner"]["created"], lost["res.partner"]["written"]) == (1, 1)
        assert lost["ir.attachment"]["deleted"] == 1
        counts = {one["model"]: (one["now"], one["then"]) for one in done["preview"]["counts"]}
        assert counts["ir.attachment"] == (0, 1)
        again = home.json("backup", "preview", "mill-then", "--over", "mill", "--at", moment[0])
        assert again["lost"] == done["preview"]["lost"]
        home.ok("backup", "swap", "mill-then", "--over", "mill", "--confirm", "mill")
        assert "Flour mill" in home.shell("mill", PARTNERS)
        home.ok("backup", "undo", "mill")
        assert "Came later" in home.shell("mill", PARTNERS)
    finally:
        home.run("db", "drop", "mill-then", "--confirm", "mill-then", "--without-backup")
    assert list(home.state.scratch.glob("moment")) == []


def test_en4_a_marker_is_in_no_archive_and_in_no_place_that_a_restore_used(
    running_instance: Home, moment: tuple[str, str]
) -> None:
    home = running_instance
    assert moment[0] < moment[1]
    kinds = [site / kind for site in home.state.sites.iterdir() for kind in ("wal", "base")]
    assert all(any(folder.iterdir()) for folder in kinds)
    places = [*kinds, home.state.scratch, home.state.log, home.state.keeper]
    assert [str(path) for path in holding(places, MARKER.encode(), home.state.root)] == []
    assert any(holding([home.state.primary], MARKER.encode(), home.state.root))


def test_the_archive_has_no_hole_after_its_worker_was_killed_again_and_again(running_instance: Home) -> None:
    home = running_instance
    for wait in (0.0, 1.3):
        pid = home.pid("operations")
        assert pid is not None
        home.shell("demo", "env['res.partner'].create({'name': 'Amid a kill'}); print(1)")
        time.sleep(wait)
        os.kill(pid, signal.SIGKILL)
        eventually(partial(_runs_again, home, pid), 60)
    after = datetime.now(UTC)
    eventually(lambda: datetime.fromisoformat(home.json("cloud", "rpo")["covered"]) > after, 60)
    told = home.json("cloud", "rpo")
    assert told["gaps"] == []
    for site in home.state.sites.iterdir():
        names = [f"wal/{path.name}" for path in (site / "wal").iterdir()]
        assert len(stretches(read_all(names, told["system"]))) == 1
    home.shell("demo", "env['res.partner'].search([['name', '=', 'Amid a kill']]).unlink(); print(1)")


def _runs_again(home: Home, pid: int) -> bool:
    return home.pid("operations") not in (None, pid)


def test_moments_outside_the_window_and_without_a_zone_are_refused_with_words(running_instance: Home) -> None:
    home = running_instance
    early = home.run("backup", "restore", "demo", "--at", "2020-01-01T00:00:00+00:00", "--into", "demo-then")
    assert (early.code, "can be restored" in early.err) == (1, True)
    late = home.run(
        "backup", "restore", "demo", "--at", (datetime.now(UTC) + timedelta(days=1)).isoformat(), "--into", "demo-then"
    )
    assert (late.code, "not archived yet" in late.err) == (1, True)
    naive = home.run("backup", "restore", "demo", "--at", "2026-11-22T18:00:00", "--into", "demo-then")
    assert (naive.code, "time zone" in naive.err) == (2, True)


def test_a_restore_that_was_killed_leaves_nothing_after_the_next(
    running_instance: Home, moment: tuple[str, str]
) -> None:
    home = running_instance
    place = home.state.scratch / "moment"
    killed = home.start("backup", "restore", "mill", "--at", moment[0], "--into", "mill-then")
    eventually(lambda: (place / "data").exists() or any(place.glob("base-*/base")))
    assert place.stat().st_mode & 0o077 == 0
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert place.exists()
    home.ok("backup", "restore", "mill", "--at", moment[0], "--into", "mill-then")
    assert not place.exists()
    assert list(home.state.run.glob("moment-*")) == []
    home.run("db", "drop", "mill-then", "--confirm", "mill-then", "--without-backup")
    assert json.loads(home.ok("backup", "list", "mill", "--json")) is not None
