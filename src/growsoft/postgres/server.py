"""Server: one PostgreSQL cluster on this machine, made, started, stopped and brought back after a crash."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from psycopg import pq

from growsoft.errors import ConfigError, GrowsoftError
from growsoft.postgres import processes
from growsoft.postgres.binaries import Binaries
from growsoft.postgres.files import append_to, log_tail, make_folder, write_file
from growsoft.postgres.parameters import SUPERUSER, render
from growsoft.postgres.users import ServiceUser, plain_environ, run_as

StopMode: TypeAlias = Literal["smart", "fast", "immediate"]

# unix(7): the path of a socket holds 107 bytes.
LONGEST_SOCKET = 107

_SIGNALS: Mapping[StopMode, signal.Signals] = {
    "smart": signal.SIGTERM,
    "fast": signal.SIGINT,
    "immediate": signal.SIGQUIT,
}


class ServerDidNotStart(GrowsoftError):
    """PostgreSQL did not start; its log says why."""


class ServerDidNotStop(GrowsoftError):
    """PostgreSQL did not stop in time; look for a process that waits for a disk."""


@dataclass(eq=False)
class Server:
    """A PostgreSQL cluster: its programs, its files, its socket, and the user it runs as (None: ours).

    `openssl_config` narrows what its TLS accepts: before version 18 no parameter chooses the suites of TLS 1.3.
    """

    binaries: Binaries
    data: Path
    socket_dir: Path
    port: int
    user: ServiceUser | None
    log: Path
    openssl_config: Path | None = None
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse what PostgreSQL would refuse later with less to say."""
        if len(os.fsencode(self.socket)) > LONGEST_SOCKET:
            raise ConfigError(f"The path {self.socket} is too long for a socket; set GROWSOFT_HOME to a shorter one.")
        if os.geteuid() == 0 and self.user is None:
            raise ConfigError("PostgreSQL refuses to run as root; give it a service user.")

    @property
    def socket(self) -> Path:
        """The Unix socket that it listens on."""
        return self.socket_dir / f".s.PGSQL.{self.port}"

    def is_initialised(self) -> bool:
        """Say whether there is a cluster in the data folder."""
        return (self.data / "PG_VERSION").is_file()

    def initialise(self, superuser: str = SUPERUSER, *, password: str, sync: bool = True) -> None:
        """Make a new cluster: checksums, the builtin C.UTF-8 locale, a superuser with a scram password.

        It is made beside its place and moved there when it is complete: an interrupted one is never started.
        """
        if self.is_initialised():
            raise ConfigError(f"There is a cluster in {self.data} already; move it away to make a new one.")
        fresh = self.data.with_name(f"{self.data.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        make_folder(fresh, self.user)
        secret = self.data.with_name(f".{self.data.name}.secret")
        write_file(secret, _one_line(password), self.user)
        try:
            done = run_as(self.user, self._initdb(fresh, secret, superuser, sync=sync), timeout=600)
        finally:
            secret.unlink()
        if done.returncode != 0:
            raise ServerDidNotStart(f"initdb failed: {done.stderr.strip() or done.stdout.strip()}")
        fresh.rename(self.data)

    def configure(self, parameters: Mapping[str, str], hba: str) -> None:
        """Write the whole configuration; a running server takes over what needs no restart."""
        placed = {"unix_socket_directories": str(self.socket_dir), "port": str(self.port), **parameters}
        write_file(self.data / "postgresql.conf", render(placed), self.user)
        write_file(self.data / "pg_hba.conf", hba, self.user)
        if (pid := self.pid()) is not None:
            processes.send(pid, signal.SIGHUP)

    def start(self, *, timeout: float = 1800) -> int:
        """Start it unless it runs, wait until it takes connections, and return its process id.

        After a crash this includes recovery. Raises `ServerDidNotStart` with the end of its log.
        """
        with self._start_lock():
            pid = self.pid()
            position = self.log.stat().st_size if self.log.exists() else 0
            if pid is None:
                self._clear_stale()
                pid = self._spawn()
            self._wait_ready(pid, position, time.monotonic() + timeout)
        return pid

    def stop(self, mode: StopMode = "fast", *, timeout: float = 60) -> None:
        """Stop it and wait for its end; one that does not listen is stopped harder, as after a crash."""
        stop_in(self.pid, mode, timeout)
        self._reap()

    def kill(self) -> None:
        """Kill it as a power cut would: no farewell, its children find out by themselves."""
        pid = self.pid()
        if pid is not None and processes.send(pid, signal.SIGKILL):
            processes.wait_gone(pid, lambda: self.pid() is None, 10)
        self._reap()

    def is_running(self) -> bool:
        """Say whether its postmaster is alive."""
        return self.pid() is not None

    def pid(self) -> int | None:
        """Return the process id of its postmaster, proven to be alive and at work in the data folder."""
        if self._child is not None and self._child.poll() is not None:
            self._child = None
        return processes.postmaster(self.data, self.user)

    def is_ready(self, pid: int) -> bool:
        """Say whether the server of a process takes connections: it says so itself, and one was opened."""
        noted = processes.read_pid_file(self.data)
        says_so = noted is not None and noted.pid == pid and noted.status in ("ready", "standby")
        return says_so and self.answers()

    def answers(self) -> bool:
        """Say whether it takes connections, by opening one as far as the question for a password."""
        conninfo = f"host='{self.socket_dir}' port={self.port} user={SUPERUSER} dbname=postgres connect_timeout=5"
        return pq.PGconn.ping(conninfo.encode()) == pq.Ping.OK

    def _initdb(self, target: Path, secret: Path, superuser: str, *, sync: bool) -> list[str]:
        """Return the command that makes a cluster."""
        return [
            self.binaries.tool("initdb"),
            f"--pgdata={target}",
            f"--username={superuser}",
            f"--pwfile={secret}",
            "--auth=scram-sha-256",
            "--data-checksums",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
            *([] if sync else ["--no-sync"]),
        ]

    @contextlib.contextmanager
    def _start_lock(self) -> Generator[None]:
        """Let one caller at a time start it, or two could each clear away what the other had just made."""
        path = self.data.with_name(f".{self.data.name}.lock")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _spawn(self) -> int:
        """Start the postmaster in a session of its own, so that a Ctrl-C is ours to handle."""
        log = append_to(self.log)
        try:
            self._child = subprocess.Popen(
                [self.binaries.tool("postgres"), "-D", str(self.data)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=self._environ(),
                user=None if self.user is None else self.user.uid,
                group=None if self.user is None else self.user.gid,
                extra_groups=None if self.user is None else [],
                umask=0o077,
                start_new_session=True,
            )
        finally:
            os.close(log)
        return self._child.pid

    def _reap(self) -> None:
        """Take note of the end of our child: its pid file is gone a moment before it is itself."""
        if self._child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(10)
                self._child = None

    def _environ(self) -> dict[str, str]:
        """Return the environment of the server."""
        if self.openssl_config is None:
            return plain_environ()
        return {**plain_environ(), "OPENSSL_CONF": str(self.openssl_config)}

    def _wait_ready(self, pid: int, position: int, deadline: float) -> None:
        """Wait until the server of this process takes connections."""
        child = self._child
        while not self.is_ready(pid):
            ended = child.poll() is not None if child is not None else not self.is_running()
            if ended or time.monotonic() > deadline:
                said = log_tail(self.log, position)
                raise ServerDidNotStart(f"{ServerDidNotStart.default_message()} The end of {self.log}:\n{said}")
            time.sleep(0.01)

    def _clear_stale(self) -> None:
        """Make the way free after a crash; called only when the postmaster is proven dead, under the start lock.

        PostgreSQL clears a dead server's lock files itself, but refuses to start when the number in them is alive:
        as another process, or as a zombie that nobody reaps.
        """
        self._end_orphans()
        noted = processes.read_pid_file(self.data)
        if noted is not None and processes.exists(noted.pid):
            (self.data / "postmaster.pid").unlink(missing_ok=True)
        lock = self.socket.with_name(f"{self.socket.name}.lock")
        holder = processes.read_socket_lock(lock)
        if holder is None or not processes.exists(holder.pid):
            return
        if processes.works_in(holder.pid, holder.data, self.user):
            raise ServerDidNotStart(f"Port {self.port} in {self.socket_dir} belongs to the server in {holder.data}.")
        lock.unlink(missing_ok=True)
        self.socket.unlink(missing_ok=True)

    def _end_orphans(self) -> None:
        """End processes that outlived their postmaster: two servers over the same files would destroy them."""
        for number in (signal.SIGQUIT, signal.SIGKILL):
            deadline = time.monotonic() + 2
            while orphans := processes.all_in(self.data, self.user):
                for pid in orphans:
                    processes.send(pid, number)
                if time.monotonic() > deadline:
                    break
                time.sleep(0.02)
        if processes.all_in(self.data, self.user):
            raise ServerDidNotStart(f"Processes of the last server still work in {self.data} and cannot be ended.")


def stop_in(find: Callable[[], int | None], mode: StopMode, timeout: float) -> bool:
    """Stop the server whose process id a function finds, until it finds none; returns whether there was one."""
    if find() is None:
        return False
    for step, patience in ((_SIGNALS[mode], timeout), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)):
        pid = find()
        if pid is None or not processes.send(pid, step) or processes.wait_gone(pid, lambda: find() is None, patience):
            return True
    raise ServerDidNotStop


def _one_line(password: str) -> str:
    """Return a password as initdb reads it: the first line of a file."""
    if not password or any(not c.isprintable() for c in password):
        raise ConfigError("The superuser's password must be one line of printable characters.")
    return password + "\n"
