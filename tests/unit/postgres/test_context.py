"""The signed context: Python and PostgreSQL must agree on every byte of it."""

import hashlib
import hmac
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growsoft.postgres.context import (
    Context,
    SessionDoor,
    SignedDoor,
    group_role,
    padded_keys,
    parse_context,
    profile_name,
)
from growsoft.postgres.context import _message as message  # pyright: ignore[reportPrivateUsage]  its own property
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import superuser
from tests.support.attacker import Attacker
from tests.support.notes import ANN, Notes

NAMES = st.from_regex(r"[a-z0-9_]{1,12}", fullmatch=True)
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
BIGINT = st.integers(0, 2**63 - 1)
CONTEXTS = st.builds(
    Context,
    user=BIGINT,
    profile=NAMES,
    companies=st.lists(BIGINT, max_size=4).map(tuple),
    actor=BIGINT,
    elevated=st.booleans(),
    scope=NAMES | st.just(""),
    record=st.just("") | st.builds("{} {}".format, NAMES, st.integers(0, 10**9)),
    reason=TEXT.map(lambda text: text + "."),
    caller=TEXT,
)


class Somebody:
    """A connection to sign for."""

    pid = 4711
    login = "dbx"
    dbname = "dbx"


@given(st.lists(NAMES, min_size=1, unique=True))
def test_a_profile_is_named_by_its_set_of_groups(groups: list[str]) -> None:
    assert profile_name(groups) == profile_name(reversed(groups)) == profile_name([*groups, groups[0]])
    assert profile_name(groups) != profile_name([*groups, "one_more_group"])


def test_python_and_postgresql_name_profiles_alike(shared_notes: Notes) -> None:
    with superuser(shared_notes.owner) as connection:

        @given(st.lists(st.from_regex(r"g_[a-z0-9_]{1,20}", fullmatch=True), min_size=1, unique=True))
        def agree(roles: list[str]) -> None:
            named = connection.run(sql("SELECT gs_priv.profile_name({roles}::text[])", roles=roles)).scalar(str)
            assert named == profile_name(roles)

        agree()


def test_a_group_s_role_is_named_by_its_key() -> None:
    assert group_role("base.admin") == "g_base_admin"


@given(st.binary(max_size=200), st.binary(max_size=100))
def test_padded_keys_are_those_of_hmac(key: bytes, text: bytes) -> None:
    inner, outer = padded_keys(key)
    by_hand = hashlib.sha256(outer + hashlib.sha256(inner + text).digest()).digest()
    assert by_hand == hmac.digest(key, text, "sha256")


@given(CONTEXTS, CONTEXTS)
def test_different_contexts_never_have_one_message(left: Context, right: Context) -> None:
    assert (message(left, 1, 5, Somebody()) == message(right, 1, 5, Somebody())) == (left == right)


@given(CONTEXTS)
def test_a_message_is_bound_to_connection_login_database_key_and_time(who: Context) -> None:
    class Other(Somebody):
        pid = 471

    class OtherDatabase(Somebody):
        dbname = "dby"

    class OtherLogin(Somebody):
        login = "db"

    base = message(who, 1, 5, Somebody())
    others = [message(who, 1, 5, backend) for backend in (Other(), OtherDatabase(), OtherLogin())]
    assert base not in [*others, message(who, 2, 5, Somebody()), message(who, 1, 6, Somebody())]


def test_postgresql_believes_what_python_signs(shared_notes: Notes) -> None:
    with Attacker(shared_notes) as login:

        @given(CONTEXTS)
        def believed(who: Context) -> None:
            door = shared_notes.database.signed(who)
            entry = door.entry(_backend(login))
            login.raw.execute("BEGIN")
            try:
                # Only the function: the role of such a profile does not exist.
                call = entry.text.replace("set_config('role', ", "(").replace(", true), current", "), current")
                profile, context, _overlay = login.raw.execute(call.encode(), entry.params).fetchone() or ("", "", "")
                assert parse_context(profile, context) == replace(
                    who, reason="entered" if who.elevated else "", caller=""
                )
            finally:
                login.raw.execute("ROLLBACK")

        believed()


def test_a_second_signature_by_hand_agrees(shared_notes: Notes) -> None:
    with Attacker(shared_notes) as login:
        login.enter(ANN)
        assert login.sees() == {1, 2}


@pytest.mark.parametrize(
    ("scope", "record"),
    [
        ("a,b", ""),
        ("", "note 1,2"),
        ("", "note"),
        ("", "note  1"),
        ("", "note 1\n"),
        ("A", ""),
        ("", "note 1 2"),
        ("a+b", ""),
    ],
)  # fmt: skip
def test_values_that_would_run_into_their_neighbours_cannot_be_built(scope: str, record: str) -> None:
    with pytest.raises(ValueError, match="record"):
        Context(1, "p_x", scope=scope, record=record)


def test_elevation_needs_a_reason() -> None:
    with pytest.raises(ValueError, match="reason"):
        Context(1, "p_x", elevated=True)


def test_doors_show_no_secret() -> None:
    assert "secret" not in repr(SignedDoor(ANN, 1, b"a secret key"))
    assert SessionDoor(b"hash").entry(Somebody()).params == (b"hash", [])


def _backend(login: Attacker) -> Somebody:
    backend = Somebody()
    backend.pid = login.raw.info.backend_pid
    backend.login = backend.dbname = login.notes.database.name
    return backend
