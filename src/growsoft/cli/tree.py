"""The process tree of `growsoft up`: which process runs as whom, with which descriptors and which environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from growsoft.cli.children import KEEPER_VARIABLE, LISTEN_VARIABLE, WORKERS_VARIABLE, Child, ChildProcess, Line
from growsoft.cli.prepare import OPENSSL_CONFIG, Prepared
from growsoft.cli.servers import PrimaryUnit, StandbyUnit
from growsoft.cli.setup_unit import SetupUnit
from growsoft.cli.watch import Say, Unit
from growsoft.config import Settings
from growsoft.security.keyring import VARIABLE as INSTANCE_KEY_VARIABLE

# What a process of ours may know of our environment; anything else stays with us.
PASSED_ON: Final = ("PATH", "LANG", "TZ", "XDG_RUNTIME_DIR")
# A new version first brings its templates up to date, with every app anew.
KEEPER_SECONDS: Final = 120
# By this group other distributions bring processes that run as the keeper's user: the cloud its operations worker.
PROCESSES: Final = "growsoft.processes"


JOB_WORKER: Final = "jobs"


@dataclass(frozen=True, slots=True)
class Tree:
    """The units of an instance, stage by stage, the one among them that sets up, and those it can be served without."""

    stages: Sequence[Sequence[Unit]]
    setup: SetupUnit
    optional: tuple[str, ...] = ()


def tree(prepared: Prepared, lines: Sequence[Line], listeners: Sequence[int], say: Say) -> Tree:
    """Plan the processes: servers, then the keeper, then what needs doing once, then the workers.

    The last of the lines is the job worker's.
    """
    *web, jobs = lines
    setup = _setup(prepared, say)
    stages: list[Sequence[Unit]] = [
        [PrimaryUnit(prepared.cluster)],
        [_keeper(prepared, lines), StandbyUnit(prepared.cluster)],
        [setup],
        [*(_worker(prepared, number, line, listeners) for number, line in enumerate(web, 1)), _jobs(prepared, jobs)],
    ]
    brought = [_brought(prepared, entry) for entry in entry_points(group=PROCESSES)]
    return Tree([*stages, brought], setup, tuple(process.name for process in brought))


def _setup(prepared: Prepared, say: Say) -> SetupUnit:
    return SetupUnit(
        _python("growsoft.cli.setup"),
        prepared.users.keeper,
        _environ(prepared, secret=True),
        prepared.state.log / "setup.log",
        say,
    )


def _keeper(prepared: Prepared, lines: Sequence[Line]) -> ChildProcess:
    fds = tuple(line.keeper.fileno() for line in lines)
    child = Child(
        "keeper",
        _python("growsoft.keeper"),
        prepared.users.keeper,
        {**_environ(prepared, secret=True), WORKERS_VARIABLE: ",".join(map(str, fds))},
        fds,
        confined=False,
        ready_within=KEEPER_SECONDS,
    )
    return ChildProcess(child, prepared.state.log / "keeper.log")


def _worker(prepared: Prepared, number: int, line: Line, listeners: Sequence[int]) -> ChildProcess:
    environ = {
        **_environ(prepared, secret=False),
        KEEPER_VARIABLE: str(line.worker.fileno()),
        LISTEN_VARIABLE: ",".join(map(str, listeners)),
        # OpenSSL reads it when the process first uses it: nothing else can choose the suites of TLS 1.3.
        "OPENSSL_CONF": str(prepared.state.root / OPENSSL_CONFIG),
    }
    fds = (line.worker.fileno(), *listeners)
    child = Child(f"web-{number}", _python("growsoft.cli.worker"), prepared.users.worker, environ, fds)
    return ChildProcess(child, prepared.state.log / f"web-{number}.log", line)


def _jobs(prepared: Prepared, line: Line) -> ChildProcess:
    environ = {**_environ(prepared, secret=False), KEEPER_VARIABLE: str(line.worker.fileno())}
    child = Child(
        JOB_WORKER, _python("growsoft.cli.jobworker"), prepared.users.worker, environ, (line.worker.fileno(),)
    )
    return ChildProcess(child, prepared.state.log / f"{JOB_WORKER}.log", line)


def _brought(prepared: Prepared, entry: EntryPoint) -> ChildProcess:
    """Run a process of another distribution: a module, as the keeper's user and with its key."""
    environ = _environ(prepared, secret=True)
    child = Child(entry.name, _python(entry.module), prepared.users.keeper, environ, confined=False)
    return ChildProcess(child, prepared.state.log / f"{entry.name}.log")


def _python(module: str) -> tuple[str, ...]:
    return (sys.executable, "-P", "-m", module)


def _environ(prepared: Prepared, *, secret: bool) -> dict[str, str]:
    names = (*PASSED_ON, INSTANCE_KEY_VARIABLE) if secret else PASSED_ON
    passed = {name: os.environ[name] for name in names if name in os.environ}
    # The root of the state, not the home: a service user may not be able to enter the folders above the home.
    return {**passed, **_chosen(prepared.settings), "GROWSOFT_HOME": str(prepared.state.root), "PYTHONUNBUFFERED": "1"}


def _chosen(settings: Settings) -> dict[str, str]:
    """Write the settings as variables: the file they may come from is out of reach as well."""
    return {
        "GROWSOFT_PORT": str(settings.port),
        "GROWSOFT_BIND": settings.bind,
        "GROWSOFT_WEB_WORKERS": str(settings.web_workers),
        "GROWSOFT_POOL_CAP": str(settings.pool_cap),
        "GROWSOFT_DEMO": "1" if settings.demo else "0",
        "GROWSOFT_METRICS_PORT": str(settings.metrics_port),
    }
