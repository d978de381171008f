"""SW-7 on a running instance: rows are walled by PostgreSQL itself, and a hole in one database is found."""

from __future__ import annotations

from growsoft.postgres.sql import sql
from tests.acceptance.trust.conftest import Ask, Planted
from tests.support.instance import Home


def test_sw7_raw_sql_sees_no_row_without_a_genuine_context(running_instance: Home, planted: Planted, ask: Ask) -> None:
    found = ask("SW-7")
    assert found["state"] == "met", found
    assert "tables showed rows to a genuine context and none in" in found["evidence"]
    assert planted.name not in found["evidence"]
    assert ("One-user mode" in found["evidence"]) == (running_instance.up["mode"] == "one-user")


def test_sw7_finds_a_table_without_policies(planted: Planted, ask: Ask) -> None:
    with planted.superuser() as connection:
        connection.run(sql("CREATE TABLE public.planted (id int)"))
    found = ask("SW-7")
    assert found["state"] == "not met"
    assert f"database {planted.uuid}: planted has row security off" in found["evidence"]
