"""Verifying: run the checks side by side within a time, and turn whatever comes of them into a verdict."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from growsoft.errors import GrowsoftError
from growsoft.trust.claim import Claim, Verdict
from growsoft.trust.states import Finding, not_met
from growsoft.trust.world import CannotCheck, World

# Checks wait for servers and other processes more than they compute.
WORKERS: Final = 4

Tell = Callable[[Verdict], None]


def verify(
    claims: Sequence[Claim], world: World, *, seconds: float, tell: Tell = lambda _verdict: None, workers: int = WORKERS
) -> list[Verdict]:
    """Check claims and return a verdict for each, in their order; ``tell`` hears of each as it comes.

    Nothing passes by accident: a check that raises, or is not over when the time is, makes its claim not met.
    """
    waiting: queue.SimpleQueue[Claim] = queue.SimpleQueue()
    for claim in sorted(claims, key=lambda claim: not claim.slow):
        waiting.put(claim)
    answers: queue.SimpleQueue[Verdict] = queue.SimpleQueue()
    for number in range(min(workers, len(claims))):
        # Daemons: a check that hangs must not hold up the end of the process.
        threading.Thread(target=_work, args=(waiting, answers, world), name=f"check-{number}", daemon=True).start()
    found = _gathered(answers, len(claims), time.monotonic() + seconds, tell)
    over = datetime.now(UTC)
    return [(found.get(claim.id) or _late(claim, seconds)).at(over) for claim in claims]


def checked(claim: Claim, world: World) -> Verdict:
    """Check one claim now."""
    moment, began = datetime.now(UTC), time.perf_counter()
    finding = _finding(claim, world)
    return Verdict(claim, finding, moment, time.perf_counter() - began)


# A check that could not run is not met, never a pass: so every exception ends here.
def _finding(claim: Claim, world: World) -> Finding:
    try:
        return claim.check(world)
    except CannotCheck as error:
        return not_met(error.message, error.todo)
    except GrowsoftError as error:
        return not_met(f"Could not be checked: {error.message}", f"Mend that, then: growsoft trust verify {claim.id}")
    except Exception as error:  # noqa: BLE001  its text could hold anything; its name is enough for a report
        where = "The check itself failed"
        return not_met(f"{where} ({type(error).__name__}).", "This is a defect of the check; please report it.")


def _work(waiting: queue.SimpleQueue[Claim], answers: queue.SimpleQueue[Verdict], world: World) -> None:
    while True:
        try:
            claim = waiting.get_nowait()
        except queue.Empty:
            return
        answers.put(checked(claim, world))


def _gathered(answers: queue.SimpleQueue[Verdict], expected: int, deadline: float, tell: Tell) -> dict[str, Verdict]:
    found: dict[str, Verdict] = {}
    while len(found) < expected:
        try:
            verdict = answers.get(timeout=max(deadline - time.monotonic(), 0.001))
        except queue.Empty:
            return found
        found[verdict.claim.id] = verdict
        tell(verdict)
    return found


def _late(claim: Claim, seconds: float) -> Verdict:
    finding = not_met(
        f"The check was not over after {seconds:.0f} seconds.",
        f"Give it more time: growsoft trust verify {claim.id} --seconds {max(600, int(seconds) * 10)}",
    )
    return Verdict(claim, finding, datetime.now(UTC), seconds)
