"""The fixtures of application developers: rules hold for whom a test acts as, and nothing is left behind."""

from datetime import UTC, datetime

import pytest

from growsoft.apps.base.models import Users
from growsoft.apps.contacts.models import Partner
from growsoft.apps.sale.models import Order
from growsoft.errors import AccessError, ConfigError
from growsoft.orm import Env
from growsoft.postgres.querylog import QueryLog, RepeatedStatement
from growsoft.testing.clock import Clock
from growsoft.testing.clone import Clone
from growsoft.testing.people import AsUser, MakeUser
from growsoft.testing.queries import CountQueries


@pytest.mark.parametrize("_round", [1, 2])
def test_what_a_test_does_is_undone(env: Env, user: MakeUser, _round: int) -> None:
    assert not env[Partner].search(Partner.ref == "left behind")
    assert not env[Users].search(Users.login == "ann")
    env[Partner].create({"name": "Left", "ref": "left behind"})
    user("ann", groups=["base.user"])
    env.flush()


def test_a_user_sees_his_rows_and_no_others(env: Env, user: MakeUser, as_user: AsUser) -> None:
    partner = env[Partner].create({"name": "Customer"})
    ann, bob = (user(name, groups=["sale.salesperson"]) for name in ("ann", "bob"))
    orders = [env[Order].create({"partner_id": partner, "user_id": who}) for who in (ann, bob)]
    assert as_user(ann)[Order].search([]).ids == orders[0].ids
    assert as_user("bob")[Order].search([]).ids == orders[1].ids
    assert set(env[Order].search([]).ids) >= {order.id for order in orders}


def test_a_refusal_can_be_tested_and_the_test_goes_on(env: Env, user: MakeUser, as_user: AsUser) -> None:
    reader = as_user(user(groups=["base.user"]))
    with pytest.raises(AccessError), reader.savepoint():  # noqa: PT012 - it may be refused when it is written
        reader[Partner].create({"name": "Not mine to make"})
        reader.flush()
    assert not env[Partner].search(Partner.name == "Not mine to make")
    with pytest.raises(AccessError, match="You may not read"):
        as_user(user("nobody"))[Partner].search([])


def test_other_groups_are_other_rights_at_once(env: Env, user: MakeUser, as_user: AsUser) -> None:
    ann = user("ann", groups=["base.user"])
    assert not as_user(ann).has_group("contacts.user")
    user("writer", groups=["contacts.user"])  # somebody has this profile
    ann.write({"groups_id": env[Users].search(Users.login == "writer").groups_id})
    as_user(ann)[Partner].create({"name": "Mine to make"})
    env.flush()
    assert env[Partner].search_count(Partner.name == "Mine to make") == 1


def test_a_group_or_a_login_that_is_not_there_is_named(user: MakeUser, as_user: AsUser) -> None:
    with pytest.raises(ConfigError, match=r"no group sale\.nobody; there are: base\.admin"):
        user("ann", groups=["sale.nobody"])
    with pytest.raises(LookupError, match="There is no user 'eve'"):
        as_user("eve")


def test_a_clone_commits(clone: Clone) -> None:
    clone.user("ann", groups=["contacts.user"])
    with clone.as_user("ann") as ann:
        ann[Partner].create({"name": "Stays"})
    with clone.env() as env:
        assert env[Partner].search(Partner.name == "Stays").create_uid == env[Users].search(Users.login == "ann").id


def test_the_clock_stands_still_until_it_is_moved(env: Env, clock: Clock) -> None:
    clock.set(datetime(2024, 2, 29, 23, 0, tzinfo=UTC))
    assert env.now() == env.now() == datetime(2024, 2, 29, 23, 0, tzinfo=UTC)
    clock.advance(days=1)
    order = env[Order].create({"partner_id": env[Partner].create({"name": "Customer"})})
    assert order.date_order == datetime(2024, 3, 1, 23, 0, tzinfo=UTC)
    with pytest.raises(ValueError, match="has no time zone"):
        clock.set(datetime(2024, 3, 1))  # noqa: DTZ001 - this is what is refused


def test_too_many_statements_fail_with_their_lines(env: Env, count_queries: CountQueries) -> None:
    partners = env[Partner].create([{"name": f"Partner {number}"} for number in range(20)])
    env.flush()
    with count_queries(1):
        assert len(env[Partner].search_read([["id", "in", list(partners.ids)]], ["name"])) == 20
    with pytest.raises(AssertionError, match=r"2 statements ran, at most 1 were expected:\n  .*test_fixtures\.py:"):  # noqa: SIM117, PT012
        with count_queries(1):
            env[Partner].search_count([])
            env[Partner].search_count([["name", "=", "Partner 1"]])


def test_a_statement_for_each_record_is_warned_of_at_its_line(env: Env, query_log: QueryLog) -> None:
    names = [f"Partner {number}" for number in range(12)]
    with pytest.warns(RepeatedStatement, match="ran 11 times from this line") as warned:
        found = [env[Partner].search_count([["name", "=", name]]) for name in names]
    assert found == [0] * 12
    assert [warning.filename for warning in warned] == [__file__]
    assert [(often, place.function.rpartition(".")[2]) for often, _text, place in query_log.repeated()] == [
        (12, "<listcomp>")
    ]


def test_the_log_has_no_values(env: Env, query_log: QueryLog) -> None:
    env[Partner].search_count([["name", "=", "a secret name"]])
    assert query_log.statements
    assert "a secret name" not in repr(query_log)
