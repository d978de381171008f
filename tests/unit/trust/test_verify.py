"""Verifying: whatever happens to a check, its claim passes only when the check says so."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from growsoft.errors import AccessError
from growsoft.trust.claim import Check, Claim, Missing, Verdict
from growsoft.trust.states import Finding, State, met
from growsoft.trust.verify import checked, verify
from growsoft.trust.world import CannotCheck, World, each
from tests.support.world import SmallWorld

WORLD = SmallWorld()


def _claim(check: Check, number: int = 1, *, slow: bool = False) -> Claim:
    return Claim(f"SW-{number}", "A promise.", check, slow=slow)


def _raising(error: Exception) -> Check:
    def check(world: World) -> Finding:
        del world
        raise error

    return check


def _fine(world: World) -> Finding:
    del world
    return met("It is so.")


def test_a_check_that_passes_passes() -> None:
    verdict = checked(_claim(_fine), WORLD)
    assert (verdict.state, verdict.finding.evidence) == (State.MET, "It is so.")
    assert 0 <= verdict.seconds < 5


@pytest.mark.parametrize(
    ("error", "evidence", "todo"),
    [
        (CannotCheck("Nothing runs.", "Start it: growsoft up"), "Nothing runs.", "Start it: growsoft up"),
        (AccessError("You may not."), "Could not be checked: You may not.", "growsoft trust verify SW-1"),
        (RuntimeError("secret of a customer"), "The check itself failed (RuntimeError).", "defect of the check"),
        (AssertionError(), "The check itself failed (AssertionError).", "defect of the check"),
    ],
)
def test_a_check_that_could_not_run_is_not_met(error: Exception, evidence: str, todo: str) -> None:
    verdict = checked(_claim(_raising(error)), WORLD)
    assert verdict.state is State.NOT_MET
    assert verdict.finding.evidence == evidence
    assert todo in verdict.finding.todo


def test_what_is_missing_is_not_met() -> None:
    verdict = checked(_claim(Missing("It is not built.", "Wait.")), WORLD)
    assert (verdict.state, verdict.finding.evidence, verdict.finding.todo) == (
        State.NOT_MET,
        "It is not built.",
        "Wait.",
    )


def test_verdicts_come_in_the_order_of_the_claims() -> None:
    claims = [_claim(_fine, number) for number in (3, 1, 2)]
    told: list[str] = []
    verdicts = verify(claims, WORLD, seconds=10, tell=lambda verdict: told.append(verdict.claim.id))
    assert [verdict.claim.id for verdict in verdicts] == ["SW-3", "SW-1", "SW-2"]
    assert sorted(told) == ["SW-1", "SW-2", "SW-3"]


def test_a_check_that_hangs_is_not_met_and_holds_nobody_up() -> None:
    over = threading.Event()

    def hangs(world: World) -> Finding:
        over.wait(30)
        return _fine(world)

    began = time.monotonic()
    try:
        hanging, fine = verify([_claim(hangs, 1), _claim(_fine, 2)], WORLD, seconds=0.3)
    finally:
        over.set()
    assert time.monotonic() - began < 5
    assert hanging.state is State.NOT_MET
    assert "not over after 0 seconds" in hanging.finding.evidence
    assert "growsoft trust verify SW-1 --seconds" in hanging.finding.todo
    assert fine.state is State.MET


def test_checks_run_side_by_side_and_slow_ones_first() -> None:
    meeting = threading.Barrier(2, timeout=5)
    begun: list[str] = []

    def meets(name: str) -> Check:
        def check(world: World) -> Finding:
            begun.append(name)
            meeting.wait()
            return _fine(world)

        return check

    claims = [_claim(meets("quick"), 1), _claim(meets("slow"), 2, slow=True)]
    verdicts = verify(claims, WORLD, seconds=10, workers=2)
    assert [verdict.state for verdict in verdicts] == [State.MET, State.MET]
    assert begun[0] == "slow"


def test_one_bad_subject_does_not_hide_what_was_found_before() -> None:
    def look(name: str) -> list[str]:
        if name == "lost":
            raise AccessError("You may not.")
        return [f"{name} is wrong"]

    assert each(WORLD, ["a", "lost", "b"], look) == [
        "a is wrong",
        "not all could be looked at: You may not",
        "b is wrong",
    ]


def test_time_that_is_over_is_a_problem_beside_others() -> None:
    world = SmallWorld()

    def look(name: str) -> list[str]:
        world.seconds = 0
        return [f"{name} is wrong"]

    assert each(world, ["a", "b"], look) == ["a is wrong", "Only 1 of 2 were looked at in the given time"]


def test_time_that_is_over_before_anything_was_wrong_is_no_pass() -> None:
    world = SmallWorld(seconds=0)
    nothing: Callable[[str], list[str]] = lambda _name: []  # noqa: E731  a look that finds nothing
    with pytest.raises(CannotCheck, match="Only 0 of 1"):
        each(world, ["a"], nothing)


def test_a_verdict_knows_when_it_was_found() -> None:
    first, second = (checked(_claim(_fine), WORLD) for _ in range(2))
    assert isinstance(first, Verdict)
    assert first.checked_at <= second.checked_at
    assert first.checked_at.tzinfo is not None
