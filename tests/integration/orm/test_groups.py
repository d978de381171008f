"""Groups: what Python adds up by itself is what PostgreSQL gives, each group leads to its records, nothing leaks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growsoft.errors import AccessError, GrowsoftError
from growsoft.orm import DomainError, Env, Locale
from tests.integration.orm.conftest import Counted, Trade
from tests.integration.orm.trade import Order, Partner, Size, Tag, Thing

ZONES = ("UTC", "Europe/Brussels", "Asia/Kathmandu", "America/St_Johns", "Pacific/Apia")
UNITS = ("hour", "day", "week", "month", "quarter", "year")


@pytest.fixture(scope="module")
def things(shared: Trade) -> Generator[Thing]:
    """Things with all that can be grouped by."""
    with shared.undone() as env:
        tags = env[Tag].create([{"name": name} for name in ("red", "blue", "green")])
        companies = env[Partner].create([{"name": "Bcompany", "code": "x"}, {"name": "acompany"}])
        owners = env[Partner].create(
            [{"name": f"owner {i}", "parent_id": companies[i % 2] if i else None} for i in range(4)]
        )
        start = datetime(2023, 12, 30, 21, 40, tzinfo=UTC)
        yield env[Thing].create([
            {
                "name": "aAbB"[i % 4], "number": i % 5, "weight": Decimal(i % 7) / 4, "fragile": i % 3 == 0,
                "day": None if i % 6 == 0 else date(2023, 12, 28) + timedelta(days=i * 5),
                "moment": None if i % 8 == 0 else start + timedelta(hours=i * 7, minutes=i * 13),
                "size": (None, Size.SMALL, Size.LARGE)[i % 3], "owner_id": owners[i % 4] if i % 5 else None,
                "tag_ids": tags[i % 3 : i % 4],
            }
            for i in range(90)
        ])  # fmt: skip


KEYS = [
    "name", "number", "fragile", "size", "owner_id", "owner_id.parent_id", "owner_id.code", "tag_ids",
    *(f"day:{unit}" for unit in UNITS[1:]), *(f"moment:{unit}" for unit in UNITS),
]  # fmt: skip
MEASURES = ["number:sum", "weight:avg", "weight:min", "number:max", "owner_id:count", "number:count_distinct",
            "fragile:bool_and", "fragile:bool_or", "id:array_agg", "day:min"]  # fmt: skip


def began(day: date, unit: str) -> date:
    """The first day of a part of time."""
    match unit:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        case _:
            return day.replace(month=1, day=1)


def values_of(thing: Thing, key: str, zone: str) -> Sequence[object]:
    """In which groups of one key a thing is."""
    name, _colon, unit = key.partition(":")
    if name == "tag_ids":
        return [(tag.id, tag.name) for tag in thing.tag_ids] or [None]
    above = thing.owner_id.parent_id
    moment = thing.moment and thing.moment.astimezone(ZoneInfo(zone))
    values: dict[str, object] = {
        "owner_id": (thing.owner_id.id, thing.owner_id.name) if thing.owner_id else None,
        "owner_id.parent_id": (above.id, above.name) if above else None,
        "owner_id.code": thing.owner_id.code if thing.owner_id else None,
        "size": thing.size.value if thing.size else "",
        "day": thing.day and began(thing.day, unit),
        "moment": moment and (_hour(moment) if unit == "hour" else began(moment.date(), unit)),
    }
    return [values[name] if name in values else getattr(thing, name)]


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0).astimezone(UTC)


def measured(things: Sequence[Thing]) -> dict[str, object]:
    """What MEASURES come to, in plain Python."""
    days = [thing.day for thing in things if thing.day]
    weights = [thing.weight for thing in things]
    return {
        "__count": len(things),
        "number:sum": sum(thing.number for thing in things),
        "weight:avg": round(sum(weights, Decimal(0)) / len(weights), 10),
        "weight:min": min(weights),
        "number:max": max(thing.number for thing in things),
        "owner_id:count": sum(bool(thing.owner_id) for thing in things),
        "number:count_distinct": len({thing.number for thing in things}),
        "fragile:bool_and": all(thing.fragile for thing in things),
        "fragile:bool_or": any(thing.fragile for thing in things),
        "id:array_agg": sorted(thing.id for thing in things),
        "day:min": min(days) if days else None,
    }


@settings(max_examples=80, deadline=None)
@given(
    keys=st.lists(st.sampled_from(KEYS), max_size=3, unique=True),
    zone=st.sampled_from(ZONES),
    few=st.sampled_from([[], [["number", ">", 2]], [["owner_id", "ilike", "owner"]], [["id", "=", None]]]),
)
def test_groups_are_what_python_makes_of_the_records(
    things: Thing, keys: list[str], zone: str, few: list[object]
) -> None:
    asked = things.with_env(things.env.in_locale(Locale(tz=zone)))
    domain = [["id", "in", list(things.ids)], *few]
    searched = asked.search(domain)
    expected: defaultdict[tuple[object, ...], list[Thing]] = defaultdict(list)
    for thing in searched:
        places: list[tuple[object, ...]] = [()]
        for key in keys:
            places = [(*place, value) for place in places for value in values_of(thing, key, zone)]
        for place in places:
            expected[place].append(thing)
    rows = asked.read_group(domain, keys, MEASURES)
    if not keys and not searched:
        assert [(row["__count"], row["number:sum"], row["weight:min"]) for row in rows] == [(0, 0, None)]
        return
    assert {tuple(row[key] for key in keys) for row in rows} == set(expected)
    assert len(rows) == len(expected)
    for row in rows:
        members = expected[tuple(row[key] for key in keys)]
        row["weight:avg"] = round(row["weight:avg"], 10)
        assert {key: row[key] for key in measured(members)} == measured(members)
        assert set(asked.search(row["__domain"]).ids) == {thing.id for thing in members}  # the way back


def test_subtotals_add_up_what_stands_before_them(things: Thing) -> None:
    domain = [["id", "in", list(things.ids)]]
    rows = things.read_group(domain, ["fragile", "size"], ["number:sum"], subtotals=True)
    whole = rows[-1]
    assert (whole["__count"], "fragile" in whole, whole["__domain"]) == (90, False, domain)
    parts = [row for row in rows if "fragile" in row and "size" not in row]
    assert [row["__count"] for row in parts] == [60, 30]
    for part in parts:
        inside = [row for row in rows if row.get("fragile") == part["fragile"] and "size" in row]
        assert sum(row["number:sum"] for row in inside) == part["number:sum"]
        assert rows.index(part) == rows.index(inside[-1]) + 1
        assert things.search_count(part["__domain"]) == part["__count"]
    with pytest.raises(DomainError, match="no subtotals"):
        things.read_group(domain, ["tag_ids"], subtotals=True)


def test_groups_are_kept_sorted_and_cut(things: Thing) -> None:
    domain = [["id", "in", list(things.ids)]]

    def of(**asked: object) -> list[object]:
        rows = things.read_group(domain, ["number"], ["weight:sum"], **asked)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        return [row["number"] for row in rows]

    sums = {n: sum((t.weight for t in things if t.number == n), Decimal(0)) for n in range(5)}
    assert of() == [0, 1, 2, 3, 4]
    assert of(order="number desc", limit=2) == [4, 3]
    assert of(order="number desc", limit=2, offset=1) == [3, 2]
    assert of(order="weight:sum desc") == sorted(sums, key=lambda n: (-sums[n], n))
    low = sorted(sums.values())[2]
    assert of(having=[["weight:sum", "<", low]]) == [n for n in sums if sums[n] < low]
    assert of(having=["!", ["weight:sum", "<", low], ["__count", ">", 1]]) == [n for n in sums if sums[n] >= low]
    assert of(having=["|", ["__count", "in", [1, 2]], ["__count", "!=", 18]]) == []
    names = [row["owner_id"] for row in things.read_group(domain, ["owner_id.parent_id"], order="owner_id.parent_id")
             for row["owner_id"] in [row["owner_id.parent_id"]]]  # fmt: skip
    assert [name and name[1] for name in names] == ["acompany", "Bcompany", None]


def test_a_typed_field_is_a_key(things: Thing) -> None:
    (row,) = things.read_group([["id", "=", things.ids[1]]], [Thing.owner_id])
    assert row["owner_id"] == (things[1].owner_id.id, "owner 1")


def test_a_day_is_the_day_of_the_one_who_asks(env: Env) -> None:
    late = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)  # the night in which clocks go forward in Europe
    thing = env[Thing].create({"name": "t", "moment": late})
    env.flush()
    for zone, day, hours in (("UTC", 28, 24), ("Europe/Brussels", 29, 23), ("America/New_York", 28, 24)):
        here = thing.with_env(env.in_locale(Locale(tz=zone)))
        (row,) = here.read_group([["id", "=", thing.id]], ["moment:day"])
        bounds = row["__range"]["moment:day"]
        assert row["moment:day"] == date(2026, 3, day)
        assert bounds["to"] - bounds["from"] == timedelta(hours=hours)
        assert here.search(row["__domain"]) == thing
    (row,) = thing.read_group([["id", "=", thing.id]], ["moment"])
    assert row["moment"] == date(2026, 3, 1)
    thing.write({"day": date(9999, 12, 31), "moment": datetime(9999, 12, 30, 12, tzinfo=UTC)})
    (row,) = thing.read_group([["id", "=", thing.id]], ["day:year", "moment:week"])
    assert row["__range"]["day:year"] == {"from": date(9999, 1, 1), "to": None}
    assert thing.search(row["__domain"]) == thing


def test_what_waits_to_be_written_is_counted(env: Env, counted: Counted) -> None:
    partner = env[Partner].create({"name": "p"})
    order = env[Order].create({"name": "o", "partner_id": partner, "line_ids": [{"price": 3}, {"price": 4}]})
    order.line_ids[0].price = Decimal(5)
    (row,) = env[Order].read_group([["id", "=", order.id]], ["buyer"], ["total"])
    assert (row["buyer"], row["total"]) == ("p / ", 9)
    with counted() as statements:
        env[Order].read_group([], ["partner_id", "company_id", "user_id"], ["total"])
    assert len(statements) == 1


# -- what somebody must not learn --------------------------------------------------------------------------------------


def test_no_hidden_row_and_no_hidden_name_is_in_a_group(shared: Trade) -> None:
    with shared.undone() as env:
        hidden, shown = env[Partner].create([{"name": "hidden", "hidden": True, "code": "h"}, {"name": "shown"}])
        secret = env[Tag].create({"name": "tag"})
        for login in ("ann", "bob"):
            env[Order].create({"name": login, "partner_id": hidden, "user_id": shared.people[login].user})
        thing = env[Thing].create({"name": "t", "owner_id": hidden, "tag_ids": secret})
        env.flush()
        ann = shared.as_user(env, "ann")
        (row,) = ann[Order].read_group([], ["user_id"], ["name:array_agg"])
        assert (row["__count"], row["name:array_agg"]) == (1, ["ann"])
        (row,) = ann[Order].read_group([], ["partner_id"])
        assert row["partner_id"] == (hidden.id, "")
        (row,) = ann[Thing].read_group([["id", "=", thing.id]], ["owner_id.code"])
        assert row["owner_id.code"] is None
        assert ann[Partner].read_group([["id", "in", [hidden.id, shown.id]]], ["name"]) == [
            {"name": "shown", "__count": 1, "__domain": [["id", "in", [hidden.id, shown.id]], ["name", "=", "shown"]]}
        ]


HIDDEN: list[dict[str, object]] = [
    {"groupby": ["credit"]},
    {"groupby": ["secret"]},
    {"groupby": ["secret_tag_ids"]},
    {"groupby": ["parent_id.credit"]},
    {"groupby": ["parent_id.parent_id.secret"]},
    {"aggregates": ["credit:sum"]},
    {"aggregates": ["credit"]},
    {"aggregates": ["secret:array_agg"]},
    {"aggregates": ["secret:count"]},
    {"domain": [["credit", ">", 5]]},
]


@pytest.mark.parametrize("asked", HIDDEN, ids=str)
def test_a_hidden_field_is_in_no_part_of_a_question(shared: Trade, asked: dict[str, object]) -> None:
    if "secret" not in str(asked):  # whoever may read the field may ask this
        with shared.undone("kim") as env:
            env[Partner].read_group(**asked)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with shared.undone("ann") as env:
        with pytest.raises(AccessError, match="may not read"):
            env[Partner].read_group(**asked)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        for order in ("parent_id.credit desc", "credit", "parent_id.parent_id.secret"):
            with pytest.raises(AccessError, match="may not read"):
                env[Partner].search([], order=order)


WRONG: list[dict[str, object]] = [
    {"groupby": ["nothing"]},
    {"groupby": ["name:month"]},
    {"groupby": ["day:hour"]},
    {"groupby": ["day:decade"]},
    {"groupby": ["moment:day'; DROP TABLE trade_thing; --"]},
    {"groupby": ["moment:day:week"]},
    {"groupby": ['name"; --']},
    {"groupby": ["label"]},
    {"groupby": ["part_ids"]},
    {"groupby": ["part_ids.name"]},
    {"groupby": ["tag_ids.name"]},
    {"groupby": ["owner_id." * 11 + "name"]},
    {"groupby": "name"},
    {"groupby": [1]},
    {"groupby": ["name"] + [f"name{i}" for i in range(30)]},
    {"aggregates": ["name:sum"]},
    {"aggregates": ["number:sum) FROM pg_authid --"]},
    {"aggregates": ["number:pg_sleep"]},
    {"aggregates": ["owner_id:sum"]},
    {"aggregates": ["tag_ids:count"]},
    {"aggregates": ["fragile:max"]},
    {"groupby": ["name"], "order": "number"},
    {"groupby": ["name"], "order": "name; DROP TABLE trade_thing"},
    {"groupby": ["name"], "order": "name desc nulls first"},
    {"groupby": ["name"], "order": "(SELECT 1)"},
    {"groupby": ["name"], "order": 1},
    {"groupby": ["name"], "having": [["number:sum", ">", 1]]},
    {"groupby": ["name"], "having": [["__count", ">", "1 OR true"]]},
    {"groupby": ["name"], "having": [["__count", "ilike", 1]]},
    {"groupby": ["name"], "having": [["__count", ">", True]]},
    {"groupby": ["name"], "aggregates": ["id:array_agg"], "having": [["id:array_agg", "=", 1]]},
    {"groupby": ["name"], "aggregates": ["day:max"], "having": [["day:max", ">", "x'; --"]]},
    {"groupby": ["name"], "limit": "1"},
    {"groupby": ["name"], "offset": -1},
]


@pytest.mark.parametrize("asked", WRONG, ids=str)
def test_what_is_no_group_is_refused_with_its_reason(env: Env, asked: dict[str, object]) -> None:
    with pytest.raises(GrowsoftError) as refused:
        env[Thing].read_group(**asked)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert type(refused.value) is not GrowsoftError
    assert env[Thing].search_count([]) >= 0  # nothing reached PostgreSQL, the transaction goes on


def test_a_zone_that_is_none_is_refused(env: Env) -> None:
    env[Thing].create({"name": "t", "moment": datetime(2026, 1, 1, tzinfo=UTC)})
    env.flush()
    lost = env.in_locale(Locale(tz="Mars/Olympus'; --"))
    with pytest.raises(GrowsoftError), env.savepoint():
        lost[Thing].read_group([], ["moment:day"])
