"""Library 1.0: books and their shelves."""

from growsoft.orm import App, Group

app = App(
    name="library",
    version="1.0",
    package="tests.support.library.v1",
    summary="Books",
    depends=("base",),
    groups=(Group("library.user", "Reader", implied=("base.user",)),),
    data=("data/library.shelf.csv", "data/books.toml"),
    demo=("demo/books.py",),
)
