"""Library 3.0: the author of a book is split, then the old column goes."""

from growsoft.orm import Migration
from growsoft.postgres.sql import sql


def post(migration: Migration) -> None:
    """Split the authors of all books, by the records themselves."""
    rows = migration.run(sql("SELECT id, author FROM library_book WHERE author <> ''")).all()
    books = migration.env["library.book"]
    for record_id, author in rows:
        first, _, last = author.rpartition(" ")
        books.browse(record_id).write({"first_name": first, "last_name": last})
    migration.drop_field("library.book", "author")
