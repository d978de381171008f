"""Accounts: what the triggers keep true about users, groups and companies, also when changes cross."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from growsoft.errors import GrowsoftError
from growsoft.postgres.context import Context, profile_name
from growsoft.postgres.pool import Pools
from growsoft.postgres.refusals import ConstraintViolated, ProfileMissing
from growsoft.postgres.sql import Sql, sql
from growsoft.postgres.superuser import superuser
from growsoft.postgres.transaction import retrying
from tests.support.notes import ANN, BOSS, KIM, WRITER, Notes

BOTH = profile_name([WRITER, BOSS])


def _change(notes: Notes, *queries: Sql) -> None:
    with notes.database.transaction(notes.database.elevated("an administrator's change")) as tx:
        for query in queries:
            tx.execute(query)


def _account(notes: Notes, user: int) -> tuple[str, str, bool, list[int]]:
    with superuser(notes.owner) as connection:
        query = sql("SELECT login, profile, active, companies FROM gs_priv.account WHERE user_id = {user}", user=user)
        login, profile, active, companies = connection.run(query).one()
        return login, profile, active, companies


def test_a_new_user_has_an_account_and_no_rights(notes: Notes) -> None:
    _change(notes, sql("INSERT INTO res_users (id, login) VALUES (50, 'new')"))
    assert _account(notes, 50) == ("new", "", True, [])


def test_groups_make_the_profile(notes: Notes) -> None:
    _change(
        notes,
        sql("INSERT INTO res_users (id, login) VALUES (50, 'new')"),
        sql("INSERT INTO res_groups_users_rel (user_id, group_id) VALUES (50, 1)"),
    )
    assert _account(notes, 50)[1] == profile_name([WRITER])
    _change(notes, sql("INSERT INTO res_groups_users_rel (user_id, group_id) VALUES (50, 2)"))
    assert _account(notes, 50)[1] == BOTH
    _change(notes, sql("DELETE FROM res_groups_users_rel WHERE user_id = 50 AND group_id = 1"))
    assert _account(notes, 50)[1] == BOTH, "implied by the other one"
    _change(notes, sql("DELETE FROM res_groups_users_rel WHERE user_id = 50"))
    assert _account(notes, 50)[1] == ""


def test_a_membership_that_is_moved_moves_the_rights(notes: Notes) -> None:
    _change(notes, sql("UPDATE res_groups_users_rel SET user_id = 11 WHERE user_id = 14"))
    assert _account(notes, 11)[1] == BOTH
    # The one it was taken from is worked out too.
    assert _account(notes, 14)[1] == ""


def test_implied_groups_come_and_go_for_every_member(notes: Notes) -> None:
    _change(notes, sql("DELETE FROM res_groups_implied_rel"))
    assert _account(notes, 14)[1] == profile_name([BOSS])
    _change(notes, sql("INSERT INTO res_groups_implied_rel (group_id, implied_id) VALUES (1, 2)"))
    assert [_account(notes, user)[1] for user in (11, 12, 13)] == [BOTH] * 3


def test_implied_groups_are_closed_over_several_steps_and_circles_end(notes: Notes) -> None:
    _change(
        notes,
        sql("INSERT INTO res_groups (id, key) VALUES (3, 'notes.chief')"),
        sql("INSERT INTO res_groups_implied_rel (group_id, implied_id) VALUES (3, 2), (1, 3)"),
    )
    assert _account(notes, 11)[1] == profile_name([WRITER, BOSS, "g_notes_chief"])


def test_companies_are_mirrored(notes: Notes) -> None:
    _change(notes, sql("INSERT INTO res_company_users_rel (user_id, company_id) VALUES (11, 2)"))
    assert _account(notes, 11)[3] == [1, 2]
    _change(notes, sql("UPDATE res_company_users_rel SET user_id = 12 WHERE user_id = 11 AND company_id = 2"))
    assert (_account(notes, 11)[3], _account(notes, 12)[3]) == ([1], [1, 2])
    _change(notes, sql("DELETE FROM res_company_users_rel WHERE user_id = 12"))
    assert _account(notes, 12)[3] == []


def test_a_deleted_user_is_gone_with_everything(notes: Notes) -> None:
    _change(
        notes,
        sql("INSERT INTO res_users (id, login) VALUES (50, 'new')"),
        sql("INSERT INTO res_groups_users_rel (user_id, group_id) VALUES (50, 1)"),
        sql("SELECT gs.create_link(50, {link}::bytea, 600)", link=b"x" * 32),
    )
    _change(
        notes,
        sql("DELETE FROM res_groups_users_rel WHERE user_id = 50"),
        sql("DELETE FROM res_users WHERE id = 50"),
    )
    with superuser(notes.owner) as connection:
        left = connection.run(
            sql("SELECT (SELECT count(*) FROM gs_priv.account WHERE user_id = 50),"
                " (SELECT count(*) FROM gs_priv.link), (SELECT count(*) FROM gs_priv.membership WHERE user_id = 50)")
        )  # fmt: skip
        assert left.one() == (0, 0, 0)


def test_a_login_belongs_to_one_user_whatever_its_capitals(notes: Notes) -> None:
    with pytest.raises(ConstraintViolated):
        _change(notes, sql("INSERT INTO res_users (id, login) VALUES (50, 'ANN')"))


def test_an_administrator_s_group_gets_a_name_that_no_app_can_have(notes: Notes) -> None:
    _change(
        notes,
        sql("INSERT INTO res_groups (id) VALUES (77)"),
        sql("INSERT INTO res_groups_users_rel (user_id, group_id) VALUES (11, 77)"),
    )
    role = f"g_{notes.database.name}_77"
    assert _account(notes, 11)[1] == profile_name([WRITER, role])


@pytest.mark.parametrize("key", ["notes.writer", "notes_writer", "Notes.Writer", "a b", "x" * 80, "é", 'x"y', "a'; --"])
def test_a_group_s_key_is_a_name_and_nobody_else_s(notes: Notes, key: str) -> None:
    # Making a group with the key of another would be a way to its rights.
    with pytest.raises(ConstraintViolated):
        _change(notes, sql("INSERT INTO res_groups (id, key) VALUES (9, {key})", key=key))


def test_changing_a_group_s_key_changes_nobody_s_rights(notes: Notes) -> None:
    _change(notes, sql("UPDATE res_groups SET key = 'gs.elevated' WHERE id = 1"))
    assert _account(notes, 11)[1] == ANN.profile


def test_a_profile_waits_for_the_keeper_and_then_works(notes: Notes) -> None:
    _change(notes, sql("UPDATE res_groups_users_rel SET group_id = 2 WHERE user_id = 11"))
    _change(notes, sql("DELETE FROM res_groups_implied_rel"))
    profile = profile_name([BOSS])
    assert _account(notes, 11)[1] == profile
    door = notes.door(Context(11, profile, (1,)))
    with pytest.raises(ProfileMissing), notes.database.transaction(door):
        pytest.fail("the login does not have it yet")
    assert notes.refresh_profiles() == 1
    with notes.database.transaction(door) as tx:
        assert tx.execute(sql("SELECT count(*) FROM note")).scalar(int) == 3
    # And what nobody uses any more is taken back.
    with pytest.raises(ProfileMissing), notes.database.transaction(notes.door(KIM)):
        pytest.fail("nobody is in both groups now")


def test_a_profile_is_never_granted_for_another_name_or_a_role_that_is_no_group(notes: Notes) -> None:
    for roles in (["g_notes_boss"], ["pg_read_all_data"], ["gs_owner"], [notes.database.name]):
        with superuser(notes.owner) as connection:
            connection.run(
                sql("UPDATE gs_priv.profile SET roles = {roles}::text[] WHERE name = {name}", roles=roles, name=BOTH)
            )
            connection.run(sql("DELETE FROM gs_priv.profile WHERE name = {name}", name=profile_name(roles)))
            connection.run(sql("INSERT INTO gs_priv.profile VALUES ({n}, {r}::text[])", n=profile_name(roles), r=roles))
            connection.run(sql("UPDATE gs_priv.account SET profile = {n} WHERE user_id = 11", n=profile_name(roles)))
        if roles == ["g_notes_boss"]:
            notes.refresh_profiles()
        else:
            with pytest.raises(ValueError, match="not the profile"):
                notes.refresh_profiles()


# Two changes at once, each of which alone leaves the profile as it is. If neither saw the other, the user would keep
# rights that nothing gives him any more.
CROSSING: dict[str, tuple[Sql, Sql, Sql, str]] = {
    "membership and implication": (
        sql("INSERT INTO res_groups_users_rel (user_id, group_id) VALUES (14, 1)"),
        sql("DELETE FROM res_groups_users_rel WHERE user_id = 14 AND group_id = 1"),
        sql("DELETE FROM res_groups_implied_rel WHERE group_id = 2"),
        profile_name([BOSS]),
    ),
    "implication taken while somebody joins": (
        sql("SELECT 1"),
        sql("INSERT INTO res_groups_users_rel (user_id, group_id) VALUES (50, 2)"),
        sql("DELETE FROM res_groups_implied_rel WHERE group_id = 2"),
        profile_name([BOSS]),
    ),
    "two groups at once": (
        sql("SELECT 1"),
        sql("INSERT INTO res_groups_users_rel (user_id, group_id) VALUES (50, 1)"),
        sql("INSERT INTO res_groups_users_rel (user_id, group_id) VALUES (50, 2)"),
        BOTH,
    ),
}


@pytest.mark.parametrize("mode", ["write", "counting"])
@pytest.mark.parametrize("what", CROSSING)
def test_changes_that_cross_leave_what_they_would_leave_one_after_the_other(notes: Notes, what: str, mode: str) -> None:
    before, left, right, expected = CROSSING[what]
    user = 14 if "14" in before.text else 50
    _change(notes, sql("INSERT INTO res_users (id, login) VALUES (50, 'new')"), before)
    pools, meet = Pools(4), threading.Barrier(2)
    database = replace(notes.database, pools=pools)

    def change(query: Sql) -> Callable[[], None]:
        first = True

        def attempt() -> None:
            nonlocal first
            door = database.elevated("an administrator's change")
            with database.transaction(door, "write" if mode == "write" else "counting") as tx:
                tx.execute(sql("SELECT count(*) FROM res_groups_users_rel"))  # the moment that it will see
                if first:
                    first = False
                    meet.wait(10)
                tx.execute(query)

        return attempt

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(retrying, [change(left), change(right)]))
    pools.close()
    assert _account(notes, user)[1] == expected


def test_a_change_of_a_thousand_memberships_is_one_change(notes: Notes) -> None:
    _change(
        notes,
        sql("INSERT INTO res_users (id, login) SELECT n, 'user' || n FROM generate_series(1000, 1499) n"),
        sql("INSERT INTO res_groups_users_rel (user_id, group_id) SELECT n, 1 FROM generate_series(1000, 1499) n"),
    )
    with superuser(notes.owner) as connection:
        query = sql("SELECT count(*) FROM gs_priv.account WHERE profile = {p}", p=profile_name([WRITER]))
        assert connection.run(query).scalar(int) == 503


def test_nobody_can_write_the_mirror_itself(notes: Notes) -> None:
    for query in (
        sql("UPDATE gs_priv.account SET profile = 'x'"),
        sql("INSERT INTO gs_priv.membership VALUES (11, 2)"),
        sql("SELECT gs_priv.refresh_accounts(11)"),
    ):
        with pytest.raises(GrowsoftError):
            _change(notes, query)
