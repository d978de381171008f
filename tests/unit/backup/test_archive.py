"""An archive gives back what went in, or says that it cannot."""

import io
import os
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growsoft.security.streams import encrypt_stream, new_data_key
from growsoft_cloud.backup.archive import CHUNK, Packed, pack, pack_bytes, unpack, unpack_bytes
from growsoft_cloud.backup.errors import ArchiveError

KEY = new_data_key()
DATA = b"-- dump of a customer's database --" * 100_000

# "abc" as one raw block of one frame (RFC 8878, section 3.1.1), so that these tests trust no library of ours.
ZSTD_FRAME = bytes.fromhex("28b52ffd 20 03 190000") + b"abc"


def packed(data: bytes, associated_data: bytes = b"backup") -> tuple[Packed, bytes]:
    archive = io.BytesIO()
    return pack(io.BytesIO(data), archive, KEY, associated_data), archive.getvalue()


# What a dump looks like to an archive: stretches that repeat and stretches that do not, of any length.
dumps = st.lists(st.tuples(st.binary(max_size=200), st.integers(1, 20_000)), max_size=8).map(
    lambda parts: b"".join(part * times for part, times in parts)
)


@given(dumps)
def test_any_bytes_come_back(data: bytes) -> None:
    facts, archive = packed(data)
    back = io.BytesIO()
    assert unpack(io.BytesIO(archive), back, KEY, b"backup") == facts
    assert back.getvalue() == data
    assert (facts.plain.bytes, facts.stored.bytes) == (len(data), len(archive))


@given(dumps, st.data())
def test_bk2_any_changed_byte_is_noticed(data: bytes, draw: st.DataObject) -> None:
    _facts, archive = packed(data)
    changed = bytearray(archive)
    changed[draw.draw(st.integers(0, len(archive) - 1))] ^= draw.draw(st.integers(1, 255))
    with pytest.raises(ArchiveError):
        unpack_bytes(bytes(changed), KEY, b"backup")


@given(dumps, st.data())
def test_bk2_any_missing_end_is_noticed(data: bytes, draw: st.DataObject) -> None:
    _facts, archive = packed(data)
    with pytest.raises(ArchiveError):
        unpack_bytes(archive[: draw.draw(st.integers(0, len(archive) - 1))], KEY, b"backup")


@pytest.mark.parametrize("cut", [CHUNK - 40, CHUNK, 2 * CHUNK, 3 * CHUNK])
def test_bk2_an_end_missing_at_a_segments_border_is_noticed(cut: int) -> None:
    """Every segment that is left is genuine, only the last one is not there."""
    archive = pack_bytes(os.urandom(4 * CHUNK), KEY, b"")
    assert len(archive) > 4 * CHUNK
    with pytest.raises(ArchiveError):
        unpack_bytes(archive[:cut], KEY, b"")


def test_bk2_bytes_added_at_the_end_are_noticed() -> None:
    _facts, archive = packed(DATA)
    for tail in (b"\0", archive):
        with pytest.raises(ArchiveError):
            unpack_bytes(archive + tail, KEY, b"backup")


UNFIT: list[Callable[[bytes], bytes]] = [
    lambda frame: frame[:-1],
    lambda frame: frame + b"tail",
    lambda frame: frame * 2,
]


def test_any_zstd_frame_is_read() -> None:
    archive = io.BytesIO()
    with encrypt_stream(KEY, archive, b"") as encrypted:
        encrypted.write(ZSTD_FRAME)
    assert unpack_bytes(archive.getvalue(), KEY, b"") == b"abc"


@pytest.mark.parametrize("damage", UNFIT)
def test_a_genuine_stream_must_hold_one_whole_compressed_frame(damage: Callable[[bytes], bytes]) -> None:
    """What a writer of ours that was wrong would leave: rightly encrypted, and not what was to be stored."""
    archive = io.BytesIO()
    with encrypt_stream(KEY, archive, b"") as encrypted:
        encrypted.write(damage(ZSTD_FRAME))
    with pytest.raises(ArchiveError):
        unpack_bytes(archive.getvalue(), KEY, b"")


def test_en4_an_archive_belongs_to_one_backup_and_one_key() -> None:
    _facts, archive = packed(DATA, b"one")
    with pytest.raises(ArchiveError):
        unpack_bytes(archive, KEY, b"another")
    with pytest.raises(ArchiveError):
        unpack_bytes(archive, new_data_key(), b"one")


def test_en4_nothing_readable_is_in_an_archive() -> None:
    marker = b"Zanzibar-marker"
    archive = pack_bytes(marker, KEY, b"")
    assert marker not in archive
    assert unpack_bytes(archive, KEY, b"") == marker


def test_the_same_dump_never_makes_the_same_archive() -> None:
    assert packed(DATA)[1] != packed(DATA)[1]


def test_a_large_dump_needs_little_memory() -> None:
    class Long(io.BytesIO):
        left = 200 * CHUNK

        def read(self, size: int | None = -1, /) -> bytes:
            taken = min(size or 0, self.left)
            self.left -= taken
            return b"x" * taken

    class Nowhere:
        def write(self, data: bytes, /) -> int:
            return len(data)

    archive = io.BytesIO()
    tracemalloc.start()
    try:
        facts = pack(Long(), archive, KEY, b"")
        assert unpack(io.BytesIO(archive.getvalue()), Nowhere(), KEY, b"") == facts
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert facts.plain.bytes == 200 * CHUNK
    assert peak < 20 * CHUNK


def test_an_error_of_the_destination_is_told_as_it_is() -> None:
    class Full(io.BytesIO):
        def write(self, data: object, /) -> int:
            raise OSError(28, f"No space left on device for {type(data).__name__}")

    with pytest.raises(OSError, match="No space left"):
        pack(io.BytesIO(DATA), Full(), KEY, b"")


def test_progress_counts_every_plain_byte_once() -> None:
    heard: list[int] = []
    archive = io.BytesIO()
    pack(io.BytesIO(DATA), archive, KEY, b"", heard.append)
    assert sum(heard) == len(DATA)
