"""Decrypt a stored file of a Growsoft database with nothing but Python and its package `cryptography`.

    python3 decrypt_file.py KEYFILE ENCRYPTED DECRYPTED

KEYFILE holds the customer's key for files as 64 hexadecimal digits; decrypt_stream.py must lie beside this script. The
format: `GSF1`, the file's own key wrapped by AES-256-GCM under the customer's (a label of 35 bytes, a nonce of 12, the
sealed key of 48), a nonce and the sealed address and size (12 and 56 bytes), then a stream for decrypt_stream.py.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from growsoft.security.decrypt_stream import decrypt
else:
    sys.path.insert(0, str(Path(__file__).parent))
    from decrypt_stream import decrypt

MAGIC = b"GSF1"
LABEL = 35
NONCE = 12
WRAPPED = 95
SEALED = 56
STREAM = b"growsoft.file.v1"


def decrypt_file(key: bytes, source: BinaryIO, destination: BinaryIO) -> str:
    """Decrypt one stored file and return its address; raises `ValueError` when it was changed or the key is another."""
    header = source.read(len(MAGIC) + WRAPPED + NONCE + SEALED)
    if len(key) != 32 or len(header) != len(MAGIC) + WRAPPED + NONCE + SEALED or not header.startswith(MAGIC):
        raise ValueError("This is no key, or no stored file of this format.")
    wrapped, rest = header[len(MAGIC) : len(MAGIC) + WRAPPED], header[len(MAGIC) + WRAPPED :]
    label, nonce, sealed = wrapped[:LABEL], wrapped[LABEL : LABEL + NONCE], wrapped[LABEL + NONCE :]
    try:
        data_key = AESGCM(key).decrypt(nonce, sealed, label)
        told = AESGCM(data_key).decrypt(rest[:NONCE], rest[NONCE:], MAGIC)
    except InvalidTag:
        raise ValueError("The file was changed, or it was encrypted under another key.") from None
    decrypt(data_key, source, destination, STREAM)
    return told[:32].hex()


def main(arguments: list[str]) -> int:
    """Run from the command line; the decrypted file appears only when all of it was proven genuine."""
    if len(arguments) != 3:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    key_file, encrypted, decrypted = (Path(argument) for argument in arguments)
    unproven = decrypted.with_name(decrypted.name + ".unproven")
    try:
        key = bytes.fromhex(key_file.read_text(encoding="ascii"))
        with encrypted.open("rb") as source, unproven.open("wb") as destination:
            decrypt_file(key, source, destination)
    except (OSError, ValueError) as error:
        unproven.unlink(missing_ok=True)
        sys.stderr.write(f"Not decrypted: {error}\n")
        return 1
    unproven.replace(decrypted)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
