"""Console: pages of the hosting for everybody; importing it adds their addresses to the web."""

from growsoft_cloud.console import privacy

__all__ = ["privacy"]
