"""Planted modules: whoever starts Growsoft in a folder that is everybody's runs nothing that lies there."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.instance import Home, new_home

# Names that every process of ours looks for before anything else.
NAMES = ("click", "msgspec", "growsoft", "psycopg", "uvicorn", "json", "socket", "subprocess", "sitecustomize")
MODULE = "from pathlib import Path\nPath({mark!r}).write_text('ran')\nraise SystemExit(9)\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with modules of somebody else."""
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text(MODULE.format(mark=str(tmp_path / "ran")))
    return tmp_path


def _run(home: Home, folder: Path, *argv: str) -> int:
    done = subprocess.run(argv, env=dict(home.environ), cwd=folder, capture_output=True, check=False, timeout=120)
    return done.returncode


def test_sw11_nothing_is_taken_from_the_folder_in_which_growsoft_is_started(folder: Path) -> None:
    command = Path(sys.executable).parent / "growsoft"
    with new_home() as home, socket.create_server(("127.0.0.1", home.port)):
        assert _run(home, folder, sys.executable, "-m", "growsoft.cli.main", "--version") == 9
        (folder / "ran").unlink()  # Python itself would have run it
        for arguments in (["--version"], ["doctor"], ["up", "--detach"], ["db", "list"]):
            assert _run(home, folder, str(command), *arguments) != 9, arguments
            assert not (folder / "ran").exists(), arguments
        assert "is taken" in (home.state.log / "up.log").read_text()
