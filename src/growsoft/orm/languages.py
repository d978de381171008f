"""Languages: which ones a set of packages brings words in."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from importlib import resources
from typing import Final

from growsoft.orm.columns import SOURCE

FOLDER: Final = "i18n"
SUFFIX: Final = ".po"


def languages_of(packages: Iterable[str]) -> tuple[str, ...]:
    """Give the source language and those that one of the packages has a catalogue in, by name."""
    found = {name.removesuffix(SUFFIX) for package in packages for name in _catalogues(package)}
    return (SOURCE, *sorted(found - {SOURCE}))


def _catalogues(package: str) -> Iterator[str]:
    if not hasattr(importlib.import_module(package), "__path__"):
        return  # an app that is a single module has no files beside it
    folder = resources.files(package).joinpath(FOLDER)
    if folder.is_dir():
        yield from (file.name for file in folder.iterdir() if file.name.endswith(SUFFIX))
