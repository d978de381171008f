"""The one place that touches Google Tink: a stream cipher made from 32 bytes, with types that Tink does not bring."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import BinaryIO, Protocol, cast

# Tink ships annotations but no marker for them.
from tink import TinkError, json_proto_keyset_format, secret_key_access, streaming_aead  # type: ignore[import-untyped]

__all__ = ["StreamCipher", "TinkError", "stream_cipher"]

TYPE_URL = "type.googleapis.com/google.crypto.tink.AesGcmHkdfStreamingKey"

# The protocol buffer of an AES256_GCM_HKDF_1MB key up to its 32 bytes (aes_gcm_hkdf_streaming.proto): parameters (field
# 2) are segments of 2**20 bytes, derived keys of 32 and SHA-256 (enumerated as 3); then follows the key (field 3).
KEY_MESSAGE = bytes.fromhex("1208 08808040 1020 1803 1a20")


class StreamCipher(Protocol):
    """What Tink calls a streaming AEAD; closing one of its streams closes the file below as well."""

    def new_encrypting_stream(self, ciphertext_destination: BinaryIO, associated_data: bytes) -> BinaryIO:
        """Return a writable stream; closing it writes the last segment."""
        ...

    def new_decrypting_stream(self, ciphertext_source: BinaryIO, associated_data: bytes) -> BinaryIO:
        """Return a readable stream."""
        ...


def stream_cipher(key: bytes) -> StreamCipher:
    """Return AES256_GCM_HKDF_1MB for a key of 32 bytes, without prefix, so that the stored form is just the key."""
    if len(key) != 32:
        raise ValueError(f"A data key has 32 bytes, not {len(key)}.")
    _register()
    handle = json_proto_keyset_format.parse(_keyset(key), secret_key_access.TOKEN)
    return cast("StreamCipher", handle.primitive(streaming_aead.StreamingAead))


def _keyset(key: bytes) -> str:
    """Return Tink's keyset of this one key."""
    value = base64.b64encode(KEY_MESSAGE + key).decode("ascii")
    data = {"typeUrl": TYPE_URL, "keyMaterialType": "SYMMETRIC", "value": value}
    entry = {"keyId": 1, "status": "ENABLED", "outputPrefixType": "RAW", "keyData": data}
    return json.dumps({"primaryKeyId": 1, "key": [entry]})


@cache
def _register() -> None:
    """Tell Tink once which primitives we use."""
    streaming_aead.register()
