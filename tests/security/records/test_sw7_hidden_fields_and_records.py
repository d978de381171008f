"""SW-7: whatever Ann asks, the answer is the same however hidden fields and records are changed (non-interference).

The same questions in elevated hands have other answers after the change, or Ann's silence would prove nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from growsoft.orm import Env
from tests.integration.orm.conftest import Trade
from tests.security.records.questions import FIELDS, RECORDS, World, answer, change_hidden, make_world

QUESTIONS = {**{f"field: {k}": v for k, v in FIELDS.items()}, **{f"record: {k}": v for k, v in RECORDS.items()}}
# Done for whoever may, whatever there was before; refused in the same words for Ann.
TELLS_NOBODY = {"field: a write of what may be there", "field: a write of the secret"}


class Told(NamedTuple):
    """Answers before and after the change."""

    ann: tuple[str, str]
    elevated: tuple[str, str]


@pytest.fixture(scope="module")
def told(shared: Trade) -> dict[str, Told]:
    """All answers."""
    with shared.undone() as env:
        world = make_world(env, shared)
        before = _ask(shared, env, world)
        change_hidden(env, world)
        after = _ask(shared, env, world)
    return {name: Told(*zip(before[name], after[name], strict=True)) for name in QUESTIONS}


def _ask(trade: Trade, env: Env, world: World) -> dict[str, tuple[str, str]]:
    ann = trade.as_user(env, "ann")
    return {name: (answer(ann, world, one), answer(env, world, one)) for name, one in QUESTIONS.items()}


@pytest.mark.parametrize("question", QUESTIONS)
def test_sw7_what_is_hidden_changes_no_answer(told: dict[str, Told], question: str) -> None:
    before, after = told[question].ann
    assert before == after


@pytest.mark.parametrize("question", [name for name in QUESTIONS if name not in TELLS_NOBODY])
def test_whoever_may_see_it_is_told(told: dict[str, Told], question: str) -> None:
    before, after = told[question].elevated
    assert before != after
