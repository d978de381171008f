"""`growsoft trust`: every promise of the security policy, checked now on the running system."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from typing import Final

import click

from growsoft.cli.output import print_json, print_rows
from growsoft.cli.world import open_world
from growsoft.config import load
from growsoft.trust.claim import Verdict
from growsoft.trust.find import all_claims, chosen
from growsoft.trust.states import State
from growsoft.trust.verify import verify as run

SECONDS: Final = 55
COLUMNS: Final = ("id", "state", "promise", "evidence", "todo")

_COLOURS: Final = {
    State.MET: "green",
    State.SIMULATED: "cyan",
    State.ATTESTED: "cyan",
    State.NOT_MET: "red",
}
_CLEAR_LINE: Final = "\r\x1b[K"
_NARROW: Final = 72
_FIXED: Final = 18  # the id, the state and the gaps


@click.group()
def trust() -> None:
    """Check what the security policy promises."""


@trust.command()
@click.argument("claims", nargs=-1, metavar="[CLAIM]...")
@click.option("--seconds", type=click.IntRange(1, 86_400), default=SECONDS, show_default=True,
              help="How long the checks may take together.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array of all that is known about each claim.")
def verify(claims: tuple[str, ...], seconds: int, *, as_json: bool) -> None:
    """Check every CLAIM (such as SW-7), or all of them, on the running system.

    With CLAIMs it ends with 1 when one of them is not met. Without, it ends with 0 when the checks ran, whatever they
    found, and with 1 when there was no running system to look at.
    """
    wanted = chosen(all_claims(), claims)
    progress = _Progress(len(wanted))
    with open_world(load(os.environ), seconds) as world:
        verdicts = run(wanted, world, seconds=seconds, tell=progress)
        is_running = world.is_running
    progress.clear()
    if as_json:
        print_json([row(verdict) for verdict in verdicts])
    elif sys.stdout.isatty():
        sys.stdout.writelines(f"{line}\n" for line in table(verdicts, shutil.get_terminal_size().columns))
    else:
        print_rows([row(verdict) for verdict in verdicts], COLUMNS, as_json=False)
    _end(verdicts, is_running=is_running, asked=bool(claims))


def row(verdict: Verdict) -> dict[str, object]:
    """Return everything about a claim, as `--json` tells it."""
    claim, finding = verdict.claim, verdict.finding
    return {
        "id": claim.id,
        "promise": claim.promise,
        "state": finding.state.value,
        "evidence": finding.evidence,
        "checked_at": verdict.checked_at,
        "seconds": round(verdict.seconds, 3),
        "enforced_by": list(claim.enforced_by),
        "tests": list(claim.tests),
        "todo": finding.todo,
    }


def table(verdicts: Sequence[Verdict], width: int) -> Iterator[str]:
    """Lay verdicts out for a terminal: promise and evidence side by side, or below each other where it is narrow."""
    room = max(width, 40) - _FIXED
    if width < _NARROW:
        for verdict in verdicts:
            yield from _cells(verdict, [_wrapped(f"{verdict.claim.promise} {_told(verdict)}", room)])
        return
    left = room * 2 // 5
    for verdict in verdicts:
        cells = [_wrapped(verdict.claim.promise, left), _wrapped(_told(verdict), room - left - 2)]
        yield from _cells(verdict, cells, left)


def _cells(verdict: Verdict, columns: Sequence[list[str]], width: int = 0) -> Iterator[str]:
    state = f"{verdict.state.value:<9}"
    shown = state if os.environ.get("NO_COLOR") else click.style(state, fg=_COLOURS[verdict.state])
    for number in range(max(map(len, columns))):
        head = f"{verdict.claim.id:<5}  {shown}" if number == 0 else " " * 16
        texts = [column[number] if number < len(column) else "" for column in columns]
        yield f"{head}  {'  '.join(text.ljust(width) for text in texts)}".rstrip()


def _told(verdict: Verdict) -> str:
    return " ".join(filter(None, (verdict.finding.evidence, verdict.finding.todo)))


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False) or [""]


def _end(verdicts: Sequence[Verdict], *, is_running: bool, asked: bool) -> None:
    counts = {state: sum(verdict.state is state for verdict in verdicts) for state in State}
    if sys.stderr.isatty():
        click.echo(", ".join(f"{count} {state.value}" for state, count in counts.items() if count), err=True)
    if not is_running:
        click.echo("Growsoft does not run in this home; start it with `growsoft up`, then verify again.", err=True)
    if not is_running or (asked and counts[State.NOT_MET]):
        sys.exit(1)


class _Progress:
    """Tells on a terminal how many checks are done."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._done = 0
        self._began = time.monotonic()

    def __call__(self, verdict: Verdict) -> None:
        """Hear of a verdict."""
        self._done += 1
        if sys.stderr.isatty():
            seconds = time.monotonic() - self._began
            told = f"{_CLEAR_LINE}checked {self._done} of {self._expected} in {seconds:.0f} s ({verdict.claim.id})"
            click.echo(told, nl=False, err=True)

    def clear(self) -> None:
        """Give the line back."""
        if sys.stderr.isatty():
            click.echo(_CLEAR_LINE, nl=False, err=True)
