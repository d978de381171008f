"""Spools: what was written is read back, and the file on the disk tells nobody anything."""

from __future__ import annotations

from contextlib import suppress

import pytest

from growsoft.security.spool import PART, Spool
from growsoft.security.streams import StreamRefused


def test_what_was_written_is_read_back_in_parts() -> None:
    spool = Spool()
    with spool.writing() as stream:
        for number in range(1000):
            stream.write(b"%08d" % number * 200)
    parts = list(spool.parts())
    assert spool.size == sum(map(len, parts)) == 1_600_000
    assert max(map(len, parts)) == PART
    assert b"".join(parts).endswith(b"00000999")


def test_en4_the_disk_holds_nothing_of_what_was_written() -> None:
    spool = Spool()
    with spool.writing() as stream:
        stream.write(b"a very secret line\n" * 100)
    spool._file.seek(0)  # pyright: ignore[reportPrivateUsage]  as somebody with the disk
    raw = spool._file.read()  # pyright: ignore[reportPrivateUsage]  as above
    assert len(raw) > 1900
    assert b"secret" not in raw
    assert list(spool.parts()) == [b"a very secret line\n" * 100]


def test_what_broke_off_is_not_read() -> None:
    spool = Spool()
    with suppress(ZeroDivisionError), spool.writing() as stream:
        stream.write(b"half")
        raise ZeroDivisionError
    with pytest.raises(StreamRefused):
        list(spool.parts())
