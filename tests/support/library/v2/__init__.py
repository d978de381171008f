"""Library 2.0: books have a year and a title; a shelf less."""

from growsoft.orm import App, Group

app = App(
    name="library",
    version="2.0",
    package="tests.support.library.v2",
    summary="Books",
    depends=("base",),
    groups=(Group("library.user", "Reader", implied=("base.user",)), Group("library.keeper", "Librarian")),
    data=("data/library.shelf.csv", "data/books.toml"),
)
