"""Dependencies: the locked versions, held against the advisories we know of."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
from packaging.specifiers import SpecifierSet
from packaging.version import Version

_PINNED = re.compile(r"^([a-z0-9-]+)(?:\[[\w,-]+\])?==([^ ;\\]+)", re.MULTILINE)


class Advisory(msgspec.Struct, frozen=True):
    """One published weakness: the package, its affected versions (PEP 440) and what an attacker gets."""

    package: str
    affected: str
    what: str


class Advisories(msgspec.Struct, frozen=True):
    """What is known, and until when it was collected: what came later is not known here."""

    collected: dt.date
    advisories: dict[str, Advisory]


@dataclass(frozen=True)
class Vulnerable:
    """A locked version that an advisory names."""

    lock: Path
    line: int
    advisory: str
    message: str


def read(path: Path) -> Advisories:
    """Read a list of advisories."""
    return msgspec.toml.decode(path.read_bytes(), type=Advisories)


def vulnerable(lock: Path, known: Advisories) -> Iterator[Vulnerable]:
    """Find the locked versions that an advisory names."""
    text = lock.read_text()
    for pinned in _PINNED.finditer(text):
        name, version = pinned.groups()
        for identity, advisory in known.advisories.items():
            if advisory.package == name and Version(version) in SpecifierSet(advisory.affected, prereleases=True):
                line = text.count("\n", 0, pinned.start()) + 1
                yield Vulnerable(lock, line, identity, f"{name} {version}: {advisory.what}; lock a newer version")


def locked_packages(lock: Path) -> set[str]:
    """Return the names of the packages in a lock."""
    return {name for name, _ in _PINNED.findall(lock.read_text())}
