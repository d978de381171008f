"""Dirty files: each kind of damage gives errors with line, column, value and reason, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from growsoft.apps.contacts.models import Partner
from growsoft.exchange.plan import Options
from growsoft.exchange.report import MAX_ERRORS, Report, RowError
from growsoft.orm import load
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.pool import Pools
from tests.acceptance.importing.conftest import CUSTOMERS, northwind_file
from tests.support.databases import database_from
from tests.support.shop import APPS, Shop

NAMED = [("id", "ref"), ("name", "name")]
LINES = Options(
    maps=[
        ("order_id", "order_id"),
        ("product_id", "product_id"),
        ("quantity", "product_uom_qty"),
        ("unit_price", "price_unit"),
        ("discount", "discount"),
    ],
    scales=[("discount", "100")],
    key=["order_id", "product_id"],
)
MODELS = ("res.partner", "res.country.state", "product.product", "sale.order", "sale.order.line")


@pytest.fixture(scope="module")
def still(server: Endpoint, filled_shop: str) -> Generator[Shop]:
    """One shop for all tests of this file: none of them may change anything in it."""
    pools = Pools(2)
    with ExitStack() as stack:
        database = stack.enter_context(database_from(server, filled_shop, pools))
        yield Shop(database, server, load(APPS))
        pools.close()


@pytest.fixture
def refused(still: Shop) -> Generator[Callable[..., list[RowError]]]:
    """Import a file that must be refused; give the errors. Afterwards nothing may have changed."""
    before = _everything(still)

    def refused(file: str | bytes, model: str = "res.partner", options: Options = CUSTOMERS) -> list[RowError]:
        report = still.take(model, file, options)
        assert (report.created, report.updated, report.unchanged) == (0, 0, 0)
        assert report.errors
        return list(report.errors)

    yield refused
    assert _everything(still) == before


Refused = Callable[..., list[RowError]]


def test_a_letter_of_another_encoding_is_named_with_line_and_byte(refused: Refused, customers: str) -> None:
    content = customers.encode("latin-1", "replace")
    (error, *more) = refused(content)
    assert error.line == 3
    assert error.column == "address"
    assert error.value == r"Avda. de la Constituci\xf3n 2222"
    assert error.reason == "Byte 83 of line 3 is 0xF3, which is not UTF-8; save the file as UTF-8."
    assert content.split(b"\n")[2][82] == 0xF3
    assert len(more) > 20


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_a_file_of_another_encoding_without_a_mark_is_refused_as_a_whole(
    refused: Refused, customers: str, encoding: str
) -> None:
    (error,) = refused(customers.encode(encoding))
    assert error.line == 1
    assert "save the file as UTF-8" in error.reason


def test_missing_columns_are_named_with_those_that_are_there(refused: Refused, customers: str) -> None:
    errors = refused(customers.replace("company_name", "firm", 1).replace("country", "land", 1))
    assert [(error.line, error.column) for error in errors] == [(1, "company_name"), (1, "country")]
    assert "customer_id, firm, contact_name" in errors[0].reason


def test_a_column_that_is_there_twice_is_named(refused: Refused, customers: str) -> None:
    (error,) = refused(customers.replace("fax", "phone", 1))
    assert (error.line, error.column) == (1, "phone")


def test_every_row_with_too_few_or_too_many_cells_is_named(refused: Refused, customers: str) -> None:
    lines = customers.split("\n")
    lines[4] = lines[4].rpartition(",")[0]
    lines[8] += ",more"
    errors = refused("\n".join(lines))
    assert [(error.line, error.reason) for error in errors] == [
        (5, "This row has 10 cells, the header has 11."),
        (9, "This row has 12 cells, the header has 11."),
    ]


def test_an_unknown_country_is_named_with_line_column_and_value(refused: Refused, customers: str) -> None:
    (error, *more) = refused(customers.replace("Germany", "Germnay"))
    assert error == RowError(
        2, "country", "Germnay", "There is no Country with this Alpha-2 code or Alpha-3 code or Name."
    )
    assert len(more) == 10


def test_all_errors_of_a_file_are_told_at_once_in_its_order(refused: Refused) -> None:
    file = (
        "id,name,rank,active,country\n"
        '1,"two\nlines",1,yes,DE\n'  # lines 2 and 3
        "2,B,1.5,perhaps,Atlantis\n"
        "3,,1,yes,DE\n"
        '4,C,"1,5",no,DE\n'
        "5,D,-1,no,DE\n"
        "6,E,1,no\n"
        "7,F,99999999999,no,\n"
    )
    options = Options(
        maps=[*NAMED, ("rank", "customer_rank"), ("active", "active"), ("country", "country_id")], key=["ref"]
    )
    assert [(error.line, error.column, error.value) for error in refused(file, options=options)] == [
        (4, "rank", "1.5"),
        (4, "active", "perhaps"),
        (4, "country", "Atlantis"),
        (5, "name", ""),
        (6, "rank", "1,5"),
        (7, "rank", "-1"),  # a rule of the model: a rank is zero or more
        (8, "", ""),
        (9, "rank", "99999999999"),
    ]


def test_two_rows_with_one_key_are_refused_with_the_first_line(refused: Refused, customers: str) -> None:
    (error,) = refused(customers + customers.split("\n")[1] + "\n")
    assert (error.line, error.column, error.value) == (93, "customer_id", "ALFKI")
    assert error.reason == "Line 2 has the same key; keep one of them."


def test_two_new_rows_that_the_database_cannot_hold_both_are_told_apart(refused: Refused) -> None:
    rows = "".join(f"N{i},Name {i}\n" for i in range(1500))
    (first, second) = refused(f"id,name\n{rows}N1400,Twice\nALFKI,Taken\n", options=Options(maps=NAMED))
    assert (first.line, first.column, first.value) == (1502, "id", "N1400")
    assert (second.line, second.column, second.value) == (1503, "id", "ALFKI")
    assert first.reason == "Another contact has this reference."


def test_a_row_without_its_key_is_refused(refused: Refused, customers: str) -> None:
    (error,) = refused(customers.replace("ALFKI", " ", 1))
    assert (error.line, error.column) == (2, "customer_id")
    assert "key is empty" in error.reason


def test_a_key_of_several_records_is_refused(refused: Refused) -> None:
    file = "city,name\nLondon,Somebody\n"
    (error,) = refused(file, options=Options(maps=[("city", "city"), ("name", "name")], key=["city"]))
    assert error.line == 2
    assert "records have this key already" in error.reason


def test_a_name_of_several_records_is_refused(refused: Refused) -> None:
    options = Options(maps=[("name", "name"), ("above", "parent_id.city")])
    (error,) = refused("name,above\nA,London\n", options=options)
    assert (error.column, error.value) == ("above", "London")
    assert error.reason.startswith("Several records of Contact")


def test_a_row_that_refers_to_nobody_or_in_a_circle_is_refused(refused: Refused) -> None:
    options = Options(maps=[*NAMED, ("above", "parent_id.ref")], key=["ref"])
    file = "id,name,above\nX1,A,X2\nX2,B,X3\nX3,C,X1\nX4,D,nobody\nX5,E,X4\nX6,F,X6\nX7,G,ALFKI\n"
    errors = refused(file, options=options)
    assert [error.line for error in errors] == [2, 3, 4, 5, 6, 7]
    assert {error.column for error in errors} == {"above"}


@pytest.mark.parametrize(
    ("old", "new", "line", "column"),
    [
        ("10248,42,", "10248,999,", 3, "product_id"),
        ("10248,42,", "99999,42,", 3, "order_id"),
        ("10248,42,9.8", '10248,42,"9,8"', 3, "unit_price"),
        ("10248,42,9.8,10", "10248,42,9.8,ten", 3, "quantity"),
        ("10248,42,9.8,10,0", "10248,42,9.8,10,1.01", 3, "discount"),
        ("10248,42,9.8,10,0", "10248,11,9.8,10,0", 3, "order_id"),
    ],
)
def test_one_bad_cell_among_two_thousand_lines_is_found(
    refused: Refused, old: str, new: str, line: int, column: str
) -> None:
    file = northwind_file("order_details.csv").replace(old, new, 1)
    (error,) = refused(file, model="sale.order.line", options=LINES)
    assert (error.line, error.column) == (line, column)


def test_a_quotation_mark_that_is_never_closed_ends_the_reading(refused: Refused, customers: str) -> None:
    (error,) = refused(customers.replace("Berlin", '"Berlin', 1))  # until the next mark, some lines below
    assert (error.line, error.column) == (2, "")
    assert "goes on after its closing quotation mark" in error.reason
    (error,) = refused(customers.replace("Warszawa", '"Warszawa', 1))
    assert (error.line, error.column) == (92, "")
    assert "never closed" in error.reason


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(refused: Refused, content: bytes) -> None:
    (error,) = refused(content)
    assert error.reason.startswith("The file is empty")


def test_a_nul_is_refused_with_its_cell(refused: Refused, customers: str) -> None:
    (error, second) = refused(customers.replace("Berlin", "Ber\0lin", 1).replace("México D.F.", "a\0", 1))
    assert (error.line, error.column) == (2, "city")
    assert (second.line, second.column) == (3, "city")
    assert "NUL" in error.reason


@pytest.mark.parametrize(("length", "reason"), [(3000, "at most 2,000 characters"), (5_000_000, "million characters")])
def test_a_huge_cell_is_refused_and_told_shortly(refused: Refused, customers: str, length: int, reason: str) -> None:
    (error,) = refused(customers.replace("Berlin", "B" * length, 1))
    assert error.line == 2
    assert reason in error.reason
    assert len(error.value) < 300


def test_a_thousand_errors_are_enough(still: Shop) -> None:
    rows = "".join(f"{i},A,x\n" for i in range(5000))
    options = Options(maps=[*NAMED, ("rank", "customer_rank")])
    for partial in (False, True):
        report = still.take("res.partner", "id,name,rank\n" + rows, options, partial=partial)
        assert (report.created, len(report.errors)) == (0, MAX_ERRORS)
        assert report.more_errors


def test_a_dry_run_finds_what_the_run_would_find(still: Shop, customers: str) -> None:
    damaged = customers.replace("Germany", "Germnay").replace("ALFKI", "ANATR")
    dry, wet = (still.take("res.partner", damaged, CUSTOMERS, dry_run=dry_run) for dry_run in (True, False))
    assert dry == wet
    assert len(dry.errors) == 12


def test_with_partial_the_good_rows_go_in_and_the_bad_ones_are_listed(shop: Shop, customers: str) -> None:
    damaged = customers.replace("Germany", "Germnay")
    damaged += "NEW1,New,,,,,,,,,\n"  # nobody's name
    damaged += "ALFKI,Again,Maria Anders,,,,,,USA,,\n"
    dry = shop.take("res.partner", damaged, CUSTOMERS, partial=True, dry_run=True)
    assert shop.count("res.partner") == 0
    report = shop.take("res.partner", damaged, CUSTOMERS, partial=True)
    assert report == dry
    assert (report.created, report.updated) == (91 - 11, 0)
    assert len(report.errors) == 11 + 1 + 1
    assert report.errors[-1].reason == "Line 2 has the same key; keep one of them."
    assert shop.count("res.partner") == 80
    again = shop.take("res.partner", customers, CUSTOMERS, partial=True)
    assert (again.created, again.updated, again.errors) == (11, 80, ())


def test_with_partial_a_row_whose_target_was_refused_stays_out(shop: Shop) -> None:
    options = Options(maps=[*NAMED, ("rank", "customer_rank"), ("above", "parent_id.ref")], key=["ref"])
    file = "id,name,rank,above\n1,A,0,2\n2,B,x,\n3,C,0,4\n4,D,0,\n"
    report = shop.take("res.partner", file, options, partial=True)
    assert (report.created, [error.line for error in report.errors]) == (2, [2, 3])
    with shop.elevated() as env:
        assert {p.ref: p.parent_id.ref for p in env[Partner].search([])} == {"3": "4", "4": ""}


def test_with_partial_a_file_that_is_no_table_changes_nothing(shop: Shop) -> None:
    report = shop.take("res.partner", 'id,name\n1,A\n2,"B\n3,C\n', Options(maps=NAMED), partial=True)
    assert (report.created, [error.line for error in report.errors]) == (0, [3])
    assert shop.count("res.partner") == 0


def test_a_state_that_was_made_for_a_file_goes_with_it(refused: Refused, customers: str) -> None:
    refused(customers.replace("Isle of Wight", "Isle of Man").replace("Venezuela", "Venezuella"))


def test_one_error_in_the_last_of_many_batches_undoes_them_all(refused: Refused) -> None:
    rows = "".join(f"M{i},Name {i}\n" for i in range(3500))
    (error,) = refused(f"id,name\n{rows}last,\n", options=Options(maps=NAMED, key=["ref"]))
    assert (error.line, error.column, error.reason) == (3502, "name", "Name is required.")


def test_the_environment_can_be_used_after_a_refusal(shop: Shop, customers: str) -> None:
    broken = customers.replace("Germany", "Germnay")
    assert shop.take("res.partner", broken, CUSTOMERS).errors
    assert shop.take("res.partner", customers, replace(CUSTOMERS, sets=[])) == Report(91, 0, 0)


def _everything(shop: Shop) -> dict[str, list[tuple[int, int]]]:
    with shop.elevated() as env:
        return {
            model: [(row["id"], row["version"]) for row in env[model].search_read([], ["version"], order="id")]
            for model in MODELS
        }
