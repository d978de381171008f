"""Review (SW-1): the code base is examined for security, by people with a list and scanners that find holes."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import msgspec

from growsoft.trust.states import Finding, judged, met
from growsoft.trust.world import CannotCheck, World

# The module of the source tree that scans it: `python -m` runs it there.
PROOF: Final = "tests.security.proof"

REVIEW: Final = "CONTRIBUTING.md"
REPORTS: Final = "SECURITY.md"
RULES: Final = "security/rules"
FEWEST_QUESTIONS: Final = 10
ENDING: Final = 2.0

_CHAPTER: Final = re.compile(r"^## Security review$(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_QUESTION: Final = re.compile(r"^- \[ \] \S", re.MULTILINE)
_RULE: Final = re.compile(r"^  - id: \S", re.MULTILINE)

FROM_A_CLONE: Final = "Check it where the code is reviewed: in a clone, .venv/bin/growsoft trust verify SW-1"


class Proof(msgspec.Struct, frozen=True):
    """What the scanners of the source tree said just now: holes they were given, those they missed, and findings."""

    planted: int
    missed: list[str]
    findings: list[str]
    scanners: list[str]


def code_is_reviewed(world: World) -> Finding:
    """SW-1: the list for reviewers and the rules are there, and the scanners find planted holes and nothing else."""
    source = world.source
    if source is None:
        raise CannotCheck(
            "This is an installed product without its source tree: neither the list for reviewers nor the scanners"
            " can be seen from here.",
            FROM_A_CLONE,
        )
    questions, rules = _questions(source), _rules(source)
    problems = _papers(source, questions, rules)
    proof = proven(source, world.seconds_left())
    problems += [f"a scanner missed its planted hole {hole}" for hole in proof.missed]
    problems += [f"there is a finding at {finding}" for finding in proof.findings]
    if not proof.planted:
        problems.append("no hole was planted, so the scanners' silence proves nothing")
    return judged(
        problems,
        "Mend what `make security` finds; every scanner must find its hole in tests/security/planted first.",
        met(
            f"Reviewers answer {questions} questions about security for each change. {len(proof.scanners)} scanners"
            f" ({', '.join(proof.scanners)}) with {rules} rules of our own just found {proof.planted} planted holes,"
            " and nothing in the code base."
        ),
    )


def proven(source: Path, seconds: float) -> Proof:
    """Run the scanners of a source tree in a process of their own; raises ``CannotCheck`` when they do not answer."""
    with subprocess.Popen(
        [sys.executable, "-m", PROOF],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=source,
        env=_environ(),
        start_new_session=True,
    ) as process:
        try:
            # A little less than there is: who gives up on us must not leave scanners running behind.
            told, _ = process.communicate(timeout=max(seconds - ENDING, 0.1))
        except subprocess.TimeoutExpired:
            _end(process)
            raise CannotCheck(
                "The scanners were not ready in time.", "Give them more: growsoft trust verify SW-1 --seconds 600"
            ) from None
    try:
        return msgspec.json.decode(told, type=Proof)
    except msgspec.DecodeError as error:
        raise CannotCheck("The scanners could not run here.", f"{FROM_A_CLONE} (after: make check)") from error


def _papers(source: Path, questions: int, rules: int) -> list[str]:
    problems: list[str] = []
    if questions < FEWEST_QUESTIONS:
        problems.append(f"{REVIEW} has {questions} questions for reviewers")
    if not rules:
        problems.append(f"there are no rules in {RULES}")
    if not (source / REPORTS).is_file():
        problems.append(f"{REPORTS} is missing")
    return problems


def _questions(source: Path) -> int:
    path = source / REVIEW
    chapter = _CHAPTER.search(path.read_text("utf-8")) if path.is_file() else None
    return len(_QUESTION.findall(chapter[1])) if chapter else 0


def _rules(source: Path) -> int:
    return sum(len(_RULE.findall(path.read_text("utf-8"))) for path in (source / RULES).glob("*.yaml"))


def _environ() -> dict[str, str]:
    """Give scanners nothing of the instance: no key, no place."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("GROWSOFT_", "PG"))}


def _end(process: subprocess.Popen[bytes]) -> None:
    """End scanners with everything that they started: they have a session of their own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
