"""SW-7: beside the tables there is no way: no DDL, no files, no programs, no other people's statements or backends.

Every statement is first run by the superuser, where it must work (or fail for a reason that is not a right): what is
refused to the login is refused because it may not.
"""

from pathlib import Path
from typing import Final

import pytest

from growsoft.postgres.check import fingerprint, problems
from growsoft.postgres.superuser import superuser
from tests.support.attacker import Attacker
from tests.support.notes import ANN, BOSS, KIM, WRITER, Notes

FORBIDDEN: Final = [
    line.replace("{boss}", BOSS).replace("{writer}", WRITER).replace("{ann}", ANN.profile).replace("{kim}", KIM.profile)
    for line in (Path(__file__).parent / "closed_doors.txt").read_text().splitlines()
    if line and not line.startswith("#")
]

# Answered with a warning, and without any effect, because the login owns nothing.
IDLE: Final = [
    "GRANT SELECT ON note TO PUBLIC", "REVOKE ALL ON note FROM g_notes_boss", "GRANT ALL ON SCHEMA public TO PUBLIC",
    "DROP OWNED BY CURRENT_USER", "DROP OWNED BY SESSION_USER", "REASSIGN OWNED BY CURRENT_USER TO CURRENT_USER",
    "ANALYZE (SKIP_LOCKED) pg_authid", "REVOKE CONNECT ON DATABASE postgres FROM growsoft",
]  # fmt: skip

# Refused to everybody by how the server is run or built, or because nothing of that kind is there.
NOT_A_MATTER_OF_RIGHTS: Final = {
    "0A000", "22023", "42704", "42710", "42883", "42P07", "42P13", "55000", "55006", "58P01",
}  # fmt: skip


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_a_door_beside_the_tables_is_closed(shared_notes: Notes, statement: str) -> None:
    with superuser(shared_notes.owner) as connection:
        connection.raw.execute("BEGIN")
        try:
            connection.raw.execute(statement.encode())
            reason = ""
        except Exception as error:  # noqa: BLE001  any reason but a missing right
            reason = str(getattr(error, "sqlstate", "") or "")
        finally:
            connection.raw.execute("ROLLBACK")
    assert reason not in {"42501", "42601"}, "the statement itself must be one that rights decide about"
    for inside in (False, True):
        with Attacker(shared_notes) as login:
            if inside:
                login.enter(ANN)
            outcome = login.attempt(statement)
            assert outcome.refused
            assert outcome.sqlstate in {"42501", "25001", *NOT_A_MATTER_OF_RIGHTS}, outcome
            if outcome.sqlstate in NOT_A_MATTER_OF_RIGHTS:
                assert reason in (outcome.sqlstate, "")


def test_what_a_login_may_do_to_itself_changes_nothing_in_its_database(notes: Notes) -> None:
    with superuser(notes.owner) as connection:
        before = fingerprint(connection)
    with Attacker(notes) as login:
        for statement in IDLE:
            login.attempt(statement)
        login.enter(ANN)
        assert login.sees() == {1, 2}
        for statement in (*IDLE, f"DROP OWNED BY {ANN.profile}", f"REASSIGN OWNED BY {WRITER} TO CURRENT_USER"):
            login.attempt("SAVEPOINT x")
            if login.attempt(statement).refused:
                login.attempt("ROLLBACK TO x")
        assert login.attempt("COMMIT").tag == "COMMIT"
    with superuser(notes.owner) as connection:
        assert (problems(connection), fingerprint(connection)) == ([], before)
    with notes.database.transaction(notes.door(ANN)) as tx:
        assert tx.context == ANN


def test_two_phase_commits_are_off(shared_notes: Notes) -> None:
    # They would keep locks after their connection is gone.
    with Attacker(shared_notes) as login:
        login.enter(ANN)
        assert login.attempt("PREPARE TRANSACTION 'x'").sqlstate == "55000"


def test_statistics_and_catalogues_show_no_values_of_rows(notes: Notes) -> None:
    with superuser(notes.owner) as connection:
        connection.raw.execute(
            "INSERT INTO note (name, user_id, company_id) SELECT 'secret' || n, 12, 1 FROM generate_series(1, 500) n"
        )
        connection.raw.execute("ANALYZE note")
        shown = connection.raw.execute("SELECT count(*) FROM pg_stats WHERE tablename = 'note'").fetchone()
        assert shown is not None
        assert shown[0] > 0, "the superuser sees them"
    with Attacker(notes) as login:
        login.enter(ANN)
        assert login.attempt("SELECT * FROM pg_stats WHERE tablename = 'note'").rows == []
        assert login.attempt("SELECT * FROM pg_stats_ext").rows == []
        for query in (
            "SELECT query_to_xml('SELECT * FROM tag, (SELECT name FROM note) n', true, true, '')::text",
            "SELECT query_to_xml('SELECT name FROM note', true, true, '')::text",
            "SELECT ts_stat('SELECT name::tsvector FROM note')::text",
        ):
            assert "secret" not in str(login.attempt(query).rows)


def test_copying_out_gives_one_s_own_rows(shared_notes: Notes) -> None:
    with Attacker(shared_notes) as login:
        login.enter(ANN)
        with login.raw.cursor().copy("COPY note (id) TO STDOUT") as copy:
            assert [row for row in copy.rows()] == [("1",), ("2",)]  # noqa: C416  a copy has no list


def test_copying_in_is_refused(shared_notes: Notes) -> None:
    with Attacker(shared_notes) as login:
        login.enter(ANN)
        assert login.attempt("COPY note (name, user_id, company_id) FROM STDIN").sqlstate == "0A000"
