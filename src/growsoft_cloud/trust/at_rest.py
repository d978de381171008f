"""At rest (EN-4): what lies in storage, at the sites and on the disks, looked at as a thief would find it."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from growsoft.cli.world import InstanceWorld
from growsoft.config import State as Home
from growsoft.trust.states import Finding, State, not_met
from growsoft.trust.world import CannotCheck, World
from growsoft_cloud.backup.errors import SiteError
from growsoft_cloud.backup.sites import Kind, Site
from growsoft_cloud.desk import desk_of
from growsoft_cloud.trust.volumes import Volumes

# So many of a kind are looked at, at each site and in each database's storage, and so many bytes of each.
MOST: Final = 20
LOOKED_AT: Final = 256 * 1024

# Ciphertext does not compress; what begins like this was compressed or dumped, and not encrypted.
RANDOM: Final = 0.99
_SHORT: Final = 4096
_PLAIN: Final = {
    b"PGDMP": "a dump of PostgreSQL",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"\x1f\x8b": "compressed with gzip",
    b"PK\x03\x04": "a ZIP archive",
    b"%PDF": "a PDF",
}

# What holds customers' data. Manifests and seals hold hashes, sizes, names and addresses.
_KINDS: Final = {
    Kind.ARCHIVE: "backups",
    Kind.FILE: "files in backups",
    Kind.WAL: "pieces of WAL",
    Kind.BASE: "base backups",
}


@dataclass(slots=True)
class Looked:
    """What was looked at, by its kind, and what of it can be read."""

    counts: dict[str, int] = field(default_factory=dict[str, int])
    readable: list[str] = field(default_factory=list[str])

    def at(self, what: str, where: str, file: BinaryIO) -> None:
        """Look at the beginning of one object."""
        self.counts[what] = self.counts.get(what, 0) + 1
        with file:
            reason = readable(file.read(LOOKED_AT))
        if reason:
            self.readable.append(f"{where} {reason}")


def readable(data: bytes) -> str:
    """Say why some bytes are no ciphertext; nothing where they look like random ones."""
    for beginning, what in _PLAIN.items():
        if data.startswith(beginning):
            return f"is {what}"
    # A few bytes compress by chance, and no encryption of ours makes so few that tell something.
    if len(data) >= _SHORT and len(zlib.compress(data, 1)) < RANDOM * len(data):
        return "can be compressed, as plain text can"
    return ""


def customers_data_is_encrypted(world: World) -> Finding:
    """EN-4: read backups, files and WAL raw, and ask the kernel what databases and temporary files lie on."""
    if not isinstance(world, InstanceWorld):
        raise CannotCheck("There is no instance whose storage could be looked at.", "Check it on the instance itself.")
    looked = Looked()
    with world.instance.keeper() as keeper, desk_of(world.instance, keeper) as desk:
        sites = desk.service.policy.sites
        problems = [problem for site in sites for problem in _at_site(site, looked)]
    _in_storage(world.state.files, looked)
    problems += looked.readable
    volumes = Volumes()
    bare = [*unencrypted(places(world.state), volumes)]
    counted = ", ".join(f"{number} {what}" for what, number in looked.counts.items()) or "nothing yet"
    evidence = f"Read raw, {counted} are ciphertext and nothing else"
    if problems:
        return not_met(f"{'; '.join(problems[:3])}.", "Find out what wrote it, remove it, and back up anew.")
    if bare:
        todo = (
            "Put the home, temporary files and swap space on encrypted volumes (LUKS): docs/how-to/encrypted-volume.md"
        )
        return not_met(f"{evidence}, but {'; '.join(bare)}.", todo)
    told = "databases, standby and temporary files lie on encrypted volumes"
    return Finding(State.MET, f"{evidence}; {told}.")


def places(state: Home) -> dict[str, Path]:
    """Return where customers' data lies as PostgreSQL or we write it, by what it is."""
    found = {
        "databases": state.primary,
        "the standby": state.standby,
        "trial restores": state.scratch,
        "logs": state.log,
        "temporary files": Path(tempfile.gettempdir()),
    }
    return {what: path for what, path in found.items() if path.exists()}


def unencrypted(where: dict[str, Path], volumes: Volumes) -> Iterator[str]:
    """Say what lies on volumes that are not encrypted, by volume, and which swap space is not."""
    on: dict[str, list[str]] = {}
    for what, path in where.items():
        volume = volumes.of(path.resolve())
        if not volume.encrypted:
            on.setdefault(volume.name, []).append(what)
    for name, all_of_it in on.items():
        yield f"{', '.join(all_of_it)} lie on {name}, which is not encrypted"
    for volume in volumes.swap():
        if not volume.encrypted:
            yield f"memory may be written to {volume.name}, which is not encrypted"


def _at_site(site: Site, looked: Looked) -> Iterator[str]:
    """Look at the newest objects of each kind."""
    try:
        for kind, what in _KINDS.items():
            listed = sorted(site.listed(kind), key=lambda one: one.written_at, reverse=True)
            for one in listed[:MOST]:
                looked.at(what, f"{one.name} at {site.name}", site.open(one.name))
    except SiteError as error:
        yield error.message


def _in_storage(files: Path, looked: Looked) -> None:
    for folder in sorted(files.glob("*")):
        for path in islice(_stored(folder.rglob("*")), MOST):
            looked.at("files in storage", f"{path.name} in storage", path.open("rb"))


def _stored(found: Iterable[Path]) -> Iterator[Path]:
    return (path for path in found if path.is_file() and not path.is_symlink())
