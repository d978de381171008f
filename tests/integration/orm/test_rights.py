"""Rights: groups widen, global rules narrow, PostgreSQL holds both; elevation is audited and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from growsoft.errors import AccessError, MissingError
from growsoft.orm import Env
from growsoft.orm.recompute import REASON
from growsoft.postgres.sql import Sql, sql
from growsoft.postgres.superuser import superuser
from tests.integration.orm.conftest import Counted, Trade
from tests.integration.orm.trade import Journal, Line, Order, Partner, Tag, Thing


@pytest.fixture
def orders(env: Env, shared: Trade) -> Order:
    """Orders of Ann, of Bob (another company) and of Kim, and one of nobody for the partner called Open."""
    partner, opened = env[Partner].create([{"name": "p"}, {"name": "Open"}])
    companies = env["res.company"].search([], order="id")
    made = env[Order].create(
        [
            {"name": "ann", "partner_id": partner, "user_id": shared.people["ann"].user, "company_id": companies[0]},
            {"name": "bob", "partner_id": partner, "user_id": shared.people["bob"].user, "company_id": companies[1]},
            {"name": "kim", "partner_id": partner, "user_id": shared.people["kim"].user},
            {"name": "open", "partner_id": opened, "user_id": None, "company_id": companies[0]},
        ]
    )
    env.flush()
    return made


def seen(orders: Order, env: Env) -> set[str]:
    """Give the names of the orders that somebody sees, in every way of asking the same."""
    mine = env[Order]
    names = set(mine.search([]).mapped("name"))
    assert {row["name"] for row in mine.search_read([], ["name"])} == names
    assert mine.search_count() == len(names)
    assert set(mine.browse(orders.ids).exists().mapped("name")) == names
    assert {row[0] for row in env.execute(sql("SELECT name FROM trade_order")).all()} == names
    return names


@pytest.mark.parametrize(
    ("login", "expected"),
    [
        ("ann", {"ann"}),  # a group's rule opens her own
        ("bob", {"bob"}),
        ("kim", {"ann", "kim", "open"}),  # one group more widens; the rule about companies narrows
        ("cle", {"open"}),  # a rule that follows a link
    ],
)
def test_rules_of_groups_widen_and_global_rules_narrow(
    orders: Order, shared: Trade, login: str, expected: set[str]
) -> None:
    assert seen(orders, shared.as_user(orders.env, login)) == expected


@pytest.mark.parametrize("login", ["joe", "aud"])
def test_a_model_without_access_does_not_exist(orders: Order, shared: Trade, login: str) -> None:
    env = shared.as_user(orders.env, login)
    asked: list[Callable[[], object]] = [
        lambda: env[Order].search([]),
        lambda: env[Order].search_read([]),
        env[Order].search_count,
        lambda: env[Order].browse(orders.ids).exists(),
        lambda: env[Order].browse(orders.ids).read(),
        lambda: env[Order].browse(orders[0].id).name,
        lambda: env[Order].create({"name": "x", "partner_id": orders.partner_id[0]}),
        lambda: orders[0].with_env(env).write({"name": "x"}),
    ]
    for ask in asked:
        with pytest.raises(AccessError):
            ask()
    raw: list[Sql] = [
        sql("SELECT name FROM trade_order"),
        sql("SELECT count(*) FROM trade_order"),
        sql("UPDATE trade_order SET name = 'x'"),
        sql("DELETE FROM trade_order"),
        sql("INSERT INTO trade_order (name) VALUES ('x')"),
    ]
    for statement in raw:
        with pytest.raises(AccessError), env.savepoint():
            env.execute(statement)


def test_a_link_is_shown_without_its_name_where_that_may_not_be_read(orders: Order, shared: Trade) -> None:
    orders.env["res.users"].browse(shared.people["bob"].user)
    ann = shared.as_user(orders.env, "ann")
    row = ann[Order].search_read([], ["partner_id", "user_id"])[0]
    assert row["partner_id"] == (orders[0].partner_id.id, "p")
    orders[0].partner_id.hidden = True
    orders.env.flush()
    row = ann[Order].search_read([], ["partner_id"])[0]
    assert row["partner_id"] == (orders[0].partner_id.id, "")
    with pytest.raises(MissingError):
        assert ann[Order].search([]).partner_id.name


def test_rules_hold_for_making_changing_and_deleting(orders: Order, shared: Trade) -> None:
    env = shared.as_user(orders.env, "ann")
    partner, mine = orders[0].partner_id, orders[0].with_env(env)
    refused: list[Callable[[], object]] = [
        lambda: env[Order].create({"name": "x", "partner_id": partner, "user_id": shared.people["bob"].user}),
        lambda: env[Order].create({"name": "x", "partner_id": partner, "company_id": orders[1].company_id}),
        lambda: mine.write({"user_id": shared.people["bob"].user}),
        lambda: mine.write({"company_id": orders[1].company_id}),
        mine.unlink,
        lambda: orders[1].with_env(env).write({"name": "x"}),
        lambda: orders[1].with_env(env).unlink(),
    ]
    for attempt in refused:
        with pytest.raises((AccessError, MissingError)), env.savepoint():
            attempt()
    mine.name = "changed"
    assert env[Order].create({"name": "new", "partner_id": partner}).user_id.id == env.user_id
    env.flush()
    assert orders[0].name == "changed"


def test_rules_by_verb(env: Env, shared: Trade) -> None:
    opened, closed = env[Journal].create([{"name": "open"}, {"name": "closed", "closed": True}])
    env.flush()
    aud = shared.as_user(env, "aud")
    assert aud[Journal].search([]).mapped("name") == ["open", "closed"]
    opened.with_env(aud).name = "changed"
    aud[Journal].create({"name": "new"})
    refused: list[Callable[[], object]] = [
        lambda: closed.with_env(aud).write({"name": "x"}),
        lambda: closed.with_env(aud).unlink(),
        lambda: opened.with_env(aud).write({"closed": True}),
        lambda: aud[Journal].create({"name": "x", "closed": True}),
    ]
    for attempt in refused:
        with pytest.raises(AccessError), aud.savepoint():
            attempt()
    opened.with_env(aud).unlink()


def test_fields_of_groups_are_for_these_groups(env: Env, shared: Trade) -> None:
    partner = env[Partner].create({"name": "p", "credit": 100, "secret": "s"})
    env.flush()
    kim, sec, joe = (partner.with_env(shared.as_user(env, login)) for login in ("kim", "sec", "joe"))
    assert kim.read(["credit"])[0]["credit"] == 100
    assert sec.secret == "s"
    assert "credit" not in joe.read()[0]
    assert "secret" not in kim.read()[0]
    assert "secret" in sec.read()[0]
    refused: list[Callable[[], object]] = [
        lambda: kim.secret,
        lambda: joe.read(["credit"]),
        lambda: sec.credit,
        lambda: sec.write({"secret": "x"}),  # the group of secrets reads; it has no Access to write by
        lambda: joe.write({"credit": 5}),
    ]
    for attempt in refused:
        with pytest.raises(AccessError), env.savepoint():
            attempt()
    for login, column in (("kim", sql("secret")), ("joe", sql("credit")), ("sec", sql("credit")), ("joe", sql("*"))):
        with pytest.raises(AccessError), env.savepoint():
            shared.as_user(env, login).execute(sql("SELECT {column} FROM trade_partner", column=column))
    kim.credit = kim.credit + 1
    kim.env.flush()
    assert partner.credit == 101


def test_who_makes_a_record_does_not_read_what_is_hidden_in_it(shared: Trade) -> None:
    with shared.undone("ann") as env:
        partner = env[Partner].create({"name": "x"})
        with pytest.raises(AccessError):
            assert partner.secret


def test_elevation_reads_everything_and_leaves_nothing(orders: Order, shared: Trade) -> None:
    ann = shared.as_user(orders.env, "ann")
    raised = ann[Order].sudo("a test looks at what Ann does not see")
    assert raised.env.elevated and raised.env.user_id == ann.user_id  # noqa: PT018  one fact
    found = raised.search([], order="id")
    assert found.mapped("name") == ["ann", "bob", "kim", "open"]
    assert found[1].partner_id.name == "p"
    back = found.with_env(ann)
    assert back.exists().mapped("name") == ["ann"]
    with pytest.raises(MissingError):
        assert back[1].name
    assert ann[Order].search([]).mapped("name") == ["ann"]
    assert ann.execute(sql("SELECT gs.elevated()")).scalar() is False


def test_what_waits_is_written_by_whom_it_was_decided(orders: Order, shared: Trade) -> None:
    ann = shared.as_user(orders.env, "ann")
    theirs = ann[Order].browse(orders[1].id)
    theirs.name = "stolen"
    with pytest.raises(MissingError):
        theirs.sudo("a test reads in elevated hands").search([])


def test_what_waits_in_elevated_hands_is_written_there(orders: Order, shared: Trade) -> None:
    ann = shared.as_user(orders.env, "ann")
    raised = orders[1].with_env(ann).sudo("a test writes in elevated hands")

    def decided_elevated() -> None:
        raised.name = "fine"
        assert ann[Order].search([]).mapped("name") == ["ann"]

    decided_elevated()
    assert orders[1].name == "fine"


def test_elevation_is_audited_with_reason_and_place(own: Trade) -> None:
    with own.acting("ann") as env:
        env[Partner].create({"name": "p"}).sudo("a test wants to be seen").search([])
        env[Tag].sudo("somebody else looks").search_count()
        env[Tag].sudo("nobody ever asked anything")
    with superuser(replace(own.server, dbname=own.database.name)) as owner:
        rows = owner.run(sql("SELECT user_id, reason, caller FROM gs_priv.audit WHERE kind = 'sudo' ORDER BY id")).all()
    place = f"{__name__}.test_elevation_is_audited_with_reason_and_place"
    asked = [row for row in rows if row[2] == place]
    ann = own.people["ann"].user
    assert asked == [(ann, "a test wants to be seen", place), (ann, "somebody else looks", place)]


def test_stored_values_are_worked_out_in_audited_elevated_hands(own: Trade) -> None:
    with own.acting("ann") as env:
        partner = env[Partner].create({"name": "p"})
        env[Order].create({"name": "o", "partner_id": partner, "line_ids": [{"price": 5}]})
    with superuser(replace(own.server, dbname=own.database.name)) as owner:
        rows = owner.run(sql("SELECT DISTINCT user_id, caller FROM gs_priv.audit WHERE reason = {r}", r=REASON)).all()
    assert rows == [(own.people["ann"].user, "growsoft.orm.recompute")]


def test_a_reason_is_a_literal_at_its_place(ann: Env) -> None:
    reason = "because I say so"
    computed = "because " + str(1)
    attempts: list[Callable[[], object]] = [
        lambda: ann[Thing].sudo(computed),  # pyright: ignore[reportArgumentType]  the point
        lambda: ann.sudo(f"because {ann.user_id}"),  # pyright: ignore[reportArgumentType]  the point
        lambda: ann[Thing].sudo(reason),  # a name is no literal, however it came to its text
        lambda: ann.sudo(5),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  the point
    ]
    for attempt in attempts:
        with pytest.raises(TypeError, match="literal"):
            attempt()
    with pytest.raises(ValueError, match="reason"):
        ann.sudo("")


def test_asking_again_goes_on_in_the_same_context(ann: Env, counted: Counted) -> None:
    things = ann[Thing].create([{"name": "x"}] * 50)
    with counted() as statements:
        for thing in things:
            raised = thing.sudo("a test asks for each of them")
            assert raised.name == "x"
    assert len(statements) <= 50
    assert len(ann.work.caches) == 2


def test_statements_take_no_text(ann: Env) -> None:
    with pytest.raises(TypeError):
        ann.execute("SELECT 1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  the point
    assert ann.execute(sql("SELECT {one}::int", one=1)).scalar() == 1


def test_groups_and_companies_are_those_of_the_profile(shared: Trade) -> None:
    with shared.undone("kim") as env:
        assert env.groups == {"g_trade_boss", "g_trade_seller", "g_base_user"}
        assert env.has_group("trade.seller")
        assert not env.has_group("trade.clerk")
        assert env.companies == shared.people["kim"].companies
        assert not env.elevated
        assert env.sudo("a test asks").has_group("trade.clerk")
        assert (env.actor, env.lang, env.tz) == (0, "en_US", "UTC")


def test_lines_are_seen_by_their_own_access(orders: Order, shared: Trade) -> None:
    orders[1].write({"line_ids": [{"name": "l"}]})
    orders.env.flush()
    ann = shared.as_user(orders.env, "ann")
    assert ann[Line].search([]).mapped("name") == ["l"]  # lines here have no rule of their own
    with pytest.raises(MissingError):
        assert ann[Line].search([]).order_id.name
    assert ann[Line].search([["order_id.name", "!=", ""]]) == ann[Line]
