"""A whole house for the supervisor's tests: both servers, a keeper and two workers that talk to it.

Run as a program it is `growsoft up` in small; keeper and workers are programs of a few lines.
"""

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from growsoft.cli.background import announce, only_one
from growsoft.cli.children import KEEPER_VARIABLE, WORKERS_VARIABLE, Child, ChildProcess, Line, lines, tell_ready
from growsoft.cli.servers import PrimaryUnit, StandbyUnit
from growsoft.cli.supervisor import Supervisor
from growsoft.cli.watch import Restarts, Unit
from growsoft.config import State, load
from growsoft.config.folders import prepare
from growsoft.postgres.binaries import find, reachable
from growsoft.postgres.files import write_file
from growsoft.postgres.local import LocalCluster, local_cluster
from growsoft.postgres.parameters import ServerTls
from growsoft.postgres.users import Separation, decide
from growsoft.security.certificates import Authority
from growsoft.security.files import Owner
from growsoft.security.tls import write_openssl_config

MODULE = "tests.integration.postgres_server.house"


def up(environ: dict[str, str]) -> None:
    """Run everything until a signal comes."""
    settings, users = load(environ), decide()
    if environ.get("ONE_USER"):
        users = replace(users, worker=None, mode="one-user")
    state = prepare(settings, users)
    binaries = reachable(find(environ), users.database, state.binaries)
    tls, config = _certificates(state, users)
    cluster = local_cluster(settings, state, users, binaries, tls, config)
    with only_one(state), lines(2) as made:
        stages = _stages(cluster, state, users, made, environ)
        supervisor = Supervisor(
            state, stages, optional=["standby"], facts={"mode": users.mode}, say=_say, restarts=Restarts((0, 0, 0.1))
        )
        supervisor.run(lambda: _ready(environ))


def keeper() -> None:
    """Answer each line with our process id."""
    ends = [socket.socket(fileno=int(fd)) for fd in os.environ[WORKERS_VARIABLE].split(",")]
    with ExitStack() as stack:
        for end in ends:
            stack.enter_context(end)
            end.setblocking(False)
        tell_ready(os.environ)
        while True:
            for end in ends:
                try:
                    asked = end.recv(100)
                except BlockingIOError:
                    continue
                end.sendall(f"{os.getpid()} {asked.decode()}".encode())
            time.sleep(0.01)


def worker() -> None:
    """Say who we are, then what the keeper answers, until we are told to stop."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    facts = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    _say(f"worker uid={os.getuid()} capabilities={facts['CapEff']} no_new_privs={facts['NoNewPrivs']}")
    with socket.socket(fileno=int(os.environ[KEEPER_VARIABLE])) as line:
        line.settimeout(1)
        tell_ready(os.environ)
        if os.environ.get("WORKERS_DIE"):
            raise RuntimeError("this worker cannot go on")
        while True:
            line.sendall(f"{os.getpid()}".encode())
            try:
                _say(f"keeper={line.recv(100).decode()}")
            except TimeoutError:
                _say("no answer")
            time.sleep(0.05)


def _stages(
    cluster: LocalCluster, state: State, users: Separation, made: Sequence[Line], environ: dict[str, str]
) -> list[Sequence[Unit]]:
    command = (sys.executable, "-m", MODULE)
    ends = {WORKERS_VARIABLE: ",".join(str(line.keeper.fileno()) for line in made)}
    fds = tuple(line.keeper.fileno() for line in made)
    keeper = Child("keeper", (*command, "keeper"), users.keeper, {**environ, **ends}, fds)
    workers = [
        Child(
            f"web-{number}",
            (*command, "worker"),
            users.worker,
            {**environ, KEEPER_VARIABLE: str(line.worker.fileno())},
            (line.worker.fileno(),),
        )
        for number, line in enumerate(made, 1)
    ]
    started = [
        ChildProcess(child, state.log / f"{child.name}.log", line) for child, line in zip(workers, made, strict=True)
    ]
    second: list[Unit] = [StandbyUnit(cluster, look_after=1), ChildProcess(keeper, state.log / "keeper.log")]
    return [[PrimaryUnit(cluster)], second, started]


def _certificates(state: State, users: Separation) -> tuple[ServerTls, Path]:
    """Keep the authority and the servers' certificate, as `growsoft up` does."""
    keeper, database = (None if user is None else Owner(user.uid, user.gid) for user in (users.keeper, users.database))
    exists = Authority.exists(state.ca)
    authority = Authority.load(state.ca) if exists else Authority.create(state.ca, owner=keeper)
    kept, _ = authority.keep(
        "localhost", ["localhost"], ["127.0.0.1"], into=state.cluster_tls, stem="server", owner=database
    )
    public = state.cluster_tls / "ca.pem"
    write_file(public, kept.authority.read_text(), users.database, 0o644)
    write_openssl_config(state.cluster_tls / "openssl.cnf")
    return ServerTls(kept.certificate, kept.key, public), state.cluster_tls / "openssl.cnf"


def _ready(environ: dict[str, str]) -> None:
    announce(json.dumps({"pid": os.getpid()}), environ)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    {"up": lambda: up(dict(os.environ)), "keeper": keeper, "worker": worker}[sys.argv[1]]()
