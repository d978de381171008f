"""Base 1.1: names and descriptions are kept in every language."""

from growsoft.orm import Migration


def pre(migration: Migration) -> None:
    """Take what is there for English."""
    migration.translate_field("res.currency", "full_name")
    migration.translate_field("res.country", "name")
    migration.translate_field("res.groups", "name", "comment")
