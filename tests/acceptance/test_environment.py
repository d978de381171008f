"""The environment: the first command says what is missing, and does nothing twice."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.security.scanners import ROOT

# Debian's python3 without python3-venv: everything but ensurepip.
_WITHOUT_VENV = f"""#!/bin/sh
[ "$1" = - ] || exec {sys.executable} "$@"
exec {sys.executable} -c 'import sys; sys.modules["ensurepip"] = None; exec(sys.stdin.read())'
"""
_TOO_OLD = """#!/bin/sh
echo 0
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone as far as the environment needs one."""
    for folder in ("scripts", "requirements"):
        shutil.copytree(ROOT / folder, tmp_path / "clone" / folder)
    shutil.copy(ROOT / "pyproject.toml", tmp_path / "clone")
    return tmp_path / "clone"


def _python(clone: Path, text: str) -> str:
    shim = clone / "python-shim"
    shim.write_text(text)
    shim.chmod(0o755)
    return str(shim)


def _venv(clone: Path, python: str = "") -> subprocess.CompletedProcess[str]:
    # uv could do without python3-venv; this is the machine that has none.
    places = os.environ.get("PATH", "").split(":")
    path = ":".join(place for place in places if place and shutil.which("uv", path=place) is None)
    return subprocess.run(
        [clone / "scripts" / "venv", ".venv", "build"],
        env={"PATH": path, "PYTHON": python, "HOME": str(clone)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_missing_python3_venv_is_said_with_the_command_that_mends_it(clone: Path) -> None:
    done = _venv(clone, _python(clone, _WITHOUT_VENV))
    assert done.returncode != 0
    assert "python3-venv is missing: apt-get install python3-venv" in done.stderr
    assert not (clone / ".venv" / "bin").exists()


def test_an_old_python_is_said_with_the_version_it_takes(clone: Path) -> None:
    done = _venv(clone, _python(clone, _TOO_OLD))
    assert done.returncode != 0
    assert "needs Python 3.11 or newer" in done.stderr
    assert "make PYTHON=" in done.stderr


def _made(clone: Path) -> None:
    """Make the environment as if its packages had been installed from these locks."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", clone / ".venv"], check=True)
    (clone / ".venv" / "place").write_text(f"{clone}\n")
    parts = [f"{clone}\n".encode(), *((clone / name).read_bytes() for name in ("scripts/venv", "pyproject.toml"))]
    cksum = subprocess.run(
        ["cksum"],
        input=b"".join([*parts, (clone / "requirements/build.txt").read_bytes()]),
        capture_output=True,
        check=True,
    )
    (clone / ".venv" / "locked-build-").write_bytes(cksum.stdout)


def test_an_environment_whose_locks_did_not_change_is_left_alone(clone: Path) -> None:
    _made(clone)
    done = _venv(clone)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_changed_lock_is_noticed(clone: Path) -> None:
    _made(clone)
    (clone / "requirements" / "build.txt").write_text("")
    assert "Installing locked requirements: build" in _venv(clone).stderr


def test_an_environment_of_a_moved_clone_is_made_anew(clone: Path) -> None:
    _made(clone)
    moved = clone.rename(clone.with_name("moved"))
    # The shim keeps this test from installing anything.
    done = _venv(moved, _python(moved, _TOO_OLD))
    assert "Making .venv" in done.stderr
