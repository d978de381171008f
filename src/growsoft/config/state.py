"""State: where everything that Growsoft keeps on disk lies, in one place."""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from growsoft.errors import AccessError, ConfigError

HOMES = Path("/var/lib/growsoft/homes")

# unix(7): a socket's path holds 107 bytes; the longest name below a run folder is PostgreSQL's lock, 23 bytes.
LONGEST_RUN = 80


@dataclass(frozen=True, slots=True)
class State:
    """The folders and files of one instance; only the paths, whoever needs a folder makes it."""

    root: Path
    run: Path
    notice: str = ""

    @property
    def instance(self) -> Path:
        """Public facts: the control database's name and uuid, and when the instance was made."""
        return self.root / "instance.json"

    @property
    def keeper(self) -> Path:
        """Secrets of the keeper's user (0700): instance key, superuser and replication login."""
        return self.root / "keeper"

    @property
    def worker(self) -> Path:
        """Secrets of the workers' user (0700)."""
        return self.root / "worker"

    @property
    def ca(self) -> Path:
        """The local certificate authority: its certificate is public, its key 0600."""
        return self.root / "ca"

    @property
    def tls(self) -> Path:
        """Certificates and keys of the web server, a pair for each host name."""
        return self.root / "tls"

    @property
    def primary(self) -> Path:
        """Data of the primary PostgreSQL."""
        return self.root / "cluster" / "primary"

    @property
    def standby(self) -> Path:
        """Data of the hot standby."""
        return self.root / "cluster" / "standby"

    @property
    def ports(self) -> Path:
        """The ports that the two servers keep from start to start."""
        return self.root / "cluster" / "ports.json"

    @property
    def cluster_tls(self) -> Path:
        """Certificate and key of both servers, and the replication login's password file."""
        return self.root / "cluster" / "tls"

    @property
    def binaries(self) -> Path:
        """A copy of the embedded PostgreSQL, where its user cannot read the installed one."""
        return self.root / "binaries"

    @property
    def log(self) -> Path:
        """Logs of every process."""
        return self.root / "log"

    @property
    def sites(self) -> Path:
        """Backup sites that are folders, one below this for each."""
        return self.root / "sites"

    @property
    def files(self) -> Path:
        """Files of all databases, encrypted, a folder below this for each."""
        return self.root / "files"

    @property
    def scratch(self) -> Path:
        """A throw-away PostgreSQL in which backups are restored on trial."""
        return self.root / "scratch"

    @property
    def superuser_secret(self) -> Path:
        """The password of the PostgreSQL superuser."""
        return self.keeper / "superuser.secret"

    @property
    def replication_secret(self) -> Path:
        """The password of the replication login."""
        return self.keeper / "replication.secret"

    @property
    def keeper_socket(self) -> Path:
        """The socket of the keeper, for the command line."""
        return self.run / "keeper.sock"

    @property
    def supervisor_pid(self) -> Path:
        """The process id of a running supervisor."""
        return self.run / "supervisor.pid"

    @property
    def up(self) -> Path:
        """Ports and process ids of what is running."""
        return self.run / "up.json"

    def make_run(self, mode: int = 0o700, group: int | None = None) -> Path:
        """Make the run folder and return it; one that another user prepared is refused, since sockets are trusted.

        With a group its members may add their sockets, but not touch what others put there.
        """
        make_open(self.run.parent)
        self.run.mkdir(mode=0o700, exist_ok=True)
        found = self.run.lstat()
        writable = found.st_mode & 0o022
        shared = writable == 0o020 and found.st_gid == group and found.st_mode & stat.S_ISVTX
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or (writable and not shared):
            raise ConfigError(
                f"{self.run} belongs to somebody else or is open to others; remove it, or set GROWSOFT_HOME shorter."
            )
        if group is not None:
            os.chown(self.run, -1, group, follow_symlinks=False)
        self.run.chmod(mode if group is None else mode | stat.S_ISVTX | stat.S_IRWXG)
        return self.run


def make_open(path: Path) -> None:
    """Make a folder and its missing parents so that others can enter them, whatever the umask is."""
    if not path.is_dir():
        make_open(path.parent)
        path.mkdir(exist_ok=True)
        path.chmod(0o755)


def locate(home: Path, *, runtime: Path | None = None, uid: int | None = None, homes: Path = HOMES) -> State:
    """Find the state of a home, or decide where it goes when there is none yet.

    As root PostgreSQL and the workers are other users: when they could not enter a folder above the home, the state
    goes below `homes` and `home/state` points to it; `notice` says so on that first time.
    """
    user = os.geteuid() if uid is None else uid
    link = home / "state"
    if link.is_symlink():
        return _at(_followed(link, user, homes), runtime, user)
    if user != 0 or open_to_others(home):
        return _at(home, runtime, user)
    root = _elsewhere(link, homes)
    notice = f"Other users cannot enter a folder above {home}, so the data lies in {root} ({link} points there)."
    return _at(root, runtime, user, notice)


def started_once(home: Path) -> bool:
    """Say whether there is a state at a home, or a pointer to it; raises `AccessError` where we may not look."""
    try:
        return (home / "state").is_symlink() or (home / "instance.json").is_file()
    except PermissionError as error:
        raise AccessError(
            f"{home} belongs to somebody else; act as its owner, or set GROWSOFT_HOME to a folder of your own."
        ) from error


def open_to_others(home: Path) -> bool:
    """Say whether every folder above a home lets other users through."""
    above = [folder for folder in home.resolve().parents if folder.exists()]
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in above)


def _at(root: Path, runtime: Path | None, user: int, notice: str = "") -> State:
    """Return the state at a root, with a run folder whose sockets fit."""
    return State(root, run_folder(root, runtime, user), notice)


def run_folder(root: Path, runtime: Path | None, user: int) -> Path:
    """Return a folder for sockets that is short enough; the same root always has the same one."""
    within = root / "run"
    if len(os.fsencode(within)) < LONGEST_RUN:
        return within
    name = hashlib.sha256(os.fsencode(root)).hexdigest()[:12]
    # Only root can have made it, and its children, who are other users, must find the same one.
    shared = Path(f"/run/growsoft-{name}")
    if user == 0 or shared.is_dir():
        return shared
    if runtime is not None and len(os.fsencode(runtime)) < LONGEST_RUN - 24:
        return runtime / f"growsoft-{name}"
    return Path(f"/tmp/growsoft-{user}-{name}")  # noqa: S108 - make_run refuses a folder that somebody else made


def _elsewhere(link: Path, homes: Path) -> Path:
    """Choose a new place below `homes` and let the home point to it."""
    root = homes / secrets.token_hex(8)
    make_open(root)
    link.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    link.symlink_to(root)
    return root


def _followed(link: Path, user: int, homes: Path) -> Path:
    """Follow a home's pointer, but only one that we made ourselves."""
    root = link.readlink()
    if link.lstat().st_uid != user or root.parent != homes:
        raise ConfigError(f"{link} points to {root}, which Growsoft did not choose; remove it and start again.")
    return root
