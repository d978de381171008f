"""Databases in and out: dumps, restores and copies through descriptors that the caller opened."""

import fcntl
import os
import select
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from growsoft.keeper.log import Caller
from growsoft.keeper.verbs import Created, DropDatabase, Dumped, Restore
from growsoft.postgres.check import DatabaseUnprotected, refuse_unprotected
from growsoft.postgres.context import Context
from growsoft.postgres.dump import DumpFailed, RestoreFailed
from growsoft.postgres.keeper import DatabaseBusy, DatabaseMissing, DatabaseTaken, RequestMalformed, new_database_name
from growsoft.postgres.pool import Pools
from growsoft.postgres.refusals import ContextRefused
from growsoft.postgres.role_facts import RoleFacts, RolesRefused
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import superuser
from tests.integration.keeper.conftest import House
from tests.integration.keeper.product import GROUP
from tests.integration.keeper.test_databases import NOTES

ADD_NOTES = sql("INSERT INTO note (name, user_id) SELECT 'note ' || n, 5 FROM generate_series(1, 500) n")


@pytest.fixture
def original(house: House) -> Iterator[Created]:
    """A database with a user, his profile, notes and an open session."""
    made = house.create()
    profile = house.add_user(made.name, 5, [GROUP])
    house.keeper.ensure_profile(made.name)
    with superuser(house.endpoint(made.name)) as connection:
        connection.run(ADD_NOTES)
        connection.run(
            sql(
                "INSERT INTO gs_priv.session (token_hash, user_id, kind, credential_version, expires_at)"
                " VALUES (sha256('a token'), 5, 'browser', 1, now() + interval '1 day')"
            )
        )
    assert profile in house.profiles(made.name)
    yield made
    house.keeper.drop_database(made.name)


@pytest.fixture
def dump(house: House, original: Created, tmp_path: Path) -> Path:
    _dump(house, original, tmp_path / "dump")
    return tmp_path / "dump"


def _dump(house: House, made: Created, path: Path) -> Dumped:
    with path.open("wb") as file:
        return house.keeper.dump(made.name, file.fileno())


def _restore(house: House, path: Path, roles: RoleFacts, rows: dict[str, int] | None = None, name: str = "") -> Created:
    with path.open("rb") as file:
        return house.keeper.restore(name or new_database_name(), uuid4(), file.fileno(), roles=roles, rows=rows)


def test_a_dump_says_whose_it_is_and_what_is_in_it(house: House, original: Created, tmp_path: Path) -> None:
    dumped = _dump(house, original, tmp_path / "dump")
    assert (dumped.uuid, dumped.apps) == (original.uuid, original.apps)
    assert dumped.facts.rows["public.note"] == 501
    assert GROUP in dumped.facts.roles.names
    assert (tmp_path / "dump").read_bytes().startswith(b"PGDMP")


def test_a_restored_database_is_a_new_one_with_the_old_rows(
    house: House, original: Created, tmp_path: Path, pools: Pools
) -> None:
    dumped = _dump(house, original, tmp_path / "dump")
    made = _restore(house, tmp_path / "dump", dumped.facts.roles, dumped.facts.rows)
    assert (made.fingerprint, made.upgrade_needed) == (original.fingerprint, False)
    assert made.uuid != original.uuid
    assert made.rows["public.note"] == 501
    database = house.served(made, pools)
    (profile,) = house.ask(sql("SELECT profile FROM gs_priv.account WHERE user_id = 5"), made.name)
    with database.transaction(database.signed(Context(5, str(profile)))) as transaction:
        assert len(transaction.execute(NOTES).all()) == 500
    with superuser(house.endpoint(made.name)) as connection:
        refuse_unprotected(connection, made.fingerprint)
    stolen = house.served(original, pools)
    with pytest.raises(ContextRefused), database.transaction(stolen.elevated("with the key of the original")):
        pass
    assert house.ask(sql("SELECT count(*) FROM gs_priv.session"), made.name) == [0]


def test_a_restore_with_other_rows_than_the_dump_leaves_nothing(
    house: House, original: Created, tmp_path: Path
) -> None:
    dumped = _dump(house, original, tmp_path / "dump")
    before = house.names()
    for rows in ({**dumped.facts.rows, "public.note": 502}, {**dumped.facts.rows, "public.gone": 3}):
        with pytest.raises(RestoreFailed, match="Rows are missing or too many"):
            _restore(house, tmp_path / "dump", dumped.facts.roles, rows)
    assert house.names() == before


def test_a_dump_that_was_cut_off_leaves_nothing(house: House, original: Created, dump: Path) -> None:
    roles = _dump(house, original, dump).facts.roles
    os.truncate(dump, dump.stat().st_size // 2)
    before = house.names()
    with pytest.raises(RestoreFailed):
        _restore(house, dump, roles)
    assert house.names() == before


def test_a_dump_whose_walls_were_broken_is_not_let_in(house: House, original: Created, tmp_path: Path) -> None:
    with superuser(house.endpoint(original.name)) as connection:
        connection.run(sql("CREATE POLICY wide ON note FOR SELECT TO gs_elevated USING (true)"))
    dumped = _dump(house, original, tmp_path / "dump")
    before = house.names()
    with pytest.raises(DatabaseUnprotected):
        _restore(house, tmp_path / "dump", dumped.facts.roles)
    assert house.names() == before


def test_a_restore_never_replaces_a_database(house: House, original: Created, tmp_path: Path) -> None:
    dumped = _dump(house, original, tmp_path / "dump")
    with pytest.raises(DatabaseTaken):
        _restore(house, tmp_path / "dump", dumped.facts.roles, name=original.name)
    assert house.ask(sql("SELECT count(*) FROM note"), original.name) == [501]


def test_roles_that_are_not_what_they_say_are_refused(house: House, original: Created, dump: Path) -> None:
    roles = _dump(house, original, dump).facts.roles
    profile = roles.profiles[0]
    names = tuple(name for name in roles.names if name not in profile.groups)
    before = house.names()
    verb = Restore(new_database_name(), uuid4(), names, {profile.name: profile.groups})
    with dump.open("rb") as file, pytest.raises(RolesRefused):
        house.keeper.ask(verb, Created, file.fileno())
    assert house.names() == before


def test_a_copy_has_the_rows_and_nothing_of_the_identity(house: House, original: Created, pools: Pools) -> None:
    database = house.served(original, pools)
    with database.transaction(database.elevated("in use while it is copied")) as transaction:
        transaction.execute(NOTES)
        made = house.keeper.copy_database(original.name, new_database_name(), uuid4())
    copy = house.served(made, pools)
    with copy.transaction(copy.elevated("reading the copy")) as transaction:
        assert len(transaction.execute(NOTES).all()) == 501
    with pytest.raises(ContextRefused), copy.transaction(database.elevated("with the key of the original")):
        pass
    assert house.ask(sql("SELECT count(*) FROM gs_priv.session"), made.name) == [0]


def test_a_copy_of_nothing_is_refused(house: House) -> None:
    before = house.names()
    with pytest.raises(DatabaseMissing):
        house.keeper.copy_database(new_database_name(), new_database_name(), uuid4())
    assert house.names() == before


def test_a_database_is_served_while_it_is_dumped_but_not_dropped(house: House, original: Created) -> None:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)  # full before the dump is at its end
    with ThreadPoolExecutor(1) as executor:
        dumping = executor.submit(house.keeper.dump, original.name, writing)
        assert os.read(reading, 5) == b"PGDMP"
        house.keeper.ensure_profile(original.name)
        assert not house.keeper.apply_declarations(original.name).changed
        house.keeper.rotate_keys(original.name, 2)
        with pytest.raises(DatabaseBusy):
            house.keeper.perform(DropDatabase(original.name), Caller.ourselves(), patience=0.2)
        assert not dumping.done()
        while not dumping.done():
            if select.select([reading], [], [], 0.05)[0]:
                os.read(reading, 65536)
        assert dumping.result().facts.rows["public.note"] == 501
    os.close(reading)
    os.close(writing)


def test_a_dump_into_a_pipe_that_nobody_reads_ends(house: House, original: Created) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        with pytest.raises(DumpFailed):
            house.keeper.dump(original.name, writing)
    finally:
        os.close(writing)


def test_a_descriptor_that_does_not_fit_is_refused(house: House, original: Created, tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    reading, writing = os.pipe()
    try:
        for fd in (folder, reading):
            with pytest.raises(RequestMalformed):
                house.keeper.dump(original.name, fd)
        with pytest.raises(RequestMalformed):
            house.keeper.restore(new_database_name(), uuid4(), writing, roles=RoleFacts((), ()))
    finally:
        for fd in (folder, reading, writing):
            os.close(fd)
