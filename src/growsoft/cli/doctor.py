"""`growsoft doctor`: looks at this machine and this instance, and says what to do about what it finds."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import click

from growsoft.cli import background
from growsoft.cli.output import print_rows
from growsoft.config import Settings, State, load
from growsoft.errors import GrowsoftError
from growsoft.postgres.binaries import find
from growsoft.postgres.users import decide
from growsoft.security.certificates import expires_within

FREE_BYTES = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and what to do."""

    check: str
    state: Literal["ok", "note", "bad"]
    detail: str


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array of {check, state, detail}.")
def doctor(*, as_json: bool) -> None:
    """Check this machine and this instance; ends with 1 when something is bad."""
    settings = load(os.environ)
    findings = list(_examined(settings))
    rows = [{"check": one.check, "state": one.state, "detail": one.detail} for one in findings]
    print_rows(rows, ("check", "state", "detail"), as_json=as_json)
    if any(one.state == "bad" for one in findings):
        sys.exit(1)


def _examined(settings: Settings) -> Iterator[Finding]:
    yield Finding("python", "ok" if sys.version_info >= (3, 11) else "bad", sys.version.split()[0])
    yield _postgres()
    separation = decide()
    yield Finding(
        "users", "ok" if separation.mode == "separate" else "note", f"{separation.mode} mode: {separation.why}"
    )
    yield Finding(
        "address",
        "ok" if settings.loopback_only or separation.mode == "separate" else "bad",
        f"{settings.bind}:{settings.port}"
        + ("" if settings.loopback_only else "; in one-user mode serve loopback only: unset GROWSOFT_BIND"),
    )
    state = settings.state()
    if not state.instance.exists():
        yield Finding("instance", "note", f"nothing in {settings.home} yet; start with `growsoft up`")
        return
    yield from _instance(state)


def _postgres() -> Finding:
    try:
        found = find()
    except GrowsoftError as error:
        return Finding("postgresql", "bad", error.message)
    lacking = {"tls", "builtin-locale"} - found.capabilities
    detail = f"{found.version // 10000}.{found.version % 10000} ({found.origin}) in {found.bindir}"
    return Finding(
        "postgresql", "bad" if lacking else "ok", detail + (f", lacks {', '.join(lacking)}" if lacking else "")
    )


def _instance(state: State) -> Iterator[Finding]:
    free = shutil.disk_usage(state.root).free
    yield Finding("disk", "ok" if free > FREE_BYTES else "bad", f"{free // 1024**2} MiB free in {state.root}")
    pid = background.running(state)
    yield Finding(
        "running", "ok" if pid else "note", f"process {pid}" if pid else "not running; start with `growsoft up`"
    )
    if pid and state.up.exists():
        told = json.loads(state.up.read_text(encoding="utf-8"))
        for name, process in told["processes"].items():
            good = process["condition"] in ("running", "ready")
            detail = f"{process['condition']}, {process['restarts']} restarts"
            yield Finding(name, "ok" if good else "bad", detail + ("" if good else f"; see {state.log / name}.log"))
    certificate = state.tls / "localhost.pem"
    if certificate.exists():
        ends = expires_within(certificate, 14)
        detail = "ends within 14 days; restart to renew it" if ends else "good for 14 days and more"
        yield Finding("certificate", "bad" if ends else "ok", detail)
