"""The envelope: keys that travel wrapped in another key, each bound to its purpose and its customer.

Instance key -> customer key (one for each purpose, random, kept wrapped) -> data key (one for each backup or file).
Whoever destroys the wrapped customer key has destroyed everything below it: that is crypto-shredding.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Self
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from growsoft.errors import GrowsoftError

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16

_FORMAT = 1
_TEXT_PREFIX = "gsk1_"
# format, level, purpose, key id, customer, fingerprint of the wrapping key
_HEADER = struct.Struct(">BBBQ16s8s")
_LENGTH = _HEADER.size + NONCE_BYTES + KEY_BYTES + TAG_BYTES


class KeyUnusable(GrowsoftError):
    """This key cannot be opened here: it is damaged, or was wrapped for another customer, purpose or instance."""


class Purpose(Enum):
    """What a customer's key is for; web workers hold the keys for files and never those for backups.

    The archive of a cluster, which holds all of its databases, has a key of its own.
    """

    FILES = 1
    BACKUPS = 2
    ARCHIVE = 3


class Level(IntEnum):
    """How deep in the envelope a wrapped key lies."""

    CUSTOMER = 1
    DATA = 2


@dataclass(frozen=True, slots=True)
class Label:
    """What a wrapped key says of itself in the open, and what its seal is bound to."""

    level: Level
    purpose: Purpose
    key_id: int
    customer: UUID
    wrapped_by: bytes

    def __post_init__(self) -> None:
        """Refuse an identifier that does not fit the form."""
        if not 1 <= self.key_id < 2**63:
            raise ValueError("A key id is a positive number below 2**63.")

    def to_bytes(self) -> bytes:
        """Return the fixed form, 35 bytes: no two labels share it."""
        return _HEADER.pack(_FORMAT, self.level, self.purpose.value, self.key_id, self.customer.bytes, self.wrapped_by)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read the fixed form; raises `ValueError` for a number that means nothing."""
        version, level, purpose, key_id, customer, wrapped_by = _HEADER.unpack(data)
        if version != _FORMAT:
            raise ValueError("unknown format")
        return cls(Level(level), Purpose(purpose), key_id, UUID(bytes=customer), wrapped_by)


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A key inside its envelope; it may lie in a table or a manifest, since only the key above it opens it."""

    label: Label
    nonce: bytes = field(repr=False)
    sealed: bytes = field(repr=False)

    @property
    def purpose(self) -> Purpose:
        """What the key is for."""
        return self.label.purpose

    @property
    def customer(self) -> UUID:
        """Whose key it is."""
        return self.label.customer

    @property
    def key_id(self) -> int:
        """The customer key's number; a data key carries the number of the customer key that wraps it."""
        return self.label.key_id

    def to_bytes(self) -> bytes:
        """Return the stored form, 95 bytes."""
        return self.label.to_bytes() + self.nonce + self.sealed

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read the stored form; raises `KeyUnusable` when it is none."""
        if len(data) != _LENGTH:
            raise KeyUnusable
        try:
            label = Label.from_bytes(data[: _HEADER.size])
        except ValueError:
            raise KeyUnusable from None
        body = data[_HEADER.size :]
        return cls(label, body[:NONCE_BYTES], body[NONCE_BYTES:])

    def to_text(self) -> str:
        """Return the stored form as text for manifests: `gsk1_` and URL-safe base 64."""
        return _TEXT_PREFIX + base64.urlsafe_b64encode(self.to_bytes()).decode("ascii").rstrip("=")

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read the text form; raises `KeyUnusable` when it is none."""
        if not text.startswith(_TEXT_PREFIX):
            raise KeyUnusable
        body = text.removeprefix(_TEXT_PREFIX)
        try:
            return cls.from_bytes(base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True))
        except (binascii.Error, ValueError):
            raise KeyUnusable from None


def keys_from_text(text: str) -> tuple[WrappedKey, ...]:
    """Read wrapped keys, one on each line; raises `KeyUnusable` when one is none."""
    return tuple(WrappedKey.from_text(line) for line in text.split())


def keys_to_text(keys: Iterable[WrappedKey]) -> str:
    """Write wrapped keys, one on each line."""
    return "\n".join(key.to_text() for key in keys)


@dataclass(frozen=True, slots=True)
class CustomerKey:
    """A customer's opened key: wraps and unwraps data keys, and shows itself to nobody."""

    purpose: Purpose
    customer: UUID
    key_id: int
    material: bytes = field(repr=False)

    def wrap(self, data_key: bytes) -> WrappedKey:
        """Return a data key in the envelope of this customer, purpose and key id."""
        return wrap_key(self.material, self._label(), data_key)

    def unwrap(self, wrapped: WrappedKey) -> bytes:
        """Return the data key; raises `KeyUnusable` when it was wrapped by another key or for another end."""
        if wrapped.label != self._label():
            raise KeyUnusable
        return unwrap_key(self.material, wrapped)

    def _label(self) -> Label:
        """Return the label that this key's data keys carry."""
        return Label(Level.DATA, self.purpose, self.key_id, self.customer, fingerprint(self.material))


def wrap_key(wrapping_key: bytes, label: Label, key: bytes) -> WrappedKey:
    """Seal a key of 32 bytes under another one, bound to its label."""
    if len(key) != KEY_BYTES:
        raise ValueError(f"A key has {KEY_BYTES} bytes, not {len(key)}.")
    # Random nonces of 96 bits are safe for 2**32 keys under one wrapping key (NIST SP 800-38D, 8.3).
    nonce = secrets.token_bytes(NONCE_BYTES)
    return WrappedKey(label, nonce, seal(wrapping_key, nonce, key, label.to_bytes()))


def unwrap_key(wrapping_key: bytes, wrapped: WrappedKey) -> bytes:
    """Open what `wrap_key` sealed; raises `KeyUnusable` when anything was changed."""
    return unseal(wrapping_key, wrapped.nonce, wrapped.sealed, wrapped.label.to_bytes())


def seal(key: bytes, nonce: bytes, text: bytes, associated_data: bytes) -> bytes:
    """Encrypt with AES-256-GCM (NIST SP 800-38D); the tag is the last 16 bytes."""
    return AESGCM(_key_of_256_bits(key)).encrypt(nonce, text, associated_data)


def unseal(key: bytes, nonce: bytes, sealed: bytes, associated_data: bytes) -> bytes:
    """Decrypt what `seal` made; raises `KeyUnusable` when anything was changed."""
    try:
        return AESGCM(_key_of_256_bits(key)).decrypt(nonce, sealed, associated_data)
    except InvalidTag:
        raise KeyUnusable from None


def hkdf(secret: bytes, info: bytes, *, salt: bytes = b"", length: int = KEY_BYTES) -> bytes:
    """Derive a key from a secret that is already random, by HKDF-SHA256 (RFC 5869)."""
    return HKDF(SHA256(), length, salt, info).derive(secret)


def derived(secret: bytes, label: str, *parts: bytes) -> bytes:
    """Derive a key of 256 bits for one label and its parts; length prefixes keep any two of them apart."""
    fields = (b"growsoft.v1", label.encode(), *parts)
    return hkdf(secret, b"".join(len(part).to_bytes(4, "big") + part for part in fields))


def fingerprint(key: bytes) -> bytes:
    """Return 8 bytes that tell keys apart and say nothing about them."""
    return derived(key, "fingerprint")[:8]


def _key_of_256_bits(key: bytes) -> bytes:
    """Refuse AES with a shorter key: the library would take it without a word."""
    if len(key) != KEY_BYTES:
        raise ValueError(f"A key has {KEY_BYTES} bytes, not {len(key)}.")
    return key
