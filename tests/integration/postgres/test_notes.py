"""The schema that the tests of the wall share shows each person what its rules say."""

import pytest

from growsoft.errors import AccessError
from growsoft.postgres.check import problems
from growsoft.postgres.context import Context
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import superuser
from tests.support.notes import ANN, BOB, EVE, KIM, Notes


@pytest.mark.parametrize(
    ("who", "seen"),
    [(ANN, [1, 2]), (BOB, [3]), (EVE, [4]), (KIM, [1, 2, 3, 4])],
    ids=["ann", "bob", "eve", "kim"],
)
def test_each_sees_own_notes_and_the_boss_all(shared_notes: Notes, who: Context, seen: list[int]) -> None:
    with shared_notes.database.transaction(shared_notes.door(who)) as tx:
        assert tx.execute(sql("SELECT id FROM note ORDER BY id")).column(int) == seen


def test_a_global_rule_narrows_the_boss_too(shared_notes: Notes) -> None:
    kim_in_the_north = Context(KIM.user, KIM.profile, (1,))
    with shared_notes.database.transaction(shared_notes.door(kim_in_the_north)) as tx:
        assert tx.execute(sql("SELECT id FROM note ORDER BY id")).column(int) == [1, 2, 3]


def test_a_restricted_column_is_the_boss_s(shared_notes: Notes) -> None:
    with shared_notes.database.transaction(shared_notes.door(KIM)) as tx:
        assert tx.execute(sql("SELECT max(salary) FROM note")).scalar() == 300
    with pytest.raises(AccessError), shared_notes.database.transaction(shared_notes.door(ANN)) as tx:
        tx.execute(sql("SELECT max(salary) FROM note"))


def test_a_relation_follows_its_note(shared_notes: Notes) -> None:
    with shared_notes.database.transaction(shared_notes.door(BOB)) as tx:
        assert tx.execute(sql("SELECT note_id FROM note_tag_rel")).column(int) == [3]


def test_nothing_is_wrong_with_it(shared_notes: Notes) -> None:
    with superuser(shared_notes.owner) as connection:
        assert problems(connection) == []
