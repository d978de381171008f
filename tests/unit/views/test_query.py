"""Queries: from the box and the address to one condition and back."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growsoft.orm.domain import EVERYTHING, Leaf, to_wire
from growsoft.views.fields import FieldView, ModelView
from growsoft.views.query import Facet, NotSearchable, Query, condition_of, order_of, query_of
from growsoft.views.values import Filter, Search

MODEL = ModelView(
    "a.b",
    "Thing",
    {
        view.name: view
        for view in (
            FieldView("name", "Name", "char"),
            FieldView("note", "Note", "text"),
            FieldView("count", "Count", "integer"),
            FieldView("day", "Day", "date"),
            FieldView("owner_id", "Owner", "many2one", relation="c.d"),
            FieldView("worked_out", "Worked out", "char", stored=False),
        )
    },
)
SEARCH = Search("a.b", "name", "note", filters=(Filter("big", "Big", Leaf(("count",), ">", 9)),))


def wire(pairs: str) -> list[object]:
    return to_wire(condition_of(MODEL, SEARCH, query_of(MODEL, SEARCH, parse_qsl(pairs))))


def test_words_are_looked_for_in_every_searched_field() -> None:
    assert wire("q=red+tea") == [
        "&",
        "|", ["name", "ilike", "red"], ["note", "ilike", "red"],
        "|", ["name", "ilike", "tea"], ["note", "ilike", "tea"],
    ]  # fmt: skip


def test_nothing_searches_for_everything() -> None:
    assert condition_of(MODEL, SEARCH, Query()) == EVERYTHING


def test_facets_of_one_field_are_alternatives_and_of_several_conditions() -> None:
    assert wire("f=owner_id:a&f=owner_id:b&f=count:%3E%3D5&filter=big&filter=nothing") == [
        "&", "&", "|", ["owner_id", "ilike", "a"], ["owner_id", "ilike", "b"], ["count", ">=", 5], ["count", ">", 9],
    ]  # fmt: skip


def test_what_a_model_does_not_have_is_left_out() -> None:
    query = query_of(
        MODEL, SEARCH, [("f", "nope:1"), ("f", "worked_out:1"), ("sort", "nope"), ("page", "-1"), ("x", "y")]
    )
    assert query == Query()
    assert query_of(MODEL, SEARCH, [("q", "time:12 name:")]).words == "time:12 name:"


def test_an_order_is_steady() -> None:
    assert order_of(Query(sort="-name"), "day") == "name desc, id desc"
    assert order_of(Query(sort="name"), "day") == "name, id"
    assert order_of(Query(), "day") == "day"
    assert Query(sort="name", page=4).sorted_by("name") == Query(sort="-name")


def test_a_comparison_that_makes_no_sense_says_so() -> None:
    for text in ("count:>=", "count:abc", "day:>soon", "day:2024-13-01", "day:1-2-3-4"):
        with pytest.raises(NotSearchable):
            wire(f"f={text}")


words = st.text(alphabet="abc ", max_size=8).map(lambda text: " ".join(text.split()))
facets = st.builds(Facet, st.sampled_from(["name", "owner_id"]), st.text(alphabet='ab:"&=%', min_size=1, max_size=6))


@given(
    st.builds(
        Query,
        words=words,
        facets=st.lists(facets, max_size=4, unique=True).map(tuple),
        filters=st.sampled_from([(), ("big",)]),
        sort=st.sampled_from(["", "name", "-count"]),
        page=st.integers(1, 9999),
    )
)
def test_an_address_says_the_whole_query(query: Query) -> None:
    _, _, asked = query.address("/app/a.b").partition("?")
    assert query_of(MODEL, SEARCH, parse_qsl(asked)) == query


@given(
    st.lists(st.tuples(st.sampled_from(["q", "f", "filter", "sort", "page", "x"]), st.text(max_size=30)), max_size=6)
)
def test_no_address_is_more_than_refused(pairs: list[tuple[str, str]]) -> None:
    query = query_of(MODEL, SEARCH, pairs)
    assert query.page >= 1
    with suppress(NotSearchable):
        condition_of(MODEL, SEARCH, query)
