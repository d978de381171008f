"""EN-4 for backups: a marker in a database is found in no site's storage, no log and no temporary file."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.support.instance import Home


def test_en4_a_marker_is_found_nowhere_outside_the_database(running_instance: Home) -> None:
    home, marker = running_instance, f"Zanzibar{secrets.token_hex(12)}"
    made = f"p = env['res.partner'].create({{'name': {marker!r}}}); print(p.id)"
    home.shell("demo", made)
    try:
        assert home.shell("demo", f"print(env['res.partner'].search_count([['name', '=', {marker!r}]]))") == 1
        backup = home.json("backup", "now", "demo")
        home.ok("backup", "restore", backup["id"], "--into", "marked")
        try:
            state = home.state
            places = [state.sites, state.log, state.keeper, state.scratch, state.run, Path(tempfile.gettempdir())]
            assert [str(path) for path in holding(places, marker.encode(), state.root)] == []
            # The search itself finds what is there: PostgreSQL's own files have it.
            assert any(holding([state.primary], marker.encode(), state.root))
        finally:
            home.ok("db", "drop", "marked", "--confirm", "marked", "--without-backup")
    finally:
        home.shell("demo", f"env['res.partner'].search([['name', '=', {marker!r}]]).unlink(); print(1)")


def holding(places: list[Path], marker: bytes, root: Path) -> Iterator[Path]:
    """Give the files that hold the marker; below other homes' folders nothing of ours is."""
    for place in places:
        for path in place.rglob("*") if place == root or root in place.parents else place.glob("*"):
            if path.is_file() and not path.is_symlink() and marker in path.read_bytes():
                yield path
