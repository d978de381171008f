"""Library 3.0: authors are split into first and last name."""

from growsoft.orm import App, Group

app = App(
    name="library",
    version="3.0",
    package="tests.support.library.v3",
    summary="Books",
    depends=("base",),
    groups=(Group("library.user", "Reader", implied=("base.user",)), Group("library.keeper", "Librarian")),
    data=("data/library.shelf.csv", "data/books.toml"),
)
