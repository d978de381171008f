"""An upgrade that fails, races or is killed leaves a database as it was, or as it should be; never in between."""

import os
import random
import signal
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from growsoft.errors import GrowsoftError
from growsoft.orm import App
from growsoft.postgres.check import fingerprint, problems
from growsoft.postgres.keeper import DatabaseBusy
from growsoft.postgres.pool import Pools
from growsoft.postgres.superuser import superuser
from tests.integration.keeper.conftest import House
from tests.integration.keeper.libraries import Library, new_library
from tests.support.library import VERSIONS

# What each of them adds to library 3.0: the last line of a migration, or of the models.
BROKEN: Mapping[str, tuple[str, str]] = {
    "a defect before": ("pre", "raise RuntimeError('a defect of the app')"),
    "a defect after": ("post", "migration.env['library.book'].no_such_field"),
    "a refusal": ("post", "migration.env['library.book'].create({'title': ''})"),
    "a statement that fails": ("pre", "migration.run(sql('SELECT 1/0'))"),
    "a record of the old tables": ("pre", "migration.env"),
    "a check that rows break": ("post", "migration.run(sql('UPDATE library_book SET year = 1'))"),
    "a hole in the wall": ("post", "migration.run(sql('GRANT SELECT ON library_book TO PUBLIC'))"),
    "a policy that goes": ("post", "migration.run(sql('DROP POLICY gs_signed ON library_book'))"),
    "a required field without values": ("models", "code = fields.Many2one(Shelf, required=True)"),
    "another type": ("models", "note = fields.Boolean()"),
    "a missing data file": ("data", "data/none.csv"),
    "a record of no model": ("data", "data/no.model.csv"),
}


@pytest.fixture
def library(house: House, pools: Pools, tmp_path: Path) -> Iterator[Library]:
    with new_library(house, pools, tmp_path) as made:
        yield made


def broken(folder: Path, monkeypatch: pytest.MonkeyPatch, part: str, line: str) -> Mapping[str, App]:
    """Publish library 4.0 with a fault."""
    name = f"broken_{part}_{random.getrandbits(40):x}"
    package = folder / name
    (package / "migrations").mkdir(parents=True)
    (package / "data").mkdir()
    (package / "data" / "no.model.csv").write_text("id,name\nx,y\n")
    third = Path(__file__).parents[2] / "support" / "library" / "v3"
    models = (third / "models.py").read_text()
    extra = f"\n\nclass More(Book, extend=True):\n    {line}\n" if part == "models" else ""
    (package / "__init__.py").write_text("")
    (package / "models.py").write_text(models + extra)
    (package / "migrations" / "__init__.py").write_text("")
    for version in ("v2.py", "v3.py"):
        (package / "migrations" / version).write_text((third / "migrations" / version).read_text())
    if part in ("pre", "post"):
        (package / "migrations" / "v4.py").write_text(
            textwrap.dedent(f"""
            from growsoft.postgres.sql import sql

            def {part}(migration):
                {line}
            """)
        )
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    app = replace(VERSIONS["3.0"]["library"], version="4.0", package=name, data=(line,) if part == "data" else ())
    return {**VERSIONS["3.0"], "library": app}


def seen(library: Library) -> tuple[object, ...]:
    """Everything about a database that an upgrade touches."""
    with superuser(library.house.endpoint(library.name)) as connection:
        assert problems(connection) == []
        mark = fingerprint(connection)
    with library.env("1.0") as env:
        rows = [env[model].search_read([]) for model in ("library.book", "library.shelf", "ir.model.data")]
    return mark, library.columns("library_book"), rows


@pytest.mark.parametrize("fault", BROKEN)
def test_an_upgrade_that_fails_leaves_everything_as_it_was(
    library: Library, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = seen(library)
    keeper = library.keeper("4.0", broken(tmp_path / "apps", monkeypatch, *BROKEN[fault]))
    with pytest.raises(GrowsoftError):
        keeper.upgrade_apps(library.name)
    assert seen(library) == before
    assert library.keeper("1.0").list_apps(library.name).apps["library"] == "1.0"


def test_whoever_is_killed_in_the_middle_leaves_it_old_or_new(library: Library) -> None:
    keeper = library.keeper("3.0")
    keeper.rehearse_upgrade(library.name)  # so that the template is there
    chance = random.Random(os.getpid())  # noqa: S311  moments, no secret
    for _attempt in range(8):
        child = os.fork()
        if not child:
            library.keeper("3.0").upgrade_apps(library.name)
            os._exit(0)
        time.sleep(chance.uniform(0.05, 0.9))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        after = library.keeper("3.0")  # its start ends what the dead one left running
        version = after.list_apps(library.name).apps["library"]
        columns = library.columns("library_book")
        assert ("title" in columns, "author" in columns) == ((version == "3.0"), (version == "1.0"))
        with library.env(version) as env:
            assert env["library.book"].search_count([]) == 2
        if version == "3.0":
            break
    assert keeper.upgrade_apps(library.name).apps["library"] == "3.0"


def test_two_upgrades_at_once_are_one(library: Library) -> None:
    keeper = library.keeper("3.0")
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(keeper.upgrade_apps, library.name) for _ in range(4)]
        done = [one.result() for one in asked]
    assert sorted(one.changed for one in done) == [False, False, False, True]
    assert len({one.fingerprint for one in done}) == 1


def test_nobody_who_is_at_work_loses_what_was_answered(library: Library) -> None:
    keeper = library.keeper("1.0")
    saved: list[str] = []
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            name = f"Book {len(saved)}"
            try:
                with library.env("1.0") as env:
                    env["library.book"].create({"name": name})
            except GrowsoftError:
                time.sleep(0.01)  # what a browser is told to do
            else:
                saved.append(name)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        keeper.install_apps(library.name, ["reviews"])
        keeper.uninstall_apps(library.name, ["reviews"])
    finally:
        time.sleep(0.2)
        stop.set()
        worker.join()
    assert saved
    with library.env("1.0") as env:
        rows = env["library.book"].search_read([["name", "=like", "Book %"]], ["name"])
    assert sorted(row["name"] for row in rows) == sorted(saved)


def test_a_request_that_does_not_end_is_waited_for_and_then_left_alone(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("growsoft.keeper.lifecycle.LOCK_SECONDS", 0.5)
    keeper = library.keeper("3.0")
    with library.env("1.0") as env:
        env["library.book"].search([]).write({"note": "being written"})
        env.flush()
        with pytest.raises(DatabaseBusy):
            keeper.upgrade_apps(library.name)
    assert keeper.upgrade_apps(library.name).apps["library"] == "3.0"
