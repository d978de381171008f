"""A dump holds one moment of one database with the roles it names, and becomes a new database or nothing."""

import os
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import IO

import psycopg
import pytest

from growsoft.postgres.context import profile_name
from growsoft.postgres.dump import (
    DatabaseExists,
    DumpFacts,
    DumpFailed,
    RestoreFailed,
    count_rows,
    drop_unfinished,
    dump_database,
    finish_restore,
    restore_database,
)
from growsoft.postgres.role_facts import Profile, RoleFacts, RolesRefused, restore_roles
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import superuser
from tests.integration.backup.conftest import MARKER, Place

pytestmark = pytest.mark.postgres

PROFILE = profile_name(["g_base_user", "g_sale_user"])


@contextmanager
def dumped(place: Place, name: str) -> Generator[tuple[DumpFacts, IO[bytes]]]:
    with tempfile.TemporaryFile() as file:
        facts = dump_database(place.endpoint(name), file.fileno(), binaries=place.binaries)
        file.seek(0)
        yield facts, file


def restored(place: Place, name: str, facts: DumpFacts, file: IO[bytes]) -> dict[str, int]:
    return restore_database(place.endpoint(), name, file.fileno(), roles=facts.roles, binaries=place.binaries)


def test_bk2_a_fresh_cluster_gets_back_roles_policies_grants_and_rows(home: Place, fresh: Place, shop: str) -> None:
    with dumped(home, shop) as (facts, file):
        assert restored(fresh, "revived", facts, file)["public.partner"] == 5000
    described = [(sql("SELECT polname, polroles::regrole[]::text, polpermissive FROM pg_policy ORDER BY 1")),
                 (sql("SELECT relname, relowner::regrole::text, relforcerowsecurity, relacl::text FROM pg_class"
                      " WHERE relnamespace = 'public'::regnamespace ORDER BY 1")),
                 (sql("SELECT attname, attacl::text FROM pg_attribute WHERE attacl IS NOT NULL"
                      " AND attrelid = 'partner'::regclass ORDER BY 1")),
                 (sql("SELECT count(*), sum(amount) FROM sale_order"))]  # fmt: skip
    with superuser(home.endpoint(shop)) as before, superuser(fresh.endpoint("revived")) as after:
        for query in described:
            assert after.run(query).all() == before.run(query).all()


def test_bk2_profiles_come_back_as_members_of_their_groups(home: Place, fresh: Place, shop: str) -> None:
    with dumped(home, shop) as (facts, _file), superuser(fresh.endpoint()) as connection:
        restore_roles(connection, facts.roles)
        restore_roles(connection, facts.roles)
        rows = connection.run(
            sql(
                "SELECT roleid::regrole::text, inherit_option, set_option FROM pg_auth_members"
                " WHERE member = {profile}::regrole ORDER BY 1",
                profile=PROFILE,
            )
        ).all()
        definer = connection.run(sql("SELECT has_parameter_privilege('gs_definer', 'backtrace_functions', 'SET')"))
        logins = connection.run(sql("SELECT rolname FROM pg_roles WHERE rolcanlogin")).column()
    assert rows == [("g_base_user", True, False), ("g_sale_user", True, False)]
    assert definer.scalar() is True
    assert logins == [fresh.cluster.superuser]


def test_the_login_and_its_password_are_not_in_the_roles(home: Place, shop: str) -> None:
    with dumped(home, shop) as (facts, _file):
        assert shop not in facts.roles.names
        assert "PASSWORD" not in facts.roles.text()
        assert {"gs_owner", "gs_definer", "g_sale_user", "g_base_user", PROFILE} <= set(facts.roles.names)


def test_the_text_of_the_roles_runs_with_stock_tools_and_runs_again(home: Place, fresh: Place, shop: str) -> None:
    with dumped(home, shop) as (facts, _file):
        text = facts.roles.text()
    endpoint = fresh.endpoint()
    with psycopg.connect(endpoint.dsn(), autocommit=True) as connection:
        for _ in range(2):
            connection.execute(text.encode())
        cursor = connection.execute("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'g\\_%'")
        assert cursor.fetchone() == (2,)


def test_keys_and_sessions_never_leave_in_a_dump(home: Place, shop: str) -> None:
    with dumped(home, shop) as (facts, file):
        content = file.read()
    assert MARKER.encode() in content  # the search finds what is there
    for secret in (b"Zanzibar-key", b"Zanzibar-session", b"not-in-the-backup"):
        assert secret not in content
        assert secret.hex().encode() not in content
    assert "gs_priv.signing_key" not in facts.rows
    assert "gs_priv.throttle" not in facts.rows


def test_rows_are_counted_in_the_snapshot_of_the_dump(home: Place, fresh: Place, shop: str) -> None:
    """Someone writes all the time; the counts and the dump must still be of one moment."""
    done = threading.Event()

    def write() -> None:
        with superuser(home.endpoint(shop)) as connection:
            while not done.is_set():
                connection.run(sql("INSERT INTO partner (name) SELECT 'new' FROM generate_series(1, 50)"))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with dumped(home, shop) as (facts, file):
            done.set()
            writer.join()
            rows = restored(fresh, "moment", facts, file)
    finally:
        done.set()
        writer.join()
    assert rows == {**facts.rows, "gs_priv.session": 0, "gs_priv.signing_key": 0}
    with superuser(home.endpoint(shop)) as connection:
        assert count_rows(connection)["public.partner"] > facts.rows["public.partner"]


# pg_restore does not miss a dump's last few bytes: archives are hashed, and counted, for that reason.
@pytest.mark.parametrize("left", [0, 1, 5_000, -100_000])
def test_bk2_a_truncated_dump_leaves_no_half_database(home: Place, shop: str, left: int) -> None:
    before = home.databases()
    with dumped(home, shop) as (facts, file), tempfile.TemporaryFile() as cut:
        cut.write(file.read()[:left])
        cut.seek(0)
        with pytest.raises(RestoreFailed, match="nothing of it was left"):
            restored(home, "half", facts, cut)
    assert home.databases() == before


def test_bk2_a_missing_role_stops_the_restore_instead_of_losing_the_policy(
    home: Place, fresh: Place, shop: str
) -> None:
    with dumped(home, shop) as (facts, file), pytest.raises(RestoreFailed, match="g_sale_user"):
        restored(fresh, "open", replace(facts, roles=RoleFacts(("gs_owner", "gs_definer"), ())), file)
    assert "open" not in fresh.databases()


def test_a_backup_is_only_restored_into_a_new_database(home: Place, shop: str) -> None:
    with dumped(home, shop) as (facts, file), pytest.raises(DatabaseExists, match="free"):
        restored(home, shop, facts, file)
    with superuser(home.endpoint(shop)) as connection:
        assert count_rows(connection)["public.partner"] == 5000


def test_a_database_that_is_not_there_cannot_be_dumped(home: Place) -> None:
    with tempfile.TemporaryFile() as file, pytest.raises(Exception, match="does not answer"):
        dump_database(home.endpoint("nobody"), file.fileno(), binaries=home.binaries)


def test_a_reader_who_goes_away_ends_the_dump(home: Place, shop: str) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        with pytest.raises(DumpFailed, match="shop could not be dumped"):
            dump_database(home.endpoint(shop), write, binaries=home.binaries)
    finally:
        os.close(write)


def test_a_restore_that_died_with_its_process_is_dropped_at_the_next_start(home: Place, shop: str) -> None:
    with dumped(home, shop) as (facts, file):
        restored(home, "unfinished", facts, file)
        file.seek(0)
        restored(home, "finished", facts, file)
    finish_restore(home.endpoint(), "finished")
    try:
        assert drop_unfinished(home.endpoint()) == ["unfinished"]
        assert "finished" in home.databases()
    finally:
        with superuser(home.endpoint()) as connection:
            connection.run(sql("DROP DATABASE finished"))


def test_nobody_else_can_connect_to_a_restored_database(home: Place, shop: str) -> None:
    with dumped(home, shop) as (facts, file):
        restored(home, "closed", facts, file)
    try:
        with superuser(home.endpoint()) as connection:
            rights = connection.run(sql("SELECT datacl::text FROM pg_database WHERE datname = 'closed'")).scalar()
        assert rights == "{growsoft=CTc/growsoft}"
    finally:
        assert drop_unfinished(home.endpoint()) == ["closed"]


@pytest.mark.parametrize("name", ["pg_read_all_data", "Robert'); DROP TABLE students;--", "", "a" * 64])
def test_a_role_that_no_growsoft_database_names_is_refused(name: str) -> None:
    with pytest.raises(RolesRefused):
        RoleFacts((name,), ())


@pytest.mark.parametrize("groups", [("growsoft",), ("g_base_user", "growsoft"), ("gs_owner",)])
def test_a_profile_can_only_hold_groups(groups: tuple[str, ...]) -> None:
    with pytest.raises(RolesRefused):
        Profile(profile_name(groups), groups)


def test_a_profile_is_what_its_name_says() -> None:
    with pytest.raises(RolesRefused, match="is not the profile of"):
        Profile(profile_name(["g_base_user"]), ("g_base_admin",))


def test_a_role_that_is_used_but_not_listed_is_refused() -> None:
    with pytest.raises(RolesRefused, match="not listed"):
        RoleFacts((), (Profile(profile_name(["g_base_user"]), ("g_base_user",)),))
