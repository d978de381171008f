"""Sign-in: verifiers that never leave the database, a throttle that cannot be raced, sessions that end at once."""

import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final

import pytest

from growsoft.errors import AccessError
from growsoft.postgres.context import LoginDoor, SessionDoor
from growsoft.postgres.pool import Pools
from growsoft.postgres.refusals import Conflict, ConstraintViolated, SessionEnded
from growsoft.postgres.sql import Sql, ident, sql
from growsoft.postgres.superuser import superuser
from growsoft.postgres.transaction import retrying
from tests.support.notes import ANN, BOB, Notes
from tests.support.visitors import ROUNDS, Visitor, create_link, credential, derived, set_password

PASSWORD: Final = "correct horse battery"
IDS: Final = sql("SELECT id FROM note ORDER BY id")


@pytest.fixture
def ann(notes: Notes) -> Visitor:
    """Ann, who has a password, at home with a new browser."""
    set_password(notes.database, 11, PASSWORD)
    return Visitor(notes.database)


def _as_owner(notes: Notes, query: Sql) -> None:
    with superuser(notes.owner) as connection:
        connection.run(query)


def _works(notes: Notes, session: SessionDoor) -> bool:
    try:
        with notes.database.transaction(session) as tx:
            return tx.execute(IDS).column(int) == [1, 2]
    except SessionEnded:
        return False


def _signed_in(ann: Visitor, password: str = PASSWORD) -> SessionDoor:
    session = ann.sign_in("ann", password)
    assert session is not None
    return session


def test_the_right_password_opens_a_session_with_the_user_s_rights(notes: Notes, ann: Visitor) -> None:
    with notes.database.transaction(_signed_in(ann)) as tx:
        assert tx.context is not None
        assert (tx.context.user, tx.context.companies, tx.context.elevated) == (11, (1,), False)
        assert tx.execute(IDS).column(int) == [1, 2]


@pytest.mark.parametrize("login", ["ann", "ANN", "Ann"])
def test_a_login_is_the_same_in_capitals(ann: Visitor, login: str) -> None:
    assert ann.sign_in(login, PASSWORD) is not None


@pytest.mark.parametrize(
    ("login", "password"),
    [("ann", "wrong"), ("ann", ""), ("nobody", PASSWORD), ("bob", PASSWORD), ("", ""), ("ann'--", PASSWORD)],
)
def test_anything_else_opens_nothing_and_says_nothing(ann: Visitor, login: str, password: str) -> None:
    assert ann.sign_in(login, password) is None


def test_a_stranger_cannot_tell_who_exists(notes: Notes, ann: Visitor) -> None:
    _as_owner(notes, sql("UPDATE gs_priv.setting SET login_attempts = 100"))
    first = {login: ann.parameters(login) for login in ("nobody", "somebody", "bob", "ann")}
    again = {login.upper(): ann.parameters(login.upper()) for login in first}
    for login, answer in first.items():
        assert again[login.upper()].salt == answer.salt, "a decoy is steady"
        assert answer.rounds == ROUNDS
        assert answer.salt is not None
        assert len(answer.salt) == 16
        assert answer.retry_after == 0
    assert len({answer.salt for answer in first.values()}) == 4


def test_a_copy_of_a_database_has_other_decoys(notes: Notes, shared_notes: Notes) -> None:
    twins = [Visitor(database.database).parameters("nobody").salt for database in (notes, shared_notes)]
    assert twins[0] != twins[1]


def test_the_throttle_holds_under_eight_connections(notes: Notes, ann: Visitor) -> None:
    pools = Pools(8)
    guesser = replace(ann, database=replace(notes.database, pools=pools), network="203.0.113.9")
    meet = threading.Barrier(8)

    def guess(_number: int) -> int:
        made = 0
        meet.wait(10)
        for _ in range(4):
            asked = guesser.parameters("ann")
            if asked.salt is not None:
                made += 1
                assert guesser.prove("ann", derived(secrets.token_hex(8), asked.salt)) is None
        return made

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(guess, range(8))) == 5
    asked = guesser.parameters("ann")
    assert asked.salt is None
    assert 0 < asked.retry_after <= 60
    pools.close()


def test_a_blocked_login_does_not_take_the_right_password_either(notes: Notes, ann: Visitor) -> None:
    salt = ann.parameters("ann").salt
    assert salt is not None
    for _ in range(6):
        ann.sign_in("ann", "wrong")
    assert ann.prove("ann", derived(PASSWORD, salt)) is None
    assert ann.sign_in("ann", PASSWORD) is None
    _as_owner(notes, sql("UPDATE gs_priv.throttle SET blocked_until = clock_timestamp()"))
    assert ann.sign_in("ann", PASSWORD) is not None


def test_the_cooldown_ends_by_itself(notes: Notes, ann: Visitor) -> None:
    _as_owner(notes, sql("UPDATE gs_priv.setting SET login_cooldown = '1 s', login_attempts = 1"))
    ann.sign_in("ann", "wrong")
    assert 0 < ann.parameters("ann").retry_after <= 1
    time.sleep(1.05)
    assert ann.sign_in("ann", PASSWORD) is not None


def test_each_counted_attempt_may_be_made_once(ann: Visitor) -> None:
    salt = ann.parameters("ann").salt
    assert salt is not None
    assert ann.prove("ann", derived("wrong", salt)) is None
    # Without asking (and being counted) again, not even the right key is looked at.
    assert ann.prove("ann", derived(PASSWORD, salt)) is None
    assert ann.sign_in("ann", PASSWORD) is not None


def test_two_tabs_may_sign_in_at_the_same_moment(ann: Visitor) -> None:
    salts = [ann.parameters("ann").salt for _ in range(2)]
    for salt in salts:
        assert salt is not None
        assert ann.prove("ann", derived(PASSWORD, salt)) is not None


def test_a_success_forgets_the_failures_before_it(ann: Visitor) -> None:
    for _ in range(4):
        for _ in range(4):
            assert ann.sign_in("ann", "wrong") is None
        assert ann.sign_in("ann", PASSWORD) is not None


def test_strangers_cannot_lock_out_a_known_device(notes: Notes, ann: Visitor) -> None:
    at_home = replace(ann, device=secrets.token_bytes(16))
    assert at_home.sign_in("ann", PASSWORD) is not None
    _as_owner(notes, sql("UPDATE gs_priv.setting SET network_attempts = 5, database_attempts = 50"))
    for number in range(60):
        Visitor(notes.database, network=f"203.0.113.{number}").sign_in("ann", "wrong")
    assert ann.sign_in("ann", PASSWORD) is None, "a new browser waits"
    assert at_home.sign_in("ann", PASSWORD) is not None, "the known one does not"
    made_up = replace(ann, device=secrets.token_bytes(16))
    assert made_up.sign_in("ann", PASSWORD) is None, "a device is known by having signed in, not by saying so"


def test_a_known_device_guesses_no_more_than_others(ann: Visitor) -> None:
    at_home = replace(ann, device=secrets.token_bytes(16))
    assert at_home.sign_in("ann", PASSWORD) is not None
    assert [at_home.parameters("ann").salt is not None for _ in range(7)].count(True) == 5


def test_one_network_cannot_try_all_logins(notes: Notes, ann: Visitor) -> None:
    _as_owner(notes, sql("UPDATE gs_priv.setting SET network_attempts = 5"))
    answered = [ann.parameters(f"user{number}").salt is not None for number in range(20)]
    assert answered.count(True) == 5
    assert replace(ann, network="198.51.100.7").parameters("user1").salt is not None


def test_an_ipv6_network_is_one_neighbour(notes: Notes, ann: Visitor) -> None:
    _as_owner(notes, sql("UPDATE gs_priv.setting SET network_attempts = 5"))
    hopping = [replace(ann, network=f"2001:db8:0:{number:x}::1") for number in range(20)]
    answered = [one.parameters(f"user{n}").salt is not None for n, one in enumerate(hopping)]
    assert answered.count(True) == 5


def test_an_office_does_not_wear_out_its_network_by_signing_in(notes: Notes, ann: Visitor) -> None:
    _as_owner(notes, sql("UPDATE gs_priv.setting SET network_attempts = 5"))
    for _ in range(12):
        assert ann.sign_in("ann", PASSWORD) is not None


def test_a_one_time_link_works_once(notes: Notes, ann: Visitor) -> None:
    link = create_link(notes.database, 12)
    session = ann.open_link(link)
    assert session is not None
    with notes.database.transaction(session) as tx:
        assert tx.execute(IDS).column(int) == [3]
    assert ann.open_link(link) is None
    assert ann.open_link(secrets.token_bytes(32)) is None


def test_a_one_time_link_works_once_also_in_parallel(notes: Notes) -> None:
    pools = Pools(8)
    database = replace(notes.database, pools=pools)
    for _ in range(3):
        link, meet = create_link(notes.database, 12), threading.Barrier(8)

        def follow(number: int, link: bytes = link, meet: threading.Barrier = meet) -> bool:
            meet.wait(10)
            return Visitor(database, network=f"192.0.2.{number}").open_link(link) is not None

        with ThreadPoolExecutor(8) as threads:
            assert sum(threads.map(follow, range(8))) == 1
    pools.close()


def test_a_link_expires(notes: Notes, ann: Visitor) -> None:
    link = create_link(notes.database, 12)
    _as_owner(notes, sql("UPDATE gs_priv.link SET expires_at = clock_timestamp()"))
    assert ann.open_link(link) is None


@pytest.mark.parametrize("seconds", [0, 59, 604_801, -1])
def test_a_link_lives_a_minute_to_a_week(notes: Notes, seconds: int) -> None:
    with pytest.raises(AccessError):
        create_link(notes.database, 12, seconds)


def test_links_are_made_by_elevated_code_only(notes: Notes) -> None:
    with pytest.raises(AccessError), notes.database.transaction(notes.door(ANN)) as tx:
        tx.execute(sql("SELECT gs.create_link(11, {hash}::bytea, 600)", hash=b"x" * 32))


def test_guessing_links_is_throttled(notes: Notes) -> None:
    visitor, link = Visitor(notes.database, network="203.0.113.5"), create_link(notes.database, 12)
    for _ in range(51):
        visitor.open_link(secrets.token_bytes(32))
    assert visitor.open_link(link) is None
    assert Visitor(notes.database).open_link(link) is not None


def test_signing_out_ends_the_session_at_once(notes: Notes, ann: Visitor) -> None:
    session, other = _signed_in(ann), _signed_in(ann)
    assert _works(notes, session)
    ann.ask(sql("SELECT gs.sign_out({hash}::bytea)", hash=session.token_hash))
    assert not _works(notes, session)
    assert _works(notes, other)


def test_signing_out_does_not_wait_for_a_request_that_runs(notes: Notes, ann: Visitor) -> None:
    session = _signed_in(ann)
    _as_owner(notes, sql("UPDATE gs_priv.session_seen SET at = at - interval '2 min'"))
    with notes.database.transaction(session) as tx:
        tx.execute(IDS)
        started = time.monotonic()
        assert _works(notes, session), "a second request of the same session does not wait either"
        ann.ask(sql("SELECT gs.sign_out({hash}::bytea)", hash=session.token_hash))
        assert not _works(notes, session)
        assert time.monotonic() - started < 5


def test_use_keeps_a_session_alive_and_rest_ends_it(notes: Notes, ann: Visitor) -> None:
    session = _signed_in(ann)
    _as_owner(notes, sql("UPDATE gs_priv.session_seen SET at = at - interval '7 h 59 min'"))
    assert _works(notes, session)
    _as_owner(notes, sql("UPDATE gs_priv.session_seen SET at = at - interval '7 h 59 min'"))
    assert _works(notes, session), "the last request was noted"
    _as_owner(notes, sql("UPDATE gs_priv.session_seen SET at = at - interval '8 h 1 min'"))
    assert not _works(notes, session)


def test_a_session_ends_however_much_it_is_used(notes: Notes, ann: Visitor) -> None:
    session = _signed_in(ann)
    _as_owner(notes, sql("UPDATE gs_priv.session SET expires_at = clock_timestamp()"))
    assert not _works(notes, session)


def test_a_deactivated_user_is_out_at_once_and_stays_out(notes: Notes, ann: Visitor) -> None:
    session, link = _signed_in(ann), create_link(notes.database, 11)
    for active in (False, True):
        with notes.database.transaction(notes.database.elevated("an administrator closes an account")) as tx:
            tx.execute(sql("UPDATE res_users SET active = {active} WHERE id = 11", active=active))
        assert not _works(notes, session)
        if not active:
            assert ann.sign_in("ann", PASSWORD) is None
            assert ann.open_link(link) is None
    assert ann.sign_in("ann", PASSWORD) is not None


def test_a_user_without_a_group_has_no_way_in(notes: Notes, ann: Visitor) -> None:
    session = _signed_in(ann)
    with notes.database.transaction(notes.database.elevated("an administrator takes all groups")) as tx:
        tx.execute(sql("DELETE FROM res_groups_users_rel WHERE user_id = 11"))
    assert not _works(notes, session)


def _change(notes: Notes, session: SessionDoor, query: Sql) -> None:
    with notes.database.transaction(session) as tx:
        tx.execute(query)


def test_a_new_password_ends_all_other_sessions_links_and_devices(notes: Notes, ann: Visitor) -> None:
    at_home = replace(ann, device=secrets.token_bytes(16))
    mine, other = at_home.sign_in("ann", PASSWORD), _signed_in(ann)
    link, salt = create_link(notes.database, 11), ann.parameters("ann").salt
    assert mine is not None
    assert salt is not None
    new = credential(11, "a new one", secrets.token_bytes(16), session=mine.token_hash, proof=derived(PASSWORD, salt))
    _change(notes, mine, new)
    assert _works(notes, mine)
    assert not _works(notes, other)
    assert ann.open_link(link) is None
    assert ann.sign_in("ann", PASSWORD) is None
    assert ann.sign_in("ann", "a new one") is not None
    with superuser(notes.owner) as connection:
        assert connection.run(sql("SELECT count(*) FROM gs_priv.known_device")).scalar(int) == 0


def test_hashing_the_same_password_anew_ends_nothing(notes: Notes, ann: Visitor) -> None:
    mine, other = _signed_in(ann), _signed_in(ann)
    salt = ann.parameters("ann").salt
    assert salt is not None
    again = credential(
        11, PASSWORD, secrets.token_bytes(16), ROUNDS + 1, session=mine.token_hash, proof=derived(PASSWORD, salt),
        rehash=True,
    )  # fmt: skip
    _change(notes, mine, again)
    assert _works(notes, mine)
    assert _works(notes, other)
    assert ann.parameters("ann").rounds == ROUNDS + 1
    assert ann.sign_in("ann", PASSWORD) is not None


@pytest.mark.parametrize("rehash", [False, True])
def test_rounds_only_rise(notes: Notes, ann: Visitor, rehash: bool) -> None:
    salt = ann.parameters("ann").salt
    assert salt is not None
    weaker = credential(11, PASSWORD, salt, ROUNDS - 1, proof=derived(PASSWORD, salt), rehash=rehash)
    with pytest.raises(ConstraintViolated):
        _change(notes, _signed_in(ann), weaker)
    with pytest.raises(ConstraintViolated):
        set_password(notes.database, 12, PASSWORD, 219_999)


def test_a_rehash_without_a_proof_is_a_change(notes: Notes, ann: Visitor) -> None:
    session = _signed_in(ann)
    with pytest.raises(AccessError):
        _change(notes, session, credential(11, "mine now", b"s" * 16, rehash=True))
    with notes.database.transaction(notes.database.elevated("a reset")) as tx:
        tx.execute(credential(11, "reset", b"s" * 16, rehash=True))
    assert not _works(notes, session)


@pytest.mark.parametrize("proof", [b"", b"wrong", b"x" * 64])
def test_a_stolen_session_cannot_change_the_password(notes: Notes, ann: Visitor, proof: bytes) -> None:
    session = _signed_in(ann)
    with pytest.raises(AccessError):
        _change(notes, session, credential(11, "mine", b"s" * 16, session=session.token_hash, proof=proof))


def test_nobody_changes_another_s_password(notes: Notes, ann: Visitor) -> None:
    session = _signed_in(ann)
    with pytest.raises(AccessError):
        _change(notes, session, credential(12, "mine", b"s" * 16))
    with pytest.raises(AccessError), notes.database.transaction(LoginDoor()) as tx:
        tx.execute(credential(12, "mine", b"s" * 16))
    for actor in (replace(ANN, actor=99), replace(ANN, record="note 1")):
        with pytest.raises(AccessError), notes.database.transaction(notes.door(actor)) as tx:
            tx.execute(credential(11, "mine", b"s" * 16, proof=b"x"))
    with pytest.raises(AccessError), notes.database.transaction(notes.door(replace(BOB, actor=99))) as tx:
        tx.execute(credential(12, "staff's own", b"s" * 16))


def test_who_came_by_a_link_may_choose_a_password_once(notes: Notes, ann: Visitor) -> None:
    session = ann.open_link(create_link(notes.database, 11))
    assert session is not None
    _change(notes, session, credential(11, "chosen", b"s" * 16, session=session.token_hash))
    assert ann.sign_in("ann", "chosen") is not None
    with pytest.raises(AccessError):
        _change(notes, session, credential(11, "again", b"s" * 16, session=session.token_hash))


def test_another_s_link_session_proves_nothing(notes: Notes, ann: Visitor) -> None:
    session, bobs = _signed_in(ann), ann.open_link(create_link(notes.database, 12))
    assert bobs is not None
    with pytest.raises(AccessError):
        _change(notes, session, credential(11, "mine", b"s" * 16, session=bobs.token_hash))


def test_who_has_no_password_yet_may_choose_one(notes: Notes) -> None:
    visitor = Visitor(notes.database)
    session = visitor.open_link(create_link(notes.database, 12))
    assert session is not None
    with notes.database.transaction(session) as tx:
        assert tx.execute(sql("SELECT gs.has_credential()")).scalar() is False
        tx.execute(credential(12, "bob's first", b"s" * 16, session=session.token_hash))
        assert tx.execute(sql("SELECT gs.has_credential()")).scalar() is True
    assert visitor.sign_in("bob", "bob's first") is not None


def test_a_session_does_not_outlive_a_change_of_password_that_came_in_between(notes: Notes, ann: Visitor) -> None:
    # The old password is proven; before the session is written, a new password commits. The lock below holds the
    # sign-in in exactly that moment.
    salt = ann.parameters("ann").salt
    assert salt is not None
    with superuser(notes.owner) as owner, owner.atomic():
        owner.run(sql("LOCK TABLE gs_priv.session IN ACCESS EXCLUSIVE MODE"))
        with ThreadPoolExecutor(1) as threads:
            late = threads.submit(ann.prove, "ann", derived(PASSWORD, salt))
            time.sleep(0.3)
            assert not late.done()
            owner.run(sql("UPDATE gs_priv.account SET credential_version = credential_version + 1"))
            owner.raw.execute("COMMIT")
            session = late.result(10)
            owner.raw.execute("BEGIN")
    assert session is None or not _works(notes, session)


def test_ending_sessions_is_for_oneself_or_elevated_code(notes: Notes, ann: Visitor) -> None:
    session, other = _signed_in(ann), _signed_in(ann)
    with pytest.raises(AccessError), notes.database.transaction(notes.door(BOB)) as tx:
        tx.execute(sql("SELECT gs.end_sessions(11)"))
    assert _works(notes, session)
    with notes.database.transaction(notes.door(ANN)) as tx:
        tx.execute(sql("SELECT gs.end_sessions(11)"))
    assert not _works(notes, session)
    assert not _works(notes, other)


def test_an_account_is_shown_to_oneself_and_to_elevated_code(notes: Notes) -> None:
    query = sql("SELECT profile, companies, active FROM gs.account(11)")
    for door in (notes.door(ANN), notes.database.elevated("looking somebody up")):
        with notes.database.transaction(door) as tx:
            assert tx.execute(query).one() == (ANN.profile, [1], True)
    for other in (notes.door(BOB), LoginDoor()):
        with pytest.raises(AccessError), notes.database.transaction(other) as tx:
            tx.execute(query)


def test_signing_in_and_failing_to_are_audited_without_secrets(notes: Notes, ann: Visitor) -> None:
    ann.sign_in("ann", PASSWORD)
    ann.sign_in("ann", "wrong")
    with superuser(notes.owner) as connection:
        rows = connection.run(sql("SELECT kind, user_id, details::text FROM gs_priv.audit ORDER BY id")).all()
    kinds = [kind for kind, _user, _details in rows]
    assert kinds[-2:] == ["sign_in", "sign_in_failed"]
    assert "password" in kinds
    assert not [details for _kind, _user, details in rows if PASSWORD in details or "wrong" in details]


def _sweep(notes: Notes) -> None:
    with notes.database.transaction(notes.database.elevated("a test sweeps"), "counting") as transaction:
        transaction.execute(sql("SELECT gs.sweep_sign_ins()"))


def test_only_elevated_code_sweeps(notes: Notes, ann: Visitor) -> None:
    with pytest.raises(AccessError):
        ann.ask(sql("SELECT gs.sweep_sign_ins()"))
    with pytest.raises(AccessError), notes.database.transaction(notes.door(ANN)) as transaction:
        transaction.execute(sql("SELECT gs.sweep_sign_ins()"))


def test_what_is_over_is_swept(notes: Notes, ann: Visitor) -> None:
    over = [ann.sign_in("ann", PASSWORD) for _ in range(3)]
    create_link(notes.database, 11)
    Visitor(notes.database, secrets.token_bytes(32)).sign_in("ann", PASSWORD)
    for ended in (
        sql("UPDATE gs_priv.session SET expires_at = now() - interval '1 s'"),
        sql("UPDATE gs_priv.link SET expires_at = now() - interval '1 s'"),
        sql("UPDATE gs_priv.known_device SET seen = now() - interval '401 d'"),
    ):
        _as_owner(notes, ended)
    now = ann.sign_in("ann", PASSWORD)
    assert now is not None
    _sweep(notes)
    assert _works(notes, now)
    assert not any(_works(notes, session) for session in over if session is not None)
    with superuser(notes.owner) as connection:
        for table, left in (("session", 1), ("link", 0), ("known_device", 0)):
            assert connection.run(sql("SELECT count(*) FROM gs_priv.{t}", t=ident(table))).scalar() == left, table


def test_old_notes_of_when_sessions_were_seen_are_swept(notes: Notes, ann: Visitor) -> None:
    for _ in range(5):
        session = _signed_in(ann)
        ann.ask(sql("SELECT gs.sign_out({hash}::bytea)", hash=session.token_hash))
    _signed_in(ann)
    _sweep(notes)
    with superuser(notes.owner) as connection:
        assert connection.run(sql("SELECT count(*) FROM gs_priv.session_seen")).scalar(int) == 1


def test_requests_of_one_session_at_once_note_its_use_without_a_conflict(notes: Notes, ann: Visitor) -> None:
    session, pools = _signed_in(ann), Pools(8)
    database, meet = replace(notes.database, pools=pools), threading.Barrier(6)

    def request(_number: int) -> bool:
        meet.wait(10)
        with database.transaction(session) as tx:
            return tx.execute(IDS).column(int) == [1, 2]

    work: Callable[[int], bool] = request
    for _ in range(3):
        _as_owner(notes, sql("UPDATE gs_priv.session_seen SET at = at - interval '2 min'"))
        with ThreadPoolExecutor(6) as threads:
            assert all(threads.map(work, range(6)))
    pools.close()


def test_the_throttle_asks_for_the_newest_state(notes: Notes, ann: Visitor) -> None:
    # In a transaction that sees one moment the counter could not be raised by two at once: it says so, and is retried.
    tries: list[int] = []

    def count() -> None:
        tries.append(1)
        with notes.database.transaction(LoginDoor()) as tx:
            tx.execute(sql("SELECT 1"))
            if len(tries) == 1:
                ann.parameters("ann")
            tx.execute(sql("SELECT gs.credential_parameters('ann', ''::bytea, '192.0.2.1'::inet)"))

    with pytest.raises(Conflict):
        retrying(count, attempts=1)
    retrying(count)
