"""Spools: what one process writes and reads back once, on a disk where nobody else could read it meanwhile."""

from __future__ import annotations

import io
from collections.abc import Generator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import IO, Final, cast

from growsoft.security.streams import decrypt_stream, encrypt_stream, new_data_key

PART: Final = 256 * 1024  # bytes
_WHOSE: Final = b"growsoft spool 1"


class Spool:
    """A nameless temporary file, encrypted under a key that is in this object alone."""

    def __init__(self) -> None:
        """Make the file."""
        self._file = TemporaryFile()  # noqa: SIM115  it is closed by whoever reads it, or with this
        self._key = new_data_key()
        self.size = 0

    @contextmanager
    def writing(self) -> Generator[IO[bytes]]:
        """Give the stream to write into, once; afterwards ``size`` says how many bytes there are."""
        with encrypt_stream(self._key, self._file, _WHOSE) as stream:
            yield cast("IO[bytes]", _Counting(self, stream))

    def parts(self) -> Generator[bytes]:
        """Give all that was written, once; the file is gone afterwards."""
        with self._file:
            self._file.seek(0)
            with decrypt_stream(self._key, self._file, _WHOSE) as plain:
                while part := plain.read(PART):
                    yield part

    def close(self) -> None:
        """Let go of what nobody will read."""
        self._file.close()


class _Counting(io.BufferedIOBase):
    """Passes bytes on and counts them."""

    def __init__(self, spool: Spool, stream: io.BufferedIOBase) -> None:
        self._spool = spool
        self._stream = stream

    def writable(self) -> bool:
        return True

    def write(self, data: bytes | bytearray | memoryview, /) -> int:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]  what writers give
        count = self._stream.write(data)
        self._spool.size += count
        return count
