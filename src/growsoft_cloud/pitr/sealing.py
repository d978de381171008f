"""Sealing: what an archive's object is made of. Its keys come along, wrapped, so that one site and the escrow suffice.

An object: `GSP1`, the cluster's key in the envelope of the instance key, the object's own key in the cluster's, and the
content, compressed and encrypted as one stream (see `backup.archive`), bound to the object's name.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import NAMESPACE_OID, UUID, uuid5

from growsoft.security.envelope import KeyUnusable, Purpose, WrappedKey
from growsoft.security.keyring import Keyring
from growsoft.security.streams import new_data_key
from growsoft_cloud.backup.archive import pack_bytes, unpack_bytes
from growsoft_cloud.backup.errors import ArchiveError

_MAGIC: Final = b"GSP1"
_WRAPPED: Final = 95
HEAD: Final = len(_MAGIC) + 2 * _WRAPPED


def cluster_uuid(system: str) -> UUID:
    """Return what stands for a cluster in its key's envelope, made of PostgreSQL's system identifier."""
    return uuid5(NAMESPACE_OID, f"growsoft.cluster.{system}")


@dataclass(frozen=True, slots=True)
class ArchiveKeys:
    """Seals and opens the archive of one cluster. `key` is the cluster's, wrapped by the instance key."""

    keyring: Keyring
    key: WrappedKey
    retired: Sequence[Keyring] = ()

    def seal(self, data: bytes, name: str, data_key: bytes | None = None) -> bytes:
        """Return an object of this name, under a key of its own unless one is given."""
        key = data_key or new_data_key()
        return self.head(key) + pack_bytes(data, key, bound(name))

    def head(self, data_key: bytes) -> bytes:
        """Return how an object begins whose content is encrypted under a key."""
        return _MAGIC + self.key.to_bytes() + self.keyring.wrap(data_key, self.key).to_bytes()

    def open(self, sealed: bytes, name: str) -> bytes:
        """Return what is in an object; raises `ArchiveError` unless it is whole and bears its own name."""
        return unpack_bytes(sealed[HEAD:], self.data_key(sealed[:HEAD]), bound(name))

    def data_key(self, head: bytes) -> bytes:
        """Open the key of an object by how it begins; raises `ArchiveError`."""
        if len(head) != HEAD or not head.startswith(_MAGIC):
            raise ArchiveError
        try:
            cluster = WrappedKey.from_bytes(head[len(_MAGIC) : len(_MAGIC) + _WRAPPED])
            wrapped = WrappedKey.from_bytes(head[len(_MAGIC) + _WRAPPED :])
        except KeyUnusable as error:
            raise ArchiveError from error
        if cluster.customer != self.key.customer or cluster.purpose is not Purpose.ARCHIVE:
            raise ArchiveError
        for keyring in (self.keyring, *self.retired):
            with suppress(KeyUnusable):
                return keyring.unwrap(wrapped, cluster)
        raise ArchiveError


def new_archive_key(keyring: Keyring, system: str) -> WrappedKey:
    """Make the key of a cluster's archive."""
    return keyring.new_customer_key(cluster_uuid(system), Purpose.ARCHIVE)


def bound(name: str) -> bytes:
    """Return what an object's content is bound to."""
    return f"growsoft.pitr.v1:{name}".encode()
