"""Decrypt a file of a Growsoft archive with nothing but Python and its package `cryptography`.

    python3 decrypt_stream.py KEYFILE ENCRYPTED DECRYPTED [ASSOCIATED-DATA]

KEYFILE holds the data key as 64 hexadecimal digits. The format is Google Tink's AES256_GCM_HKDF_1MB: a header (40 as a
byte, a salt of 32 bytes, 7 bytes of nonce), then segments of 1 MiB. Each is sealed by AES-256-GCM under a nonce that
holds its number and whether it is the last, so that a segment can neither be changed nor moved nor cut off.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

HEADER = 40
SEGMENT = 1024 * 1024


def decrypt(key: bytes, source: BinaryIO, destination: BinaryIO, associated_data: bytes = b"") -> None:
    """Decrypt from one buffered file to another; raises `ValueError` when the stream was changed, moved or cut."""
    header = source.read(HEADER)
    if len(key) != 32 or len(header) != HEADER or header[0] != HEADER:
        raise ValueError("This is no key, or no stream of this format.")
    cipher = AESGCM(HKDF(SHA256(), 32, header[1:33], associated_data).derive(key))
    number, segment, following = 0, source.read(SEGMENT - HEADER), source.read(SEGMENT)
    while segment:
        nonce = header[33:] + number.to_bytes(4, "big") + bytes([not following])
        try:
            destination.write(cipher.decrypt(nonce, segment, None))
        except InvalidTag:
            raise ValueError(
                "The stream was changed or cut short, or key or associated data do not belong to it."
            ) from None
        number, segment, following = number + 1, following, source.read(SEGMENT)
    if number == 0:
        raise ValueError("The stream was cut short.")


def main(arguments: list[str]) -> int:
    """Run from the command line; the decrypted file appears only when all of it was proven genuine."""
    if len(arguments) not in {3, 4}:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    key_file, encrypted, decrypted = (Path(argument) for argument in arguments[:3])
    associated_data = arguments[3].encode() if len(arguments) == 4 else b""
    unproven = decrypted.with_name(decrypted.name + ".unproven")
    try:
        key = bytes.fromhex(key_file.read_text(encoding="ascii"))
        with encrypted.open("rb") as source, unproven.open("wb") as destination:
            decrypt(key, source, destination, associated_data)
    except (OSError, ValueError) as error:
        unproven.unlink(missing_ok=True)
        sys.stderr.write(f"Not decrypted: {error}\n")
        return 1
    unproven.replace(decrypted)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
