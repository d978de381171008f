"""Small volumes: real disks that are really full."""

import os
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_volume(path: Path, size: str = "1m") -> Generator[Path]:
    """Mount a volume of a given size; only root can, so the test is skipped for everybody else."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small volume needs root; the limit on file sizes is tested for everybody")
    path.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)], check=False)
    if mounted.returncode != 0:
        pytest.skip("this root may not mount; the limit on file sizes is tested for everybody")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)
