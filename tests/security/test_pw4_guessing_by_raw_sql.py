"""PW-4: the throttle also holds for somebody who calls the functions of a sign-in by injected SQL."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Final

import pytest

from growsoft.postgres.sql import Sql, sql
from growsoft.postgres.superuser import superuser
from tests.support.attacker import Attacker
from tests.support.notes import ANN, Notes
from tests.support.visitors import Visitor, credential, derived, set_password

PASSWORD: Final = "correct horse battery"
COUNTED: Final = "SELECT salt FROM gs.credential_parameters('ann', '', '192.0.2.9')"
MADE: Final = "SELECT gs.sign_in('ann', %s, '', '192.0.2.9', %s, 'browser', '')"
LIMIT: Final = 50


@pytest.fixture
def ann(notes: Notes) -> Visitor:
    """Ann, who has a password, at home with a new browser."""
    set_password(notes.database, ANN.user, PASSWORD)
    return Visitor(notes.database)


def _as_owner(notes: Notes, query: Sql) -> int:
    with superuser(notes.owner) as connection:
        rows = connection.run(query).all()
    return int(rows[0][0]) if rows else 0


def _guess(attacker: Attacker, password: str) -> bool:
    """Count an attempt and make it; what is left of it is for whoever calls."""
    salt = attacker.attempt(COUNTED).rows[0][0]
    if salt is None:
        return False
    tried = attacker.attempt(MADE, derived(password, bytes(salt)), secrets.token_bytes(32))
    return bool(tried.rows and tried.rows[0][0])


def _by_rollback(attacker: Attacker, guesses: int) -> bool:
    """Guess wrong and take the count back each time; then say whether the right password would be told."""
    found = False
    for number in range(guesses + 1):
        attacker.attempt("BEGIN")
        found = _guess(attacker, PASSWORD if number == guesses else f"wrong {number}")
        attacker.rollback()
    return found


def _by_savepoint(attacker: Attacker, guesses: int) -> bool:
    """Do the same within one transaction."""
    found = False
    attacker.attempt("BEGIN; SAVEPOINT before")
    for number in range(guesses + 1):
        found = _guess(attacker, PASSWORD if number == guesses else f"wrong {number}")
        attacker.attempt("ROLLBACK TO SAVEPOINT before")
    attacker.rollback()
    return found


Way = Callable[[Attacker, int], bool]
WAYS: Final = pytest.mark.parametrize("way", [_by_rollback, _by_savepoint])


@WAYS
def test_with_no_limit_on_what_is_taken_back_the_password_is_found(notes: Notes, ann: Visitor, way: Way) -> None:
    del ann
    _as_owner(notes, sql("UPDATE gs_priv.setting SET network_attempts = 10000"))
    with Attacker(notes) as attacker:
        assert way(attacker, 2 * LIMIT)
    assert _as_owner(notes, sql("SELECT count(*) FROM gs_priv.throttle")) == 0


@WAYS
def test_pw4_attempts_that_are_taken_back_are_limited_too(notes: Notes, ann: Visitor, way: Way) -> None:
    del ann
    with Attacker(notes) as attacker:
        assert way(attacker, 2)
        # Twice, because a new minute may begin on the way.
        assert not (way(attacker, 2 * LIMIT) and way(attacker, 2 * LIMIT))


def test_pw4_honest_sign_ins_are_not_what_is_limited(notes: Notes, ann: Visitor) -> None:
    _as_owner(notes, sql("UPDATE gs_priv.setting SET login_attempts = 100"))
    assert all(ann.sign_in("ann", PASSWORD) for _ in range(LIMIT + 10))


def test_pw4_a_stolen_session_guesses_the_password_no_faster(notes: Notes, ann: Visitor) -> None:
    session = ann.sign_in("ann", PASSWORD)
    assert session is not None
    with Attacker(notes) as attacker:

        def change(password: str) -> bool:
            attacker.attempt("ROLLBACK TO SAVEPOINT before")
            salt = attacker.attempt("SELECT salt FROM gs.own_parameters()").rows[0][0]
            statement = credential(ANN.user, "another one", salt, proof=derived(password, salt))
            return not attacker.attempt(statement.text, *statement.params).refused

        attacker.attempt("BEGIN")
        attacker.attempt("SELECT set_config('role', gs.enter_session(%s), true)", session.token_hash)
        attacker.attempt("SAVEPOINT before")
        assert change(PASSWORD)
        assert not any(change(f"wrong {number}") for number in range(2 * LIMIT))
        later = [change(PASSWORD)]
        assert not any(change(f"wrong {number}") for number in range(2 * LIMIT))
        assert not all([*later, change(PASSWORD)])


def test_pw4_strangers_do_not_keep_somebody_from_changing_his_password(notes: Notes, ann: Visitor) -> None:
    session = ann.sign_in("ann", PASSWORD)
    assert session is not None
    strangers = [Visitor(notes.database, network=f"198.51.100.{number}") for number in range(10)]
    assert not any(stranger.sign_in("ann", "wrong") for stranger in strangers)
    assert strangers[0].parameters("ann").salt is None
    with notes.database.transaction(session, "counting") as transaction:
        assert transaction.execute(sql("SELECT salt FROM gs.own_parameters()")).scalar() is not None


def test_pw4_his_own_guesses_block_himself_and_no_one_else(notes: Notes, ann: Visitor) -> None:
    session = ann.sign_in("ann", PASSWORD)
    assert session is not None
    waits: list[float] = []
    for _ in range(7):
        with notes.database.transaction(session, "counting") as transaction:
            waits.append(transaction.execute(sql("SELECT retry_after FROM gs.own_parameters()")).scalar(float))
    assert waits[:5] == [0.0] * 5
    assert min(waits[5:]) > 50
    assert Visitor(notes.database).sign_in("ann", PASSWORD) is not None


def test_pw4_whoever_waits_already_fills_no_table(notes: Notes, ann: Visitor) -> None:
    rows = sql("SELECT count(*) FROM gs_priv.throttle")
    for number in range(LIMIT + 1):
        ann.parameters(f"nobody {number}")
    before = _as_owner(notes, rows)
    waits = [ann.parameters(f"somebody {number}") for number in range(30)]
    assert all(wait.salt is None and wait.retry_after > 0 for wait in waits)
    assert _as_owner(notes, rows) == before
    _as_owner(notes, sql("UPDATE gs_priv.throttle SET since = since - interval '1 h', blocked_until = NULL"))
    for _ in range(4):
        Visitor(notes.database, network="198.51.100.1").parameters("nobody")
    assert _as_owner(notes, rows) <= 3
