"""Data centres and folder sites for the tests, and sites that behave as no honest one does."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from growsoft_cloud.backup.folder import FolderSite
from growsoft_cloud.backup.sites import Kind, Listed, Writer
from growsoft_cloud.fleet import Continent, DataCentre

GRAVELINES = DataCentre("gravelines", Continent.EUROPE, "Gravelines", "FR")
FRANKFURT = DataCentre("frankfurt", Continent.EUROPE, "Frankfurt", "DE")
MONTREAL = DataCentre("montreal", Continent.NORTH_AMERICA, "Beauharnois", "CA")


def folder_site(root: Path, centre: DataCentre) -> FolderSite:
    return FolderSite(centre.name, centre, root / centre.name).prepare()


def three_sites(root: Path) -> tuple[FolderSite, FolderSite, FolderSite]:
    return folder_site(root, GRAVELINES), folder_site(root, FRANKFURT), folder_site(root, MONTREAL)


@dataclass(frozen=True)
class Wrapper:
    """A site that behaves like an honest one, but for what a test makes of it."""

    honest: FolderSite
    simulated: bool = True

    @property
    def name(self) -> str:
        return self.honest.name

    @property
    def data_centre(self) -> DataCentre:
        return self.honest.data_centre

    def create(self, name: str, /) -> AbstractContextManager[Writer]:
        return self.honest.create(name)

    def open(self, name: str, /) -> BinaryIO:
        return self.honest.open(name)

    def list(self, kind: Kind, /) -> list[str]:
        return self.honest.list(kind)

    def listed(self, kind: Kind, /) -> Iterator[Listed]:
        return self.honest.listed(kind)

    def delete(self, name: str, /) -> None:
        self.honest.delete(name)

    def free_space(self) -> int | None:
        return self.honest.free_space()

    def sweep(self) -> int:
        return self.honest.sweep()
