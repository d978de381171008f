"""Data centres and folder sites for the tests."""

from pathlib import Path

from growsoft_cloud.backup.folder import FolderSite
from growsoft_cloud.fleet import Continent, DataCentre

GRAVELINES = DataCentre("gravelines", Continent.EUROPE, "Gravelines", "FR")
FRANKFURT = DataCentre("frankfurt", Continent.EUROPE, "Frankfurt", "DE")
MONTREAL = DataCentre("montreal", Continent.NORTH_AMERICA, "Beauharnois", "CA")


def folder_site(root: Path, centre: DataCentre) -> FolderSite:
    return FolderSite(centre.name, centre, root / centre.name).prepare()


def three_sites(root: Path) -> tuple[FolderSite, FolderSite, FolderSite]:
    return folder_site(root, GRAVELINES), folder_site(root, FRANKFURT), folder_site(root, MONTREAL)
