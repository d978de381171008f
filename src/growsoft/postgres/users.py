"""Service users: who PostgreSQL and the workers run as when we are root, and whether they can."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from growsoft.errors import ConfigError

# The first name is ours; the others exist on most systems where users cannot be added (a read-only /etc).
DATABASE_NAMES = ("growsoft", "postgres", "daemon")
WORKER_NAMES = ("growsoft-web", "www-data", "nobody")

# A worker needs all of them; a package that was installed with a closed umask is found out here, not in production.
NEEDED_MODULES = ("growsoft", "growsoft_cloud", "psycopg", "msgspec", "cryptography", "uvicorn")

_READ_MODULES = """
import importlib.util, sys
for name in sys.argv[1:]:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{name} is not there or hidden")
    open(spec.origin, "rb").close()
"""


@dataclass(frozen=True, slots=True)
class ServiceUser:
    """A system user that a process is started as; only root can start one as somebody else."""

    name: str
    uid: int
    gid: int

    def __post_init__(self) -> None:
        """Refuse root: a service user exists to be less than root."""
        if self.uid == 0:
            raise ConfigError(f"{self.name} is uid 0; a service user must be an ordinary one.")


@dataclass(frozen=True, slots=True)
class ServiceUsers:
    """The two users an instance of root runs as; two, so that a worker cannot read the keeper's secrets."""

    database: ServiceUser
    worker: ServiceUser


@dataclass(frozen=True, slots=True)
class Separation:
    """Which user each kind of process runs as, and why; None means the user who starts Growsoft."""

    database: ServiceUser | None
    worker: ServiceUser | None
    mode: Literal["separate", "one-user"]
    why: str

    def __post_init__(self) -> None:
        """Refuse a separation that is none."""
        if self.mode == "separate" and (self.database is None or self.worker is None or self.database == self.worker):
            raise ConfigError("Separate mode needs two different service users.")

    @property
    def keeper(self) -> ServiceUser | None:
        """The keeper's user: the database's where it can run our code, else the one who starts Growsoft."""
        return self.database if self.mode == "separate" else None


def service_users() -> ServiceUsers:
    """Find the two service users, adding them when they are missing; needs root."""
    return ServiceUsers(database=_first(DATABASE_NAMES), worker=_first(WORKER_NAMES))


def decide(needed: Sequence[str] = NEEDED_MODULES, environ: Mapping[str, str] | None = None) -> Separation:
    """Decide who runs what on this machine, by trying whether the users can run this very interpreter."""
    if os.geteuid() != 0:
        return Separation(None, None, "one-user", "started by an ordinary user, who can read everything it owns")
    users = service_users()
    for user in (users.database, users.worker):
        trouble = _cannot_run(user, needed, environ)
        if trouble:
            return Separation(users.database, None, "one-user", trouble)
    return Separation(users.database, users.worker, "separate", "each service user can run this interpreter")


def can_read(user: ServiceUser | None, path: Path) -> bool:
    """Say whether a user reaches and reads a path, by trying it as that user."""
    return run_as(user, ["test", "-r", str(path)]).returncode == 0


def run_as(
    user: ServiceUser | None,
    argv: Sequence[str],
    *,
    environ: Mapping[str, str] | None = None,
    timeout: float = 60,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end as a user, in `/` and with nothing of the caller's groups; output is text.

    Returns code 126 when the command cannot be executed at all, as a shell does.
    """
    try:
        return subprocess.run(
            list(argv),
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=timeout,
            cwd="/",
            env=plain_environ() if environ is None else dict(environ),
            stdin=subprocess.DEVNULL,
            user=None if user is None else user.uid,
            group=None if user is None else user.gid,
            extra_groups=None if user is None else [],
            umask=0o077,
        )
    except (PermissionError, FileNotFoundError, NotADirectoryError) as error:
        return subprocess.CompletedProcess(list(argv), 126, "", str(error))


def plain_environ() -> dict[str, str]:
    """Return an environment without the caller's settings: PG* variables and locales would change what runs."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _cannot_run(user: ServiceUser, modules: Iterable[str], environ: Mapping[str, str] | None) -> str:
    """Return why a user cannot run our interpreter with our packages, or an empty string."""
    passed = dict(os.environ if environ is None else environ)
    done = run_as(user, [sys.executable, "-P", "-c", _READ_MODULES, *modules], environ=passed)
    if done.returncode == 0:
        return ""
    reason = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
    return f"{user.name} cannot run {sys.executable}: {reason[0]}"


def _first(names: Sequence[str]) -> ServiceUser:
    """Return our own user, added when missing, else the first other that exists."""
    own, *others = names
    found = _lookup(own) or _add(own)
    for name in others:
        found = found or _lookup(name)
    if found is None:
        raise ConfigError(f"There is no user {own} and it cannot be added; add it with useradd --system {own}.")
    return found


def _lookup(name: str) -> ServiceUser | None:
    """Return a system user by name."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return ServiceUser(name, entry.pw_uid, entry.pw_gid)


def _add(name: str) -> ServiceUser | None:
    """Add a system user without home, shell and password."""
    command = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if command is None:
        return None
    shell = "/usr/sbin/nologin"
    run_as(None, [command, "--system", "--user-group", "--no-create-home", "--shell", shell, name])
    return _lookup(name)
