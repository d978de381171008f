"""Seeking: any part of an encrypted stream is what decrypting all of it gives, and no changed one is given out."""

from __future__ import annotations

import io
import os

import pytest

from growsoft.security.decrypt_stream import HEADER, SEGMENT
from growsoft.security.seeking import decrypt_part
from growsoft.security.streams import StreamRefused, encrypt_stream, new_data_key

KEY = new_data_key()
FIRST = SEGMENT - HEADER - 16
SIZES = (0, 1, FIRST - 1, FIRST, FIRST + 1, FIRST + SEGMENT - 16, 2 * SEGMENT + 77)


def sealed(plain: bytes) -> bytes:
    out = io.BytesIO(b"before")
    out.seek(6)
    with encrypt_stream(KEY, out, b"about") as stream:
        stream.write(plain)
    return out.getvalue()


def part(data: bytes, wanted: range) -> bytes:
    source = io.BytesIO(data)
    source.seek(6)
    return b"".join(decrypt_part(KEY, source, b"about", wanted))


@pytest.mark.parametrize("size", SIZES)
def test_parts_are_the_same_bytes_at_every_edge(size: int) -> None:
    plain = os.urandom(size)
    data = sealed(plain)
    edges = sorted({edge for edge in (0, 1, FIRST - 1, FIRST, FIRST + 1, FIRST + SEGMENT - 16, size) if edge <= size})
    for begin in edges:
        for end in (edge for edge in edges if edge >= begin):
            assert part(data, range(begin, end)) == plain[begin:end]


def test_what_was_changed_moved_or_cut_is_refused_where_it_is_read() -> None:
    plain = os.urandom(2 * SEGMENT + 77)
    data = sealed(plain)
    changed = bytearray(data)
    changed[6 + SEGMENT + 10] ^= 1
    assert part(bytes(changed), range(10)) == plain[:10]  # another segment
    second = data[6 + SEGMENT : 6 + 2 * SEGMENT]
    for bad in (bytes(changed), data[: 6 + 2 * SEGMENT], data[: 6 + SEGMENT] + second + second):
        with pytest.raises(StreamRefused):
            part(bad, range(SEGMENT + 5, 2 * SEGMENT + 70))
    with pytest.raises(StreamRefused):
        part(data, range(len(plain) - 5, len(plain) + 5))
