"""What migrations do on purpose: columns and tables keep their rows under another name or type, or go."""

from collections.abc import Iterator

import pytest

from growsoft.postgres.alter import (
    change_type,
    drop_columns,
    drop_tables,
    has_column,
    is_of_type,
    rename_column,
    rename_table,
)
from growsoft.postgres.compare import compare
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.schema import Column, Constraint, ForeignKey, Index, Table
from growsoft.postgres.sql import literal, sql
from growsoft.postgres.superuser import Superuser, superuser

SHELF = Table("shelf", (Column("name", "text"),))
BOOK = Table(
    "book",
    (Column("name", "text", True, literal("")), Column("shelf_id", "bigint")),
    constraints=(Constraint("book_name_length", sql("octet_length(name) <= 100")),),
    foreign_keys=(ForeignKey("book_shelf_id_fkey", "shelf_id", "shelf"),),
    indexes=(
        Index("book_name_sort", (sql("lower(name)"), sql("name"))),
        Index("book_name_unique", (sql("name"),), True),
    ),
)


@pytest.fixture
def books(server: Endpoint) -> Iterator[Superuser]:
    """Two books on a shelf, in a transaction that is rolled back."""
    with superuser(server) as connection:
        connection.raw.execute("BEGIN")
        if not connection.run(sql("SELECT 1 FROM pg_roles WHERE rolname = 'gs_owner'")).all():
            connection.run(sql("CREATE ROLE gs_owner NOLOGIN"))
        connection.run_all(compare(connection, [SHELF, BOOK]).statements)
        connection.run(sql("INSERT INTO shelf (id, name) VALUES (1, 'A')"))
        connection.run(sql("INSERT INTO book (name, shelf_id) VALUES ('Emma', 1), ('', NULL)"))
        yield connection
        connection.raw.execute("ROLLBACK")


def test_a_renamed_column_keeps_its_values_and_what_is_named_after_it(books: Superuser) -> None:
    rename_column(books, "book", "name", "title")
    titled = Table(
        "book",
        (Column("title", "text", True, literal("")), Column("shelf_id", "bigint")),
        constraints=(Constraint("book_title_length", sql("octet_length(title) <= 100")),),
        foreign_keys=BOOK.foreign_keys,
        indexes=(
            Index("book_title_sort", (sql("lower(title)"), sql("title"))),
            Index("book_title_unique", (sql("title"),), True),
        ),
    )
    found = compare(books, [SHELF, titled])
    assert (found.statements, found.drifts) == ((), ())
    assert books.run(sql("SELECT title FROM book ORDER BY 1")).column() == ["", "Emma"]
    assert not has_column(books, "book", "name")


def test_a_column_of_another_type_keeps_its_values(books: Superuser) -> None:
    change_type(books, "book", "name", "jsonb", sql("jsonb_build_object('en_US', name)"))
    told = Table(
        "book", (Column("name", "jsonb", True, sql("'{{}}'")), BOOK.columns[1]), foreign_keys=BOOK.foreign_keys
    )
    books.run_all(compare(books, [SHELF, told]).statements)
    assert compare(books, [SHELF, told]).statements == ()
    assert books.run(sql("SELECT name ->> 'en_US' FROM book ORDER BY 1")).column() == ["", "Emma"]


def test_a_type_is_known(books: Superuser) -> None:
    assert is_of_type(books, "book", "name", "text")
    change_type(books, "book", "name", "jsonb", sql("jsonb_build_object('en_US', name)"))
    found = [is_of_type(books, "book", "name", kind) for kind in ("jsonb", "text")]
    assert found == [True, False]
    assert not is_of_type(books, "book", "nothing", "text")
    assert not is_of_type(books, "nothing", "name", "text")


def test_a_renamed_table_keeps_its_rows_and_who_refers_to_it(books: Superuser) -> None:
    rename_table(books, "shelf", "rack")
    rack = Table("rack", SHELF.columns)
    racked = Table(
        "book", BOOK.columns, constraints=BOOK.constraints, indexes=BOOK.indexes,
        foreign_keys=(ForeignKey("book_shelf_id_fkey", "shelf_id", "rack"),),
    )  # fmt: skip
    found = compare(books, [rack, racked])
    assert (found.statements, found.drifts) == ((), ())
    assert books.run(sql("SELECT name FROM rack")).column() == ["A"]


def test_what_is_referred_to_is_dropped_only_after_what_refers(books: Superuser) -> None:
    with pytest.raises(Exception, match="other objects depend"), books.atomic():
        drop_tables(books, ["shelf"])
    drop_columns(books, "book", ["shelf_id"])
    drop_tables(books, ["shelf"])
    assert not has_column(books, "shelf", "name")
    assert has_column(books, "book", "name")
