"""Library 2.0: the name of a book is its title."""

from growsoft.orm import Migration


def pre(migration: Migration) -> None:
    """Keep the names."""
    migration.rename_field("library.book", "name", "title")
