"""Databases for tests, as application developers have them."""

from growsoft.testing.databases import database_from

__all__ = ["database_from"]
