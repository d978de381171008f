"""Find the key of one Growsoft archive in an escrow, with nothing but Python and its package `cryptography`.

    python3 open_escrow.py ESCROW MANIFEST KEYFILE [PRIVATE-KEY.pem]

ESCROW is what `growsoft backup escrow` wrote, MANIFEST the archive's manifest as it lies at a backup site. KEYFILE is
written for decrypt_stream.py. The passphrase is asked for, or read from standard input; for an escrow that was locked
to a public key, name the file of the private one.
"""

from __future__ import annotations

import base64
import getpass
import hashlib
import json
import os
import sys
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_pem_private_key

HEADER = 35
NONCE = 12


def customer_keys(escrow: bytes, passphrase: str = "", private_key: bytes = b"") -> dict[int, bytes]:
    """Open an escrow: the customer's keys by their numbers. Raises `ValueError`."""
    told = json.loads(escrow)
    lock = told["lock"]
    if lock["scheme"] == "scrypt":
        salt = base64.b64decode(lock["salt"])
        cost, blocks, lanes = int(lock["n"]), int(lock["r"]), int(lock["p"])
        memory = 256 * cost * blocks
        key = hashlib.scrypt(passphrase.encode(), salt=salt, n=cost, r=blocks, p=lanes, maxmem=memory, dklen=32)
    else:
        holder = load_pem_private_key(private_key, None)
        if not isinstance(holder, RSAPrivateKey):
            raise ValueError("The private key must be of the kind RSA.")
        oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
        key = holder.decrypt(base64.b64decode(lock["key"]), oaep)
    bound = f"growsoft-escrow-{told['format']}/{told['database']}".encode()
    try:
        plain = AESGCM(key).decrypt(base64.b64decode(told["nonce"]), base64.b64decode(told["sealed"]), bound)
    except InvalidTag:
        raise ValueError("The passphrase does not fit, or the escrow was changed.") from None
    return {int(number): bytes.fromhex(text) for number, text in json.loads(plain).items()}


def data_key(manifest: bytes, keys: dict[int, bytes]) -> bytes:
    """Unwrap the key of the archive that a manifest describes. Raises `ValueError`."""
    wrapped = json.loads(manifest.split(b"\n")[0])["keys"]
    number = int(wrapped["customer_key_id"])
    if number not in keys:
        raise ValueError(f"The escrow has no key {number}; it was made before that key.")
    text = wrapped["data_key"].removeprefix("gsk1_")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    label, nonce, sealed = data[:HEADER], data[HEADER : HEADER + NONCE], data[HEADER + NONCE :]
    try:
        return AESGCM(keys[number]).decrypt(nonce, sealed, label)
    except InvalidTag:
        raise ValueError("This archive is another customer's, or its manifest was changed.") from None


def main(arguments: list[str]) -> int:
    """Run from the command line."""
    if len(arguments) not in {3, 4}:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    escrow, manifest = Path(arguments[0]).read_bytes(), Path(arguments[1]).read_bytes()
    private_key = Path(arguments[3]).read_bytes() if len(arguments) == 4 else b""
    try:
        asked = "" if private_key else _passphrase()
        key = data_key(manifest, customer_keys(escrow, asked, private_key))
    except ValueError as error:
        sys.stderr.write(f"Not opened: {error}\n")
        return 1
    descriptor = os.open(arguments[2], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(key.hex())
    return 0


def _passphrase() -> str:
    if sys.stdin.isatty():
        return getpass.getpass("Passphrase: ")
    return sys.stdin.readline().rstrip("\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
