"""Contacts: references are somebody's own, nobody belongs to himself, and each group may do its part."""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from contextlib import nullcontext

import pytest

from growsoft.apps.contacts.models import Partner
from growsoft.errors import AccessError, ValidationError
from tests.support.shop import Shop


def test_a_reference_belongs_to_one_contact_and_most_have_none(shop: Shop) -> None:
    with shop.elevated() as env:
        env[Partner].create([{"name": "A", "ref": "1"}, {"name": "B"}, {"name": "C"}])
        with pytest.raises(ValidationError, match="Another contact has this reference"), env.savepoint():
            env[Partner].create({"name": "D", "ref": "1"})


def test_a_contact_cannot_belong_to_itself_in_any_number_of_steps(shop: Shop) -> None:
    with shop.elevated() as env:
        top, middle, low = env[Partner].create([{"name": "Top"}, {"name": "Middle"}, {"name": "Low"}])
        low.parent_id = middle
        middle.parent_id = top
        env.flush()
        assert top.child_ids == middle
        for above in (top, middle, low):
            with pytest.raises(ValidationError, match="cannot be below itself"), env.savepoint():
                top.parent_id = above


def test_a_rank_is_never_negative(shop: Shop) -> None:
    with shop.elevated() as env, pytest.raises(ValidationError, match="zero or more"), env.savepoint():
        env[Partner].create({"name": "A", "customer_rank": -1})


def test_a_name_that_no_index_can_hold_is_refused_in_a_sentence(shop: Shop) -> None:
    noise = random.Random(7)  # noqa: S311  text that cannot be compressed, no secret
    name = "".join(noise.choice(string.ascii_letters + string.digits) for _ in range(2000))
    with shop.elevated() as env:
        with pytest.raises(ValidationError, match="too long"), env.savepoint():
            env[Partner].create({"name": name})
        assert env[Partner].create({"name": name[:1000]}).name == name[:1000]


@pytest.mark.parametrize(
    ("group", "may"),
    [
        ("base.user", {"read"}),
        ("contacts.user", {"read", "create", "write"}),
        ("sale.salesperson", {"read", "create", "write"}),
        ("contacts.manager", {"read", "create", "write", "unlink"}),
        ("base.admin", {"read", "create", "write", "unlink"}),
    ],
)
def test_each_group_may_do_its_part_with_contacts(shop: Shop, group: str, may: set[str]) -> None:
    with shop.elevated() as env:
        known = env[Partner].create({"name": "Known"}).id
    with shop.acting(shop.user("somebody", group)) as env:
        attempts: dict[str, Callable[[], object]] = {
            "read": lambda: env[Partner].browse(known).read(["name"]),
            "create": lambda: env[Partner].create({"name": "New"}),
            "write": lambda: setattr(env[Partner].browse(known), "city", "Graz"),
            "unlink": lambda: env[Partner].browse(known).unlink(),
        }
        for verb, attempt in attempts.items():
            refused = nullcontext() if verb in may else pytest.raises(AccessError)
            with refused, env.savepoint():
                attempt()


def test_a_user_is_a_contact_too(shop: Shop) -> None:
    with shop.elevated() as env:
        ada = env[Partner].create({"name": "Ada Lovelace", "phone": "1843"})
        user = env["res.users"].create({"name": "Ada", "login": "ada", "partner_id": ada})
        assert env["res.users"].search([["partner_id.phone", "=", "1843"]]) == user
