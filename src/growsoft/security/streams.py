"""Streams: large data encrypted piece by piece with AES-256, as Google Tink's AES256_GCM_HKDF_1MB.

A changed, moved or missing piece is refused, but only when reading comes to it: **what came before was already handed
out**. So verify the hash of the encrypted copy first, and read to the end before you believe anything.
"""

from __future__ import annotations

import contextlib
import io
import secrets
from importlib.resources import files
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self, cast

from growsoft.errors import GrowsoftError
from growsoft.security.decrypt_stream import decrypt
from growsoft.security.tink_primitive import TinkError, stream_cipher

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

DATA_KEY_BYTES = 32


class StreamRefused(GrowsoftError):
    """This encrypted stream was changed or cut short, or it belongs to another key or name; use another copy."""


def new_data_key() -> bytes:
    """Return 32 random bytes: the key of one stream, which is all that has to be kept (wrapped) of it."""
    return secrets.token_bytes(DATA_KEY_BYTES)


def encrypt_stream(data_key: bytes, destination: BinaryIO, associated_data: bytes) -> EncryptingStream:
    """Return a writable stream that encrypts into a file object, which stays open.

    Closing it writes the last segment. Left by an exception, aborted or merely forgotten it writes none: what lies in
    the destination is then refused by every reader, so half a backup never passes for a whole one.
    """
    sink = _Sink(destination)
    return EncryptingStream(sink, stream_cipher(data_key).new_encrypting_stream(_binary(sink), associated_data))


def decrypt_stream(data_key: bytes, source: BinaryIO, associated_data: bytes) -> io.BufferedReader:
    """Return a readable stream of the plaintext of a file object, which stays open.

    Raises `StreamRefused` where reading meets tampering, **after** earlier plaintext was handed out: only decrypt what
    had its hash verified, and read to the end. Errors of the source are raised as they are.
    """
    tap = _Tap(source)
    try:
        plain = stream_cipher(data_key).new_decrypting_stream(_binary(tap), associated_data)
    except TinkError as error:
        raise StreamRefused from error
    return io.BufferedReader(_Plaintext(tap, plain), 128 * 1024)


def portable_decrypt(data_key: bytes, source: BinaryIO, destination: BinaryIO, associated_data: bytes) -> None:
    """Decrypt with the script that goes into manual archives, which needs `cryptography` and no Tink.

    Both files are buffered ones. Raises `StreamRefused` after earlier plaintext was written, like `decrypt_stream`.
    """
    try:
        decrypt(data_key, source, destination, associated_data)
    except ValueError as error:
        raise StreamRefused(str(error)) from error


def portable_script() -> bytes:
    """Return that script, to be put into a manual archive as `decrypt_stream.py`."""
    return files("growsoft.security").joinpath("decrypt_stream.py").read_bytes()


class EncryptingStream(io.BufferedIOBase):
    """The writable side; see `encrypt_stream`."""

    def __init__(self, sink: _Sink, cipher: BinaryIO) -> None:
        self._sink = sink
        self._cipher = cipher

    def writable(self) -> bool:
        """Return true: that is what it is for."""
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        """Encrypt some bytes; an error of the destination is raised as it is and aborts the stream."""
        if self.closed:
            raise ValueError("This stream is closed.")
        try:
            return self._cipher.write(data)
        except TinkError as error:
            self.abort()
            raise self._sink.failure or error from None

    def flush(self) -> None:
        """Do nothing: a segment is sealed when it is full, and the last one at the end."""

    def close(self) -> None:
        """Write the last segment; without it no reader accepts the stream."""
        if self.closed:
            return
        try:
            self._cipher.close()
        except TinkError as error:
            raise self._sink.failure or error from None
        finally:
            super().close()

    def abort(self) -> None:
        """Give up: nothing more reaches the destination, and what is there stays unreadable."""
        self._sink.abandoned = True
        # An error that Tink repeats here was raised when it happened.
        with contextlib.suppress(TinkError):
            self._cipher.close()
        super().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def __del__(self) -> None:
        # Tink completes a stream that nobody closed; a lost one must not look complete.
        self._sink.abandoned = True


class _Sink(io.RawIOBase):
    """What Tink writes to: passes on, keeps the error that Tink would turn into text, and discards once abandoned."""

    def __init__(self, destination: BinaryIO) -> None:
        self._destination = destination
        self.failure: Exception | None = None
        self.abandoned = False

    def writable(self) -> bool:
        """Return true: that is what it is for."""
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        """Pass on, or swallow what an abandoned stream still has to say."""
        if self.abandoned:
            return len(memoryview(data))
        try:
            return self._destination.write(data)
        except Exception as error:
            self.failure = error
            raise


class _Tap(io.RawIOBase):
    """What Tink reads from: passes on, keeps the error that Tink would turn into text, and leaves the source open."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self.failure: Exception | None = None

    def readable(self) -> bool:
        """Return true: that is what it is for."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Pass on."""
        try:
            return self._source.read(size)
        except Exception as error:
            self.failure = error
            raise


class _Plaintext(io.RawIOBase):
    """What Tink decrypted, with errors that say what they mean; once refused, it stays refused."""

    def __init__(self, tap: _Tap, plain: BinaryIO) -> None:
        self._tap = tap
        self._plain = plain
        self._refusal: Exception | None = None

    def readable(self) -> bool:
        """Return true: that is what it is for."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read some of the plaintext."""
        if self._refusal is not None:
            raise self._refusal
        view = memoryview(buffer).cast("B")
        try:
            data = self._plain.read(len(view))
        except TinkError as error:
            self._refusal = self._tap.failure or StreamRefused()
            raise self._refusal from error
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Let go of the plaintext; the source stays open."""
        if not self.closed:
            self._plain.close()
        super().close()


def _binary(file: io.RawIOBase) -> BinaryIO:
    """Give a file object the type that Tink declares; it only calls what `io.RawIOBase` has."""
    return cast("BinaryIO", file)
