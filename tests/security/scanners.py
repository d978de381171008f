"""Scanners: our own rules, bandit, secrets and dependencies, each giving the same kind of finding."""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from tests.security import dependencies

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "security" / "rules"
PLANTED = ROOT / "tests" / "security" / "planted"
SCANNED = ("src", "tests", "bench")

# Passwords of test users, and the list of those nobody may choose, are no secrets.
NO_SECRETS = {
    "generic-password": ("tests/", "src/growsoft/security/data/common_passwords.txt"),
    "generic-credential-uri": ("tests/",),
}

# A suppression names its rule and its reason: `# nosemgrep: growsoft-shell-command - the command is ours`.
_SUPPRESSION = re.compile(r"\b(?:nosem(?:grep)?|nosec)\b")
_REASONED = re.compile(r"\b(?:nosemgrep: growsoft-[\w-]+|nosec B\d{3}) - \w+\W+\w+\W+\w+")


@dataclass(frozen=True, order=True)
class Finding:
    """One defect at one place; `path` is relative to the repository where it lies in it."""

    path: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        """Say where it is, in the form editors jump to."""
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


class ScannerBrokenError(Exception):
    """A scanner did not do its work, so its silence proves nothing; mend it and scan again."""


def own_rules(*targets: str, exclude: Sequence[str] = (), root: Path = ROOT) -> list[Finding]:
    """Scan files and folders with the rules in `security/rules`."""
    left_out = [word for path in exclude for word in ("--exclude", path)]
    flags = ["--metrics=off", "--disable-version-check", "--no-git-ignore", "--json", "--quiet"]
    command = [str(_semgrep()), "scan", "--config", str(RULES), *flags, *left_out, *targets]
    report = msgspec.json.decode(_run(command, (0,), _semgrep_env(), root), type=_SemgrepReport)
    if report.errors:
        raise ScannerBrokenError(f"semgrep could not read everything: {report.errors[:3]}")
    if not report.paths.scanned:
        raise ScannerBrokenError("semgrep scanned no file")
    return sorted(
        Finding(_relative(found.path), found.start.line, found.check_id.rpartition(".")[2], found.extra.message)
        for found in report.results
    )


def bandit(*targets: str) -> list[Finding]:
    """Scan Python with bandit; what is weaker than medium, ruff finds as S rules and wants reasons for."""
    command = [sys.executable, "-m", "bandit", "--quiet", "--recursive", "-ll", "--configfile", "pyproject.toml"]
    report = msgspec.json.decode(_run([*command, "--format", "json", *targets], allowed=(0, 1)), type=_BanditReport)
    if report.errors:
        raise ScannerBrokenError(f"bandit could not read everything: {report.errors[:3]}")
    return sorted(
        Finding(_relative(found.filename), found.line_number, found.test_id, found.issue_text)
        for found in report.results
    )


def secret_scan(folder: Path) -> list[Finding]:
    """Scan every file below a folder for secrets; no secret is asked for at its provider."""
    program = Path(sys.executable).with_name("betterleaks")
    if not program.exists():
        raise ScannerBrokenError("betterleaks is missing; make check installs requirements/dev.txt")
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        flags = ["--no-banner", "--no-color", "--silent", "--redact", "--exit-code=0", "--output", str(report)]
        environ = {key: value for key, value in os.environ.items() if not key.startswith("BETTERLEAKS")}
        _run([str(program), str(folder), "--config", str(ROOT / "security/secrets.toml"), *flags], (0,), environ)
        found = msgspec.json.decode(report.read_bytes(), type=_LeakReport).findings or []
    return sorted(
        Finding(
            str(Path(leak.location.path).relative_to(folder)), leak.location.start_line, leak.rule_id, leak.description
        )
        for leak in found
    )


def secrets_in_repository() -> list[Finding]:
    """Scan what is or could be committed; a copy, because the folder also holds environments and caches."""
    with tempfile.TemporaryDirectory() as scratch:
        for name in repository_files():
            copy = Path(scratch) / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy)
        found = secret_scan(Path(scratch))
    return [leak for leak in found if not leak.path.startswith(NO_SECRETS.get(leak.rule, ("\0",)))]


def vulnerable_dependencies() -> list[Finding]:
    """Hold every lock against the advisories we know of; a lock without packages was not read."""
    known = dependencies.read(ROOT / "security/advisories.toml")
    locks = sorted((ROOT / "requirements").glob("*.txt"))
    if not locks or not all(map(dependencies.locked_packages, locks)):
        raise ScannerBrokenError("a lock in requirements/ is missing or names no package")
    found = (weak for lock in locks for weak in dependencies.vulnerable(lock, known))
    return sorted(Finding(_relative(str(weak.lock)), weak.line, weak.advisory, weak.message) for weak in found)


def unreasoned_suppressions() -> list[Finding]:
    """Find places that silence a scanner without naming the rule and a reason."""
    return sorted(_unreasoned(name for name in repository_files() if name.startswith(("src/", "bench/", "scripts/"))))


def scan_repository() -> list[Finding]:
    """Run every scanner over the repository, side by side."""
    targets = [name for name in SCANNED if (ROOT / name).is_dir()]
    with ThreadPoolExecutor() as pool:
        scans = [
            pool.submit(own_rules, *targets, exclude=["tests/security/planted"]),
            pool.submit(bandit, "src"),
            pool.submit(secrets_in_repository),
            pool.submit(vulnerable_dependencies),
            pool.submit(unreasoned_suppressions),
        ]
        return sorted(finding for scan in scans for finding in scan.result())


def repository_files() -> list[str]:
    """List the files that are committed or could be; outside a clone, everything that is not hidden."""
    if not (ROOT / ".git").exists():
        files = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
        return sorted(str(path) for path in files if not any(part.startswith(".") for part in path.parts))
    listed = _run(["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "-co", "--exclude-standard"], allowed=(0,))
    return sorted(name for name in listed.decode().split("\0") if name and (ROOT / name).is_file())


@cache
def cache_folder() -> Path:
    """Return where scanners keep what they remember: the clone, not a home; or for others than its owner a scratch."""
    place = ROOT / ".cache"
    if ROOT.stat().st_uid == os.geteuid():
        place.mkdir(exist_ok=True)
        return place
    scratch = tempfile.mkdtemp(prefix="growsoft-scan-")
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    return Path(scratch)


def _unreasoned(names: Iterator[str]) -> Iterator[Finding]:
    for name in names:
        for number, line in enumerate((ROOT / name).read_text(errors="replace").splitlines(), 1):
            if _SUPPRESSION.search(line) and not _REASONED.search(line):
                yield Finding(name, number, "suppression-without-reason", "name the rule and say why in some words")


def _semgrep() -> Path:
    """Return the semgrep of its own environment, which is made from its lock when it is not there."""
    program = ROOT / ".venv-semgrep" / "bin" / "semgrep"
    if not program.exists():
        made = subprocess.run(
            [ROOT / "scripts/venv", ".venv-semgrep", "semgrep"], capture_output=True, text=True, check=False
        )
        if made.returncode or not program.exists():
            raise ScannerBrokenError(
                f"semgrep is missing and could not be installed ({made.stderr.strip()[-500:]}); "
                "with a network run: scripts/venv .venv-semgrep semgrep"
            )
    return program


def _semgrep_env() -> Mapping[str, str]:
    """Keep semgrep's settings and logs in the clone, and semgrep itself from calling home."""
    cache = cache_folder() / "semgrep"
    cache.mkdir(parents=True, exist_ok=True)
    places = {"SEMGREP_SETTINGS_FILE": cache / "settings.yml", "SEMGREP_LOG_FILE": cache / "semgrep.log"}
    quiet = {"SEMGREP_SEND_METRICS": "off", "SEMGREP_ENABLE_VERSION_CHECK": "0"}
    return {**os.environ, **quiet, **{name: str(path) for name, path in places.items()}}


def _run(
    command: Sequence[str], allowed: Sequence[int], env: Mapping[str, str] | None = None, root: Path = ROOT
) -> bytes:
    """Run a scanner in the repository; an exit code it does not use for findings means it broke."""
    environ = {**(os.environ if env is None else env), "XDG_CACHE_HOME": str(cache_folder())}
    done = subprocess.run(command, cwd=root, env=environ, capture_output=True, check=False, timeout=300)
    if done.returncode not in allowed:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()[-2000:]
        raise ScannerBrokenError(f"{Path(command[0]).name} ended with {done.returncode}: {said}")
    return done.stdout


def _relative(path: str) -> str:
    """Give a path as the repository names it."""
    found = (ROOT / path).resolve()
    return str(found.relative_to(ROOT)) if found.is_relative_to(ROOT) else path


class _Start(msgspec.Struct):
    line: int


class _Extra(msgspec.Struct):
    message: str


class _SemgrepFound(msgspec.Struct):
    check_id: str
    path: str
    start: _Start
    extra: _Extra


class _SemgrepPaths(msgspec.Struct):
    scanned: list[str]


class _SemgrepReport(msgspec.Struct):
    results: list[_SemgrepFound]
    errors: list[object]
    paths: _SemgrepPaths


class _BanditFound(msgspec.Struct):
    filename: str
    line_number: int
    test_id: str
    issue_text: str


class _BanditReport(msgspec.Struct):
    results: list[_BanditFound]
    errors: list[object]


class _LeakPlace(msgspec.Struct):
    path: str
    start_line: int


class _Leak(msgspec.Struct):
    rule_id: str
    description: str
    location: _LeakPlace


class _LeakReport(msgspec.Struct):
    findings: list[_Leak] | None


def main(arguments: Sequence[str]) -> int:
    """Print every finding, as lines or with `--json` as an array; the exit code is 1 when there is one."""
    findings = scan_repository()
    if "--json" in arguments:
        print(json.dumps([msgspec.to_builtins(finding) for finding in findings]))
    else:
        until = dependencies.read(ROOT / "security/advisories.toml").collected
        print(*findings, f"{len(findings)} findings; advisories known until {until}", sep="\n")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
