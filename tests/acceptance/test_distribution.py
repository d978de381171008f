"""The distribution: whatever lies in the source is in the wheel, and nothing else."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.security.scanners import ROOT, repository_files


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZipFile]:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("growsoft-*.whl")
    with ZipFile(built) as opened:
        yield opened


def test_the_wheel_holds_every_source_file(wheel: ZipFile) -> None:
    source = {name.removeprefix("src/") for name in repository_files() if name.startswith("src/")}
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == source
    assert {Path(name).suffix for name in packed} >= {".py", ".sql", ".typed"}


def test_the_wheel_brings_the_command_and_its_licence(wheel: ZipFile) -> None:
    (info,) = {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" in name}
    assert "growsoft = growsoft.cli.main:main" in wheel.read(f"{info}/entry_points.txt").decode()
    metadata = wheel.read(f"{info}/METADATA").decode()
    assert "License-Expression: LGPL-3.0-or-later" in metadata
    assert "Requires-Python: >=3.11" in metadata
    assert {f"{info}/licenses/LICENSE", f"{info}/licenses/COPYING"} <= set(wheel.namelist())
