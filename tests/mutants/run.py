"""Running mutants: each in a temporary copy of the tree, against the tests that are its hunters."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from tests.mutants.catalogue import Mutant

ROOT: Final = Path(__file__).parent.parent.parent
COPIED: Final = ("src", "tests", "pyproject.toml")
PATIENCE: Final = 170.0

Fate = Literal["found", "survived", "broken"]


@dataclass(frozen=True, slots=True)
class Hunt:
    """What became of a mutant: which test found it, or that none did. Broken: the tests could not even start."""

    mutant: Mutant
    fate: Fate
    by: str
    seconds: float


@contextmanager
def tree() -> Generator[Path]:
    """Copy what is needed to run tests."""
    with tempfile.TemporaryDirectory(prefix="growsoft-mutant-") as place:
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, Path(place) / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
            else:
                shutil.copy(source, Path(place) / name)
        yield Path(place)


def hunt(mutants: Sequence[Mutant], jobs: int) -> Generator[Hunt]:
    """Plant each mutant and run its tests; yield what became of it, in the order given."""
    with ThreadPoolExecutor(jobs) as threads:
        yield from threads.map(_hunt, mutants)


def healthy(mutants: Sequence[Mutant]) -> str:
    """Run all hunters against the code as it is; return what they say when they fail: then they hunt nothing."""
    if not mutants:
        return ""
    with tree() as place:
        files = sorted({mutant.tests[0] for mutant in mutants})
        code, said = _run(place, (*files, "-k", " or ".join(sorted({_words(mutant.tests) for mutant in mutants}))))
    return "" if code == 0 else said


def _hunt(mutant: Mutant) -> Hunt:
    started = time.monotonic()
    with tree() as place:
        file = place / mutant.file
        file.write_text(mutant.planted(file.read_text(encoding="utf-8")), encoding="utf-8")
        code, said = _run(place, (*mutant.tests, "--exitfirst"))
    failed = re.search(r"^FAILED \S+::(.+?)(?: - .*)?$", said, re.MULTILINE)
    fate: Fate = "survived" if code == 0 else "found" if code == 1 and failed else "broken"
    by = failed[1] if failed else "" if code == 0 else said.strip().splitlines()[-1]
    return Hunt(mutant, fate, by, time.monotonic() - started)


def _words(tests: Sequence[str]) -> str:
    # The words of one file must not choose tests of another.
    words = f" and ({tests[tests.index('-k') + 1]})" if "-k" in tests else ""
    return f"({Path(tests[0]).stem}{words})"


def _run(place: Path, arguments: Sequence[str]) -> tuple[int, str]:
    # The copy's own source stands before the installed one, and nothing of an earlier mutant is kept compiled.
    environ = {**os.environ, "PYTHONPATH": f"{place / 'src'}:{place}", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "--quiet", "-p", "no:cacheprovider", "-rfE", *arguments]
    try:
        done = subprocess.run(
            command, cwd=place, env=environ, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return 3, f"the tests did not end in {PATIENCE:.0f} s"
    return done.returncode, done.stdout + done.stderr
