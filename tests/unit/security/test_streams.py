"""Streams: what goes in comes out, by Tink and by the portable script alike; anything else is refused."""

from __future__ import annotations

import gc
import io
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from growsoft.security.streams import (
    StreamRefused,
    decrypt_stream,
    encrypt_stream,
    new_data_key,
    portable_decrypt,
    portable_script,
)

KEY = bytes(range(32))
NAME = b"backup 7, database 42"
SEGMENT = 1024 * 1024
FIRST = SEGMENT - 40 - 16  # plaintext in the first segment: less the header and a tag
NEXT = SEGMENT - 16

Decrypt = Callable[[bytes, bytes, bytes], bytes]


def encrypted(plaintext: bytes, key: bytes = KEY, name: bytes = NAME, *, chunk: int = 100_000) -> bytes:
    destination = io.BytesIO()
    with encrypt_stream(key, destination, name) as stream:
        for start in range(0, len(plaintext), chunk):
            stream.write(plaintext[start : start + chunk])
    return destination.getvalue()


def by_tink(data: bytes, key: bytes = KEY, name: bytes = NAME) -> bytes:
    return decrypt_stream(key, io.BytesIO(data), name).read()


def by_script(data: bytes, key: bytes = KEY, name: bytes = NAME) -> bytes:
    destination = io.BytesIO()
    portable_decrypt(key, io.BytesIO(data), destination, name)
    return destination.getvalue()


both = pytest.mark.parametrize("decrypt", [by_tink, by_script])

borders = st.sampled_from([0, FIRST, FIRST + NEXT, FIRST + 2 * NEXT])
around_borders = borders.flatmap(lambda border: st.integers(max(0, border - 50), border + 50))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.data_too_large])
@given(around_borders, st.binary(max_size=40), st.sampled_from([1 << 12, 100_000, SEGMENT, 1 << 22]))
@example(0, b"", SEGMENT)
@example(FIRST, b"", SEGMENT)
@example(FIRST + NEXT, b"x", SEGMENT)
def test_what_goes_in_comes_out_by_both_readers(size: int, name: bytes, chunk: int) -> None:
    plaintext = random.Random(size).randbytes(size)  # noqa: S311 - test data
    data = encrypted(plaintext, name=name, chunk=chunk)
    assert by_tink(data, name=name) == plaintext
    assert by_script(data, name=name) == plaintext
    segments = 1 if size <= FIRST else 1 + -(-(size - FIRST) // NEXT)
    assert len(data) == size + 40 + 16 * segments


def test_the_format_is_the_published_one() -> None:
    """Encrypt by the letter of Tink's specification with another library: Tink must read it."""
    salt, prefix, plaintext = os.urandom(32), os.urandom(7), os.urandom(FIRST + 100)
    cipher = AESGCM(HKDF(SHA256(), 32, salt, NAME).derive(KEY))
    first = cipher.encrypt(prefix + bytes(4) + b"\0", plaintext[:FIRST], None)
    last = cipher.encrypt(prefix + b"\0\0\0\1" + b"\1", plaintext[FIRST:], None)
    assert by_tink(bytes([40]) + salt + prefix + first + last) == plaintext


def test_two_streams_of_one_text_have_nothing_in_common() -> None:
    one, other = encrypted(b"marker" * 1000), encrypted(b"marker" * 1000)
    assert one[1:40] != other[1:40]
    assert one[40:56] != other[40:56]
    assert b"marker" not in one


def test_a_key_has_256_bits() -> None:
    assert len(new_data_key()) == 32
    assert new_data_key() != new_data_key()
    for length in (0, 16, 24, 31, 33):
        with pytest.raises(ValueError, match="32 bytes"):
            encrypt_stream(b"k" * length, io.BytesIO(), NAME)
        with pytest.raises(ValueError, match="32 bytes"):
            decrypt_stream(b"k" * length, io.BytesIO(), NAME)
        with pytest.raises(StreamRefused):
            portable_decrypt(b"k" * length, io.BytesIO(encrypted(b"x")), io.BytesIO(), NAME)


PLAINTEXT = random.Random(1).randbytes(FIRST + 2 * NEXT + 1000)  # noqa: S311 - test data
GOOD = encrypted(PLAINTEXT)
SEGMENTS = [GOOD[:SEGMENT], GOOD[SEGMENT : 2 * SEGMENT], GOOD[2 * SEGMENT : 3 * SEGMENT], GOOD[3 * SEGMENT :]]


@both
@settings(max_examples=40, deadline=None)
@given(position=st.integers(0, len(GOOD) - 1), bit=st.integers(0, 7))
@example(position=0, bit=0)
@example(position=39, bit=7)
@example(position=len(GOOD) - 1, bit=0)
def test_one_changed_bit_is_refused(decrypt: Decrypt, position: int, bit: int) -> None:
    changed = bytearray(GOOD)
    changed[position] ^= 1 << bit
    with pytest.raises(StreamRefused):
        decrypt(bytes(changed), KEY, NAME)


@both
@settings(max_examples=40, deadline=None)
@given(length=st.integers(0, len(GOOD) - 1))
@example(length=0)
@example(length=40)
@example(length=SEGMENT)
@example(length=2 * SEGMENT)
@example(length=3 * SEGMENT)
def test_a_stream_cut_anywhere_is_refused(decrypt: Decrypt, length: int) -> None:
    with pytest.raises(StreamRefused):
        decrypt(GOOD[:length], KEY, NAME)


@both
@pytest.mark.parametrize("order", [(0, 2, 1, 3), (0, 1, 1, 2, 3), (0, 1, 3), (1, 0, 2, 3), (0, 3)])
def test_segments_in_another_order_are_refused(decrypt: Decrypt, order: tuple[int, ...]) -> None:
    with pytest.raises(StreamRefused):
        decrypt(b"".join(SEGMENTS[number] for number in order), KEY, NAME)


@both
def test_the_wrong_key_the_wrong_name_and_another_stream_are_refused(decrypt: Decrypt) -> None:
    for data, key, name in [
        (GOOD, new_data_key(), NAME),
        (GOOD, KEY, b"backup 8, database 42"),
        (GOOD, KEY, b""),
        (GOOD + b"more", KEY, NAME),
        (SEGMENTS[0] + encrypted(PLAINTEXT)[SEGMENT:], KEY, NAME),
        (os.urandom(5000), KEY, NAME),
    ]:
        with pytest.raises(StreamRefused):
            decrypt(data, key, name)


def test_earlier_plaintext_is_out_before_tampering_is_noticed_so_hashes_come_first() -> None:
    stream = decrypt_stream(KEY, io.BytesIO(GOOD[:-1] + bytes([GOOD[-1] ^ 1])), NAME)
    assert stream.read(FIRST) == PLAINTEXT[:FIRST]
    for _ in range(3):
        with pytest.raises(StreamRefused):
            stream.read()


def test_a_stream_left_by_an_error_is_refused() -> None:
    destination = io.BytesIO()
    with pytest.raises(RuntimeError, match="dump failed"):
        _dump_that_fails(destination)
    with pytest.raises(StreamRefused):
        by_tink(destination.getvalue())
    with pytest.raises(StreamRefused):
        by_script(destination.getvalue())


def test_a_forgotten_stream_is_refused() -> None:
    destination = io.BytesIO()
    stream = encrypt_stream(KEY, destination, NAME)
    stream.write(b"some of it")
    del stream
    gc.collect()
    with pytest.raises(StreamRefused):
        by_tink(destination.getvalue())


def test_closing_completes_once_and_leaves_the_file_open() -> None:
    destination = io.BytesIO()
    stream = encrypt_stream(KEY, destination, NAME)
    stream.write(b"all of it")
    stream.close()
    stream.close()
    stream.abort()
    assert not destination.closed
    assert by_tink(destination.getvalue()) == b"all of it"
    with pytest.raises(ValueError, match="closed"):
        stream.write(b"more")
    source = io.BytesIO(destination.getvalue())
    with decrypt_stream(KEY, source, NAME) as plain:
        assert plain.read(3) == b"all"
    assert not source.closed


def test_a_full_disk_is_reported_as_such_and_completes_nothing() -> None:
    with Path("/dev/full").open("wb", buffering=0) as full:
        stream = encrypt_stream(KEY, _as_binary(full), NAME)
        with pytest.raises(OSError, match="No space left"):
            stream.write(PLAINTEXT)
        assert stream.closed
        last = encrypt_stream(KEY, _as_binary(full), NAME)
        last.write(b"fits the buffer")
        with pytest.raises(OSError, match="No space left"):
            last.close()


def test_a_source_that_fails_is_not_called_tampered() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > SEGMENT:
                raise OSError(5, "Input/output error")
            return super().read(size)

    with pytest.raises(OSError, match="Input/output"):
        decrypt_stream(KEY, Broken(GOOD), NAME).read()


def test_the_script_works_alone(tmp_path: Path) -> None:
    script, key, data, out = (tmp_path / name for name in ("decrypt_stream.py", "data.key", "data.enc", "data"))
    script.write_bytes(portable_script())
    key.write_text(KEY.hex() + "\n")
    data.write_bytes(GOOD)
    command = [sys.executable, "-I", str(script), str(key), str(data), str(out), NAME.decode()]
    subprocess.run(command, check=True)
    assert out.read_bytes() == PLAINTEXT
    out.unlink()
    data.write_bytes(GOOD[:-1])
    failed = subprocess.run(command, check=False, capture_output=True, text=True)
    assert failed.returncode == 1
    assert "changed or cut short" in failed.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data.enc", "data.key", "decrypt_stream.py"]
    usage = subprocess.run(command[:3], check=False, capture_output=True, text=True)
    assert usage.returncode == 2
    assert "KEYFILE ENCRYPTED DECRYPTED" in usage.stderr


def _dump_that_fails(destination: BinaryIO) -> None:
    with encrypt_stream(KEY, destination, NAME) as stream:
        stream.write(PLAINTEXT[: FIRST + NEXT + 5])
        raise RuntimeError("dump failed")


def _as_binary(file: io.FileIO) -> BinaryIO:
    return io.BufferedWriter(file, 1)
