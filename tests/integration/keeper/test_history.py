"""The keeper seals histories: on its rounds, before a dump, and when asked; a chain goes on in a restored copy."""

from pathlib import Path
from uuid import uuid4

import pytest

from growsoft.keeper.verbs import Created, HistoryHead
from growsoft.postgres.keeper import new_database_name
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import superuser
from growsoft_cloud.backup.manifest import Subject
from growsoft_cloud.backup.seals import kept_seals
from growsoft_cloud.operations.sealing import keep_seals
from tests.integration.keeper.conftest import House
from tests.unit.backup.places import three_sites

EVENT = sql("INSERT INTO gs_priv.audit (kind, user_id) SELECT 'write', 5 FROM generate_series(1, 10)")


@pytest.fixture
def made(house: House) -> Created:
    return house.create()


def write(house: House, made: Created) -> None:
    """Add ten rows to the history."""
    with superuser(house.endpoint(made.name)) as connection:
        connection.run(EVENT)
        connection.run(sql("SELECT pg_stat_force_next_flush()"))


def head_of(house: House, made: Created) -> HistoryHead:
    head = house.keeper.verify_history(made.name).head
    assert head is not None
    return head


def test_a_round_seals_what_was_written_and_then_rests(house: House, made: Created) -> None:
    rounds = house.keeper.rounds
    while rounds.once():
        pass
    write(house, made)
    assert rounds.once() == 10
    while rounds.once():
        pass
    verdict = house.keeper.verify_history(made.name)
    assert (verdict.findings, verdict.waiting) == ((), 0)
    assert verdict.rows >= 10


def test_a_dump_is_sealed_before_and_its_copy_goes_on_with_the_chain(
    house: House, made: Created, tmp_path: Path
) -> None:
    write(house, made)
    with (tmp_path / "dump").open("wb") as file:
        dumped = house.keeper.dump(made.name, file.fileno())
    assert dumped.history == head_of(house, made)
    with (tmp_path / "dump").open("rb") as file:
        copy = house.keeper.restore(
            new_database_name(), uuid4(), file.fileno(), roles=dumped.facts.roles, rows=dumped.facts.rows
        )
    write(house, copy)
    assert house.keeper.seal_history(copy.name).rows == 10
    verdict = house.keeper.verify_history(copy.name, [dumped.history] if dumped.history else [])
    assert (verdict.findings, verdict.waiting) == ((), 0)
    with superuser(house.endpoint(copy.name)) as connection:
        assert connection.run(sql("SELECT max(era) FROM gs_priv.audit")).scalar() == 2
    house.keeper.drop_database(copy.name)


def test_what_is_wrong_is_told_over_the_port(house: House, made: Created) -> None:
    write(house, made)
    house.keeper.seal_history(made.name)
    with superuser(house.endpoint(made.name)) as connection:
        connection.run(sql("UPDATE gs_priv.audit SET user_id = 6 WHERE id = (SELECT max(id) FROM gs_priv.audit)"))
    (finding,) = house.keeper.verify_history(made.name).findings
    assert (finding.wrong, finding.seal) == ("changed", head_of(house, made).number)
    later = HistoryHead(99, "00" * 32)
    assert "cut off" in {one.wrong for one in house.keeper.verify_history(made.name, [later]).findings}


def test_a_new_database_begins_a_chain_of_its_own(house: House, made: Created) -> None:
    verdict = house.keeper.verify_history(made.name)
    assert (verdict.rows, verdict.seals, verdict.head) == (0, 0, None)


def test_every_site_remembers_the_newest_seal_and_a_lost_database_stops_nobody(
    house: House, made: Created, tmp_path: Path
) -> None:
    write(house, made)
    sites = three_sites(tmp_path)
    gone = Subject(uuid=uuid4(), name="gone", plan="paid", postgres_name=new_database_name())
    here = Subject(uuid=made.uuid, name="here", plan="paid", postgres_name=made.name)
    (trouble,) = keep_seals(house.keeper, [gone, here], sites)
    assert trouble.startswith("gone: ")
    assert kept_seals(sites, made.uuid).heads == (head_of(house, made),)
