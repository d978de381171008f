"""SW-7, in any order: whatever an attacker does one after the other, he sees his own rows and no others.

The same search, on a table whose signed policy does not know who planned, must find a way in.
"""

from typing import Final

import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample
from psycopg.pq import TransactionStatus

from growsoft.postgres.context import Context
from growsoft.postgres.database import ELEVATED_PROFILE
from tests.support.attacker import ENTER, Attacker
from tests.support.notes import ANN, KIM, Notes

# What the product does in between: it enters the same user again, or acts elevated for one statement of its own.
AGAIN: Final = "-- the product enters again"
SUDO: Final = "-- the product acts elevated"

# {as} is a part of a statement that takes a role while the statement runs.
_AS: Final = "(SELECT set_config('role', '{role}', true) OFFSET 0) x"
_WITH_ROLES: Final = [
    "SET LOCAL ROLE {role}", "SET ROLE {role}", "SELECT set_config('role', '{role}', true)",
    "SELECT id FROM {as}, {t}", "SELECT id FROM {t}, {as}", "SELECT id FROM {as}, {t} FOR UPDATE OF {t}",
    "UPDATE {t} SET name = name FROM {as} RETURNING id", "DECLARE c CURSOR FOR SELECT id FROM {as}, {t}",
    "WITH x AS MATERIALIZED (SELECT set_config('role', '{role}', true)) SELECT id FROM x, {t}",
    "PREPARE p AS SELECT id FROM {as}, {t}",
]  # fmt: skip
STEPS: Final = [
    AGAIN, SUDO, "SELECT gs.leave()", "RESET ALL", "RESET ROLE", "SET ROLE NONE", "SAVEPOINT s", "ROLLBACK TO s",
    "RELEASE s", "SET LOCAL row_security = off", "SET LOCAL debug_parallel_query = on",
    "SET LOCAL plan_cache_mode = force_generic_plan", "SET LOCAL plan_cache_mode = force_custom_plan",
    "SET LOCAL search_path = gs, pg_catalog, public", "SET LOCAL enable_seqscan = off", "ROLLBACK AND CHAIN",
    "DECLARE c CURSOR FOR SELECT id FROM {t}", "DECLARE c SCROLL CURSOR FOR SELECT id FROM {t}",
    "DECLARE c CURSOR FOR SELECT id FROM {t} FOR UPDATE", "FETCH 1 FROM c", "FETCH ALL FROM c",
    "FETCH BACKWARD ALL FROM c", "CLOSE c", "UPDATE {t} SET name = name WHERE CURRENT OF c RETURNING id",
    "PREPARE p AS SELECT id FROM {t}", "PREPARE p AS UPDATE {t} SET name = name RETURNING id", "EXECUTE p",
    "DEALLOCATE p", "SELECT id FROM {t}", "SELECT id FROM {t} FOR UPDATE", "UPDATE {t} SET name = name RETURNING id",
    "DELETE FROM {t} WHERE id > 0 RETURNING id",
    "MERGE INTO {t} USING tag ON true WHEN MATCHED AND tag.id = 1 THEN UPDATE SET name = name RETURNING {t}.id",
    *(
        step.replace("{as}", _AS).replace("{role}", role)
        for role in (ANN.profile, KIM.profile, ELEVATED_PROFILE)
        for step in _WITH_ROLES
    ),
]  # fmt: skip
ORDERS: Final = st.lists(st.sampled_from(STEPS), min_size=1, max_size=12)


def _seen(login: Attacker, order: list[str], table: str) -> set[int]:
    """Run an order of steps inside of Ann's context; give every id that any of them returned."""
    login.rollback()
    login.raw.execute("CLOSE ALL; DEALLOCATE ALL; SET ROLE NONE; RESET ALL")
    login.enter(ANN)
    seen: set[int] = set()
    for step in order:
        # An error would end the transaction, and with it the search.
        if not step.startswith(("ROLLBACK", "RELEASE", "SAVEPOINT")):
            login.attempt("SAVEPOINT guard")
        seen |= _run(login, step, table)
        if login.raw.info.transaction_status is TransactionStatus.INERROR:
            login.attempt("ROLLBACK TO guard")
    return seen


def _run(login: Attacker, step: str, table: str) -> set[int]:
    if step in (AGAIN, SUDO):
        elevated = Context(ANN.user, ELEVATED_PROFILE, elevated=True, reason="the product's own")
        if step == SUDO and not login.attempt(ENTER, *login.entry(elevated).values()).refused:
            login.attempt("SELECT count(*) FROM note")
        login.attempt(ENTER, *login.entry(ANN).values())
        return set()
    rows = login.attempt(step.replace("{t}", table)).rows
    return {value for row in rows for value in row if isinstance(value, int)}


@pytest.mark.slow
def test_no_order_of_steps_shows_another_s_row(shared_notes: Notes) -> None:
    with Attacker(shared_notes) as login:

        @settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
        @given(order=ORDERS)
        def own_rows_only(order: list[str]) -> None:
            assert _seen(login, order, "note") <= {1, 2}

        own_rows_only()
        login.rollback()


@pytest.mark.slow
def test_the_search_finds_the_planted_hole(holed_notes: Notes) -> None:
    with Attacker(holed_notes) as login:
        try:
            way = find(
                ORDERS, lambda order: not _seen(login, order, "unbound") <= {1, 2},
                settings=settings(max_examples=3000, derandomize=True, database=None),
            )  # fmt: skip
        except NoSuchExample:
            pytest.fail("the search would not have found the hole either")
        assert len(way) <= 4, f"the shortest way has two or three steps: {way}"
        login.rollback()
