"""Sequences: without gaps or without waiting, for each company and each year."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import date

import pytest

from growsoft.apps.base.models_sequences import Numbering, Period, Sequence, SequenceRange
from growsoft.errors import ValidationError
from growsoft.orm import run
from growsoft.postgres.context import Door
from growsoft.postgres.refusals import ConstraintViolated
from tests.support.shop import Shop


def _sequence(shop: Shop, **values: object) -> None:
    with shop.elevated() as env:
        env[Sequence].create({"name": "Bills", "code": "bill", "padding": 3, **values})


def _take(shop: Shop, *, undo: bool = False, day: date | None = None) -> str:
    number = ""
    with suppress(AssertionError), shop.elevated() as env:
        number = env[Sequence].next_by_code("bill", day)
        assert not undo
    return number


def test_a_number_that_was_undone_comes_again_only_where_there_are_no_gaps(shop: Shop) -> None:
    _sequence(shop)
    assert [_take(shop), _take(shop, undo=True), _take(shop)] == ["001", "002", "002"]
    with shop.elevated() as env:
        env[Sequence].search(Sequence.code == "bill").implementation = Numbering.STANDARD
    assert [_take(shop), _take(shop, undo=True), _take(shop)] == ["003", "004", "005"]


def test_numbers_begin_again_each_year_or_month_and_say_so(shop: Shop) -> None:
    _sequence(shop, prefix="B%(year)s/%(month)s/", suffix="-%(y)s", restart=Period.MONTH)
    days = [date(2026, 1, 31), date(2026, 1, 31), date(2026, 2, 1), date(2026, 1, 1), date(2027, 1, 1)]
    assert [_take(shop, day=day) for day in days] == [
        "B2026/01/001-26", "B2026/01/002-26", "B2026/02/001-26", "B2026/01/003-26", "B2027/01/001-27",
    ]  # fmt: skip
    with shop.elevated() as env:
        sequence = env[Sequence].search(Sequence.code == "bill")
        sequence.restart = Period.YEAR
        assert [env[Sequence].next_by_code("bill", date(2026, 5, 5)) for _ in range(2)][1].startswith("B2026/05/002")
        assert env[SequenceRange].search_count([("sequence_id", "=", sequence.id)]) == 4


def test_a_company_has_its_own_numbers_or_those_of_all(shop: Shop) -> None:
    with shop.elevated() as env:
        north = env["res.company"].search([], limit=1)
        south = env["res.company"].create({"name": "South", "currency_id": getattr(north, "currency_id")})  # noqa: B009
    _sequence(shop, prefix="ALL")
    _sequence(shop, prefix="SOUTH", company_id=south.id)
    for company, prefix in ((north.id, "ALL"), (south.id, "SOUTH")):
        who = shop.user(prefix.lower(), "base.user", companies=[company])
        with shop.acting(who) as env:
            assert env[Sequence].next_by_code("bill") == f"{prefix}001"


def test_one_code_has_one_sequence_for_each_company(shop: Shop) -> None:
    _sequence(shop)
    with pytest.raises(ConstraintViolated, match="A sequence with this code exists already"):
        _sequence(shop)
    with shop.elevated() as env:
        company = env["res.company"].search([], limit=1).id
    _sequence(shop, company_id=company)
    with pytest.raises(ConstraintViolated, match="This company has a sequence with this code already"):
        _sequence(shop, company_id=company)


@pytest.mark.parametrize("prefix", ["%(seq)s", "%(year)d", "%s", "100%", "%(__class__)s"])
def test_only_dates_stand_in_a_prefix(shop: Shop, prefix: str) -> None:
    with pytest.raises(ValidationError, match="places for the date"):
        _sequence(shop, prefix=prefix)


@pytest.mark.parametrize("kind", list(Numbering))
def test_many_who_take_at_once_get_each_number_once(shop: Shop, kind: Numbering) -> None:
    _sequence(shop, implementation=kind, restart=Period.YEAR)
    taken: list[str] = []

    def door() -> Door:
        return shop.database.elevated("a test takes numbers")

    def take() -> None:
        taken.extend(
            run(shop.database, shop.registry, door, lambda env: env[Sequence].next_by_code("bill")) for _ in range(10)
        )

    threads = [threading.Thread(target=take) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [f"{number:03}" for number in range(1, 31)]
