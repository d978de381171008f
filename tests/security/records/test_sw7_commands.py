"""SW-7: triples for lines and links reach no record that their sender could not reach by its own address.

Family 11 of the attacks: only the first record of a list is checked, lines of others are taken, changed or deleted by
way of one's own record, links are made to what one does not see. Families 5 and 7: who one is, given as a value.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import pytest

from growsoft.apps.sale.models import Order
from growsoft.errors import GrowsoftError
from growsoft.orm import Env, load
from growsoft.orm.copying import copied
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.context import Context
from growsoft.postgres.pool import Pools
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import superuser
from tests.support.databases import database_from
from tests.support.shop import APPS, Shop

NOWHERE: Final = 999_999_999
EVERYTHING: Final = sql(
    "SELECT 1, id, user_id, name, company_id FROM sale_order UNION ALL"
    " SELECT 2, id, order_id, name, 0 FROM sale_order_line UNION ALL"
    " SELECT 3, id, 0, login, company_id FROM res_users UNION ALL"
    " SELECT 4, source_id, target_id, '', 0 FROM res_users_groups_id_rel UNION ALL"
    " SELECT 5, source_id, target_id, '', 0 FROM res_groups_implied_ids_rel UNION ALL"
    " SELECT 6, source_id, target_id, '', 0 FROM res_users_company_ids_rel ORDER BY 1, 2, 3"
)

REFUSED: Final = ("AccessError", "MissingError")

Values = Mapping[str, object]


@dataclass(frozen=True)
class Sales:
    """Sam and Sue sell; each has an order with two lines, and Sue's are hidden from Sam."""

    shop: Shop
    sam: Context
    sue: Context
    his: int
    hers: int
    his_lines: tuple[int, ...]
    her_lines: tuple[int, ...]

    def everything(self) -> list[tuple[object, ...]]:
        """All that an attack could change, as the superuser sees it."""
        with superuser(replace(self.shop.server, dbname=self.shop.database.name)) as connection:
            return connection.run(EVERYTHING).all()

    def attempt(self, model: str, records: int | tuple[int, ...], values: Values) -> str:
        """Let Sam write; see ``attempt_to``."""
        return self.attempt_to(lambda env: env[model].browse(records).write(values))

    def attempt_to(self, action: Callable[[Env], object]) -> str:
        """Let Sam do something, whatever comes of it; give how it was refused, and whether anything was changed."""
        before = self.everything()
        try:
            with self.shop.acting(self.sam) as env:
                action(env)
        except GrowsoftError as error:
            outcome = f"{type(error).__name__}: {error}"
        else:
            outcome = "written"
        return outcome if self.everything() == before else f"changed: {outcome}"


@pytest.fixture(scope="module")
def sales(server: Endpoint, empty_shop: str) -> Generator[Sales]:
    """Made once: no attack may leave anything."""
    pools = Pools(4)
    with database_from(server, empty_shop, pools) as database:
        shop = Shop(database, server, load(APPS))
        sam, sue = shop.user("sam", "sale.salesperson"), shop.user("sue", "sale.salesperson")
        with shop.elevated() as env:
            customer = env["res.partner"].create({"name": "Customer"}).id
            orders: list[tuple[int, tuple[int, ...]]] = []
            for who in (sam, sue):
                lines = [{"name": f"line {n}"} for n in (1, 2)]
                order = env["sale.order"].create({"partner_id": customer, "user_id": who.user, "order_line": lines})
                orders.append((order.id, tuple(order.read(["order_line"])[0]["order_line"])))
        yield Sales(shop, sam, sue, orders[0][0], orders[1][0], orders[0][1], orders[1][1])
    pools.close()


# -- lines of a colleague, by way of one's own order -------------------------------------------------------------------

# What Sam sends for the lines of his order; {line} is one of Sue's, or none at all.
COMMANDS: Final[dict[str, Callable[[int, tuple[int, ...]], object]]] = {
    "change it": lambda line, _own: [(1, line, {"name": "x"})],
    "change it after his own": lambda line, own: [(1, own[0], {"name": "x"}), (1, line, {"name": "x"})],
    "delete it": lambda line, _own: [(2, line, 0)],
    "delete it after his own": lambda line, own: [(2, own[0], 0), (2, line, 0)],
    "take it": lambda line, _own: [(4, line, 0)],
    "take it by its bare id": lambda line, _own: [line],
    "take it among his own": lambda line, own: [(6, 0, [*own, line])],
    "put it instead of his own": lambda line, _own: [(6, 0, [line])],
    "change it by a list": lambda line, _own: [[1, line, {"order_id": 1}]],
    "a new one with its id": lambda line, _own: [(0, 0, {"id": line, "name": "x"})],
    "a new one that says whose it is": lambda _line, _own: [(0, 0, {"name": "x", "create_uid": 1})],
    "a command that is none": lambda line, _own: [(7, line, 0)],
    "a command as text": lambda line, _own: [("1", line, {"name": "x"})],
    "a command that is true": lambda line, _own: [(True, line, {"name": "x"})],
    "an id that is true": lambda _line, _own: [(1, True, {"name": "x"})],
    "an id as text": lambda line, _own: [(4, str(line), 0)],
    "a nested way back": lambda line, own: [(1, own[0], {"order_id": line})],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_sw7_no_command_reaches_the_line_of_a_colleague(sales: Sales, command: str) -> None:
    hidden, missing = (
        sales.attempt("sale.order", sales.his, {"order_line": COMMANDS[command](line, sales.his_lines)})
        for line in (sales.her_lines[0], NOWHERE)
    )
    assert not hidden.startswith(("changed", "written"))
    assert hidden.replace(str(sales.her_lines[0]), "#") == missing.replace(str(NOWHERE), "#"), "none is told apart"


def test_the_same_commands_work_among_his_own(sales: Sales) -> None:
    with sales.shop.acting(sales.sam) as env:
        order = env["sale.order"].create({"partner_id": env["res.partner"].search([], limit=1)})
        line = env["sale.order.line"].create({"order_id": order.id, "name": "his"})
        for value in ([(1, line.id, {"name": "x"})], [(4, line.id, 0)], [(6, 0, [line.id])], [(2, line.id, 0)]):
            order.write({"order_line": value})
        assert order.read(["order_line"])[0]["order_line"] == []


# -- lists of records of which only the first is his -------------------------------------------------------------------


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (1, 1)], ids=str)
def test_sw7_every_record_of_a_list_is_checked(sales: Sales, order: tuple[int, int]) -> None:
    orders, lines = (sales.his, sales.hers), (sales.his_lines[0], sales.her_lines[0])
    chosen, chosen_lines = tuple(orders[i] for i in order), tuple(lines[i] for i in order)
    for model, ids, values in (
        ("sale.order", chosen, {"note": "x"}),
        ("sale.order", chosen, {"user_id": sales.sam.user}),
        ("sale.order.line", chosen_lines, {"name": "x"}),
        ("sale.order.line", chosen_lines, {"order_id": sales.his}),
    ):
        assert sales.attempt(model, ids, values).startswith(REFUSED)
    actions: list[Callable[[Env], object]] = [
        lambda env: env["sale.order"].browse(chosen).unlink(),
        lambda env: env["sale.order"].browse(chosen).read(["name"]),
        lambda env: env["sale.order"].browse(chosen).lock(),
        lambda env: copied(env["sale.order"].browse(sales.hers)),
        lambda env: env[Order].browse(chosen).action_cancel(),
        lambda env: env[Order].browse(chosen).action_confirm(),
        lambda env: env["sale.order.line"].browse(chosen_lines).unlink(),
    ]
    for action in actions:
        assert sales.attempt_to(action).startswith(REFUSED)


# -- who one is, as a value --------------------------------------------------------------------------------------------

IDENTITIES: Final[dict[str, tuple[str, Callable[[Sales], Values]]]] = {
    "an order of another": ("sale.order", lambda s: {"user_id": s.sue.user}),
    "an order of nobody": ("sale.order", lambda _s: {"user_id": None}),
    "an order of another company": ("sale.order", lambda _s: {"company_id": NOWHERE}),
    "its maker": ("sale.order", lambda s: {"create_uid": s.sue.user}),
    "who changed it last": ("sale.order", lambda s: {"write_uid": s.sue.user}),
    "its version": ("sale.order", lambda _s: {"version": 1}),
    "its number in the table": ("sale.order", lambda s: {"id": s.hers}),
    "its total": ("sale.order", lambda _s: {"amount_total": 1}),
    "a line in another's order": ("sale.order.line", lambda s: {"order_id": s.hers}),
}


@pytest.mark.parametrize("what", IDENTITIES)
def test_sw7_nobody_says_himself_who_he_is(sales: Sales, what: str) -> None:
    model, values = IDENTITIES[what]
    record = sales.his if model == "sale.order" else sales.his_lines[0]
    assert not sales.attempt(model, record, values(sales)).startswith(("changed", "written"))
    with sales.shop.elevated() as env:
        fresh: Values = {"partner_id": env["res.partner"].search([], limit=1).id}
    made = {**(fresh if model == "sale.order" else {"order_id": sales.his, "name": "x"}), **values(sales)}
    assert not sales.attempt_to(lambda env: env[model].create(made)).startswith(("changed", "written"))


PROMOTIONS: Final[dict[str, tuple[str, Callable[[Env], Values]]]] = {
    "his groups": ("res.users", lambda env: {"groups_id": [(4, _admin(env), 0)]}),
    "exactly his groups": ("res.users", lambda env: {"groups_id": [(6, 0, [_admin(env)])]}),
    "his companies": ("res.users", lambda _env: {"company_ids": [(4, 1, 0)]}),
    "his login": ("res.users", lambda _env: {"login": "admin"}),
    "what his group brings": ("res.groups", lambda env: {"implied_ids": [(4, _admin(env), 0)]}),
    "the name of his group": ("res.groups", lambda _env: {"key": "base.admin"}),
}


@pytest.mark.parametrize("what", PROMOTIONS)
def test_sw7_nobody_promotes_himself_by_a_value(sales: Sales, what: str) -> None:
    model, values = PROMOTIONS[what]
    with sales.shop.acting(sales.sam) as env:
        given = values(env)
        record = sales.sam.user if model == "res.users" else _group(env, "sale.salesperson")
    assert sales.attempt(model, record, given).startswith("AccessError")
    made = {"name": "x", **({"login": "x"} if model == "res.users" else {}), **given}
    assert sales.attempt_to(lambda env: env[model].create(made)).startswith("AccessError")
    assert sales.shop.known(sales.sam.user) == sales.sam


def _group(env: Env, key: str) -> int:
    return env["res.groups"].search([["key", "=", key]]).ensure_one().id


def _admin(env: Env) -> int:
    return _group(env, "base.admin")
