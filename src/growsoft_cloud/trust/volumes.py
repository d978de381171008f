"""Volumes: whether what lies in a folder is encrypted on its way to the disk, as the kernel tells it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# How /proc writes blanks and backslashes within a field.
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")

_IN_MEMORY: Final = frozenset(("tmpfs", "ramfs"))


@dataclass(frozen=True, slots=True)
class Volume:
    """What a folder lies on: the device or the kind of file system, and whether the kernel encrypts all of it."""

    name: str
    encrypted: bool


@dataclass(frozen=True, slots=True)
class Volumes:
    """The volumes of this machine, read from below `proc` and `sys`."""

    proc: Path = Path("/proc")
    sys: Path = Path("/sys")

    def of(self, path: Path) -> Volume:
        """Return what a folder lies on; a file system in memory is as encrypted as the swap space is.

        Encrypted is what dm-crypt (LUKS) holds, through any number of layers; of everything else nobody can tell.
        """
        found = Volume("an unknown file system", encrypted=False)
        longest = -1
        for point, device, kind, source in self._mounts():
            if path.is_relative_to(point) and len(point.parts) >= longest:
                longest = len(point.parts)
                if kind in _IN_MEMORY:
                    found = Volume(kind, all(volume.encrypted for volume in self.swap()))
                else:
                    found = Volume(source, self._is_encrypted(device))
        return found

    def swap(self) -> Iterator[Volume]:
        """Yield where memory may be written to; compressed memory (zram) is none."""
        lines = (self.proc / "swaps").read_text("utf-8").splitlines()[1:]
        for name in (_plain(line.split()[0]) for line in lines if line.strip()):
            if Path(name).name.startswith("zram"):
                continue
            if name.startswith("/dev/"):
                yield Volume(name, self._is_encrypted_named(Path(name).resolve().name))
            else:
                yield Volume(name, self.of(Path(name)).encrypted)

    def _mounts(self) -> Iterator[tuple[Path, str, str, str]]:
        """Yield mount point, device (major:minor), kind and source (proc(5), mountinfo); the last of a point holds."""
        for line in (self.proc / "self" / "mountinfo").read_text("utf-8").splitlines():
            before, _, after = line.partition(" - ")
            fields, (kind, source, *_rest) = before.split(), after.split()
            yield Path(_plain(fields[4])), fields[2], kind, _plain(source)

    def _is_encrypted(self, device: str) -> bool:
        return self._encrypts(self.sys / "dev" / "block" / device)

    def _is_encrypted_named(self, name: str) -> bool:
        return self._encrypts(self.sys / "class" / "block" / name)

    def _encrypts(self, block: Path) -> bool:
        """Look at a device and what is below it: a volume is as safe as its least safe part."""
        if not block.exists():
            return False
        uuid = block / "dm" / "uuid"
        if uuid.exists() and uuid.read_text("utf-8").startswith("CRYPT-"):
            return True
        if (block / "partition").exists():
            return self._encrypts(block.resolve().parent)
        below = sorted((block / "slaves").glob("*"))
        return bool(below) and all(self._encrypts(one) for one in below)


def _plain(field: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), field)
