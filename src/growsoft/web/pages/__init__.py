"""Pages: each module answers the addresses of one kind of screen."""

from growsoft.web.pages import (
    access,
    boards,
    bulk,
    exports,
    files,
    home,
    imports,
    lists,
    options,
    preferences,
    records,
    rows,
    screens,
    signin,
    talk,
)
from growsoft.web.pages.routes import ROUTES, SIGNED_IN_ROUTES

__all__ = [
    "ROUTES",
    "SIGNED_IN_ROUTES",
    "access",
    "boards",
    "bulk",
    "exports",
    "files",
    "home",
    "imports",
    "lists",
    "options",
    "preferences",
    "records",
    "rows",
    "screens",
    "signin",
    "talk",
]
