"""Files of customers in storage: each encrypted under a key of its own, and named so that its name tells nothing.

A file's address is a keyed hash of its content. The same content of one customer is kept once; of two customers it has
two addresses, and nobody without the key can tell what an address stands for, or make one up for content he knows.

Format 1: ``GSF1``, the data key wrapped by the customer's key for files (95 bytes), a nonce (12) and the sealed address
and size (56), then the content as a stream (AES256_GCM_HKDF_1MB, see ``streams``).
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Generator, Sequence
from typing import BinaryIO, Final

from growsoft.errors import GrowsoftError
from growsoft.security.envelope import (
    NONCE_BYTES,
    CustomerKey,
    KeyUnusable,
    Purpose,
    WrappedKey,
    derived,
    seal,
    unseal,
)
from growsoft.security.seeking import decrypt_part
from growsoft.security.streams import decrypt_stream, encrypt_stream, new_data_key

_MAGIC: Final = b"GSF1"
_WRAPPED: Final = 95
_ADDRESS: Final = 32
_SEALED: Final = struct.Struct(f">{_ADDRESS}sQ")
_HEADER: Final = len(_MAGIC) + _WRAPPED + NONCE_BYTES + _SEALED.size + 16
_STREAM: Final = b"growsoft.file.v1"
_PIECE: Final = 256 * 1024  # bytes


class BlobDamaged(GrowsoftError):
    """A stored file is damaged, or is another one than its name says; restore it from a backup."""


class BlobKeyUnknown(BlobDamaged):
    """A stored file was encrypted under a key that is not here; restore the database that it belongs to."""


class FileKeys:
    """A customer's keys for files: the newest encrypts, each opens what it encrypted, the first one names all files."""

    def __init__(self, keys: Sequence[CustomerKey]) -> None:
        """Take all of them, in any order; at least one."""
        if not keys or any(key.purpose is not Purpose.FILES for key in keys):
            raise KeyUnusable("Files need a key for files.")
        self._by_id = {key.key_id: key for key in keys}
        self._newest = self._by_id[max(self._by_id)]
        self._names = derived(self._by_id[min(self._by_id)].material, "file-addresses")

    def address(self, digest: bytes) -> bytes:
        """Give the address of content with this SHA-256."""
        return derived(self._names, "file", digest)

    def wrap(self, data_key: bytes) -> WrappedKey:
        """Wrap the key of a new file."""
        return self._newest.wrap(data_key)

    def unwrap(self, wrapped: WrappedKey) -> bytes:
        """Give the key of a file; raises ``KeyUnusable``."""
        key = self._by_id.get(wrapped.key_id)
        if key is None:
            raise BlobKeyUnknown
        return key.unwrap(wrapped)

    def __repr__(self) -> str:
        """Show how many there are, and nothing of them."""
        return f"<FileKeys {len(self._by_id)}>"


def write_blob(keys: FileKeys, source: BinaryIO, destination: BinaryIO, limit: int) -> tuple[str, int]:
    """Encrypt content into an empty seekable file, in bounded memory; give its address (64 digits) and size in bytes.

    Raises ``ValueError`` beyond ``limit`` bytes. The destination is no file of the format before this returns.
    """
    data_key = new_data_key()
    destination.write(bytes(_HEADER))
    digest, size = hashlib.sha256(), 0
    with encrypt_stream(data_key, destination, _STREAM) as cipher:
        while piece := source.read(_PIECE):
            size += len(piece)
            if size > limit:
                raise ValueError(f"the content has more than {limit:,} bytes")
            digest.update(piece)
            cipher.write(piece)
    address = keys.address(digest.digest())
    nonce = os.urandom(NONCE_BYTES)
    sealed = seal(data_key, nonce, _SEALED.pack(address, size), _MAGIC)
    destination.seek(0)
    destination.write(_MAGIC + keys.wrap(data_key).to_bytes() + nonce + sealed)
    return address.hex(), size


def read_blob(keys: FileKeys, address: str, size: int, source: BinaryIO) -> BinaryIO:
    """Give the content of a stored file as a stream. Raises ``BlobDamaged`` when it is not what its address says.

    Damage further on is raised as ``StreamRefused`` while reading, like all streams do.
    """
    return decrypt_stream(_data_key(keys, address, size, source), source, _STREAM)


def read_blob_part(keys: FileKeys, address: str, size: int, source: BinaryIO, part: range) -> Generator[bytes]:
    """Give a part of the content, ``part`` in bytes, without decrypting what is before it. Raises as ``read_blob``."""
    return decrypt_part(_data_key(keys, address, size, source), source, _STREAM, part)


def _data_key(keys: FileKeys, address: str, size: int, source: BinaryIO) -> bytes:
    """Read the head of a stored file, which says what it is."""
    header = source.read(_HEADER)
    body = header[len(_MAGIC) :]
    if len(header) < _HEADER or not header.startswith(_MAGIC):
        raise BlobDamaged
    try:
        data_key = keys.unwrap(WrappedKey.from_bytes(body[:_WRAPPED]))
        nonce, sealed = body[_WRAPPED : _WRAPPED + NONCE_BYTES], body[_WRAPPED + NONCE_BYTES :]
        found, length = _SEALED.unpack(unseal(data_key, nonce, sealed, _MAGIC))
    except KeyUnusable as error:
        raise BlobDamaged from error
    if (found.hex(), length) != (address, size):
        raise BlobDamaged
    return data_key
