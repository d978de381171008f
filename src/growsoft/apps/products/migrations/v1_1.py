"""Products 1.1: names and descriptions are kept in every language."""

from growsoft.orm import Migration


def pre(migration: Migration) -> None:
    """Take what is there for English."""
    migration.translate_field("product.category", "name", "description")
    migration.translate_field("product.product", "name", "uom_name", "description_sale")
