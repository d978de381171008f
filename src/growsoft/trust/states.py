"""States: what can be said of a promise, and a finding that says it with its evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Final

# A finding is read in a table: the rest is a number.
MOST_PROBLEMS: Final = 3


class State(Enum):
    """The four answers to "is it so?"; there is no fifth, and nothing is met because a file says so."""

    MET = "met"
    SIMULATED = "simulated"
    ATTESTED = "attested"
    NOT_MET = "not met"

    @property
    def passes(self) -> bool:
        """Whether a promise in this state is kept as far as it can be here."""
        return self is not State.NOT_MET


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: a state, the evidence in a sentence, and where it is not met what to do.

    Evidence names databases by their uuid: no customer's name, no secret and no personal data goes into it.
    """

    state: State
    evidence: str
    todo: str = ""

    def __post_init__(self) -> None:
        """Refuse an answer without evidence, and a bad one that does not say what to do."""
        if not self.evidence.strip():
            raise ValueError("a finding needs evidence")
        if (self.state is State.NOT_MET) is not bool(self.todo.strip()):
            raise ValueError("what is not met says what to do, and nothing else does")


@dataclass(frozen=True, slots=True)
class Attestation:
    """A human fact that no program can see: who stands for it, by which document, and until when."""

    who: str
    document: str
    until: date

    def finding(self, today: date) -> Finding:
        """Judge it by its date: the last day still counts."""
        evidence = f"{self.who} attests it by {self.document} until {self.until}."
        if today > self.until:
            return not_met(f"Expired: {evidence}", "Have it attested anew.")
        return Finding(State.ATTESTED, evidence)


def met(evidence: str) -> Finding:
    """Say that it was checked on the running system."""
    return Finding(State.MET, evidence)


def simulated(evidence: str) -> Finding:
    """Say that the mechanism was checked, while the world around it is played."""
    return Finding(State.SIMULATED, evidence)


def not_met(evidence: str, todo: str) -> Finding:
    """Say what is missing and what to do."""
    return Finding(State.NOT_MET, evidence, todo)


def judged(problems: Sequence[str], todo: str, otherwise: Finding) -> Finding:
    """Say what is wrong, the first few in words; only where nothing is, the other finding holds."""
    if not problems:
        return otherwise
    rest = len(problems) - MOST_PROBLEMS
    more = f"; and {rest} more" if rest > 0 else ""
    return not_met(f"{'; '.join(problems[:MOST_PROBLEMS])}{more}.", todo)
