"""The proof of SW-1: each scanner is given a hole just now and finds it, and nothing is found in the repository.

`python -m tests.security.proof` prints it as JSON; `growsoft trust verify SW-1` reads that.
"""

from __future__ import annotations

import json
import re
import secrets
import string
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.security import dependencies, scanners
from tests.security.scanners import PLANTED, ROOT, SCANNED, Finding

_HOLE = re.compile(r"hole: ([\w-]+)")
_PLANTED = f"{PLANTED.relative_to(ROOT)}/"

Place = tuple[str, int, str]


@dataclass(frozen=True)
class Part:
    """What one scanner said: the holes it was given, those it missed, and what it found besides."""

    scanner: str
    planted: int
    missed: list[str]
    findings: list[str]


def prove() -> dict[str, object]:
    """Run all scanners side by side."""
    with ThreadPoolExecutor() as pool:
        parts = [part.result() for part in [pool.submit(scan) for scan in _SCANS]]
    return {
        "planted": sum(part.planted for part in parts),
        "missed": [place for part in parts for place in part.missed],
        "findings": [finding for part in parts for finding in part.findings],
        "scanners": [part.scanner for part in parts],
    }


def planted_holes(prefix: str) -> set[Place]:
    """Return where holes for the rules of one scanner lie, as the planted files say themselves."""
    return {
        (str(file.relative_to(ROOT)), number, rule)
        for file in PLANTED.iterdir()
        if file.suffix != ".md"
        for number, line in enumerate(file.read_text().splitlines(), 1)
        for rule in _HOLE.findall(line)
        if rule.startswith(prefix)
    }


def _own_rules() -> Part:
    targets = [name for name in SCANNED if (ROOT / name).is_dir()]
    return _compared("own rules", "growsoft-", scanners.own_rules(*targets))


def _bandit() -> Part:
    return _compared("bandit", "B", scanners.bandit("src", _PLANTED))


def _compared(scanner: str, prefix: str, found: Sequence[Finding]) -> Part:
    holes = planted_holes(prefix)
    seen = {(finding.path, finding.line, finding.rule) for finding in found}
    rest = [_place(finding) for finding in found if not finding.path.startswith(_PLANTED)]
    return Part(scanner, len(holes), [f"{path}:{line} {rule}" for path, line, rule in sorted(holes - seen)], rest)


def _place(finding: Finding) -> str:
    """Say where something was found, and by which rule: never what it looks like."""
    return f"{finding.path}:{finding.line} ({finding.rule})"


def _secrets() -> Part:
    letters = string.ascii_letters + string.digits
    drawn = "".join(secrets.choice(letters) for _ in range(24))
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch, "settings.py").write_text(f'password = "{drawn}"\n')
        seen = scanners.secret_scan(Path(scratch))
    missed = [] if seen else ["a password that was just drawn"]
    return Part("secret scan", 1, missed, [_place(leak) for leak in scanners.secrets_in_repository()])


def _dependencies() -> Part:
    known = dependencies.read(ROOT / "security/advisories.toml")
    oldest = next(iter(known.advisories.values()))
    lowest = re.match(r">=([\d.]+)", oldest.affected)
    with tempfile.TemporaryDirectory() as scratch:
        lock = Path(scratch, "old.txt")
        lock.write_text(f"{oldest.package}=={lowest[1] if lowest else '0'} \\\n")
        seen = list(dependencies.vulnerable(lock, known))
    missed = [] if seen else [f"a weak {oldest.package}"]
    return Part("dependency scan", 1, missed, [_place(weak) for weak in scanners.vulnerable_dependencies()])


def _suppressions() -> Part:
    return Part("suppressions", 0, [], [_place(found) for found in scanners.unreasoned_suppressions()])


_SCANS: Sequence[Callable[[], Part]] = (_own_rules, _bandit, _secrets, _dependencies, _suppressions)


def main() -> int:
    """Print the proof; a scanner that cannot run here, or would have to be installed first, ends it."""
    if not (ROOT / ".venv-semgrep" / "bin" / "semgrep").exists():
        sys.stderr.write("The scanners are not installed yet: make security\n")
        return 1
    json.dump(prove(), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
