"""A fresh clone on this machine: `make up` to a sign-in page over HTTPS, a second start, and one without a network.

`python3 tests/acceptance/fresh_clone.py` needs nothing but Python; a first start needs a network, or a cache of the
packages. Run as root it goes through all of it twice: as root, and as an ordinary user who is made for it.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[2]
# What would lead a clone to another instance than its own.
NOT_OURS = ("GROWSOFT_", "VIRTUAL_ENV", "XDG_RUNTIME_DIR", "MAKE", "MFLAGS")
UP = ("make", "up", "ARGS=--detach")
DOWN = ("make", "down")


@dataclass(frozen=True)
class Fresh:
    """A clone, its home beside it, and whose they are."""

    folder: Path
    user: str
    port: int

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def run(self, *command: str) -> None:
        """Run a command in the clone as its user; ends with its output when it fails."""
        entry = None if self._is_us() else pwd.getpwnam(self.user)
        done = subprocess.run(
            command,
            cwd=self.folder / "clone",
            env=self._environ(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            user=None if entry is None else entry.pw_uid,
            group=None if entry is None else entry.pw_gid,
            extra_groups=None if entry is None else [],
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")

    def sign_in_page(self) -> None:
        """See the sign-in page, by a certificate of the instance's own authority."""
        context = ssl.create_default_context(cafile=str(self._authority()))
        with urlopen(f"https://localhost:{self.port}/web/login", context=context) as answer:
            assert b'name="password"' in answer.read()

    def offline(self) -> None:
        """Start, look and stop, as one: a network of one's own lasts as long as the process."""
        self.run(*UP)
        try:
            self.sign_in_page()
        finally:
            self.run(*DOWN)

    def _authority(self) -> Path:
        return self.home / "ca" / "ca.pem"

    def _environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_OURS)}
        entry = pwd.getpwnam(self.user)
        return {
            **kept, "GROWSOFT_HOME": str(self.home), "GROWSOFT_PORT": str(self.port), "USER": self.user,
            "HOME": entry.pw_dir if self._is_us() else str(self.folder),
        }  # fmt: skip

    def _is_us(self) -> bool:
        return pwd.getpwnam(self.user).pw_uid == os.geteuid()


def main(arguments: Sequence[str]) -> None:
    """Go through everything; `offline FOLDER USER PORT` is what this program calls itself with."""
    if arguments[:1] == ["offline"]:
        Fresh(Path(arguments[1]), arguments[2], int(arguments[3])).offline()
        return
    commit = _git("rev-parse", arguments[0] if arguments else "HEAD")
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gs-fresh-", dir="/tmp")))
        work.chmod(0o711)
        me = pwd.getpwuid(os.geteuid()).pw_name
        users = [me, stack.enter_context(_ordinary_user())] if os.geteuid() == 0 else [me]
        for user in users:
            _whole_life(stack.enter_context(_cloned(work / user, user, commit)))


def _whole_life(fresh: Fresh) -> None:
    for name, act in (
        ("make up, the first time", lambda: fresh.run(*UP)),
        ("sign-in page over HTTPS", fresh.sign_in_page),
        ("make down", lambda: fresh.run(*DOWN)),
        ("make up, the second time", lambda: fresh.run(*UP)),
        ("sign-in page over HTTPS", fresh.sign_in_page),
        ("make down", lambda: fresh.run(*DOWN)),
        ("up, page and down without a network", lambda: _without_network(fresh)),
    ):
        _step(f"{fresh.user}: {name}", act)


def _step(name: str, act: Callable[[], None]) -> None:
    began = time.monotonic()
    act()
    sys.stdout.write(f"{name:<60}{time.monotonic() - began:7.1f} s\n")
    sys.stdout.flush()


def _without_network(fresh: Fresh) -> None:
    """Do it all once more where there is nothing but loopback."""
    if os.geteuid() != 0:
        sys.stdout.write("skipped: only root can take the network away\n")
        return
    again = [sys.executable, __file__, "offline", str(fresh.folder), fresh.user, str(fresh.port)]
    subprocess.run(["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *again], check=True)


@contextmanager
def _cloned(folder: Path, user: str, commit: str) -> Generator[Fresh]:
    folder.mkdir()
    _git("clone", "--quiet", "--no-hardlinks", str(ROOT), str(folder / "clone"))
    _git("-C", str(folder / "clone"), "checkout", "--quiet", commit)
    entry = pwd.getpwnam(user)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, entry.pw_uid, entry.pw_gid, follow_symlinks=False)
    fresh = Fresh(folder, user, _free_port())
    try:
        yield fresh
    finally:
        if (folder / "clone" / ".venv").exists():
            fresh.run(*DOWN)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _ordinary_user() -> Generator[str]:
    name = f"gs-fresh-{os.getpid()}"
    subprocess.run(["useradd", "--no-create-home", "--shell", "/bin/sh", name], check=True)
    try:
        yield name
    finally:
        subprocess.run(["userdel", name], check=True)


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main(sys.argv[1:])
