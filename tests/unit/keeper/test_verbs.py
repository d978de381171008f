"""Verbs: what decodes, and what can never be said to the keeper."""

from contextlib import suppress
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from growsoft.keeper.conversation import decode_request
from growsoft.keeper.verbs import (
    Answer,
    ApplyDeclarations,
    CopyDatabase,
    CreateDatabase,
    DropDatabase,
    Dump,
    EnsureProfile,
    Failed,
    HistoryHead,
    ListCluster,
    Progress,
    Request,
    Restore,
    RotateKeys,
    SealHistory,
    Stop,
    SweepHistory,
    Verb,
    VerifyHistory,
    verb_name,
)
from growsoft.postgres.keeper import RequestMalformed, is_database_name, new_database_name

NAME, OTHER, UUID1 = "db_0123456789abcdef", "db_fedcba9876543210", UUID(int=1)
VERBS = (
    CreateDatabase(NAME, UUID1, ("base", "sale")),
    DropDatabase(NAME),
    CopyDatabase(NAME, OTHER, UUID1),
    EnsureProfile(NAME),
    ApplyDeclarations(NAME),
    Dump(NAME),
    Restore(NAME, UUID1, ("gs_owner", "g_sale_user"), {"p_" + "0" * 40: ("g_sale_user",)}, {"public.note": 3}),
    ListCluster(),
    RotateKeys(NAME, 2),
    SealHistory(NAME),
    VerifyHistory(NAME, (HistoryHead(3, "0f" * 32),)),
    SweepHistory(NAME, 730),
    Stop(),
)


@pytest.mark.parametrize("verb", VERBS, ids=verb_name)
def test_a_verb_arrives_as_it_was_said(verb: Verb) -> None:
    assert decode_request(msgspec.msgpack.encode(Request(7, verb))) == Request(7, verb)


def test_new_names_are_names_of_databases_and_never_the_same() -> None:
    names = {new_database_name() for _ in range(100)}
    assert len(names) == 100
    assert all(is_database_name(name) for name in names)


@pytest.mark.parametrize(
    "name",
    [
        "", "postgres", "template1", "gs_template_0123456789ab", "growsoft", "db_", NAME + "0", NAME.upper(),
        NAME + "\n", NAME + "\0", NAME + '"', "db_0123456789abcdeg", "../" + NAME, "db_0123456789abcde'",
        "db_\u0660123456789abcde",
    ],
)  # fmt: skip
def test_no_other_name_is_one(name: str) -> None:
    assert not is_database_name(name)
    for verb in ("drop_database", "ensure_profile", "apply_declarations", "dump"):
        with pytest.raises(RequestMalformed):
            decode_request(msgspec.msgpack.encode([1, {"verb": verb, "database": name}]))


RESTORE: dict[str, object] = {"verb": "restore", "name": NAME, "uuid": str(UUID1), "roles": [], "profiles": {}}
CREATE: dict[str, object] = {"verb": "create_database", "name": NAME, "uuid": str(UUID1), "apps": ["base"]}
SWEEP: dict[str, object] = {"verb": "sweep_history", "database": NAME, "days": 730}
VERIFY: dict[str, object] = {"verb": "verify_history", "database": NAME}
ROTATE: dict[str, object] = {"verb": "rotate_keys", "database": NAME, "key_id": 2}


@pytest.mark.parametrize(
    "fields",
    [
        RESTORE | {"roles": ["pg_read_all_data"]},
        RESTORE | {"roles": ["db_0123456789abcdef"]},
        RESTORE | {"roles": ['x"; DROP ROLE growsoft']},
        RESTORE | {"roles": ["A"]},
        RESTORE | {"roles": [""]},
        RESTORE | {"profiles": {"growsoft": ["g_sale_user"]}},
        RESTORE | {"rows": {"public.note": -1}},
        CREATE | {"apps": list[str]()},
        CREATE | {"apps": ["base"] * 201},
        CREATE | {"apps": ["base'"]},
        ROTATE | {"key_id": 0},
        ROTATE | {"key_id": "2"},
        SWEEP | {"days": 729},
        VERIFY | {"known": [{"number": 0, "hash": "0F" * 32}]},
    ],
)
def test_no_field_takes_more_than_it_names(fields: dict[str, object]) -> None:
    for whole in (RESTORE, CREATE, ROTATE, SWEEP, VERIFY):
        decode_request(msgspec.msgpack.encode([1, whole]))
    with pytest.raises(RequestMalformed):
        decode_request(msgspec.msgpack.encode([1, fields]))


@given(st.binary(max_size=300))
def test_bytes_that_are_no_request_are_refused_and_nothing_else_happens(body: bytes) -> None:
    with suppress(RequestMalformed):
        decode_request(body)


Words = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.text(max_size=30), st.binary(max_size=30))
Tree = st.recursive(
    Words, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
)


@given(st.sampled_from([verb_name(verb) for verb in VERBS]), st.dictionaries(st.text(max_size=10), Tree, max_size=5))
def test_a_verb_with_other_fields_is_refused(verb: str, fields: dict[str, object]) -> None:
    try:
        request = decode_request(msgspec.msgpack.encode([1, {**fields, "verb": verb}]))
    except RequestMalformed:
        return
    assert isinstance(request.verb, ListCluster | Stop)
    assert set(fields) <= {"verb"}


@pytest.mark.parametrize("message", [Failed("VerbRefused", "no", retriable=False), Progress("copying", 1.5)])
def test_an_answer_arrives_as_it_was_said(message: Failed | Progress) -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(Answer(7, message)), type=Answer) == Answer(7, message)
