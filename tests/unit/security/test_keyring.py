"""The keyring: derivations that keep apart, an envelope bound to its customer, and a key that can be destroyed."""

from __future__ import annotations

import copy
import io
import pickle
import stat
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growsoft.errors import ConfigError
from growsoft.security import envelope
from growsoft.security.envelope import Level
from growsoft.security.keyring import (
    VARIABLE,
    Keyring,
    KeyUnusable,
    Purpose,
    WorkerKeys,
    WrappedKey,
    create_instance_key,
    load_instance_key,
    new_instance_key,
)
from growsoft.security.streams import StreamRefused, decrypt_stream, encrypt_stream, new_data_key

INSTANCE = bytes(range(32))
RING = Keyring(INSTANCE)
WORKERS = WorkerKeys(RING.worker_root())
DATABASE = UUID("0f8fad5b-d9cb-469f-a165-70867728950e")

# RFC 5869, appendix A.1 to A.3: input, salt, info, length, output.
HKDF_VECTORS = [
    (
        b"\x0b" * 22,
        bytes(range(13)),
        bytes(range(0xF0, 0xFA)),
        42,
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    ),
    (
        bytes(range(0x50)),
        bytes(range(0x60, 0xB0)),
        bytes(range(0xB0, 0x100)),
        82,
        (
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
            "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"
        ),
    ),
    (
        b"\x0b" * 22,
        b"",
        b"",
        42,
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    ),
]


@pytest.mark.parametrize(("secret", "salt", "info", "length", "expected"), HKDF_VECTORS)
def test_hkdf_agrees_with_rfc_5869(secret: bytes, salt: bytes, info: bytes, length: int, expected: str) -> None:
    assert envelope.hkdf(secret, info, salt=salt, length=length).hex() == expected


def test_aes_gcm_agrees_with_its_published_vectors() -> None:
    """Test cases 13, 14 and 16 of "The Galois/Counter Mode of Operation" (McGrew, Viega): 256-bit keys."""
    assert envelope.seal(bytes(32), bytes(12), b"", b"").hex() == "530f8afbc74536b9a963b4f1c4cb738b"
    assert envelope.seal(bytes(32), bytes(12), bytes(16), b"").hex() == (
        "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"
    )
    key = bytes.fromhex("feffe9928665731c6d6a8f9467308308") * 2
    text = bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    )
    nonce, data = bytes.fromhex("cafebabefacedbaddecaf888"), bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    sealed = envelope.seal(key, nonce, text, data)
    assert sealed.hex() == (
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
        "76fc6ece0f4e1768cddf8853bb2d551b"
    )
    assert envelope.unseal(key, nonce, sealed, data) == text
    with pytest.raises(ValueError, match="32 bytes"):
        envelope.seal(bytes(16), nonce, text, data)


parts = st.lists(st.binary(max_size=6), max_size=4)


@given(st.text(max_size=6), parts, st.text(max_size=6), parts)
def test_two_derivations_are_equal_only_for_equal_fields(
    label: str, fields: list[bytes], other: str, others: list[bytes]
) -> None:
    same = (label, fields) == (other, others)
    assert (envelope.derived(INSTANCE, label, *fields) == envelope.derived(INSTANCE, other, *others)) == same


def test_every_derivation_has_a_value_of_its_own() -> None:
    other = uuid4()
    values = [
        INSTANCE,
        RING.worker_root(),
        RING.wrapping_key(Purpose.BACKUPS),
        RING.wrapping_key(Purpose.FILES),
        WORKERS.cookie_key(),
        WORKERS.csrf_key(),
        WORKERS.signing_key(DATABASE, 1),
        WORKERS.signing_key(DATABASE, 2),
        WORKERS.signing_key(other, 1),
        WORKERS.login_password(DATABASE, 1).encode(),
        WORKERS.login_password(DATABASE, 2).encode(),
        WORKERS.login_password(other, 1).encode(),
    ]
    assert len(set(values)) == len(values)
    assert {len(WORKERS.signing_key(DATABASE, 1)), len(WORKERS.cookie_key()), len(WORKERS.csrf_key())} == {32}


def test_a_derived_key_never_changes_between_versions() -> None:
    """Databases in use depend on these values, computed once with the standard library: a change is a migration."""
    assert RING.worker_root().hex() == "4765da08074e1ce85204c398f4eaadbd66c164be5732f64a4309d14ecaefde3b"
    assert WORKERS.signing_key(DATABASE, 1).hex() == "da6d41ed941ee4593627e5c84be8f4f6e0af693362a46ae152bb38ee36eb13fb"
    assert WORKERS.login_password(DATABASE, 1) == "qbzHuVrPxuYXg8Qywy3MIuhr2tNyAdggF22_g0AU2AU"
    assert WORKERS.cookie_key().hex() == "56b1c745769695d93f2b6d91a87926bdfa8c215100fe974e91bf399ac7be4c0c"
    assert WORKERS.csrf_key().hex() == "d132b0404f7905aee4bd80b5e28240c364e3b054ad2b65f833577ba4776fbe99"


def test_a_key_wrapped_by_an_earlier_version_still_opens() -> None:
    customer_key = WrappedKey.from_text(
        "gsk1_AQECAAAAAAAAAAcPj61b2ctGn6FlcIZ3KJUOHZ9Gywo-xORh92fNRWtK5RZWU4mTM_cxzCYNt1pF1WFYs3hSIQF9ssRjiFmuW3eDPgYZYb"
        "9wETe1zZ_3ssthfc4-VkU"
    )
    data_key = WrappedKey.from_text(
        "gsk1_AQICAAAAAAAAAAcPj61b2ctGn6FlcIZ3KJUOGKcCZC1TKpfZlDgCxeMujmuZg0qqcBL8GdcW38QgHKl8UMzLAKrwzreN4sGYiaQjH9qjcu"
        "TE4bMT8Cz5n8h0quvWiQE"
    )
    assert (customer_key.customer, customer_key.purpose, customer_key.key_id) == (DATABASE, Purpose.BACKUPS, 7)
    assert RING.unwrap(data_key, customer_key) == bytes(range(100, 132))


def test_another_instance_has_other_keys() -> None:
    stranger = Keyring(new_instance_key())
    assert stranger.worker_keys().signing_key(DATABASE, 1) != WORKERS.signing_key(DATABASE, 1)
    assert stranger.fingerprint() != RING.fingerprint() == Keyring(INSTANCE).fingerprint()


@pytest.mark.parametrize("purpose", [purpose for purpose in Purpose if purpose is not Purpose.FILES])
def test_workers_open_files_and_no_backup(purpose: Purpose) -> None:
    customer = uuid4()
    files, kept = RING.new_customer_key(customer, Purpose.FILES), RING.new_customer_key(customer, purpose)
    data_key = new_data_key()
    assert WORKERS.unwrap(RING.wrap(data_key, files), files) == data_key
    with pytest.raises(KeyUnusable, match="operations worker"):
        WORKERS.unwrap(RING.wrap(data_key, kept), kept)
    with pytest.raises(KeyUnusable):
        WORKERS.new_customer_key(customer, purpose)
    disguised = replace(kept, label=replace(kept.label, purpose=Purpose.FILES, wrapped_by=files.label.wrapped_by))
    with pytest.raises(KeyUnusable):
        WORKERS.open(disguised)


def test_nowrapping_key_for_backups_follows_from_the_worker_root() -> None:
    """Whoever holds the root can compute every derivation below it: none opens a backup key."""
    customer_key = RING.new_customer_key(uuid4(), Purpose.BACKUPS)
    root = RING.worker_root()
    guesses = [root, *(envelope.derived(root, "customer-keys", purpose) for purpose in (b"files", b"backups", b""))]
    for guess in [*guesses, Keyring(root).wrapping_key(Purpose.BACKUPS)]:
        with pytest.raises(KeyUnusable):
            envelope.unwrap_key(guess, customer_key)
    with pytest.raises(KeyUnusable):
        Keyring(root).open(customer_key)


wrapped_keys = st.builds(
    RING.new_customer_key, st.uuids(), st.sampled_from(Purpose), st.integers(min_value=1, max_value=2**63 - 1)
)


@given(wrapped_keys, st.binary(min_size=32, max_size=32))
def test_a_data_key_comes_back_through_bytes_and_text(customer_key: WrappedKey, data_key: bytes) -> None:
    stored = WrappedKey.from_bytes(customer_key.to_bytes())
    in_manifest = WrappedKey.from_text(RING.wrap(data_key, stored).to_text())
    assert stored == customer_key
    assert RING.unwrap(in_manifest, stored) == data_key
    assert in_manifest.purpose is customer_key.purpose
    assert (in_manifest.customer, in_manifest.key_id) == (customer_key.customer, customer_key.key_id)


@given(wrapped_keys, st.integers(0, 94), st.integers(0, 7), st.booleans())
def test_one_changed_bit_of_an_envelope_is_refused(
    customer_key: WrappedKey, position: int, bit: int, outer: bool
) -> None:
    data_key = RING.wrap(new_data_key(), customer_key)
    envelopes = [bytearray(data_key.to_bytes()), bytearray(customer_key.to_bytes())]
    envelopes[outer][position] ^= 1 << bit
    with pytest.raises(KeyUnusable):
        RING.unwrap(*map(WrappedKey.from_bytes, map(bytes, envelopes)))


@given(st.binary(max_size=120))
def test_garbage_is_no_wrapped_key(data: bytes) -> None:
    with pytest.raises(KeyUnusable):
        RING.open(WrappedKey.from_bytes(data))


@given(st.one_of(st.text(max_size=200), st.text(max_size=200).map("gsk1_".__add__)))
def test_garbage_is_no_text_of_a_wrapped_key(text: str) -> None:
    with pytest.raises(KeyUnusable):
        WrappedKey.from_text(text)


def test_a_data_key_of_one_customer_purpose_or_key_id_opens_under_no_other() -> None:
    ada, bob = uuid4(), uuid4()
    mine = RING.new_customer_key(ada, Purpose.BACKUPS, 1)
    data_key = RING.wrap(new_data_key(), mine)
    for other in [
        RING.new_customer_key(bob, Purpose.BACKUPS, 1),
        RING.new_customer_key(ada, Purpose.FILES, 1),
        RING.new_customer_key(ada, Purpose.BACKUPS, 2),
        RING.new_customer_key(ada, Purpose.BACKUPS, 1),
    ]:
        with pytest.raises(KeyUnusable):
            RING.unwrap(data_key, other)
        relabelled = replace(data_key, label=replace(other.label, level=Level.DATA))
        with pytest.raises(KeyUnusable):
            RING.unwrap(relabelled, mine)


def test_a_customer_key_is_not_taken_for_a_data_key_or_the_other_way_round() -> None:
    customer_key = RING.new_customer_key(uuid4(), Purpose.BACKUPS)
    data_key = RING.wrap(new_data_key(), customer_key)
    with pytest.raises(KeyUnusable):
        RING.open(data_key)
    with pytest.raises(KeyUnusable):
        RING.unwrap(customer_key, customer_key)


def test_a_seal_is_not_enough_where_the_label_says_something_else() -> None:
    """Even whoever could seal with the right key cannot pass a key off at another level or for another customer."""
    customer_key = RING.new_customer_key(uuid4(), Purpose.BACKUPS)
    opened = RING.open(customer_key)
    honest = opened.wrap(new_data_key()).label
    for label in (replace(honest, customer=uuid4()), replace(honest, key_id=2), replace(honest, level=Level.CUSTOMER)):
        with pytest.raises(KeyUnusable):
            opened.unwrap(envelope.wrap_key(opened.material, label, new_data_key()))
    wrapping_key = RING.wrapping_key(Purpose.BACKUPS)
    as_data = replace(customer_key.label, level=Level.DATA)
    with pytest.raises(KeyUnusable):
        RING.open(envelope.wrap_key(wrapping_key, as_data, new_data_key()))


def test_a_new_instance_key_opens_everything_without_rewriting_data() -> None:
    customer_key = RING.new_customer_key(uuid4(), Purpose.BACKUPS)
    plain = new_data_key()
    data_key = RING.wrap(plain, customer_key)
    successor = Keyring(new_instance_key())
    moved = RING.rewrap(customer_key, onto=successor)
    assert successor.unwrap(data_key, moved) == plain
    with pytest.raises(KeyUnusable):
        RING.open(moved)
    with pytest.raises(KeyUnusable):
        successor.open(customer_key)


def test_destroying_a_customers_key_makes_their_data_unreadable() -> None:
    """Crypto-shredding: the instance key, the data and its manifest are all still there, and nobody can read them."""
    customer = uuid4()
    table = {customer: RING.new_customer_key(customer, Purpose.BACKUPS)}
    data_key = new_data_key()
    backup = io.BytesIO()
    with encrypt_stream(data_key, backup, b"backup 1") as stream:
        stream.write(b"the customer's books")
    manifest = RING.wrap(data_key, table[customer]).to_text()
    del data_key
    opened = RING.unwrap(WrappedKey.from_text(manifest), table[customer])
    assert decrypt_stream(opened, io.BytesIO(backup.getvalue()), b"backup 1").read() == b"the customer's books"

    del table[customer]

    table[customer] = RING.new_customer_key(customer, Purpose.BACKUPS)  # even the same customer, number and purpose
    wrapped = WrappedKey.from_text(manifest)
    with pytest.raises(KeyUnusable):
        RING.unwrap(wrapped, table[customer])
    derivable = [INSTANCE, RING.worker_root(), *map(RING.wrapping_key, Purpose), RING.open(table[customer]).material]
    for key in derivable:
        with pytest.raises(KeyUnusable):
            envelope.unwrap_key(key, wrapped)
        with pytest.raises(StreamRefused):
            decrypt_stream(key, io.BytesIO(backup.getvalue()), b"backup 1").read()


def test_keys_show_themselves_to_nobody() -> None:
    customer_key = RING.new_customer_key(DATABASE, Purpose.BACKUPS)
    opened = RING.open(customer_key)
    shown = " ".join(map(repr, [RING, WORKERS, opened, customer_key, Keyring]))
    for secret in (INSTANCE, RING.worker_root(), opened.material, customer_key.sealed):
        for form in (repr(secret)[2:-1], secret.hex()):
            assert form not in shown
    for holder in (RING, WORKERS):
        with pytest.raises(TypeError, match="not copied"):
            pickle.dumps(holder)
        with pytest.raises(TypeError, match="not copied"):
            copy.copy(holder)


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_keys_of_another_length_are_refused(length: int) -> None:
    customer_key = RING.new_customer_key(uuid4(), Purpose.FILES)
    key = b"k" * length
    with pytest.raises(ValueError, match="32 bytes"):
        Keyring(key)
    with pytest.raises(ValueError, match="32 bytes"):
        WorkerKeys(key)
    with pytest.raises(ValueError, match="32 bytes"):
        RING.wrap(key, customer_key)


def test_a_key_id_that_does_not_fit_is_refused() -> None:
    for key_id in (0, -1, 2**63):
        with pytest.raises(ValueError, match="key id"):
            RING.new_customer_key(DATABASE, Purpose.FILES, key_id)


def test_the_instance_key_lives_in_a_closed_file(tmp_path: Path) -> None:
    path = tmp_path / "instance.key"
    key = create_instance_key(path)
    assert load_instance_key(path, {}) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(ConfigError, match="stays"):
        create_instance_key(path)
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_instance_key(path, {})


def test_the_instance_key_may_come_from_the_environment_alone(tmp_path: Path) -> None:
    path = tmp_path / "instance.key"
    with pytest.raises(ConfigError, match=f"set {VARIABLE}, or bring"):
        load_instance_key(path, {})
    assert load_instance_key(path, {VARIABLE: INSTANCE.hex().upper() + "\n"}) == INSTANCE
    key = create_instance_key(path)
    assert load_instance_key(path, {VARIABLE: key.hex()}) == key
    with pytest.raises(ConfigError, match="different keys"):
        load_instance_key(path, {VARIABLE: INSTANCE.hex()})


@pytest.mark.parametrize(
    "text", ["secret!", "00" * 32, "ab" * 32, "zz" * 32, INSTANCE.hex()[:-2], INSTANCE.hex() + "00"]
)
def test_a_placeholder_is_no_instance_key_and_is_not_repeated(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="64 random hexadecimal digits") as refused:
        load_instance_key(tmp_path / "instance.key", {VARIABLE: text})
    assert text not in str(refused.value)
