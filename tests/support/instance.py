"""A running instance, started and spoken to as people do: by the commands, in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from growsoft.config import Settings, State, load
from growsoft.postgres.users import plain_environ

# Ends what a test run that was killed leaves behind: then reading fails, while a run that ends well writes a line.
_GUARD = 'read -r line || { "$1" -m growsoft.cli.main down; rm -rf -- "$2"; }'
PATIENCE = 300


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever the command printed
        """What `--json` printed."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Home:
    """A home of our own and its port; whether something runs in it is another question."""

    path: Path
    port: int
    environ: Mapping[str, str]

    @property
    def settings(self) -> Settings:
        """The settings as its commands read them."""
        return load(self.environ)

    @property
    def state(self) -> State:
        """Where everything lies."""
        return self.settings.state()

    @property
    def up(self) -> dict[str, Any]:
        """What the supervisor publishes about its processes."""
        found: dict[str, Any] = json.loads(self.state.up.read_text())
        return found

    def pid(self, name: str) -> int | None:
        """The process id of a process that the supervisor runs; None while it does not."""
        found: int | None = self.up["processes"][name]["pid"]
        return found

    def run(self, *args: str | Path, stdin: str = "", environ: Mapping[str, str] | None = None) -> Done:
        """Run a command to its end, whatever that is."""
        done = subprocess.run(
            self.argv(*args), env=dict(environ or self.environ), input=stdin, capture_output=True, text=True,
            timeout=PATIENCE, check=False, cwd="/",
        )  # fmt: skip
        return Done(done.returncode, done.stdout, done.stderr)

    def start(self, *args: str | Path) -> subprocess.Popen[str]:
        """Start a command that can be interrupted, and go on."""
        # A test run in the background of a shell ignores SIGINT, and so would whatever it starts.
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        pipe = subprocess.PIPE
        return subprocess.Popen(
            self.argv(*args), env=dict(self.environ), stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe,
            text=True, cwd="/", start_new_session=True,
        )  # fmt: skip

    def ok(self, *args: str | Path, stdin: str = "") -> str:
        """Run a command that must work, and return what it printed."""
        done = self.run(*args, stdin=stdin)
        assert done.code == 0, f"growsoft {' '.join(map(str, args))} ended with {done.code}:\n{done.out}{done.err}"
        return done.out

    def json(self, *args: str | Path, stdin: str = "") -> Any:  # noqa: ANN401 - whatever the command printed
        """Run a command that must work, with `--json`, and return what that says."""
        return json.loads(self.ok(*args, "--json", stdin=stdin))

    def shell(self, database: str, source: str) -> Any:  # noqa: ANN401 - whatever the source printed
        """Run Python in `growsoft shell`; it prints JSON."""
        return json.loads(self.ok("shell", database, "-c", f"import json\n{source}"))

    @staticmethod
    def argv(*args: str | Path) -> list[str]:
        """The command line of a command."""
        return [sys.executable, "-m", "growsoft.cli.main", *map(str, args)]


@contextmanager
def new_home(**variables: str) -> Generator[Home]:
    """Give a home that does not exist yet; at the end nothing runs in it any more, and it is gone.

    Not below `tmp_path`, which other users cannot enter: as root, its data would go to the system's folder.
    """
    with tempfile.TemporaryDirectory(prefix="gs-", dir="/tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        port = free_port()
        named = {"GROWSOFT_HOME": str(folder / "home"), "GROWSOFT_PORT": str(port), "HOME": name}
        home = Home(folder / "home", port, {**plain_environ(), "LC_ALL": "C.UTF-8", **named, **variables})
        with _guarded(home, folder):
            try:
                yield home
            finally:
                home.run("down")


@contextmanager
def new_instance(**variables: str) -> Generator[Home]:
    """Give a home in which Growsoft runs."""
    with new_home(**variables) as home:
        home.ok("up", "--detach")
        yield home


def free_port() -> int:
    """Return a port that is free right now, below those that outgoing connections take."""
    for port in range(12_000 + os.getpid() % 5000, 20_000):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no port is free")


def eventually(is_true: Callable[[], bool], within: float = 30) -> float:
    """Wait until something is true; returns the seconds that took."""
    began = time.monotonic()
    while not is_true():
        assert time.monotonic() - began < within, f"it did not become true within {within} seconds"
        time.sleep(0.05)
    return time.monotonic() - began


@contextmanager
def _guarded(home: Home, folder: Path) -> Generator[None]:
    """Let an instance and its folder not outlive a test run that is killed."""
    argv = ["/bin/sh", "-c", _GUARD, "guard", sys.executable, str(folder)]
    guard = subprocess.Popen(argv, stdin=subprocess.PIPE, env=dict(home.environ), start_new_session=True, cwd="/")
    try:
        yield
    finally:
        guard.communicate(b"\n")
