"""Whatever models are drawn and whatever is written in whatever order: stored values are what they would be anew."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from growsoft.orm import Env, Registry, load
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.pool import Pools
from growsoft.postgres.provision import MAINTENANCE_DATABASE, drop_database, new_template
from growsoft.postgres.superuser import superuser
from growsoft.postgres.transaction import ConstraintViolated
from tests.integration.orm.conftest import Trade
from tests.integration.orm_fields.drawn import FAMILIES, LETTERS, Family, Oracle, app_of, family
from tests.support.databases import database_from

DRAWN = [family(number) for number in range(FAMILIES)]
VERBS = ("create", "a", "a", "one", "up", "many", "unlink", "read", "search", "flush", "undo")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(VERBS), st.sampled_from(LETTERS), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)
    ),
    max_size=25,
)
Step = tuple[str, str, int, int, int]


@pytest.fixture(scope="module")
def world(server: Endpoint) -> Generator[Trade]:
    """A database of all drawn models."""
    registry: Registry = load(["drawn"], available={"drawn": app_of(DRAWN)})
    pools = Pools(2)
    with new_template(server, "drawn_bare", registry.declarations):
        pass
    with database_from(server, "drawn_bare", pools) as database:
        yield Trade(database, registry, server, {})
    pools.close()
    with superuser(server, MAINTENANCE_DATABASE) as connection:
        drop_database(connection, "drawn_bare")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(number=st.integers(0, FAMILIES - 1), steps=STEPS)
def test_stored_values_are_what_they_would_be_anew(world: Trade, number: int, steps: list[Step]) -> None:
    made = DRAWN[number]
    with world.undone() as env:
        for letter in LETTERS:
            env[made.model(letter)].create([{"a": i + 1} for i in range(3)])
        for step in steps:
            if step[0] == "undo":
                with suppress(ZeroDivisionError), env.savepoint():
                    for verb in ("one", "a", "create"):
                        _do(env, made, (verb, *step[1:]))
                    raise ZeroDivisionError
            else:
                _do(env, made, step)
        env.flush()
        oracle = Oracle(env, made)
        for (letter, name), found in oracle.stored.items():
            assert found == {i: oracle.value(letter, i, name) for i in oracle.ids(letter)}, (letter, name)
        env.cache.forget()
        for (letter, name), (_paths, store) in made.computed.items():
            if not store:
                for record in env[made.model(letter)].search([]):
                    assert getattr(record, name) == oracle.value(letter, record.id, name), (letter, name)


def _do(env: Env, made: Family, step: Step) -> None:
    verb, letter, first, second, third = step
    model = env[made.model(letter)]
    records: Any = model.search([])
    if not records:
        return
    record = records[first % len(records)]
    match verb:
        case "create":
            model.create([{"a": second, "one": _pick(env, made, letter, "one", third), "up": record.id}, {"a": third}])
        case "a":
            (records if first == 0 else record).write({"a": 10 * second + third})
        case "one":
            record.write({"one": _pick(env, made, letter, "one", second), "a": third})
        case "up":  # never to a younger one: that way lie circles
            elder = [other.id for other in records if other.id < record.id]
            record.write({"up": elder[second % len(elder)] if elder and third else None})
        case "many":
            other = _pick(env, made, letter, "many", second)
            record.write({"many": [(3 if third < 4 else 4, other)] if other else []})
        case "unlink":
            with suppress(ConstraintViolated), env.savepoint():
                record.unlink()
        case "read":
            assert all(isinstance(getattr(record, name), int) for where, name in made.computed if where == letter)
        case "search":
            model.search([["r", ">", 10 * second]])
        case _:
            env.flush()


def _pick(env: Env, made: Family, letter: str, link: str, number: int) -> int | None:
    others = env[made.model(made.beyond(letter, link))].search([]).ids
    return others[number % len(others)] if others and number else None
