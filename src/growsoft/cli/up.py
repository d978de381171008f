"""`growsoft up` and `growsoft down`: the whole of an instance, in front of you or in the background."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Final

import click
import msgspec

from growsoft.cli import background
from growsoft.cli.children import lines
from growsoft.cli.errors import INTERRUPTED, NotYours
from growsoft.cli.hosts import address
from growsoft.cli.listening import bound
from growsoft.cli.output import print_json
from growsoft.cli.prepare import Prepared, prepare
from growsoft.cli.setup_unit import SETUP_SECONDS
from growsoft.cli.supervisor import Supervisor
from growsoft.cli.tree import JOB_WORKER, tree
from growsoft.config import Settings, State, load
from growsoft.config.folders import prepare as prepare_folders
from growsoft.postgres.local import stop_left_over
from growsoft.postgres.users import ServiceUser, decide

START_SECONDS: Final = SETUP_SECONDS + 120

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_say = partial(click.echo, err=True)


class Served(msgspec.Struct):
    """A database at its address; `link` signs its administrator in once, and is empty when there is none to give."""

    name: str
    url: str
    link: str = ""


class Up(msgspec.Struct):
    """What runs: how it was found, where it is served, and whose word a browser has to take for it."""

    state: str
    databases: list[Served]
    authority: str
    mode: str
    why: str


@click.command()
@click.option("--detach", is_flag=True, help="Go on in the background; stop with `growsoft down`.")
@_json
def up(*, detach: bool, as_json: bool) -> None:
    """Start everything and print the addresses.

    PostgreSQL with a hot standby, the keeper, the web workers and the job worker; a first start also makes the
    databases and their first backups. In the foreground Ctrl-C stops it all.
    """
    settings = load(os.environ)
    state = settings.state()
    if state.notice:
        _say(state.notice)
    if background.running(state):
        told = _running(settings, state)
    elif detach:
        told = _detached(settings)
    else:
        _run(settings, as_json=as_json)
        return
    _print(told, as_json=as_json)


@click.command()
@_json
def down(*, as_json: bool) -> None:
    """Stop everything that `growsoft up` started in this home."""
    state = load(os.environ).known_state()
    stopped = state is not None and background.down(state)
    left = [] if state is None else stop_left_over(state, _server_user(state))
    if as_json:
        print_json({"stopped": stopped or bool(left)})
    elif stopped:
        click.echo("Stopped.")
    elif left:
        click.echo(f"Stopped what had outlived its supervisor: {', '.join(left)}.")
    else:
        click.echo("Growsoft does not run in this home.")


def _detached(settings: Settings) -> Up:
    """Start another process that goes on when we are gone, and wait until it serves."""
    _say(f"Starting in {settings.home} ...")
    state = prepare_folders(settings, decide())
    # -P: the folder we are called in may be everybody's, and Python would look for modules there first.
    argv = [sys.executable, "-P", "-m", "growsoft.cli.main", "up"]
    try:
        told = background.detach(argv, os.environ, state.log / "up.log", timeout=START_SECONDS, say=_say)
    except background.DidNotStart:
        if background.running(state):
            return _running(settings, state)  # somebody else was quicker
        raise
    except KeyboardInterrupt:
        _say("It goes on in the background; see how far it is with `growsoft doctor`, stop it with `growsoft down`.")
        sys.exit(INTERRUPTED)
    return msgspec.json.decode(told, type=Up)


def _run(settings: Settings, *, as_json: bool) -> None:
    """Be the supervisor until somebody stops us."""
    users = decide()
    state = prepare_folders(settings, users)
    with ExitStack() as stack:
        stack.enter_context(background.only_one(state))
        prepared = prepare(settings, state, users)
        sockets = stack.enter_context(bound(settings))
        pairs = stack.enter_context(lines(settings.web_workers + 1))  # one for the job worker
        # A supervisor that was killed leaves its servers behind; they may run with other settings.
        stop_left_over(state, users.database)
        planned = tree(prepared, pairs, [sock.fileno() for sock in sockets], _say)
        facts = {"port": settings.port, "mode": users.mode, "why": users.why}
        supervisor = Supervisor(
            state, planned.stages, optional=("standby", JOB_WORKER, *planned.optional), facts=facts, say=_say
        )
        supervisor.run(lambda: _ready(_told(prepared, planned.setup.links), as_json=as_json))


def _ready(told: Up, *, as_json: bool) -> None:
    if not background.announce(msgspec.json.encode(told).decode(), os.environ):
        _print(told, as_json=as_json)
        sys.stdout.flush()
        _say("Stop with Ctrl-C.")


def _told(prepared: Prepared, links: Mapping[str, str]) -> Up:
    databases = [Served(name, address(name, prepared.settings.port), link) for name, link in links.items()]
    return Up("started", databases, str(prepared.state.ca / "ca.pem"), prepared.users.mode, prepared.users.why)


def _running(settings: Settings, state: State) -> Up:
    """Describe an instance that runs already, as soon as it is ready."""
    deadline = time.monotonic() + START_SECONDS
    while background.running(state) and time.monotonic() < deadline:
        if state.up.exists() and (told := json.loads(state.up.read_text("utf-8")))["ready"]:
            control = Served("control", f"https://localhost:{told['port']}")
            return Up("running", [control], str(state.ca / "ca.pem"), told["mode"], told["why"])
        time.sleep(0.1)
    raise background.DidNotStart(f"Another start of {settings.home} did not come to its end; see `growsoft doctor`.")


def _print(told: Up, *, as_json: bool) -> None:
    if as_json:
        print_json(told)
    else:
        click.echo("\n".join(_lines(told)))


def _lines(told: Up) -> Iterator[str]:
    yield "Growsoft is up." if told.state == "started" else "Growsoft runs already; stop it with `growsoft down`."
    for served in told.databases:
        yield f"  {served.name + ' database':<18}{served.url}"
        if served.link:
            yield f"    sign in once:   {served.link}"
    yield f"  certificate authority for your browser: {told.authority}"
    if told.mode == "one-user":
        yield f"  one-user mode: {told.why}. Web workers could read the keeper's files; loopback only."


def _server_user(state: State) -> ServiceUser | None:
    """Return whom the servers of an instance run as, when it is not us."""
    try:
        owner = state.cluster_tls.stat()
    except PermissionError as error:
        raise NotYours from error
    except FileNotFoundError:
        return None
    return None if owner.st_uid == os.geteuid() else ServiceUser("servers", owner.st_uid, owner.st_gid)
