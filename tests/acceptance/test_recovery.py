"""Recovery: whatever is killed under load, clients are told, nothing is half written, and it serves again by itself."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest

from growsoft.postgres.local import superuser_endpoint
from growsoft.postgres.standby import lag
from tests.support.https import Site
from tests.support.instance import Home, eventually
from tests.support.load import Visitors, visited

PASSWORD = "Feuerwehr und Rettung"
ROWS = 25_000
# What takes two seconds on a machine that has nothing else to do.
SECONDS = 30

TAKES = ("res.partner", "--map", "Nr=ref", "--map", "Firma=name", "--key", "ref", "--json")
WRITTEN = 'print(json.dumps(env["res.partner"].search([["name", "like", "written-"]]).mapped("name")))'
IMPORTED = 'print(env["res.partner"].search_count([["ref", "like", "MANY-"]]))'


@pytest.fixture(scope="module")
def office(running_instance: Home) -> Generator[Site]:
    """A database of its own, and somebody who is signed in to it."""
    home = running_instance
    home.ok("db", "create", "office")
    home.json("user", "add", "office", "max", "--group", "contacts.manager", "--password-stdin", stdin=PASSWORD)
    site = Site(home, "office.localhost")
    assert site.sign_in("max", PASSWORD).status == 200
    yield site
    home.run("db", "drop", "office", "--confirm", "office", "--without-backup")


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A file whose import takes a while."""
    path = tmp_path / "many.csv"
    path.write_text(
        "Nr,Firma\n" + "".join(f"MANY-{number},Firma {number}\n" for number in range(ROWS)), encoding="utf-8"
    )
    return path


def test_a_killed_postgresql_loses_nothing_and_is_back_by_itself(office: Site, many: Path) -> None:
    home = office.home
    eventually(lambda: _streams(home))
    with visited(office) as seen:
        eventually(lambda: len(seen.saved) >= 3)
        importing = home.start("import", "office", TAKES[0], many, *TAKES[1:])
        eventually(lambda: _writes(home))
        killed = home.pid("primary")
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        began = time.monotonic()
        out, err = importing.communicate(timeout=SECONDS)
        _serves_again(seen, killed, home)
        took = time.monotonic() - began
    assert took < SECONDS
    assert (importing.returncode, out) == (1, "")
    assert err.startswith("Error: ")
    assert "Traceback" not in err
    _told_well(seen)
    # What was acknowledged is there; of the import there is nothing.
    assert set(seen.saved) <= set(home.shell("office", WRITTEN))
    assert home.shell("office", IMPORTED) == 0
    eventually(lambda: _streams(home), within=60)


def test_the_import_that_was_interrupted_can_be_done_again(office: Site, many: Path) -> None:
    told = office.home.json("import", "office", TAKES[0], many, *TAKES[1:-1])
    assert (told["created"], told["errors"]) == (ROWS, [])


def test_a_killed_web_worker_is_replaced_while_the_other_one_serves(office: Site) -> None:
    home = office.home
    with visited(office) as seen:
        eventually(lambda: len(seen.saved) >= 1)
        killed = home.pid("web-1")
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        before = len(seen.saved)
        eventually(lambda: home.pid("web-1") not in (None, killed) and len(seen.saved) > before)
    _told_well(seen)
    assert set(seen.saved) <= set(home.shell("office", WRITTEN))


def test_a_killed_keeper_is_replaced_and_commands_wait_for_it(office: Site) -> None:
    home = office.home
    killed = home.pid("keeper")
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    created = home.json("db", "create", "branch")
    assert created["name"] == "branch"
    eventually(lambda: home.pid("keeper") not in (None, killed))
    assert Site(home, "branch.localhost").get("/web/login").status == 200
    home.ok("db", "drop", "branch", "--confirm", "branch", "--without-backup")


def test_a_killed_standby_is_replaced_and_follows_again(office: Site) -> None:
    home = office.home
    killed = home.pid("standby")
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: home.pid("standby") not in (None, killed))
    eventually(lambda: _streams(home), within=60)


def _serves_again(seen: Visitors, killed: int, home: Home) -> None:
    """Wait until the primary is another process, and somebody has read and somebody has written since."""
    eventually(lambda: home.pid("primary") not in (None, killed), within=SECONDS)
    reads, writes = seen.statuses[200], len(seen.saved)
    eventually(lambda: seen.statuses[200] > reads and len(seen.saved) > writes, within=SECONDS)


def _told_well(seen: Visitors) -> None:
    """See that every visitor got a page or a sentence, never a traceback, and never somebody else's error."""
    assert set(seen.statuses) <= {200, 303, 503}, (seen.statuses, seen.sentences)
    for sentence in seen.sentences:
        assert "Traceback" not in sentence
        assert "try again" in sentence, sentence


def _streams(home: Home) -> bool:
    try:
        return lag(superuser_endpoint(home.state).dsn()).state == "streaming"
    except psycopg.OperationalError:
        return False


def _writes(home: Home) -> bool:
    """Say whether the import is in the middle of its transaction."""
    with psycopg.connect(superuser_endpoint(home.state).dsn()) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'growsoft' AND query ILIKE 'INSERT INTO%'"
            " AND xact_start < now() - interval '0.3 second'"
        ).fetchone()
    return found is not None and found[0] > 0
