"""`growsoft doctor`: looks at this machine and this instance, and says what to do about what it finds."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

import click
import msgspec

from growsoft.cli import background
from growsoft.cli.hosts import CONTROL_HOST
from growsoft.cli.output import print_rows
from growsoft.config import Settings, State, load
from growsoft.errors import GrowsoftError
from growsoft.postgres.binaries import find
from growsoft.postgres.users import decide
from growsoft.security.certificates import expires_within

FREE_BYTES: Final = 2 * 1024**3
CERTIFICATE_DAYS: Final = 14
KEEPER_SECONDS: Final = 10.0

Judgement = Literal["ok", "note", "bad"]


class Finding(msgspec.Struct):
    """What was looked at, how it is, and what to do."""

    check: str
    state: Judgement
    detail: str


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array of {check, state, detail}.")
def doctor(*, as_json: bool) -> None:
    """Check this machine and this instance.

    It ends with 1 when something is bad.
    """
    findings = list(_examined(load(os.environ)))
    print_rows([msgspec.structs.asdict(one) for one in findings], ("check", "state", "detail"), as_json=as_json)
    if any(one.state == "bad" for one in findings):
        sys.exit(1)


def _examined(settings: Settings) -> Iterator[Finding]:
    yield _judged("python", sys.version.split()[0], good=sys.version_info >= (3, 11))
    yield _postgres()
    yield from _users(settings)
    state = settings.known_state()
    if state is None:
        yield Finding("instance", "note", f"nothing in {settings.home} yet; start with `growsoft up`")
    else:
        yield _disk(state)
        yield from _processes(state)
        yield from _certificate(state)
        # Last: as root it makes this process the keeper's user.
        if background.running(state) is not None:
            yield _databases(settings)


def _postgres() -> Finding:
    try:
        found = find()
    except GrowsoftError as error:
        return Finding("postgresql", "bad", error.message)
    lacking = sorted({"tls", "builtin-locale"} - found.capabilities)
    detail = f"{found.version // 10000}.{found.version % 10000} ({found.origin}) in {found.bindir}"
    return _judged("postgresql", detail + (f", lacks {', '.join(lacking)}" if lacking else ""), good=not lacking)


def _users(settings: Settings) -> Iterator[Finding]:
    found = decide()
    is_separate = found.mode == "separate"
    yield Finding("users", "ok" if is_separate else "note", f"{found.mode} mode: {found.why}")
    safe = settings.loopback_only or is_separate
    advice = "" if safe else "; in one-user mode serve loopback only: unset GROWSOFT_BIND"
    yield _judged("address", f"{settings.bind}:{settings.port}{advice}", good=safe)


def _disk(state: State) -> Finding:
    free = shutil.disk_usage(state.root).free
    return _judged("disk", f"{free // 1024**2} MiB free in {state.root}", good=free > FREE_BYTES)


def _processes(state: State) -> Iterator[Finding]:
    pid = background.running(state)
    if pid is None:
        yield Finding("running", "note", "not running; start with `growsoft up --detach`")
        return
    yield Finding("running", "ok", f"process {pid}")
    if state.up.exists():
        for name, process in json.loads(state.up.read_text(encoding="utf-8"))["processes"].items():
            yield _process(state, name, process)


def _process(state: State, name: str, told: Mapping[str, Any]) -> Finding:
    if told["condition"] == "running":
        detail = "done" if told["pid"] is None else f"process {told['pid']}, {told['restarts']} restarts"
        return Finding(name, "ok", detail)
    detail = f"{told['condition']}, {told['restarts']} restarts; see {state.log / name}.log"
    return Finding(name, "note" if told["condition"] in ("waiting", "starting") else "bad", detail)


def _certificate(state: State) -> Iterator[Finding]:
    path = state.tls / f"{CONTROL_HOST}.pem"
    if path.exists():
        ends = expires_within(path, CERTIFICATE_DAYS)
        advice = "ends within 14 days; `growsoft up` renews it when it starts" if ends else "good for 14 days and more"
        yield _judged("certificate", advice, good=not ends)


def _databases(settings: Settings) -> Finding:
    """Say which databases are not served because their apps are older than the installed ones."""
    from growsoft.cli.instance import open_instance
    from growsoft.cli.lifecycle import outdated

    try:
        with open_instance(settings) as instance:
            waiting = outdated(instance, KEEPER_SECONDS)
    except GrowsoftError as error:
        return Finding("databases", "note", f"not looked at: {error.message}")
    names = ", ".join(waiting[:10]) + (f" and {len(waiting) - 10} more" if len(waiting) > 10 else "")
    told = f"{names} not served: older apps than installed; type: growsoft db upgrade --all"
    return _judged("databases", told if waiting else "all have the installed versions of their apps", good=not waiting)


def _judged(check: str, detail: str, *, good: bool) -> Finding:
    return Finding(check, "ok" if good else "bad", detail)
