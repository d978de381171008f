"""A manifest tells what disaster recovery needs to anybody, the rest to the key's holder, and lies to nobody."""

import hmac
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from growsoft.security.keyring import WrappedKey
from growsoft_cloud.backup.errors import ArchiveError, ManifestError, ManifestForged, UnknownFormat
from growsoft_cloud.backup.manifest import (
    open_contents,
    read_manifest,
    read_unproven,
    seal_contents,
    write_manifest,
)
from tests.unit.backup.cases import CONTENTS, CUSTOMER_KEY, DATA_KEY, KEYRING, OTHER_KEYRING, SUBJECT, manifest

MANIFEST = manifest()
WRITTEN = write_manifest(MANIFEST, KEYRING)


def resealed(changes: dict[str, object]) -> bytes:
    """A manifest whose body says something else, sealed as if we had meant it."""
    body = json.dumps(json.loads(WRITTEN.split(b"\n")[0]) | changes).encode()
    seal = {
        "instance_key": KEYRING.fingerprint(),
        "hmac_sha256": hmac.digest(KEYRING.manifest_key(), body, "sha256").hex(),
    }
    return body + b"\n" + json.dumps(seal).encode() + b"\n"


def test_a_manifest_comes_back_as_it_was_written() -> None:
    assert read_manifest(WRITTEN, [KEYRING]) == MANIFEST
    assert MANIFEST.short_id == "b-0142"


def test_bk2_database_plan_and_addresses_can_be_read_without_any_key() -> None:
    assert read_unproven(WRITTEN).database == SUBJECT
    body = json.loads(WRITTEN.split(b"\n")[0])
    assert body["format"] == 1
    assert body["database"]["addresses"] == ["kyoto.example"]


def test_en4_what_tells_about_the_inside_can_only_be_read_with_the_key() -> None:
    for secret in (b"secret_table", b"g_sale_user", b"CREATE ROLE"):
        assert secret not in WRITTEN
    key = KEYRING.unwrap(WrappedKey.from_text(MANIFEST.keys.data_key), CUSTOMER_KEY)
    assert open_contents(MANIFEST, key) == CONTENTS
    assert "public.secret_table" in open_contents(MANIFEST, key).rows


def test_contents_belong_to_one_backup() -> None:
    moved = msgspec.structs.replace(MANIFEST, contents=seal_contents(CONTENTS, DATA_KEY, SUBJECT.uuid))
    with pytest.raises(ArchiveError):
        open_contents(moved, DATA_KEY)


@given(st.integers(0, len(WRITTEN) - 1), st.integers(1, 255))
def test_bk2_any_changed_byte_of_a_manifest_is_noticed(place: int, flip: int) -> None:
    changed = bytearray(WRITTEN)
    changed[place] ^= flip
    with pytest.raises(ManifestError):
        read_manifest(bytes(changed), [KEYRING])


@given(st.integers(0, len(WRITTEN) - 1))
def test_bk2_a_cut_manifest_is_noticed(length: int) -> None:
    with pytest.raises(ManifestError):
        read_manifest(WRITTEN[:length], [KEYRING])


@given(st.binary(max_size=300))
def test_what_is_no_manifest_is_refused(data: bytes) -> None:
    with pytest.raises(ManifestError):
        read_manifest(data, [KEYRING])
    with pytest.raises(ManifestError):
        read_unproven(data)


def test_deep_nesting_is_refused_like_anything_else() -> None:
    with pytest.raises(ManifestError):
        read_manifest(b'{"format":1,"x":' + b"[" * 100_000 + b"\n{}\n", [KEYRING])


def test_another_instances_manifest_is_refused() -> None:
    with pytest.raises(ManifestForged):
        read_manifest(WRITTEN, [OTHER_KEYRING])
    with pytest.raises(ManifestForged):
        read_manifest(WRITTEN, [])


def test_a_manifest_from_before_a_key_rotation_is_still_believed() -> None:
    assert read_manifest(WRITTEN, [OTHER_KEYRING, KEYRING]) == MANIFEST


def test_a_newer_format_is_refused_with_what_to_do() -> None:
    with pytest.raises(UnknownFormat, match="format 2, this version reads format 1; restore it with a newer Growsoft"):
        read_manifest(resealed({"format": 2, "whatever": "is new"}), [KEYRING])


@pytest.mark.parametrize(
    "changes",
    [
        {"surprise": True},
        {"number": 0},
        {"number": "142"},
        {"created_at": "2026-03-04T05:06:07"},
        {"archive": {"name": "x", "bytes": -1, "sha256": "0" * 64}},
        {"archive": {"name": "x", "bytes": 1, "sha256": "no hash"}},
        {"database": {}},
    ],
)
def test_a_body_that_is_not_strictly_format_1_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ManifestError, match="cannot be used"):
        read_manifest(resealed(changes), [KEYRING])


def test_notes_leave_room_for_what_readers_may_ignore() -> None:
    read = read_manifest(resealed({"notes": {"audit_seal": "abc"}}), [KEYRING])
    assert read.notes == {"audit_seal": "abc"}
