"""Languages: which ones a set of packages brings words in, and these words."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from importlib import resources
from typing import Final

from growsoft.words import FOLDER, SOURCE, SUFFIX, Terms, terms_of

PRODUCT: Final = "growsoft"  # the package with the words of everything that is no app


def languages_of(packages: Iterable[str]) -> tuple[str, ...]:
    """Give the source language and those that one of the packages has a catalogue in, by name."""
    found = {name.removesuffix(SUFFIX) for package in _with_files(packages) for name in _catalogues(package)}
    return (SOURCE, *sorted(found - {SOURCE}))


def words_of(packages: Iterable[str], lang: str) -> Terms:
    """Give the words of the product and of some packages in a language."""
    return terms_of((PRODUCT, *_with_files(packages)), lang)


def _with_files(packages: Iterable[str]) -> Iterator[str]:
    # An app that is a single module has no files beside it.
    return (package for package in packages if hasattr(importlib.import_module(package), "__path__"))


def _catalogues(package: str) -> Iterator[str]:
    folder = resources.files(package).joinpath(FOLDER)
    if folder.is_dir():
        yield from (file.name for file in folder.iterdir() if file.name.endswith(SUFFIX))
