"""Fields: what goes in comes out, in its own type; what does not fit is refused with the name of the field."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growsoft.apps.base.models import Currency
from growsoft.errors import AccessError, ValidationError
from growsoft.orm import Env
from tests.integration.orm.conftest import Trade
from tests.integration.orm.trade import Fee, Order, Partner, Size, Thing

HUGE = int(10.0) ** 5000
MOMENT = datetime(2026, 3, 29, 1, 30, 5, 123456, tzinfo=UTC)


def reread(thing: Thing) -> Thing:
    """Give the same record with nothing of it in memory."""
    thing.env.flush()
    for cache in thing.env.work.caches.values():
        cache.forget()
    return thing


def test_a_value_of_every_kind_comes_back(env: Env) -> None:
    euro = env["res.currency"].search([["name", "=", "EUR"]])
    owner = env[Partner].create({"name": "Ada"})
    thing = env[Thing].create(
        {
            "name": "Größe ≤ 5 'x' \\ %", "note": "two\nlines\t", "number": -7, "weight": Decimal("1.2345"),
            "exact": Decimal("0.123456789012345678901234567890"), "currency_id": euro, "price": "2.345",
            "fragile": True, "day": date(1, 1, 1), "moment": MOMENT, "size": Size.LARGE, "state": "large",
            "owner_id": owner,
        }
    )  # fmt: skip
    for found in (thing, reread(thing)):
        assert found.name == "Größe ≤ 5 'x' \\ %"
        assert found.note == "two\nlines\t"
        assert found.number == -7
        assert found.weight == Decimal("1.235")
        assert found.exact == Decimal("0.123456789012345678901234567890")
        assert found.price == Decimal("2.35")
        assert found.fragile is True
        assert found.day == date(1, 1, 1)
        assert found.made_on == date(2026, 1, 2)
        assert found.moment == MOMENT
        assert str(found.moment).endswith("+00:00")
        assert found.size is Size.LARGE
        assert found.state is Size.LARGE
        assert found.owner_id == owner
        assert found.label == "Größe ≤ 5 'x' \\ % -7"


def test_what_is_not_given_is_unset_in_the_way_of_its_kind(env: Env) -> None:
    thing = env[Thing].create({"name": "x"})
    for found in (thing, reread(thing)):
        assert (found.note, found.number, found.weight, found.fragile) == ("", 0, Decimal(0), False)
        assert found.day is None
        assert found.moment is None
        assert found.size is None
        assert found.state is Size.SMALL
        assert not found.owner_id
        assert found.owner_id.name == ""
        assert found.owner_id.id == 0
        assert len(found.tag_ids) == len(found.part_ids) == 0
        assert found.create_uid == found.write_uid == env.user_id
        assert found.version == 1
        assert abs(found.create_date - datetime.now(UTC)) < timedelta(minutes=5)


def test_unset_values_can_be_given_in_every_way_the_wire_has(env: Env) -> None:
    thing = env[Thing].create({"name": "x", "note": "n", "number": 1, "day": "2026-01-01", "size": "small"})
    for unset in (None, False):
        thing.write(dict.fromkeys(("note", "number", "weight", "day", "moment", "size", "owner_id"), unset))
        found = reread(thing)
        assert (found.note, found.number, found.day, found.size) == ("", 0, None, None)
        thing.write({"note": "n", "number": 1, "day": "2026-01-01", "size": "small"})


def test_an_empty_recordset_reads_as_unset(env: Env) -> None:
    nothing = env[Thing]
    assert (nothing.name, nothing.number, nothing.fragile, nothing.day, nothing.size) == ("", 0, False, None, None)
    assert not nothing.owner_id.parent_id.child_ids
    assert nothing.display_name == ""


UNFIT: list[tuple[str, object]] = [
        ("name", 5), ("name", "x" * 51), ("name", "a\0b"), ("name", "\ud800"), ("name", b"x"), ("name", ["x"]),
        ("number", "5"), ("number", 2**31), ("number", -(2**31)), ("number", 1.5), ("number", True),
        ("number", HUGE), ("number", [5]),
        ("weight", "five"), ("weight", "NaN"), ("weight", "Infinity"), ("weight", float("nan")), ("weight", True),
        ("weight", 10**30), ("weight", "1e30"), ("weight", "1e-401"), ("weight", HUGE), ("weight", [1]),
        ("fragile", "yes"), ("fragile", 1), ("fragile", 0),
        ("day", "01.02.2026"), ("day", "2026-02-30"), ("day", MOMENT), ("day", 20260101), ("day", True),
        ("moment", "tomorrow"), ("moment", MOMENT.replace(tzinfo=None)), ("moment", date(2026, 1, 1)), ("moment", 5),
        ("moment", "0001-01-01T00:00:00+14:00"), ("moment", "9999-12-31T23:59:59-14:00"),
        ("size", "medium"), ("size", 1), ("size", True),
        ("owner_id", "5"), ("owner_id", True), ("owner_id", -1), ("owner_id", 2**63), ("owner_id", 1.0),
        ("owner_id", (5, "Ada")), ("owner_id", ["5"]), ("owner_id", {"id": 5}),
        ("tag_ids", 5), ("tag_ids", "5"), ("tag_ids", ["5"]), ("tag_ids", [True]), ("tag_ids", [[6, 0, ["x"]]]),
        ("tag_ids", [[7, 0, 0]]), ("tag_ids", [[True, 0, 0]]), ("tag_ids", [[4, True, 0]]), ("tag_ids", [[4, "1", 0]]),
        ("tag_ids", [[]]), ("tag_ids", [[0, 0, 5]]), ("tag_ids", [[6, 0, 5]]), ("tag_ids", [[1, 1, {}, 1]]),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), UNFIT, ids=range(len(UNFIT)))
def test_what_does_not_fit_is_refused_by_its_name(env: Env, field: str, value: object) -> None:
    thing = env[Thing].create({"name": "x"})
    label = {"owner_id": "Owner", "tag_ids": None}.get(field, field.capitalize())
    for attempt in (lambda: env[Thing].create({"name": "x", field: value}), lambda: thing.write({field: value})):
        with pytest.raises(ValidationError, match=label), env.savepoint():
            attempt()


def test_a_change_of_several_fields_is_made_as_a_whole_or_not_at_all(env: Env) -> None:
    thing = env[Thing].create({"name": "before"})
    with pytest.raises(ValidationError):
        thing.write({"name": "after", "number": "x"})
    assert reread(thing).name == "before"


def test_unknown_and_kept_names_are_refused(env: Env) -> None:
    for values in ({"nmae": "x"}, {"id": 5}, {"version": 5}, {"create_uid": 1}, {"label": "x"}, {"env": None}):
        with pytest.raises(ValidationError):
            env[Thing].create({"name": "x", **values})
    thing = env[Thing].create({"name": "x"})
    with pytest.raises(ValidationError, match="no field 'nmae'"):
        thing.write({"nmae": "x"})
    with pytest.raises(AttributeError):
        thing.nmae = "x"  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]  the point
    with pytest.raises(ValidationError, match="worked out"):
        thing.label = "x"


def test_required_fields_are_required(env: Env) -> None:
    for values in ({}, {"name": ""}, {"name": None}):
        with pytest.raises(ValidationError, match="Name is required"):
            env[Thing].create(values)
    with pytest.raises(ValidationError, match="Partner is required"):
        env[Order].create({"name": "x"})
    thing = env[Thing].create({"name": "x"})
    with pytest.raises(ValidationError, match="Made on is required"):
        thing.write({"made_on": None})


def test_a_default_that_one_may_not_give_is_filled_in_by_postgresql(shared: Trade) -> None:
    with shared.undone("ann") as env:
        partner = env[Partner].create({"name": "New"})
        assert partner.rating == 3
        with pytest.raises(AccessError, match="Rating"):
            env[Partner].create({"name": "New", "rating": 5})
        with pytest.raises(AccessError, match="Rating"):
            partner.rating = 5
        found = partner.sudo("a test looks at what was stored")
        assert (found.rating, found.secret) == (3, "none")


def test_amounts_are_rounded_half_up_to_their_currency(env: Env) -> None:
    by_name = {c.name: c for c in env[Currency].search([["name", "in", ["EUR", "JPY", "KWD"]]])}
    rows = [("EUR", "1.005", "1.01"), ("EUR", "-1.005", "-1.01"), ("JPY", "2.5", "3"), ("KWD", "0.0005", "0.001")]
    things = env[Thing].create([{"name": n, "currency_id": by_name[n], "price": given} for n, given, _ in rows])
    assert [str(reread(thing).price) for thing in things] == [wanted for _, _, wanted in rows]
    without = env[Thing].create({"name": "none", "price": "1.005"})
    assert reread(without).price == Decimal("1.01")
    without.write({"currency_id": by_name["JPY"], "price": "7.5"})
    assert reread(without).price == 8


@pytest.mark.parametrize("zone", [timezone(timedelta(hours=14)), timezone(timedelta(hours=-11, minutes=-30)), UTC])
def test_a_moment_is_the_same_in_every_zone(env: Env, zone: timezone) -> None:
    thing = env[Thing].create({"name": "x", "moment": MOMENT.astimezone(zone)})
    assert reread(thing).moment == MOMENT
    thing.write({"moment": MOMENT.astimezone(zone).isoformat()})
    assert reread(thing).moment == MOMENT
    thing.write({"moment": "2026-03-29 01:30:05.123456"})
    assert reread(thing).moment == MOMENT


TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=50)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.fixed_dictionaries({
            "name": TEXT.filter(bool),
            "note": TEXT,
            "number": st.integers(-1000, 2**31 - 1).filter(lambda n: n != 13),
            "weight": st.decimals(-(10**20), 10**20, places=3),
            "exact": st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**29), max_value=10**29),
            "fragile": st.booleans(),
            "day": st.none() | st.dates(),
            "moment": st.none() | st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001
            "size": st.none() | st.sampled_from(Size),
        }),
        min_size=1,
        max_size=5,
    )
)  # fmt: skip
def test_any_value_survives(shared: Trade, rows: list[dict[str, object]]) -> None:
    with shared.undone() as env:
        things = env[Thing].create(rows)
        changed = env[Thing].create([{"name": "x"}] * len(rows))
        for record, values in zip(changed, rows, strict=True):
            record.write(values)
        env.flush()
        env.cache.forget()
        for records in (things, changed):
            for record, values in zip(records, rows, strict=True):
                assert {name: getattr(record, name) for name in values} == values


def test_an_amount_is_rounded_again_when_only_its_currency_changes(env: Env) -> None:
    by_name = {c.name: c for c in env[Currency].search([["name", "in", ["EUR", "JPY"]]])}
    things = env[Thing].create(
        [{"name": price, "currency_id": by_name["EUR"], "price": price} for price in ("7.55", "2.50", "3")]
    )
    env.flush()
    things.write({"currency_id": by_name["JPY"]})
    assert things.mapped(Thing.price) == [Decimal(8), Decimal(3), Decimal(3)]
    env.flush()
    things.env.cache.forget()
    assert things.mapped(Thing.price) == [Decimal(8), Decimal(3), Decimal(3)]
    assert things.mapped("version") == [2, 2, 2], "in one go"


def test_amounts_of_lines_follow_the_currency_of_their_order(env: Env) -> None:
    by_name = {c.name: c for c in env[Currency].search([["name", "in", ["EUR", "JPY"]]])}
    partner = env[Partner].create({"name": "P"})
    order = {"partner_id": partner, "currency_id": by_name["EUR"]}
    orders = env[Order].create([{**order, "name": name} for name in ("one", "other")])
    fees = env[Fee].create([{"order_id": order, "amount": "1.55"} for order in orders])
    orders[0].currency_id = by_name["JPY"]
    assert fees.mapped(Fee.amount) == [Decimal(2), Decimal("1.55")]
    fees[1].order_id = orders[0]
    assert fees.mapped(Fee.amount) == [Decimal(2), Decimal(2)]
