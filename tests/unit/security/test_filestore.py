"""Files in storage: kept once, whole or not at all, under names and in a form that tell nothing (claim EN-4)."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path
from uuid import uuid4

import pytest

from growsoft.errors import MissingError
from growsoft.security.blobs import BlobDamaged, BlobKeyUnknown, FileKeys
from growsoft.security.envelope import CustomerKey, KeyUnusable, Purpose
from growsoft.security.filefolder import FileFolder
from growsoft.security.filestore import GRACE, KEPT_ASIDE, FileStore
from growsoft.security.keyring import WorkerKeys
from growsoft.security.streams import StreamRefused

LIMIT = 10_000_000
MARKER = b"a marker that nobody may find in storage"


def customer_key(key_id: int = 1) -> CustomerKey:
    keys = WorkerKeys(os.urandom(32))
    return keys.open(keys.new_customer_key(uuid4(), Purpose.FILES, key_id))


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    keys = FileKeys([customer_key()])
    return FileStore(tmp_path / "files", lambda: keys)


def content(store: FileStore, address: str, size: int) -> bytes:
    with store.reading(address, size) as stream:
        return stream.read()


@pytest.mark.parametrize("size", [0, 1, 1_048_575, 3_000_000])
def test_what_was_put_in_comes_out(store: FileStore, size: int) -> None:
    data = os.urandom(size)
    address, told = store.put(io.BytesIO(data), LIMIT)
    assert told == size
    assert content(store, address, size) == data


def test_equal_content_is_kept_once_and_only_for_one_customer(store: FileStore, tmp_path: Path) -> None:
    first = store.put(io.BytesIO(MARKER), LIMIT)
    assert store.put(io.BytesIO(MARKER), LIMIT) == first
    assert list(store.addresses()) == [first[0]]
    keys = FileKeys([customer_key()])
    other = FileStore(tmp_path / "other", lambda: keys)
    assert other.put(io.BytesIO(MARKER), LIMIT) != first


def test_en4_neither_names_nor_bytes_tell_what_is_kept(store: FileStore) -> None:
    store.put(io.BytesIO(MARKER * 1000), LIMIT)
    for path in store.folder.rglob("*"):
        assert MARKER not in path.name.encode()
        assert path.is_dir() or MARKER not in path.read_bytes()


def test_too_much_leaves_nothing_behind(store: FileStore) -> None:
    with pytest.raises(ValueError, match="more than"):
        store.put(io.BytesIO(bytes(LIMIT + 1)), LIMIT)
    assert not [path for path in store.folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("position", [0, 4, 50, 110, 160, 180, -1])
def test_en4_any_changed_byte_is_noticed(store: FileStore, position: int) -> None:
    address, size = store.put(io.BytesIO(MARKER * 100), LIMIT)
    path = store.path(address)
    damaged = bytearray(path.read_bytes())
    damaged[position] ^= 1
    path.write_bytes(bytes(damaged))
    with pytest.raises((BlobDamaged, StreamRefused)):
        content(store, address, size)


@pytest.mark.parametrize("length", [0, 3, 160, 170, -1])
def test_en4_a_file_that_was_cut_short_is_noticed(store: FileStore, length: int) -> None:
    address, size = store.put(io.BytesIO(MARKER * 100), LIMIT)
    path = store.path(address)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises((BlobDamaged, StreamRefused)):
        content(store, address, size)


def test_en4_one_file_does_not_pass_for_another(store: FileStore) -> None:
    one, size = store.put(io.BytesIO(b"pay 10"), LIMIT)
    other, _ = store.put(io.BytesIO(b"pay 99"), LIMIT)
    store.path(one).write_bytes(store.path(other).read_bytes())
    with pytest.raises(BlobDamaged):
        content(store, one, size)
    with pytest.raises(BlobDamaged):
        content(store, other, size + 1)


def test_a_new_key_encrypts_new_files_and_the_old_ones_stay(tmp_path: Path) -> None:
    first, second = customer_key(1), customer_key(2)
    rings = [FileKeys([first]), FileKeys([second, first])]
    store = FileStore(tmp_path, lambda: rings[0])
    before = store.put(io.BytesIO(b"before"), LIMIT)
    later = FileStore(tmp_path, lambda: rings[1])
    after = later.put(io.BytesIO(b"after"), LIMIT)
    assert later.put(io.BytesIO(b"before"), LIMIT) == before  # the same content has the same address
    assert content(later, *before) == b"before"
    with pytest.raises(BlobKeyUnknown):
        content(store, *after)
    rings[0] = rings[1]  # asked anew when a key is missing
    assert content(store, *after) == b"after"


def test_a_key_for_backups_opens_no_files() -> None:
    with pytest.raises(KeyUnusable):
        FileKeys([CustomerKey(Purpose.BACKUPS, uuid4(), 1, os.urandom(32))])


@pytest.mark.parametrize("address", ["", "..", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_what_is_no_address_reaches_no_file(store: FileStore, address: str) -> None:
    with pytest.raises(ValueError, match="no address"), store.reading(address, 1):
        pass


def test_a_lost_file_is_told_as_missing(store: FileStore) -> None:
    with pytest.raises(MissingError, match="missing from the storage"), store.reading("0" * 64, 1):
        pass


def test_a_sweep_takes_what_nothing_refers_to_and_only_after_a_while(store: FileStore) -> None:
    kept, _ = store.put(io.BytesIO(b"kept"), LIMIT)
    old, _ = store.put(io.BytesIO(b"old"), LIMIT)
    again, _ = store.put(io.BytesIO(b"again"), LIMIT)
    (store.folder / "new-0123456789abcdef").write_bytes(b"half an upload")
    now = store.path(old).stat().st_mtime
    assert store.sweep({kept}, now=now) == 0
    later = now + GRACE + 60
    os.utime(store.path(again), (later, later))
    assert store.sweep({kept}, now=later) == 2
    assert set(store.addresses()) == {kept, again}
    # What is put aside stays for a backup that began before, and goes in its turn.
    folder = FileFolder(store.folder)
    with folder.open(old) as file:
        assert file.read(4) == b"GSF1"
    assert store.sweep({kept, again}, now=later + 60) == 0
    store.sweep({kept, again}, now=later + GRACE + 120)
    folder.open(old).close()
    store.sweep({kept, again}, now=later + KEPT_ASIDE + 120)
    with pytest.raises(FileNotFoundError):
        folder.open(old)


def test_another_database_gets_all_files_and_keeps_them(store: FileStore, tmp_path: Path) -> None:
    address, size = store.put(io.BytesIO(b"shared"), LIMIT)
    original, copy = FileFolder(store.folder), FileFolder(tmp_path / "copies" / "db")
    assert original.copy_to(copy) == 1
    original.remove()
    original.remove()
    assert not store.folder.exists()
    (tmp_path / "copies" / "db").rename(store.folder)
    assert content(store, address, size) == b"shared"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_a_worker_keeps_content_again_that_another_user_brought_back() -> None:
    keys = FileKeys([customer_key()])
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        store = FileStore(Path(name) / "files", lambda: keys)
        address, size = store.put(io.BytesIO(b"brought back"), LIMIT)
        os.seteuid(65534)
        try:
            assert store.put(io.BytesIO(b"brought back"), LIMIT) == (address, size)
        finally:
            os.seteuid(0)
        assert store.path(address).stat().st_uid == 65534
        assert content(store, address, size) == b"brought back"


def test_content_that_comes_again_is_not_swept(store: FileStore) -> None:
    address, _ = store.put(io.BytesIO(b"again"), LIMIT)
    old = store.path(address).stat().st_mtime - 10 * GRACE
    os.utime(store.path(address), (old, old))
    store.put(io.BytesIO(b"again"), LIMIT)
    assert store.sweep(set()) == 0
