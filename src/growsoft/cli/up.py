"""`growsoft up` and `growsoft down`: the whole of an instance, in front of you or in the background."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

import click

from growsoft.cli import background
from growsoft.cli.children import KEEPER_VARIABLE, WORKERS_VARIABLE, Child, ChildDidNotStart, ChildProcess, Line, lines
from growsoft.cli.listening import bound
from growsoft.cli.prepare import OPENSSL_CONFIG, Prepared, prepare
from growsoft.cli.servers import PrimaryUnit, StandbyUnit
from growsoft.cli.supervisor import Supervisor
from growsoft.config import load
from growsoft.postgres.users import ServiceUser

LISTEN_VARIABLE: Final = "GROWSOFT_LISTEN_FDS"
# What a process of ours may know of our environment; anything else stays with us.
PASSED_ON: Final = ("PATH", "LANG", "TZ", "GROWSOFT_PORT", "GROWSOFT_BIND", "GROWSOFT_WEB_WORKERS", "GROWSOFT_POOL_CAP",
             "GROWSOFT_DEMO")  # fmt: skip
SETUP_SECONDS: Final = 600


@click.command()
@click.option("--detach", is_flag=True, help="Go on in the background; stop with `growsoft down`.")
def up(*, detach: bool) -> None:
    """Start everything: PostgreSQL with a hot standby, the keeper, the web; print the addresses."""
    settings = load(os.environ)
    state = settings.state()
    if state.notice:
        click.echo(state.notice, err=True)
    if background.running(state):
        click.echo(f"Growsoft runs already: https://localhost:{settings.port} (stop it with `growsoft down`).")
        return
    if detach:
        prepare(settings)
        argv = [sys.executable, "-m", "growsoft.cli.main", "up"]
        click.echo(background.detach(argv, os.environ, state.log / "up.log", timeout=SETUP_SECONDS))
        return
    _run(prepare(settings))


@click.command()
def down() -> None:
    """Stop everything that `growsoft up` started in this home."""
    stopped = background.down(load(os.environ).state())
    click.echo("Stopped." if stopped else "Growsoft does not run in this home.")


def _run(prepared: Prepared) -> None:
    state = prepared.state
    with ExitStack() as stack:
        stack.enter_context(background.only_one(state))
        sockets = stack.enter_context(bound(prepared.settings))
        pairs = stack.enter_context(lines(prepared.settings.web_workers))
        setup = SetupUnit(_setup_argv(), prepared.users.keeper, _environ(prepared, secret=True))
        supervisor = Supervisor(
            state,
            [
                [PrimaryUnit(prepared.cluster)],
                [_keeper(prepared, pairs), StandbyUnit(prepared.cluster)],
                [setup],
                _workers(prepared, pairs, [sock.fileno() for sock in sockets]),
            ],
            optional=("standby",),
            facts={"port": prepared.settings.port, "mode": prepared.users.mode, "why": prepared.users.why},
            say=lambda text: click.echo(text, err=True),
        )
        supervisor.run(lambda: _ready(prepared, setup.links))


def _ready(prepared: Prepared, links: Mapping[str, str]) -> None:
    text = "\n".join(_lines(prepared, links))
    if not background.announce(text, os.environ):
        click.echo(text)
        click.echo("Stop with Ctrl-C.")


def _lines(prepared: Prepared, links: Mapping[str, str]) -> list[str]:
    port = prepared.settings.port
    told = ["Growsoft is up.", f"  control database  https://localhost:{port}"]
    if "demo" in links:
        told.append(f"  demo database     https://demo.localhost:{port}")
    told += [f"  sign in once ({name}): {link}" for name, link in links.items() if link]
    told.append(f"  certificate authority for your browser: {prepared.state.ca / 'ca.pem'}")
    if prepared.users.mode == "one-user":
        told.append(f"  one-user mode: {prepared.users.why}. Web workers could read the keeper's files; loopback only.")
    return told


def _keeper(prepared: Prepared, pairs: Sequence[Line]) -> ChildProcess:
    fds = tuple(pair.keeper.fileno() for pair in pairs)
    environ = {**_environ(prepared, secret=True), WORKERS_VARIABLE: ",".join(map(str, fds))}
    child = Child(
        "keeper", (sys.executable, "-m", "growsoft.keeper"), prepared.users.keeper, environ, fds, confined=False
    )
    return ChildProcess(child, prepared.state.log / "keeper.log")


def _workers(prepared: Prepared, pairs: Sequence[Line], listeners: Sequence[int]) -> list[ChildProcess]:
    made: list[ChildProcess] = []
    for number, pair in enumerate(pairs, 1):
        environ = {
            **_environ(prepared, secret=False),
            KEEPER_VARIABLE: str(pair.worker.fileno()),
            LISTEN_VARIABLE: ",".join(map(str, listeners)),
            # OpenSSL reads it when the process first uses it: nothing else can choose the suites of TLS 1.3.
            "OPENSSL_CONF": str(prepared.state.root / OPENSSL_CONFIG),
        }
        argv = (sys.executable, "-m", "growsoft.cli.worker")
        child = Child(f"web-{number}", argv, prepared.users.worker, environ, (pair.worker.fileno(), *listeners))
        made.append(ChildProcess(child, prepared.state.log / f"web-{number}.log", pair))
    return made


def _setup_argv() -> tuple[str, ...]:
    return (sys.executable, "-m", "growsoft.cli.setup")


def _environ(prepared: Prepared, *, secret: bool) -> dict[str, str]:
    names = (*PASSED_ON, "GROWSOFT_INSTANCE_KEY") if secret else PASSED_ON
    passed = {name: os.environ[name] for name in names if name in os.environ}
    # The root of the state, not the home: a service user may not be able to enter the folders above the home.
    return {**passed, "GROWSOFT_HOME": str(prepared.state.root), "PYTHONUNBUFFERED": "1"}


@dataclass(eq=False)
class SetupUnit:
    """What runs once, to its end, before the workers start; then it only stands for itself until the stop."""

    argv: tuple[str, ...]
    user: ServiceUser | None
    environ: Mapping[str, str]
    name: str = "setup"
    links: dict[str, str] = field(default_factory=dict[str, str], init=False)
    _over: threading.Event = field(default_factory=threading.Event, init=False)
    _process: subprocess.Popen[str] | None = field(default=None, init=False)

    def start(self, stopping: threading.Event) -> int:
        """Run it to its end."""
        del stopping
        self._process = subprocess.Popen(
            list(self.argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            env=dict(self.environ),
            user=None if self.user is None else self.user.uid,
            group=None if self.user is None else self.user.gid,
            extra_groups=None if self.user is None else [],
            umask=0o077,
            start_new_session=True,
        )
        answer, _ = self._process.communicate(timeout=SETUP_SECONDS)
        if self._process.returncode:
            raise ChildDidNotStart("The instance could not be set up; the lines above say why.")
        self.links = json.loads(answer)
        return self._process.pid

    def ended(self, timeout: float) -> bool:
        """It never ends by itself."""
        return self._over.wait(timeout)

    def tend(self) -> None:
        """Nothing to look after."""

    def stop(self) -> None:
        """End it, also when it still runs."""
        self._over.set()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait()

    def tail(self) -> str:
        """It writes to where its starter writes."""
        return ""
