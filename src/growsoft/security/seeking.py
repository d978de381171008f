"""Seeking in encrypted streams: a part of the content without decrypting what is before it.

The format is Tink's (AES256_GCM_HKDF_1MB, see ``decrypt_stream``): every segment is sealed by itself, under a nonce
that holds its number and whether it is the last, so each part proves that it is genuine and where it belongs.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from growsoft.security.decrypt_stream import HEADER, SEGMENT
from growsoft.security.streams import StreamRefused

_TAG: Final = 16
_FIRST: Final = SEGMENT - HEADER - _TAG  # bytes of content in the first segment, behind the header
_OTHER: Final = SEGMENT - _TAG


def decrypt_part(data_key: bytes, source: BinaryIO, associated_data: bytes, part: range) -> Generator[bytes]:
    """Give the content from ``part.start`` up to ``part.stop`` (bytes), of a stream that begins where the file stands.

    The file stays open and must be seekable. Raises ``StreamRefused`` for what was changed, moved or cut short.
    """
    begin = source.tell()
    length = source.seek(0, 2) - begin
    source.seek(begin)
    header = source.read(HEADER)
    if len(data_key) != 32 or len(header) != HEADER or header[0] != HEADER:
        raise StreamRefused
    cipher = AESGCM(HKDF(SHA256(), 32, header[1:33], associated_data).derive(data_key))
    number, skipped = _place(part.start)
    left = len(part)
    while left > 0:
        source.seek(begin + max(number * SEGMENT, HEADER))
        sealed = source.read(SEGMENT if number else SEGMENT - HEADER)
        last = (number + 1) * SEGMENT >= length
        try:
            piece = cipher.decrypt(header[33:] + number.to_bytes(4, "big") + bytes([last]), sealed, None)
        except InvalidTag:
            raise StreamRefused from None
        content = piece[skipped : skipped + left]
        if not content:
            raise StreamRefused  # the stream is genuine, and shorter than what was asked for
        yield content
        left -= len(content)
        number, skipped = number + 1, 0


def _place(offset: int) -> tuple[int, int]:
    """Give the segment of a byte of the content, and its place there."""
    if offset < _FIRST:
        return 0, offset
    number, within = divmod(offset - _FIRST, _OTHER)
    return number + 1, within
