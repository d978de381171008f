"""BK-4: a stored file is read with the customer's key, Python and `cryptography` alone."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from growsoft.security import decrypt_file, decrypt_stream
from growsoft.security.blobs import FileKeys, write_blob
from growsoft.security.envelope import Purpose
from growsoft.security.keyring import Keyring


def run(folder: Path, key: str) -> tuple[int, str]:
    """Run the scripts as anybody would, away from the product."""
    for module in (decrypt_file, decrypt_stream):
        shutil.copy(str(module.__file__), folder)
    (folder / "key").write_text(key)
    script: list[str | Path] = [
        sys.executable,
        "-I",
        folder / "decrypt_file.py",
        folder / "key",
        folder / "blob",
        folder / "plain",
    ]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_bk4_a_stored_file_is_decrypted_with_its_customers_key_alone(tmp_path: Path, size: int) -> None:
    keyring = Keyring(os.urandom(32))
    key = keyring.open(keyring.new_customer_key(uuid4(), Purpose.FILES))
    data = os.urandom(size)
    with (tmp_path / "blob").open("w+b") as blob:
        write_blob(FileKeys([key]), io.BytesIO(data), blob, size)
    assert run(tmp_path, key.material.hex()) == (0, "")
    assert (tmp_path / "plain").read_bytes() == data
    (tmp_path / "plain").unlink()
    code, said = run(tmp_path, os.urandom(32).hex())
    assert code == 1
    assert "another key" in said
    whole = (tmp_path / "blob").read_bytes()
    (tmp_path / "blob").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert run(tmp_path, key.material.hex())[0] == 1
    assert not (tmp_path / "plain").exists()
