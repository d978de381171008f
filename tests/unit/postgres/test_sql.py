"""The composer takes literals and binds values: no text of a user can become syntax."""

from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growsoft.postgres.connection import Endpoint
from growsoft.postgres.sql import Sql, checked, ident, idents, join, literal, plain, proven_literal, script, sql
from growsoft.postgres.superuser import superuser

# The type checkers refuse these calls (tests/typing/refused/wall_sql.py); here is what happens where nobody checks.
loose_sql = cast("Callable[..., Sql]", sql)
loose_join = cast("Callable[..., Sql]", join)
loose_literal = cast("Callable[[object], Sql]", literal)

PAYLOADS = [
    "'; DROP TABLE note; --", "' OR '1'='1", '" OR ""="', "1; SELECT pg_sleep(10)", "x' UNION SELECT salt FROM c --",
    "\\'; DROP TABLE note; --", "{name}", "{0}", "%s", "%(name)s", "%%", "$1", "$$; DROP TABLE note; $$", "/* */", "--",
    "\u02bc; DROP", "\uff07", "\r\n; SELECT 1", "a\tb", "E'\\x27'", "",
]  # fmt: skip


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_value_is_only_ever_bound(payload: str) -> None:
    query = sql("SELECT id FROM note WHERE name = {name} AND id = {id}", name=payload, id=7)
    assert query.text == "SELECT id FROM note WHERE name = %s AND id = %s"
    assert query.params == (payload, 7)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_bound_value_comes_back_as_it_was(server: Endpoint, payload: str) -> None:
    with superuser(server) as connection:
        assert connection.run(sql("SELECT {value}::text", value=payload)).scalar(str) == payload


@pytest.mark.parametrize("payload", PAYLOADS)
def test_text_that_was_built_is_refused_even_when_it_is_harmless(payload: str) -> None:
    with pytest.raises(TypeError, match="literal"):
        loose_sql(f"SELECT {payload}")
    with pytest.raises(TypeError, match="literal"):
        loose_sql("SELECT " + payload + " ")
    with pytest.raises(TypeError, match="literal"):
        loose_sql("SELECT %s" % payload)  # noqa: UP031  the old way is still a way
    with pytest.raises(TypeError, match="literal"):
        loose_sql("SELECT {}".format(payload))  # noqa: UP032  the old way is still a way
    with pytest.raises(TypeError, match="literal"):
        loose_join(f" {payload} ", [sql("a"), sql("b")])


def test_a_literal_of_other_code_is_refused() -> None:
    def elsewhere() -> str:
        return "SELECT 'a literal, but of another place'"

    with pytest.raises(TypeError, match="literal"):
        loose_sql(elsewhere())


def test_text_that_equals_a_proven_literal_is_refused_all_the_same() -> None:
    sql("SELECT 'proven at this place'")
    twin = str(b"SELECT 'proven at this place'", "ascii")
    with pytest.raises(TypeError, match="literal"):
        loose_sql(twin)


@pytest.mark.parametrize("thing", [b"SELECT 1", None, 1, sql, ["SELECT 1"], bytearray(b"SELECT 1")])
def test_what_is_no_text_is_refused(thing: object) -> None:
    with pytest.raises(TypeError, match="literal"):
        loose_sql(thing)


def test_pieces_are_composed_and_their_values_keep_their_order() -> None:
    own = sql("user_id = {user}", user=11)
    late = sql("date > {day}", day="2026-01-01")
    query = sql("SELECT {n} FROM note WHERE {w} LIMIT {k}", n=1, w=join(" AND ", [own, late]), k=80)
    assert query.text == "SELECT %s FROM note WHERE user_id = %s AND date > %s LIMIT %s"
    assert query.params == (1, 11, "2026-01-01", 80)


def test_a_place_may_be_used_twice() -> None:
    query = sql("SELECT {a}, {b}, {a}", a=1, b=2)
    assert query.params == (1, 2, 1)


@pytest.mark.parametrize("parts", [{}, {"a": 1, "b": 2}, {"b": 1}])
def test_places_and_parts_must_match(parts: dict[str, int]) -> None:
    with pytest.raises(TypeError, match="places for"):
        sql("SELECT {a}", **parts)


def test_a_place_has_no_format_and_no_conversion() -> None:
    with pytest.raises(ValueError, match="plain"):
        sql("SELECT {a!r}", a=1)
    with pytest.raises(ValueError, match="plain"):
        sql("SELECT {a:>10}", a=1)
    with pytest.raises(TypeError, match="places for"):
        sql("SELECT {a.__class__}", a=1)
    with pytest.raises(TypeError, match="places for"):
        sql("SELECT {}", a=1)


def test_percent_signs_and_braces_are_what_they_look_like(server: Endpoint) -> None:
    query = sql("SELECT 7 % 4, 'a%b' LIKE 'a%', '{{}}'::int[], {x}::text, '%s'", x="%s {x}")
    with superuser(server) as connection:
        assert connection.run(query).one() == (3, True, [], "%s {x}", "%s")
        assert connection.run(sql("SELECT 7 % 4, '%s %% {{x}}'")).one() == (3, "%s %% {x}")


def test_statements_are_made_and_changed_by_the_composer_alone() -> None:
    with pytest.raises(TypeError, match="never directly"):
        Sql()
    query = sql("SELECT 1")
    for attribute in ("text", "params"):
        with pytest.raises(AttributeError, match="fixed"):
            setattr(query, attribute, "DROP TABLE note")
    with pytest.raises(TypeError, match="expected Sql, got str"):
        loose_join(", ", ["a"])
    with pytest.raises(TypeError, match="expected Sql, got str"):
        checked("SELECT 1")
    with pytest.raises(TypeError, match="expected Sql, got str"):
        plain(cast("Any", "SELECT 1"))


def test_rebinding_keeps_the_text_and_counts_the_values() -> None:
    query = sql("SELECT {a}, {b}", a=1, b=2)
    assert query.rebind((3, 4)) == sql("SELECT {a}, {b}", a=3, b=4)
    assert len({query, sql("SELECT {a}, {b}", a=1, b=2)}) == 1
    with pytest.raises(ValueError, match="2 places"):
        query.rebind((3,))


def test_a_representation_shows_no_values() -> None:
    assert "secret" not in repr(sql("SELECT {a}", a="secret"))


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Note",
        "note name",
        'note"',
        "note'",
        "note;",
        "é",
        "note\0",
        "1note",
        "note-id",
        "n" * 64,
        "note\n",
        "pg_temp.",
    ],
)
def test_an_identifier_is_lower_case_and_short(name: str) -> None:
    with pytest.raises(ValueError, match="identifier"):
        ident(name)


def test_identifiers_are_quoted() -> None:
    assert ident("order").text == '"order"'
    assert ident("n" * 63).text == f'"{"n" * 63}"'
    assert idents(["id", "user"]).text == '"id", "user"'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "NULL"), (True, "true"), (False, "false"), (5, "(5)"), (-5, "(-5)"), (Decimal("-1.50"), "(-1.50)"),
        (Decimal("1E+3"), "(1000)"), ("it's", " 'it''s'"), ("a\\b", " E'a\\\\b'"), ("", " ''"),
        (b"\x00'\\", " E'\\\\x00275c'::bytea"), ("100%", " '100%%'"),
    ],
)  # fmt: skip
def test_constants_are_written_as_postgresql_reads_them(value: str | int | Decimal | bytes | None, text: str) -> None:
    assert literal(value).text == text


def test_a_minus_never_becomes_a_comment(server: Endpoint) -> None:
    with superuser(server) as connection:
        assert connection.run(sql("SELECT 1 -{n}", n=literal(-1))).scalar(int) == 2
        assert connection.run(sql("SELECT 1 -{n}", n=literal(Decimal("-1.5")))).scalar() == Decimal("2.5")


def test_a_constant_is_not_read_together_with_what_stands_before_it(server: Endpoint) -> None:
    with superuser(server) as connection:
        # Without a blank these would be E'\x41' and 'a''b'.
        assert connection.run(sql("SELECT 'x' AS E{v}", v=sql(", {v}", v=literal("\\x41")))).one() == ("x", "\\x41")
        assert plain(sql("{a}{b}", a=literal("a"), b=literal("b"))) == " 'a' 'b'"


class Colour(str, Enum):  # noqa: UP042  the older way has a different str()
    """A text that is also something else."""

    RED = "red'"


class Count(int, Enum):
    """A number whose ``str`` is a name."""

    ONE = 1


def test_the_value_of_an_enumeration_is_written_never_its_name() -> None:
    assert literal(Colour.RED).text == " 'red'''"
    assert literal(Count.ONE).text == "(1)"


@pytest.mark.parametrize("value", [1.5, [1], object(), {"a": 1}, sql("x")])
def test_other_types_are_no_constants(value: object) -> None:
    with pytest.raises(TypeError, match="cannot be written"):
        loose_literal(value)


@pytest.mark.parametrize("value", ["a\0b", Decimal("NaN"), Decimal("Infinity"), Decimal("sNaN")])
def test_what_no_column_holds_is_no_constant(value: str | Decimal) -> None:
    with pytest.raises(ValueError, match=r"NUL|no number"):
        literal(value)


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.binary(max_size=40), TEXT,
    st.text("'\\\"%{}$;-/*\n EeUuxX&", max_size=20), st.decimals(allow_nan=False, allow_infinity=False, places=6),
)  # fmt: skip


def test_whatever_is_written_postgresql_reads_back(server: Endpoint) -> None:
    with superuser(server) as connection:

        @given(value=VALUES, conforming=st.booleans())
        def round_trip(value: str | int | bool | Decimal | bytes | None, conforming: bool) -> None:
            connection.run(sql("SET standard_conforming_strings = {on}", on=literal(conforming)))
            written = literal(value)
            assert written.params == ()
            assert connection.run(sql("SELECT {value}", value=written)).scalar() == value
            # And with bound values beside it, which makes the driver read the percent signs.
            assert connection.run(sql("SELECT {value}, {n}::int", value=written, n=1)).one() == (value, 1)

        connection.run(sql("SET escape_string_warning = off"))
        round_trip()


@given(st.lists(st.tuples(st.sampled_from(["%s", "%", "{", "}", "'", "a"]), TEXT), max_size=6))
def test_composing_never_mixes_text_and_values(parts: list[tuple[str, str]]) -> None:
    pieces = [sql("{constant} {value}", constant=literal(constant), value=value) for constant, value in parts]
    query = join(" OR ", pieces)
    assert query.params == tuple(value for _constant, value in parts)
    assert query.text.replace("%%", "").count("%s") == len(parts)


def test_scripts_and_plain_text_have_no_values() -> None:
    query = script("growsoft.postgres", "search.sql")
    assert "%" not in plain(query).replace("'%'", "") or "%%" in query.text
    assert plain(sql("SELECT 7 % 4")) == "SELECT 7 % 4"
    with pytest.raises(ValueError, match="bound values"):
        plain(sql("SELECT {a}", a=1))
    with pytest.raises(TypeError, match="literal"):
        cast("Callable[..., Sql]", script)("growsoft.postgres", "search" + ".sql".upper().lower())


def test_a_text_is_proven_by_the_code_that_holds_it() -> None:
    import sys

    frame = sys._getframe()  # pyright: ignore[reportPrivateUsage]  this very frame
    proven_literal("a reason that stands here", frame)
    with pytest.raises(TypeError, match="literal"):
        proven_literal("a reason " + str(frame.f_lineno), frame)
