"""Passwords: the vectors, what is refused, the form for export, the bounded pool."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
import unicodedata

import pytest
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from hypothesis import given, settings
from hypothesis import strategies as st

from growsoft.errors import UserError, ValidationError
from growsoft.security import passwords
from growsoft.security.passwords import (
    CEILING_ROUNDS,
    DEFAULT_ROUNDS,
    FLOOR_ROUNDS,
    Busy,
    Hasher,
    Parameters,
    PasswordUnusable,
    Stored,
    decode,
    derive,
    encode,
    must_upgrade,
    new_parameters,
    verifier,
)

SALT = b"NaClNaClNaClNaCl"
FLOOR = Parameters(SALT, FLOOR_ROUNDS)

# PBKDF2-HMAC-SHA512: the inputs of RFC 6070 with the outputs that implementations agree on for SHA-512.
VECTORS = [
    (
        b"password",
        b"salt",
        1,
        (
            "867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5d513554e1c8cf252"
            "c02d470a285a0501bad999bfe943c08f050235d7d68b1da55e63f73b60a57fce"
        ),
    ),
    (
        b"password",
        b"salt",
        2,
        (
            "e1d9c16aa681708a45f5c7c4e215ceb66e011a2e9f0040713f18aefdb866d53c"
            "f76cab2868a39b9f7840edce4fef5a82be67335c77a6068e04112754f27ccf4e"
        ),
    ),
    (
        b"password",
        b"salt",
        4096,
        (
            "d197b1b33db0143e018b12f3d1d1479e6cdebdcc97c5c0f87f6902e072f457b5"
            "143f30602641b3d55cd335988cb36b84376060ecd532e039b742a239434af2d5"
        ),
    ),
    (
        b"passwordPASSWORDpassword",
        b"saltSALTsaltSALTsaltSALTsaltSALTsalt",
        4096,
        (
            "8c0511f4c6e597c6ac6315d8f0362e225f3c501495ba23b868c005174dc4ee71"
            "115b59f9e60cd9532fa33e0f75aefe30225c583a186cd82bd4daea9724a3d3b8"
        ),
    ),
]


@pytest.mark.parametrize(("password", "salt", "rounds", "expected"), VECTORS)
def test_pw1_stretching_agrees_with_the_known_vectors(password: bytes, salt: bytes, rounds: int, expected: str) -> None:
    assert passwords.stretched(password, salt, rounds).hex() == expected


def test_pw1_derive_is_pbkdf2_with_sha512_and_the_stored_parameters() -> None:
    other_library = PBKDF2HMAC(SHA512(), 64, SALT, FLOOR_ROUNDS).derive("Grüße, 東京".encode())
    assert derive("Grüße, 東京", FLOOR) == other_library
    assert verifier(other_library) == hashlib.sha256(other_library).digest()


def test_pw1_two_people_with_one_password_have_different_keys() -> None:
    one, other = new_parameters(FLOOR_ROUNDS), new_parameters(FLOOR_ROUNDS)
    assert one.salt != other.salt
    assert derive("correct horse battery", one) != derive("correct horse battery", other)


def test_pw1_rounds_below_the_floor_cannot_be_built() -> None:
    assert new_parameters().rounds == DEFAULT_ROUNDS == 600_000
    for rounds in (0, 1, FLOOR_ROUNDS - 1, CEILING_ROUNDS + 1):
        with pytest.raises(ValueError, match="Rounds are 220,000"):
            Parameters(SALT, rounds)
    with pytest.raises(ValueError, match="salt has 16"):
        Parameters(b"short", FLOOR_ROUNDS)


def test_pw1_an_old_password_is_stored_anew() -> None:
    assert must_upgrade(FLOOR)
    assert must_upgrade(Parameters(SALT, DEFAULT_ROUNDS - 1))
    assert not must_upgrade(new_parameters())
    assert must_upgrade(new_parameters(), rounds=1_000_000)


def test_a_pepper_outside_the_database_is_needed_to_sign_in() -> None:
    plain = derive("correct horse", FLOOR)
    peppered = derive("correct horse", FLOOR, b"kept elsewhere")
    assert peppered == hmac.digest(b"kept elsewhere", plain, "sha512")
    assert peppered not in {plain, derive("correct horse", FLOOR, b"another")}


def test_the_same_characters_give_the_same_key_on_every_keyboard() -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    assert composed != decomposed
    assert derive(composed, FLOOR) == derive(decomposed, FLOOR)


@pytest.mark.parametrize(
    "password",
    ["nul\0inside", "x" * 1025, "é" * 513, "x" * 1_000_000, "\ud800 alone"],
    ids=["nul", "1025 bytes", "1026 bytes", "megabyte", "surrogate"],
)
def test_pw1_input_that_no_keyboard_makes_is_refused_before_the_hash(password: str) -> None:
    with pytest.raises(PasswordUnusable):
        derive(password, FLOOR)


def test_the_longest_password_is_1024_bytes_after_normalising() -> None:
    assert len(derive("x" * 1024, FLOOR)) == 64
    assert len(passwords.octets("e\u0301" * 512)) == 1024


def test_secrets_do_not_show_in_a_log_line() -> None:
    stored = Stored(FLOOR, b"v" * 32)
    assert repr(stored) == "Stored(parameters=Parameters(rounds=220000))"


stored_passwords = st.builds(
    Stored,
    st.builds(Parameters, st.binary(min_size=16, max_size=64), st.integers(FLOOR_ROUNDS, CEILING_ROUNDS)),
    st.binary(min_size=32, max_size=32),
)


@given(stored_passwords)
def test_pw1_export_and_import_give_the_same_back(stored: Stored) -> None:
    assert decode(encode(stored)) == stored


@given(st.text(max_size=300))
def test_any_other_text_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValidationError, match="hash"):
        decode(text)


PASSLIB = (
    "$pbkdf2-sha512$600000$TmFDbE5hQ2xOYUNsTmFDbA$"
    "4fXJ3w.dRFDRHUh9fm0XsQUy1S9dDsR9wsE5O8hn2lu4M9WcYY8wJHcPYd.QGHcY0i4i0UfVnnqI2i6PbNTw3w"
)


def base64_of(value: bytes) -> str:
    return base64.b64encode(value, altchars=b"./").decode().rstrip("=")


def test_pw1_a_hash_of_another_system_is_taken_over_when_it_is_strong_enough() -> None:
    key = hashlib.pbkdf2_hmac("sha512", b"taken over", SALT, FLOOR_ROUNDS, 64)
    text = f"$pbkdf2-sha512${FLOOR_ROUNDS}${base64_of(SALT)}${base64_of(key)}"
    stored = decode(text)
    assert stored == Stored(FLOOR, verifier(derive("taken over", FLOOR)))
    assert decode(PASSLIB).parameters.rounds == 600_000


@pytest.mark.parametrize(
    "text",
    [
        PASSLIB.replace("600000", "25000"),
        PASSLIB.replace("600000", "219999"),
        PASSLIB.replace("600000", "999999999"),
        PASSLIB.replace("600000", "0600000"),
        PASSLIB + "A" * 300,
        PASSLIB[:-10],
        PASSLIB.replace("sha512", "sha256"),
        PASSLIB.replace("TmFDbE5hQ2xOYUNsTmFDbA", "TmFDbA"),
        PASSLIB + "\n",
    ],
)
def test_pw1_a_weak_or_endless_hash_is_not_taken_over(text: str) -> None:
    with pytest.raises(ValidationError):
        decode(text)


def test_the_pool_computes_what_derive_computes() -> None:
    with Hasher(workers=2) as hasher:
        assert hasher.derive("correct horse", FLOOR, b"pepper") == derive("correct horse", FLOOR, b"pepper")
        with pytest.raises(PasswordUnusable):
            hasher.derive("x" * 2000, FLOOR)


def test_a_full_pool_says_so_at_once_and_recovers() -> None:
    with Hasher(workers=1, waiting=1) as hasher:
        running, waiting = hasher.submit("one", FLOOR), hasher.submit("two", FLOOR)
        with pytest.raises(Busy, match="try again in a few seconds") as refused:
            hasher.derive("three", FLOOR)
        assert isinstance(refused.value, UserError)
        assert len(running.result()) == len(waiting.result()) == 64
        assert hasher.derive("three", FLOOR) == derive("three", FLOOR)


def test_a_refused_password_takes_no_place() -> None:
    with Hasher(workers=1, waiting=0) as hasher:
        for _ in range(5):
            with pytest.raises(PasswordUnusable):
                hasher.submit("nul\0", FLOOR)
        assert len(hasher.derive("fine", FLOOR)) == 64


def test_other_threads_run_while_a_password_is_hashed() -> None:
    counted = 0
    with Hasher(workers=1) as hasher:
        future = hasher.submit("one", Parameters(SALT, DEFAULT_ROUNDS))
        while not future.done():
            counted += 1
            threading.Event().wait(0.001)
        future.result()
    # Were the interpreter lock held, this loop would not turn once until the key is there.
    assert counted > 10


@settings(max_examples=200)
@given(st.text(max_size=60))
def test_normal_form_is_reached_in_one_step(text: str) -> None:
    try:
        once = passwords.normalised(text)
    except PasswordUnusable:
        assert "\0" in text
        return
    assert passwords.normalised(once) == once == unicodedata.normalize("NFC", text)
