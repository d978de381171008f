"""EN-4: a marker in a row and in a file is found in no site, no storage, no log, no temporary file and no core file."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.trust.conftest import Ask
from tests.support.instance import Home, eventually

# A row, a file of some kilobytes, and a file of some bytes: what is short is not hidden by being compressed.
MADE = """
partner = env["res.partner"].create({{"name": {marker!r}}})
for name, data in (("long.txt", {marker!r} * 500), ("short.txt", {marker!r})):
    env["ir.attachment"].create(
        {{"name": name, "res_model": "res.partner", "res_id": partner.id, "datas": data.encode()}}
    )
print(partner.id)
"""
GONE = "env['res.partner'].search([['name', '=', {marker!r}]]).unlink(); print(1)"


def test_en4_a_marker_is_found_nowhere_outside_the_database(running_instance: Home) -> None:
    home, marker = running_instance, f"Zanzibar{secrets.token_hex(12)}"
    with marked(home, marker):
        backup = home.json("backup", "now", "demo")
        home.ok("backup", "restore", backup["id"], "--into", "marked")
        try:
            state = home.state
            assert len([path for path in state.files.rglob("*") if path.is_file()]) > 2
            places = [state.sites, state.files, state.log, state.keeper, state.scratch, state.run, state.worker]
            places.append(Path(tempfile.gettempdir()))
            assert [str(path) for path in holding(places, marker.encode(), state.root)] == []
            assert [str(path) for path in state.root.rglob("core*") if path.is_file()] == []
            # The search itself finds what is there: PostgreSQL's own files have it, and its standby's.
            assert any(holding([state.primary], marker.encode(), state.root))
            eventually(lambda: any(holding([state.standby], marker.encode(), state.root)))
        finally:
            home.ok("db", "drop", "marked", "--confirm", "marked", "--without-backup")


def test_en4_no_process_leaves_a_core_file(running_instance: Home) -> None:
    """What a process had in memory, keys and rows, would lie on the disk."""
    home = running_instance
    found = {name: process["pid"] for name, process in home.up["processes"].items() if process["pid"]}
    found["primary"] = int((home.state.primary / "postmaster.pid").read_text().splitlines()[0])
    assert len(found) > 3
    for name, pid in found.items():
        limits = Path(f"/proc/{pid}/limits").read_text()
        (line,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
        assert line.split()[4] == "0", name


def test_en4_the_claim_tells_what_was_read_and_what_is_missing(running_instance: Home, ask: Ask) -> None:
    """Where the disk is plain, as here or not, the verdict names it and does not pass."""
    home, marker = running_instance, f"Zanzibar{secrets.token_hex(12)}"
    with marked(home, marker):
        home.ok("backup", "now", "demo")
        told = ask("EN-4")
        assert "backups" in told["evidence"]
        assert "files in storage" in told["evidence"]
        assert "files in backups" in told["evidence"]
        if told["state"] != "met":
            assert "which is not encrypted" in told["evidence"]
            assert "LUKS" in told["todo"]
        # What a thief could read is found, wherever it came from.
        place = home.state.files / "planted"
        place.mkdir()
        try:
            (place / "letter").write_bytes(b"as agreed on the telephone " * 1000)
            worse = ask("EN-4")
            assert worse["state"] == "not met"
            assert "letter in storage can be compressed" in worse["evidence"]
        finally:
            (place / "letter").unlink(missing_ok=True)
            place.rmdir()


@contextmanager
def marked(home: Home, marker: str) -> Generator[None]:
    """Have a marker in a row and in two files of the demo database."""
    home.shell("demo", MADE.format(marker=marker))
    try:
        yield
    finally:
        home.shell("demo", GONE.format(marker=marker))


def holding(places: list[Path], marker: bytes, root: Path) -> Iterator[Path]:
    """Give the files that hold the marker; below other homes' folders nothing of ours is."""
    for place in places:
        for path in place.rglob("*") if place == root or root in place.parents else place.glob("*"):
            if path.is_file() and not path.is_symlink() and marker in path.read_bytes():
                yield path
