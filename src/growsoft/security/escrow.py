"""Escrow: a customer's own copy of his backup keys, locked by his passphrase or to his public key.

The form is JSON that `open_escrow.py` opens with nothing but Python and `cryptography`: the keys under AES-256-GCM, and
the key of that from scrypt (RFC 7914) or under RSA-OAEP with SHA-256 (RFC 8017).
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from growsoft.errors import ValidationError
from growsoft.security.envelope import KEY_BYTES, NONCE_BYTES, CustomerKey, seal

FORMAT: Final = 1
# 128 MiB and about half a second for each guess (OWASP's first choice for scrypt).
_COST: Final = 2**17
_BLOCKS: Final = 8
SHORTEST_PASSPHRASE: Final = 12
SMALLEST_KEY: Final = 2048


class EscrowRefused(ValidationError):
    """These keys cannot be locked like that."""


def locked_by_passphrase(keys: Sequence[CustomerKey], passphrase: str) -> bytes:
    """Return the escrow of one customer's keys, which his passphrase opens."""
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise EscrowRefused(f"Whoever has the file can guess for years: take {SHORTEST_PASSPHRASE} characters or more.")
    salt = secrets.token_bytes(16)
    key = Scrypt(salt, KEY_BYTES, n=_COST, r=_BLOCKS, p=1).derive(passphrase.encode())
    return _sealed(keys, key, {"scheme": "scrypt", "salt": _text(salt), "n": _COST, "r": _BLOCKS, "p": 1})


def locked_to_key(keys: Sequence[CustomerKey], public_key: bytes) -> bytes:
    """Return the escrow of one customer's keys, which the private key of an RSA key in PEM form opens."""
    try:
        holder = load_pem_public_key(public_key)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise EscrowRefused("This is no public key in PEM form; see: openssl pkey -in KEY -pubout") from error
    if not isinstance(holder, RSAPublicKey) or holder.key_size < SMALLEST_KEY:
        raise EscrowRefused(f"Give the public part of an RSA key of at least {SMALLEST_KEY} bits.")
    key = secrets.token_bytes(KEY_BYTES)
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    return _sealed(keys, key, {"scheme": "rsa-oaep-sha256", "key": _text(holder.encrypt(key, oaep))})


def bound_to(customer: UUID) -> bytes:
    """Return what the seal of an escrow is bound to."""
    return f"growsoft-escrow-{FORMAT}/{customer}".encode()


def _sealed(keys: Sequence[CustomerKey], key: bytes, lock: dict[str, object]) -> bytes:
    (customer,) = {one.customer for one in keys}
    nonce = secrets.token_bytes(NONCE_BYTES)
    plain = msgspec.json.encode({str(one.key_id): one.material.hex() for one in keys})
    told = {
        "kind": "growsoft-backup-keys",
        "format": FORMAT,
        "database": str(customer),
        "lock": lock,
        "nonce": _text(nonce),
        "sealed": _text(seal(key, nonce, plain, bound_to(customer))),
    }
    return msgspec.json.format(msgspec.json.encode(told), indent=1) + b"\n"


def _text(data: bytes) -> str:
    return b64encode(data).decode("ascii")
