"""Pages of the hosting in customers' databases; importing it adds their addresses to the web."""

from growsoft_cloud.customer.pages import backups

__all__ = ["backups"]
