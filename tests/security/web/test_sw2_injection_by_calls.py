"""SW-2 over the wire: nothing that a client sends becomes a part of a statement, and no size of it hurts anybody.

Families 14, 15 and 16 of the attacks: names, orders, groups, limits, domains, aliases, patterns and values, each in
every place that takes a text. What is not understood is refused by its name, before PostgreSQL has seen it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from typing import Any, Final

import pytest

from growsoft.auth.passwords import PasswordAuthenticator
from growsoft.keeper.keeper import Keeper
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.pool import Pools
from tests.support.served import Browser, Showcase, served
from tests.support.showcase import PASSWORD

UNDERSTOOD: Final = frozenset(("ValidationError", "AccessError", "UserError", "MissingError", "AttributeError"))

TEXTS: Final = (
    "name; DROP TABLE show_item; --", "name' OR '1'='1", 'name" OR "1"="1', "name) UNION SELECT login FROM res_users",
    "1=1", "(SELECT 1)", "pg_sleep(9)", "name, pg_sleep(9)", "name/**/desc", "name desc; SELECT 1", "name NULLS FIRST",
    'name COLLATE "C"', "id::text", "$1", "%s", "%(name)s", "{}", "{0}", "\\", "\\'", "name\x00", "\ud800", "\uff4eame",
    "name\u202e", "n\u0430me", "t0__", "t0__.name", "r__.source_id", "c__", "g0__", "g__.count__", "count__",
    "j0__.name", "show_item.name", "public.show_item", "pg_catalog.pg_authid", "xmin", "ctid", "tableoid", "oid",
    "*", "", "_name", "__class__", "env", "id.id", "name.name", "owner_id.", ".owner_id", "owner_id..name",
    "line_ids.item_id.secret", "owner_id" + ".owner_id" * 50, "x" * 100_000, "create_uid.password",
    "custom->>'a'", "custom #>> '{a}'", "name:sum",
    "count:sum(1)", "count:pg_sleep", "count:array_agg", "moment:day'--", "alias:sum(count)", "sum(count) AS secret",
)  # fmt: skip


KEPT: Final = 2  # records that are there before each attack


class Client:
    """Ben's script."""

    def __init__(self, showcase: Showcase) -> None:
        self.showcase = showcase
        self.browser = Browser(showcase.application())
        with showcase.elevated() as env:
            self.uid = env["res.users"].search([["login", "=", "ben"]]).id

    def call(self, method: str, *args: object, **kwargs: object) -> Any:  # noqa: ANN401 - whatever came
        """Give the result, or the name of the error as ``!Error``."""
        arguments = ["show", self.uid, PASSWORD, "show.item", method, list(args), kwargs]
        params = {"service": "object", "method": "execute_kw", "args": arguments}
        body = json.dumps({"jsonrpc": "2.0", "method": "call", "params": params, "id": 7}).encode()
        answer = json.loads(self.browser.ask("POST", "/jsonrpc", body, {"content-type": "application/json"}).text)
        return answer["result"] if "result" in answer else "!" + answer["error"]["data"]["name"].rpartition(".")[2]


@pytest.fixture(scope="module")
def client(keeper: Keeper, server: Endpoint, authenticator: PasswordAuthenticator) -> Generator[Client]:
    pools = Pools(4)
    showcase = served(keeper, server, pools, authenticator)
    with showcase.elevated() as env:
        env["show.item"].create([{"name": "first", "count": 1}, {"name": "50% off_", "count": 2, "secret": "sesame"}])
    yield Client(showcase)
    pools.close()


Place = Callable[[Client, str], Any]

PLACES: Final[dict[str, Place]] = {
    "the field of a term": lambda c, text: c.call("search", [[text, "=", 1]]),
    "the operator of a term": lambda c, text: c.call("search", [["name", text, "a"]]),
    "a prefix operator": lambda c, text: c.call("search", [text, ["name", "=", "a"]]),
    "a nested term": lambda c, text: c.call("search", [["owner_id", "any", [[text, "=", 1]]]]),
    "an order": lambda c, text: c.call("search", [], order=text or "!"),
    "an order's second": lambda c, text: c.call("search", [], order=f"name, {text}"),
    "a field to read": lambda c, text: c.call("search_read", [], [text]),
    "a field of records": lambda c, text: c.call("read", [1], [text]),
    "a group": lambda c, text: c.call("read_group", [], [], [text]),
    "an aggregate": lambda c, text: c.call("read_group", [], [text], ["name"]),
    "an aggregate with an alias": lambda c, text: c.call("read_group", [], [f"{text}:sum(count)"], ["name"]),
    "an order of groups": lambda c, text: c.call("read_group", [], ["count:sum"], ["name"], orderby=text or "!"),
    "the operator of a name": lambda c, text: c.call("name_search", "a", [], text or "!"),
    "a field to write": lambda c, text: c.call("write", [1], {text: 1}),
    "a field to create": lambda c, text: c.call("create", {"name": "new", text: 1}),
    "a default of the context": lambda c, text: c.call("create", {"name": "new"}, context={f"default_{text}": "x"}),
    "a limit": lambda c, text: c.call("search", [], limit=text or "!"),
    "an id": lambda c, text: c.call("read", [text], ["name"]),
}
# Here a name means something, or nothing is meant by it: both are answers.
MAY_ANSWER: Final = {
    "an aggregate", "an aggregate with an alias", "a default of the context", "a limit",
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_sw2_text_in_a_place_of_a_name_is_refused(client: Client, place: str) -> None:
    for text in TEXTS:
        outcome = PLACES[place](client, text)
        if isinstance(outcome, str) and outcome.startswith("!"):
            assert outcome[1:] in UNDERSTOOD, (text, outcome)
        elif place not in MAY_ANSWER:
            pytest.fail(f"{text[:60]!r} was taken: {outcome!r}")
        else:
            assert "sesame" not in str(outcome)
    _nothing_happened(client)


EMPTY: Final[list[object]] = []
VALUES: Final[list[object]] = [
    *TEXTS[:8], *TEXTS[14:21], 10**30, -(10**30), 1e400, -0.0, EMPTY, [EMPTY], {"a": 1}, [["a"]], [None], [True],
    True, None, ["x"] * 20_000, "%" * 600, "%\\", "_" * 513, "a" * 600,
]  # fmt: skip


@pytest.mark.parametrize("field", ["name", "note", "count", "weight", "day", "moment", "owner_id", "tag_ids", "id"])
def test_sw2_a_value_stays_a_value(client: Client, field: str) -> None:
    for value in VALUES:
        for operator in ("=", "in", "ilike", "any", "child_of"):
            outcome = client.call("search_count", [[field, operator, value]])
            assert isinstance(outcome, int) or outcome[1:] in UNDERSTOOD, (operator, value, outcome)
    _nothing_happened(client)


def test_sw2_wildcards_of_what_is_typed_are_letters(client: Client) -> None:
    for typed, found in (("%", 1), ("_", 1), ("50%", 1), ("5_%", 0), ("\\", 0), ("off\\_", 0), ("f_rst", 0)):
        assert client.call("search_count", [["name", "ilike", typed]]) == found, typed
        assert len(client.call("name_search", typed)) == found, typed
    assert client.call("search_count", [["name", "=like", "f%"]]) == 1, "a pattern is one where it is asked for"


DEEP: Final[dict[str, Callable[[], object]]] = {
    "ten thousand terms": lambda: [["name", "=", "a"]] * 10_000,
    "ten thousand of them, or": lambda: ["|"] * 9_999 + [["name", "=", "a"]] * 10_000,
    "not, a thousand times": lambda: ["!"] * 1_000 + [["name", "=", "a"]],
    "a hundred levels": lambda: _nested(100),
    "ten megabytes": lambda: [["name", "=", "x" * 10_000_000]],
    "a million values": lambda: [["id", "in", list(range(1_000_000))]],
    "half of a term": lambda: [["name", "="]],
    "operators alone": lambda: ["&", "|", "!"],
    "a word": lambda: "name",
    "a number": lambda: 7,
    "an object": lambda: {"name": "a"},
}


@pytest.mark.parametrize("what", DEEP)
def test_sw2_no_size_of_a_domain_hurts(client: Client, what: str) -> None:
    outcome = client.call("search", DEEP[what]())
    assert outcome == [] or outcome[1:] in UNDERSTOOD, outcome
    _nothing_happened(client)


def test_sw2_a_thousand_levels_are_no_message(client: Client) -> None:
    levels = 1_000
    term = '["owner_id","any",[' * levels + '["name","=","a"]' + "]]" * levels
    arguments = f'["show",{client.uid},"{PASSWORD}","show.item","search",[[{term}]],{{}}]'
    body = f'{{"params":{{"service":"object","method":"execute_kw","args":{arguments}}}}}'
    assert "error" in json.loads(client.browser.ask("POST", "/jsonrpc", body.encode()).text)
    _nothing_happened(client)


def _nested(levels: int) -> object:
    found: list[object] = ["name", "=", "a"]
    for _level in range(levels):
        found = ["owner_id", "any", [found]]
    return [found]


def _nothing_happened(client: Client) -> None:
    assert len(client.call("search", [])) >= KEPT, "the database serves on"
    with client.showcase.elevated() as env:
        assert env["show.item"].search_count([["name", "in", ["first", "50% off_"]]]) == KEPT
