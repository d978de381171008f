"""Names and orders: what people type finds what is called so, the best first; orders go along links; neither leaks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growsoft.errors import AccessError, GrowsoftError
from growsoft.orm import DomainError, Env
from growsoft.orm.naming import CANDIDATES
from tests.integration.orm.conftest import Counted, Trade
from tests.integration.orm.trade import Order, Partner, Thing

NAMES = ["oak", "Oak", "oakwood", "Oakham", "the oak", "cloak", "50%_oak", "ash", "a\\b", "", "OA"]


def test_the_same_name_comes_first_then_beginnings_then_parts(env: Env, counted: Counted) -> None:
    made = env[Partner].create([{"name": name or "-", "code": f"c{i}"} for i, name in enumerate(NAMES)])
    env.flush()
    among = [["id", "in", list(made.ids)]]
    with counted() as statements:
        found = env[Partner].name_search("oak", among)
    assert [name for _id, name in found] == ["oak", "Oak", "Oakham", "oakwood", "50%_oak", "cloak", "the oak"]
    assert len(statements) == 1
    assert env[Partner].name_search("oak", among, limit=3) == found[:3]
    assert env[Partner].name_search("C3", among) == [(made[3].id, "Oakham")]  # by its code
    assert [name for _id, name in env[Partner].name_search("%_", among)] == ["50%_oak"]
    assert [name for _id, name in env[Partner].name_search("oak", among, operator="=")] == ["oak"]
    assert [name for _id, name in env[Partner].name_search("", among, limit=2)] == ["-", "50%_oak"]
    assert env[Partner].name_search("oak", among, limit=0) == []


@settings(max_examples=100, deadline=None)
@given(text=st.text(st.sampled_from("oakOAK%_\\ '\";-"), min_size=1, max_size=5))
def test_what_is_found_is_what_contains_the_text(shared: Trade, text: str) -> None:
    with shared.undone("ann") as env:  # who does not see the secret, which is "none" unless somebody has one
        made = env[Partner].create([{"name": name or "-"} for name in NAMES])
        found = env[Partner].name_search(text, [["id", "in", list(made.ids)]])
        wanted = {partner.id for partner in made if text.lower() in partner.name.lower()}
        assert {record_id for record_id, _name in found} == wanted
        assert len(found) == len(wanted)
        ranks = [(name.lower() != text.lower(), not name.lower().startswith(text.lower())) for _id, name in found]
        assert ranks == sorted(ranks)


def test_a_name_finds_nothing_hidden(shared: Trade) -> None:
    with shared.undone() as env:
        env[Partner].create(
            [
                {"name": "hidden oak", "hidden": True},
                {"name": "shown", "code": "oakcode", "secret": "oaksecret"},
                {"name": "plain", "secret": "oaksecret"},
            ]
        )
        env.flush()
        found = {}
        for login in ("ann", "sec"):
            acting = shared.as_user(env, login)
            found[login] = sorted(name for _id, name in acting[Partner].name_search("oak"))
        assert found == {"ann": ["shown"], "sec": ["plain", "shown"]}
        joe = shared.as_user(env, "joe")
        with pytest.raises(AccessError):
            joe[Thing].name_search("oak")
        for wrong in ("any", "=; --", "<", None):
            with pytest.raises(DomainError):
                joe[Partner].name_search("x", operator=wrong)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        with pytest.raises(GrowsoftError):
            joe[Partner].name_search("x" * 600)
        with pytest.raises(GrowsoftError):
            joe[Partner].name_search("x\0y")
        with pytest.raises(DomainError):
            joe[Partner].name_search("x", limit=-1)


def test_a_word_in_very_many_names_gives_some_of_them_the_best_first(env: Env) -> None:
    env[Partner].create([{"name": f"an elm {i}"} for i in range(CANDIDATES + 50)])
    env[Partner].create([{"name": "elm"}, {"name": "elm tree"}])
    found = env[Partner].name_search("elm", limit=20)
    assert [name for _id, name in found[:2]] == ["elm", "elm tree"]
    assert len(found) == len(set(found)) == 20


def test_an_order_goes_along_links(env: Env) -> None:
    companies = env[Partner].create([{"name": "b", "code": "1"}, {"name": "A", "code": "2"}])
    partners = env[Partner].create(
        [{"name": f"p{i}", "parent_id": companies[i % 2] if i < 4 else None} for i in range(5)]
    )
    orders = env[Order].create([{"name": f"o{i}", "partner_id": partners[i % 5]} for i in range(10)])
    asked = [["id", "in", list(orders.ids)]]

    def sorted_by(order: str) -> list[int]:
        return [int(one.name[1:]) for one in env[Order].search(asked, order=order)]

    by_company = sorted(range(10), key=lambda i: (i % 5 == 4, i % 5 % 2 == 0, i))
    assert sorted_by("partner_id.parent_id.name, id") == by_company
    assert sorted_by("partner_id.parent_id, id") == by_company
    assert sorted_by("partner_id.parent_id.code desc, id") == sorted(
        range(10), key=lambda i: (i % 5 != 4, i % 5 % 2 == 0, i)
    )
    assert sorted_by("partner_id.name desc, name") == sorted(range(10), key=lambda i: (-(i % 5), i))
    for wrong in ("partner_id.tag_ids.name", "line_ids.name", "name.id", "partner_id.", "partner_id..name", ".name",
                  "partner_id.name; --", "partner_id.name asc nulls", "share", "partner_id.nothing"):  # fmt: skip
        with pytest.raises(DomainError):
            sorted_by(wrong)


def test_an_order_by_a_hidden_field_behind_a_link_is_refused(shared: Trade) -> None:
    with shared.undone("ann") as env:
        for order in ("partner_id.credit", "partner_id.secret desc", "partner_id.parent_id.credit"):
            with pytest.raises(AccessError, match="may not read"):
                env[Order].search([], order=order)
    with shared.undone() as env:
        one, two = env[Partner].create([{"name": "b", "hidden": True}, {"name": "a"}])
        env[Order].create(
            [{"name": f"o{i}", "partner_id": p, "user_id": shared.people["ann"].user} for i, p in enumerate((one, two))]
        )
        env.flush()
        ann = shared.as_user(env, "ann")
        before = ann[Order].search([], order="partner_id.name, id").mapped("name")
        one.name = "0"  # what is hidden has no name to be sorted by
        env.flush()
        assert ann[Order].search([], order="partner_id.name, id").mapped("name") == before == ["o1", "o0"]
