"""What PostgreSQL keeps of each change: changed columns before and after, links by what came and went, in few bytes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from growsoft.errors import ConfigError
from growsoft.orm.audit import audits
from growsoft.postgres.audit import Audit, audit_functions
from growsoft.postgres.schema import Column, Table
from growsoft.postgres.sql import plain, sql
from growsoft.postgres.superuser import superuser
from tests.integration.orm.conftest import Trade
from tests.integration.orm.trade import Journal, Part, Partner, Size, Tag, Thing

Row = tuple[str, int, dict[str, Any]]


def kept(trade: Trade, table: str) -> list[Row]:
    """Read what the history has of a table, oldest first."""
    with superuser(trade.server, trade.database.name) as connection:
        query = sql(
            "SELECT kind, record_id, details FROM gs_priv.audit WHERE table_name = {t} ORDER BY era, xid, id", t=table
        )
        return connection.run(query).all()


def test_each_type_is_kept_as_it_is(own: Trade) -> None:
    with own.acting() as env:
        values: dict[str, object] = {
            "name": 'a "b" \\ é', "note": "two\nlines", "number": 5, "weight": Decimal("1.250"), "fragile": True,
            "day": date(2026, 2, 3), "moment": datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC), "size": Size.LARGE,
        }  # fmt: skip
        thing = env[Thing].create(values)
    ((kind, record, details),) = kept(own, "trade_thing")
    assert (kind, record) == ("create", thing.ids[0])
    assert details.items() >= {
        "name": 'a "b" \\ é', "note": "two\nlines", "number": 5, "weight": 1.25, "fragile": True,
        "day": "2026-02-03", "moment": "2026-02-03T04:05:06", "size": Size.LARGE.value,
    }.items()  # fmt: skip
    assert not {"write_date", "create_uid", "version", "owner_id", "currency_id"} & set(details), (
        "stamps, and what is unset"
    )


def test_only_what_changed_is_kept_before_and_after(own: Trade) -> None:
    with own.acting() as env:
        partner = env[Partner].create({"name": "Ada", "credit": Decimal(5)})
    with own.acting() as env:
        env[Partner].browse(partner.ids).write({"name": "Ada L.", "credit": None, "hidden": False})
    assert kept(own, "trade_partner")[-1] == (
        "write", partner.ids[0], {"name": ["Ada", "Ada L."], "credit": [5, 0]},
    )  # fmt: skip


def test_one_statement_for_many_records_keeps_a_row_for_each(own: Trade) -> None:
    with own.acting() as env:
        tags = env[Tag].create([{"name": f"t{i}"} for i in range(30)])
        tags.write({"weight": 7})
        env.flush()
        tags[10:].unlink()
    rows = kept(own, "trade_tag")
    assert [row[0] for row in rows] == ["create"] * 30 + ["write"] * 30 + ["unlink"] * 20
    assert [record for kind, record, _details in rows if kind == "unlink"] == list(tags.ids[10:])
    assert rows[-1][2] == {"name": "t29", "weight": 7}


def test_links_are_changes_of_the_record_they_belong_to(own: Trade) -> None:
    with own.acting() as env:
        tags = env[Tag].create([{"name": name} for name in "abc"])
        partner = env[Partner].create({"name": "Ada", "tag_ids": tags[:2]})
    with own.acting() as env:
        env[Partner].browse(partner.ids).write({"tag_ids": env[Tag].browse(tags.ids[1:])})
    one, two, three = tags.ids
    links = [details for _kind, _record, details in kept(own, "trade_partner") if "tag_ids" in details]
    assert links[0] == {"tag_ids": {"added": [one, two]}}
    assert sorted(map(str, links[1:])) == sorted(
        map(str, [{"tag_ids": {"removed": [one]}}, {"tag_ids": {"added": [three]}}])
    )


def test_a_model_says_what_its_history_leaves_out(own: Trade) -> None:
    with own.acting() as env:
        part = env[Part].create({"name": "screw", "place": 4})
        env[Journal].create({"name": "closed", "tag_ids": env[Tag].create({"name": "t"})})
    assert kept(own, "trade_part") == [("create", part.ids[0], {"name": "screw"})]
    assert kept(own, "trade_journal") == []


def test_a_field_that_is_left_out_must_be_there(own: Trade) -> None:
    info = own.registry.models["trade.part"]

    misspelt = type("Misspelt", (info.cls,), {"_made": True, "_audit_without": ("plaice",)})
    with pytest.raises(ConfigError, match="plaice"):
        list(audits(replace(info, cls=misspelt), ()))


def test_a_wide_table_has_a_history_too(own: Trade) -> None:
    # PostgreSQL takes a hundred arguments for one function.
    columns = tuple(Column(f"c{i}", "integer") for i in range(250))
    audit = Audit("wide", "audit_wide", columns)
    with superuser(own.server, own.database.name) as connection:
        connection.run_all(audit_functions([audit]))
        names = ", ".join(f"c{i} integer" for i in range(250))
        table = Table("wide", columns, triggers=audit.triggers())
        connection.raw.execute(f"CREATE TABLE wide (id bigint PRIMARY KEY, {names})".encode())
        for trigger in audit.triggers():
            event = {"insert": "NEW TABLE AS new_rows", "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows"}
            if trigger.event in event:
                connection.raw.execute(
                    f"CREATE TRIGGER {trigger.name} AFTER {trigger.event} ON {table.name}"
                    f" REFERENCING {event[trigger.event]} EXECUTE FUNCTION gs_priv.audit_wide()".encode()
                )
        connection.run(sql("INSERT INTO wide (id, c0, c249) VALUES (1, 5, 6)"))
        connection.run(sql("UPDATE wide SET c120 = 1 WHERE id = 1"))
    assert kept(own, "wide") == [("create", 1, {"c0": 5, "c249": 6}), ("write", 1, {"c120": [None, 1]})]
    assert "c249" in plain(next(iter(audit_functions([audit]))))
