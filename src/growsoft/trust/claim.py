"""Claims: each promise of the security policy as a value that can be checked, and what came of checking it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from growsoft.trust.states import Finding, State, not_met
from growsoft.trust.world import World

Check = Callable[[World], Finding]

# In the order of the policy's chapters; within one, by number.
CHAPTERS: Final = ("BK", "HA", "DR", "DB", "PW", "ST", "SY", "PH", "CC", "EN", "ND", "SW", "VR", "PL")

# What is found on the running system can change with the next deployment: a day is long.
A_DAY: Final = timedelta(days=1)

_ID: Final = re.compile(r"([A-Z]{2})-([1-9][0-9]?)")


@dataclass(frozen=True, slots=True)
class Claim:
    """One promise, in the policy's own sentence: what enforces it, how it is checked, which tests prove it.

    ``enforced_by`` are files below ``src``, ``tests`` are files and folders of the source tree. Evidence older than
    ``max_age`` proves nothing any more. A ``slow`` check is begun before the others.
    """

    id: str
    promise: str
    check: Check
    enforced_by: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    max_age: timedelta = A_DAY
    slow: bool = False

    def __post_init__(self) -> None:
        """Refuse an id of no chapter, and a claim without a promise."""
        chapter, _ = numbered(self.id)
        if chapter not in CHAPTERS or not self.promise:
            raise ValueError(f"{self.id} is no claim of the policy")

    @property
    def order(self) -> tuple[int, int]:
        """Where it stands in the policy."""
        chapter, number = numbered(self.id)
        return CHAPTERS.index(chapter), number

    @property
    def is_checked(self) -> bool:
        """Whether there is a check at all."""
        return not isinstance(self.check, Missing)

    @property
    def how(self) -> str:
        """How it is checked, in a sentence; empty where it is not."""
        told = "" if isinstance(self.check, Missing) else (self.check.__doc__ or "").partition("\n")[0]
        return told.removeprefix(f"{self.id}: ")


@dataclass(frozen=True, slots=True)
class Missing:
    """The check of a promise that is not built, or not checked, yet: it always answers what is missing."""

    evidence: str
    todo: str

    def __call__(self, world: World) -> Finding:
        """Answer without looking."""
        del world
        return not_met(self.evidence, self.todo)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found about a claim, at which moment and in how many seconds."""

    claim: Claim
    finding: Finding
    checked_at: datetime
    seconds: float

    def at(self, moment: datetime) -> Verdict:
        """Judge it at a later moment: evidence that has become too old counts no more."""
        age = moment - self.checked_at
        if age <= self.claim.max_age or not self.finding.state.passes:
            return self
        stale = f"The evidence is {_told(age)} old, and counts for {_told(self.claim.max_age)}."
        return replace(self, finding=not_met(stale, f"Check again: growsoft trust verify {self.claim.id}"))

    @property
    def state(self) -> State:
        """The state that was found."""
        return self.finding.state


def numbered(claim: str) -> tuple[str, int]:
    """Take an id such as ``SW-7`` apart."""
    match = _ID.fullmatch(claim)
    if match is None:
        raise ValueError(f"{claim!r} is no id of a claim, such as SW-7")
    return match[1], int(match[2])


def _told(age: timedelta) -> str:
    return f"{age // timedelta(hours=1)} hours"
