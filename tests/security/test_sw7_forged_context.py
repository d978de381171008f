"""SW-7: nobody makes, changes, replays or keeps a context that was not signed for this connection and this moment."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import psycopg
import pytest

from growsoft.postgres.connection import Endpoint
from growsoft.postgres.context import Context
from growsoft.postgres.database import ELEVATED_PROFILE, Database
from growsoft.postgres.sql import ident, sql
from growsoft.postgres.superuser import superuser
from growsoft.testing.cluster import Cluster
from tests.support.attacker import ENTER, Attacker, Entry, Outcome, sign
from tests.support.notes import ANN, KIM, Notes

K: Final = KIM.profile
FORGED: Final = f"{K},14,0,0,1_2,,"


@contextmanager
def _parameter_granted(notes: Notes) -> Generator[None]:
    login = ident(notes.database.name)
    with superuser(notes.server) as connection:
        connection.run(sql("GRANT SET ON PARAMETER backtrace_functions TO {login}", login=login))
        try:
            yield
        finally:
            connection.run(sql("REVOKE SET ON PARAMETER backtrace_functions FROM {login}", login=login))


def test_with_the_parameter_granted_the_forgery_works(notes: Notes) -> None:
    with _parameter_granted(notes), Attacker(notes) as login:
        login.raw.execute("BEGIN")
        assert not login.attempt(f"SET LOCAL backtrace_functions = '{FORGED}'").refused
        login.attempt(f"SET LOCAL ROLE {K}")
        assert login.sees() == {1, 2, 3, 4}, "the planted hole is found"


SETTINGS: Final = [
    "SET backtrace_functions = '{f}'", "SET LOCAL backtrace_functions = '{f}'",
    "SET SESSION backtrace_functions TO '{f}'", 'SET "backtrace_functions" = \'{f}\'',
    "SET Backtrace_Functions TO '{f}'", "SET backtrace_functions TO DEFAULT", "RESET backtrace_functions",
    "SELECT set_config('backtrace_functions', '{f}', true)", "SELECT set_config('backtrace_functions', '{f}', false)",
    "SELECT set_config('BACKTRACE_FUNCTIONS', '{f}', false)",
    "UPDATE pg_settings SET setting = '{f}' WHERE name = 'backtrace_functions'",
    "ALTER ROLE CURRENT_USER SET backtrace_functions = '{f}'",
    "ALTER ROLE {login} SET backtrace_functions = '{f}'",
    "ALTER ROLE {login} IN DATABASE {login} SET backtrace_functions = '{f}'",
    "ALTER ROLE ALL SET backtrace_functions = '{f}'", "ALTER DATABASE {login} SET backtrace_functions = '{f}'",
    "ALTER SYSTEM SET backtrace_functions = '{f}'",
    "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql SET backtrace_functions = '{f}' AS 'SELECT 1'",
    "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql SET backtrace_functions = '{f}' AS 'SELECT 1'",
    "ALTER FUNCTION gs.clean() SET backtrace_functions = '{f}'",
    "GRANT SET ON PARAMETER backtrace_functions TO CURRENT_USER",
    "SELECT query_to_xml('SELECT set_config(''backtrace_functions'', ''{f}'', true)', true, true, '')",
    "EXPLAIN ANALYZE SELECT set_config('backtrace_functions', '{f}', true)",
    "DO $$ BEGIN PERFORM set_config('backtrace_functions', '{f}', true); END $$",
    "SELECT gs_priv.set_context('{kim}', 14, 0, true, '{}', '', '')",
]  # fmt: skip


@pytest.mark.parametrize("attack", SETTINGS)
def test_the_context_cannot_be_set(shared_notes: Notes, attack: str) -> None:
    name = shared_notes.database.name
    statement = attack.replace("{f}", FORGED).replace("{kim}", K).replace("{login}", name)
    for inside in (False, True):
        with Attacker(shared_notes) as login:
            if inside:
                login.enter(ANN)
            outcome = login.attempt(statement)
            assert outcome.refused
            assert outcome.sqlstate in {"42501", "25001", "0A000"}, outcome
        with Attacker(shared_notes) as login:
            assert login.attempt("SELECT current_setting('backtrace_functions')").rows == [("",)]


@pytest.mark.parametrize("options", ["-c backtrace_functions={f}", "--backtrace-functions={f}"])
def test_a_connection_cannot_begin_with_a_context(
    shared_notes: Notes, monkeypatch: pytest.MonkeyPatch, options: str
) -> None:
    wanted = options.replace("{f}", FORGED)
    with pytest.raises(psycopg.OperationalError, match="permission denied to set parameter"):
        Attacker(shared_notes, options=wanted)
    monkeypatch.setenv("PGOPTIONS", wanted)
    with pytest.raises(psycopg.OperationalError, match="permission denied to set parameter"):
        Attacker(shared_notes)


def test_taking_the_context_away_takes_the_rows_away(shared_notes: Notes) -> None:
    for reset in ("RESET ALL", "SELECT gs.leave()"):
        with Attacker(shared_notes) as login:
            login.enter(ANN)
            assert not login.attempt(reset).refused
            assert login.sees() == set()
            login.attempt(f"SET LOCAL ROLE {K}")
            assert login.sees() == set()


def test_a_context_ends_with_its_transaction_and_with_its_savepoint(shared_notes: Notes) -> None:
    with Attacker(shared_notes) as login:
        for end in ("COMMIT", "ROLLBACK", "COMMIT AND CHAIN", "ROLLBACK AND CHAIN"):
            login.enter(ANN)
            assert login.sees() == {1, 2}
            login.attempt(end)
            assert login.attempt("SELECT gs.ctx(1), current_user::text").rows == [("", shared_notes.database.name)]
            assert login.sees() == set()
            login.rollback()
        login.raw.execute("BEGIN; SAVEPOINT before")
        login.enter(ANN, begin=False)
        login.raw.execute("ROLLBACK TO before")
        assert login.sees() == set()


@pytest.fixture
def login(shared_notes: Notes) -> Generator[Attacker]:
    """A connection that knows somebody's signed entry, and more than it could."""
    with Attacker(shared_notes) as connected:
        yield connected


def _present(login: Attacker, entry: Entry) -> Outcome:
    login.rollback()
    login.raw.execute("BEGIN")
    return login.attempt(ENTER, *entry.values())


def test_the_entry_itself_is_good(login: Attacker) -> None:
    assert not _present(login, login.entry(ANN)).refused
    assert login.sees() == {1, 2}


CHANGES: Final[dict[str, Any]] = {
    "kid": 2, "profile": K, "user": 12, "actor": 5, "elevated": True, "companies": [1, 2], "scope": "sale",
    "record": "note 3", "reason": "because", "caller": "me", "expiry": 1, "mac": b"\0" * 32,
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_no_single_value_can_be_changed(login: Attacker, what: str) -> None:
    entry = login.entry(ANN)
    changed: dict[str, Any] = {what: CHANGES[what] if what != "expiry" else entry.expiry + 1}
    outcome = _present(login, replace(entry, **changed))
    assert outcome.sqlstate == "28P01"
    assert "not signed" in outcome.message
    assert not login.sees()


@pytest.mark.parametrize("what", CHANGES)
def test_no_value_can_be_left_out(login: Attacker, what: str) -> None:
    signed = login.entry(replace(ANN, scope="", record="", reason="", caller=""))
    values = dict(zip(CHANGES, signed.values(), strict=True))
    values[what] = None
    login.raw.execute("BEGIN")
    outcome = login.attempt(ENTER, *values.values())
    assert outcome.sqlstate == "28P01"
    assert "unknown values" in outcome.message


@pytest.mark.parametrize("companies", [[None], [1, None], [None, 1]])
def test_no_company_can_be_unknown(login: Attacker, companies: list[int | None]) -> None:
    entry = login.entry(ANN)
    values = list(entry.values())
    values[5] = companies
    login.raw.execute("BEGIN")
    assert login.attempt(ENTER, *values).sqlstate == "28P01"


def test_an_array_of_another_shape_is_the_same_companies_or_refused(login: Attacker) -> None:
    values = list(login.entry(KIM).values())
    for companies, good in ((r"[5:6]={1,2}", True), ("{{1,2}}", False), ("{{1},{2}}", False)):
        login.rollback()
        login.raw.execute("BEGIN")
        values[5] = companies
        outcome = login.attempt(ENTER, *values)
        assert outcome.refused != good
        assert login.attempt("SELECT gs.companies()").rows == ([([1, 2],)] if good else [])


# Two different contexts that read the same when their values are glued together.
AMBIGUOUS: Final[list[tuple[Context, Context]]] = [
    (replace(ANN, user=1, actor=12), replace(ANN, user=11, actor=2)),
    (replace(ANN, companies=(1, 2)), replace(ANN, companies=(12,))),
    (replace(ANN, companies=()), replace(ANN, companies=(0,))),
    (replace(ANN, scope="ab", record=""), replace(ANN, scope="a", record="b 1")),
    (replace(ANN, reason="ab", caller="c"), replace(ANN, reason="a", caller="bc")),
    (replace(ANN, reason="", caller="2:xx"), replace(ANN, reason="2:xx", caller="")),
    (replace(ANN, reason="a1:b"), replace(ANN, reason="a", caller="b")),
    (replace(ANN, profile="p_1", user=23), replace(ANN, profile="p_12", user=3)),
    (replace(ANN, reason="ü"), replace(ANN, reason="u\u0308")),
]


@pytest.mark.parametrize(("mine", "wanted"), AMBIGUOUS)
def test_no_signature_fits_two_contexts(login: Attacker, mine: Context, wanted: Context) -> None:
    for one, other in ((mine, wanted), (wanted, mine)):
        entry = login.entry(one)
        other_entry = login.entry(other, expiry=entry.expiry)
        assert _present(login, replace(other_entry, mac=entry.mac)).sqlstate == "28P01"


def test_an_entry_is_for_one_connection(shared_notes: Notes, login: Attacker) -> None:
    entry = login.entry(ANN)
    with Attacker(shared_notes) as another:
        assert _present(another, entry).sqlstate == "28P01"
        assert another.sees() == set()


def test_an_entry_is_for_one_database_and_login(
    shared_notes: Notes, notes_template: str, fresh_database: Callable[[str], Database]
) -> None:
    # Even with the very same key in both, as in a copy whose key was not changed.
    twin = Notes(fresh_database(notes_template), shared_notes.server)
    key = shared_notes.database.signing_key
    with superuser(twin.owner) as connection, superuser(shared_notes.owner) as original:
        pads = original.run(sql("SELECT inner_pad, outer_pad FROM gs_priv.signing_key")).one()
        connection.run(sql("UPDATE gs_priv.signing_key SET inner_pad = {i}, outer_pad = {o}", i=pads[0], o=pads[1]))
    with Attacker(twin) as other:
        here: dict[str, Any] = {
            "pid": other.raw.info.backend_pid,
            "login": twin.database.name,
            "dbname": twin.database.name,
        }
        assert not _present(other, sign(ANN, key, **here)).refused, "the same key, this database"
        changes: list[dict[str, Any]] = [
            {"login": shared_notes.database.name}, {"dbname": shared_notes.database.name}, {"pid": 1},
        ]  # fmt: skip
        for wrong in changes:
            assert _present(other, sign(ANN, key, **(here | wrong))).sqlstate == "28P01"


def _microseconds() -> int:
    return int(time.time() * 1_000_000)


@pytest.mark.parametrize("seconds", [-3600, -1, 20, 3600, 10**9])
def test_an_entry_is_for_the_next_seconds(login: Attacker, seconds: int) -> None:
    late = login.entry(ANN, expiry=_microseconds() + seconds * 1_000_000)
    assert _present(login, late).sqlstate == "28P01"


def test_an_entry_cannot_be_kept(login: Attacker) -> None:
    entry = login.entry(ANN, expiry=_microseconds() + 700_000)
    assert not _present(login, entry).refused
    time.sleep(0.8)
    assert _present(login, entry).sqlstate == "28P01"


def test_time_does_not_stand_still_inside_of_a_transaction(login: Attacker) -> None:
    entry = login.entry(ANN, expiry=_microseconds() + 500_000)
    login.raw.execute("BEGIN")
    login.raw.execute("SELECT now()")
    time.sleep(0.6)
    assert login.attempt(ENTER, *entry.values()).sqlstate == "28P01"


@pytest.mark.parametrize("key", [b"", b"\0" * 32, b"k" * 32, b"\x36" * 64, b"\x5c" * 64])
def test_a_guessed_key_signs_nothing(login: Attacker, key: bytes) -> None:
    assert _present(login, login.entry(ANN, key=key)).sqlstate == "28P01"


@pytest.mark.parametrize("cut", [0, 1, 31])
def test_a_part_of_a_signature_is_none(login: Attacker, cut: int) -> None:
    entry = login.entry(ANN)
    for mac in (entry.mac[:cut], entry.mac + b"\0", b"", entry.mac[::-1]):
        assert _present(login, replace(entry, mac=mac)).sqlstate == "28P01"


def test_an_unknown_key_is_refused_like_a_wrong_signature(login: Attacker) -> None:
    messages = {
        _present(login, replace(login.entry(ANN), kid=kid)).message.splitlines()[0] for kid in (0, 2, -1, 2**31 - 1)
    }
    messages.add(_present(login, replace(login.entry(ANN), mac=b"x")).message.splitlines()[0])
    assert messages == {"this context is not signed"}


# What a stolen signing key can and cannot do: it can name profiles that the login has, and no other role.
@pytest.mark.parametrize(
    ("profile", "taken", "seen"),
    [
        (K, True, 3), (ELEVATED_PROFILE, True, 3), ("growsoft", False, 0), ("gs_owner", False, 0),
        ("g_notes_boss", False, 0), ("none", True, 0),
    ],
)  # fmt: skip
def test_a_signed_context_takes_only_profiles_of_its_login(
    login: Attacker, profile: str, taken: bool, seen: int
) -> None:
    assert _present(login, login.entry(replace(ANN, profile=profile))).refused != taken
    assert len(login.sees()) == seen


def test_values_that_would_move_their_neighbours_are_refused_even_when_signed(login: Attacker) -> None:
    # Built past the check of Context, as a worker with a defect might.
    for field, value in (
        ("scope", "a,note 1"), ("scope", "a+b"), ("record", "note 1,x"), ("record", ",,"), ("profile", f"{K},99"),
        ("user", -1), ("actor", -1), ("companies", (-1,)),
    ):  # fmt: skip
        who = replace(ANN)
        object.__setattr__(who, field, value)
        outcome = _present(login, login.entry(who))
        assert outcome.sqlstate == "28P01", (field, value, outcome)


def test_elevation_without_a_reason_is_refused_even_when_signed(login: Attacker) -> None:
    who = replace(ANN)
    object.__setattr__(who, "elevated", True)
    assert _present(login, login.entry(who)).sqlstate == "28P01"


@pytest.mark.parametrize("token_hash", [b"", b"\0" * 32, None])
def test_a_guessed_session_is_none(login: Attacker, token_hash: bytes | None) -> None:
    login.raw.execute("BEGIN")
    assert login.attempt("SELECT gs.enter_session(%s::bytea)", token_hash).sqlstate == "28000"
    assert login.sees() == set()


def test_signatures_and_passwords_reach_neither_other_eyes_nor_the_log(
    shared_notes: Notes, cluster: Cluster, server: Endpoint
) -> None:
    with Attacker(shared_notes) as login:
        entry = login.entry(replace(ANN, reason="a reason to find"))
        _present(login, entry)
        login.attempt("SELECT 1 / 0")
        _present(login, replace(entry, mac=b"m" * 32))
        with superuser(server) as connection:
            seen = connection.run(
                sql("SELECT query FROM pg_stat_activity WHERE pid = {pid}", pid=login.raw.info.backend_pid)
            ).scalar(str)
    log = cluster.server.log.read_text(errors="replace")
    assert "this context is not signed" in log, "the log is the right one"
    for secret in (entry.mac.hex(), "a reason to find", str(entry.expiry), shared_notes.database.endpoint.password):
        assert secret not in seen
        assert secret not in log
