"""EN-4: what a thief could read is found, and the kernel is asked what everything else lies on."""

import io
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from growsoft.security.streams import new_data_key
from growsoft_cloud.backup.archive import pack_bytes
from growsoft_cloud.trust.at_rest import Looked, readable, unencrypted
from growsoft_cloud.trust.volumes import Volumes

TEXT = b"delivery to the usual address, as agreed on the telephone. " * 200

# A root on a plain disk, the home on a logical volume on a LUKS device on a partition, and temporary files in memory.
MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
23 22 253:1 / /srv/gs\\040home rw,relatime shared:1 - ext4 /dev/mapper/vg-home rw
24 22 0:20 / /run rw,nosuid - tmpfs tmpfs rw
25 22 0:33 / /mnt/layers rw - overlay overlay rw,upperdir=/x
"""


def machine(root: Path, *, mounts: str = MOUNTS, swaps: str = "", uuids: Mapping[str, str] | None = None) -> Volumes:
    """A machine as its kernel would tell it."""
    proc, sys = root / "proc", root / "sys"
    (proc / "self").mkdir(parents=True)
    (proc / "self" / "mountinfo").write_text(mounts)
    (proc / "swaps").write_text(f"Filename Type Size Used Priority\n{swaps}")
    for number, name in {"254:0": "vda", "254:1": "vda1", "253:0": "dm-0", "253:1": "dm-1", "254:16": "vdb"}.items():
        parent = sys / "devices" / "vda" if name == "vda1" else sys / "devices"
        (parent / name / "slaves").mkdir(parents=True, exist_ok=True)
        for folder in ("dev/block", "class/block"):
            (sys / folder).mkdir(parents=True, exist_ok=True)
            link = sys / folder / (number if folder == "dev/block" else name)
            link.symlink_to(parent / name)
    (sys / "devices" / "vda" / "vda1" / "partition").write_text("1")
    for name, uuid in (uuids or {"dm-0": "CRYPT-LUKS2-0a", "dm-1": "LVM-0b"}).items():
        (sys / "devices" / name / "dm").mkdir()
        (sys / "devices" / name / "dm" / "uuid").write_text(uuid)
    (sys / "devices" / "dm-0" / "slaves" / "vda1").symlink_to(sys / "devices" / "vda" / "vda1")
    (sys / "devices" / "dm-1" / "slaves" / "dm-0").symlink_to(sys / "devices" / "dm-0")
    return Volumes(proc, sys)


def test_en4_a_volume_on_an_encrypted_device_is_encrypted_through_all_layers(tmp_path: Path) -> None:
    volumes = machine(tmp_path)
    assert volumes.of(Path("/srv/gs home/data")).encrypted
    assert volumes.of(Path("/srv/gs home/data")).name == "/dev/mapper/vg-home"
    assert not volumes.of(Path("/srv/gs homestead")).encrypted
    assert volumes.of(Path("/var/lib/growsoft")).name == "/dev/vda"
    assert not volumes.of(Path("/mnt/layers/a")).encrypted  # nobody can tell what is below


def test_en4_one_plain_part_below_a_volume_makes_it_plain(tmp_path: Path) -> None:
    volumes = machine(tmp_path)
    (tmp_path / "sys" / "devices" / "dm-1" / "slaves" / "vdb").symlink_to(tmp_path / "sys" / "devices" / "vdb")
    assert not volumes.of(Path("/srv/gs home/data")).encrypted


def test_en4_a_volume_that_only_has_the_name_of_an_encrypted_one_is_plain(tmp_path: Path) -> None:
    assert not machine(tmp_path, uuids={"dm-0": "LVM-0a", "dm-1": "LVM-CRYPT-0b"}).of(Path("/srv/gs home")).encrypted


@pytest.mark.parametrize(
    ("swaps", "safe"),
    [
        ("", True),
        ("/dev/zram0 partition 1 0 100\n", True),
        ("/dev/dm-0 partition 1 0 -2\n", True),
        ("/dev/vdb partition 1 0 -2\n", False),
        ("/swapfile file 1 0 -2\n", False),
        ("/srv/gs\\040home/swap file 1 0 -2\n", True),
    ],
)
def test_en4_memory_is_as_safe_as_swap_space(tmp_path: Path, swaps: str, *, safe: bool) -> None:
    volumes = machine(tmp_path, swaps=swaps)
    assert volumes.of(Path("/run/gs-1")).encrypted is safe
    told = list(unencrypted({"databases": Path("/srv/gs home/data"), "temporary files": Path("/run")}, volumes))
    assert (told == []) is safe


def test_en4_what_lies_in_the_clear_is_named_by_its_volume(tmp_path: Path) -> None:
    where = {"databases": Path("/var/lib/a"), "logs": Path("/var/lib/b"), "temporary files": Path("/run")}
    assert list(unencrypted(where, machine(tmp_path))) == ["databases, logs lie on /dev/vda, which is not encrypted"]


def test_this_machine_can_be_asked() -> None:
    volumes = Volumes()
    assert volumes.of(Path("/")).name
    assert list(unencrypted({}, volumes)) == [
        f"memory may be written to {volume.name}, which is not encrypted"
        for volume in volumes.swap()
        if not volume.encrypted
    ]


@pytest.mark.parametrize("data", [TEXT, b"PGDMP" + os.urandom(5000), b"\x28\xb5\x2f\xfd" + os.urandom(5000)])
def test_en4_what_can_be_read_is_found_and_named(data: bytes) -> None:
    assert readable(data)
    looked = Looked()
    looked.at("backups", "archive/1 at montreal", io.BytesIO(data))
    assert looked.counts == {"backups": 1}
    assert "archive/1 at montreal" in looked.readable[0]


@pytest.mark.parametrize("data", [TEXT, b"", os.urandom(5_000_000)])
def test_en4_an_archive_of_anything_cannot_be_read(data: bytes) -> None:
    looked = Looked()
    looked.at("backups", "archive/1", io.BytesIO(pack_bytes(data, new_data_key(), b"")))
    assert looked.readable == []
