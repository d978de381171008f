"""Words of packages: everything that their screens and messages say, gathered into the catalogues of translators.

``python -m growsoft.testing.words`` brings ``i18n/*.po`` of the product and of its apps to what the code says now; with
``--check`` it only tells what is missing and what is no longer said. Name other packages to look at these.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Formatter
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_python
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

from growsoft.errors import GrowsoftError, UserError
from growsoft.orm import App, Check, Model
from growsoft.orm.access import Unique
from growsoft.orm.fields import AnyField, Computed, Selection
from growsoft.orm.fields.base import is_field
from growsoft.orm.languages import PRODUCT
from growsoft.postgres.connection import DatabaseUnavailable
from growsoft.postgres.keeper import KeeperError
from growsoft.postgres.refusals import Conflict
from growsoft.security.passwords import Busy
from growsoft.views.describing import choice_label
from growsoft.views.values import Action, Extension, Filter, Form, Group, GroupBy, List, Menu, Search, Tab
from growsoft.words import FOLDER, SUFFIX

OWN: Final = (
    PRODUCT,
    *(f"{PRODUCT}.apps.{name}" for name in ("base", "contacts", "products", "sale", "mail", "instance")),
)
# What is said on a terminal, in a log, to software or to developers is English; apps have catalogues of their own.
_SILENT: Final = tuple(
    f"{PRODUCT}.{name}" for name in ("apps", "cli", "config", "keeper", "testing", "trust", "web.odoo")
)
_KEYWORDS: Final = {"_": None}
HEADER: Final = 'msgid ""\nmsgstr ""\n"Language: {lang}\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n\n'


@dataclass(frozen=True, slots=True)
class State:
    """How a catalogue stands to what its package says: sentences without a translation, and those nobody says."""

    missing: tuple[str, ...]
    stale: tuple[str, ...]

    def __bool__(self) -> bool:
        """Whether something is to be done."""
        return bool(self.missing or self.stale)


def words_in(package: str) -> frozenset[str]:
    """Gather what a package says to people: in its code, templates, errors, models and views."""
    modules = tuple(_modules(package))
    found = {words for name in modules for words in _said_in_module(name)}
    found |= {words for file in _templates(package, modules) for words in _said_in_template(file)}
    found |= {error.default_message() for error in _shown_errors() if error.__module__ in modules}
    found |= {words for name in modules for words in _declared(name)}
    return frozenset(found - {""})


def state_of(package: str, lang: str) -> State:
    """Compare a catalogue with what its package says."""
    said, catalogue = words_in(package), _catalogue(package, lang)
    known = {str(message.id) for message in catalogue if message.id}
    translated = {str(message.id) for message in catalogue if message.id and message.string}
    return State(tuple(sorted(said - translated)), tuple(sorted(known - said)))


def languages_in(package: str) -> tuple[str, ...]:
    """Give the languages that a package has a catalogue in."""
    folder = _folder(package)
    return tuple(sorted(file.stem for file in folder.glob(f"*{SUFFIX}"))) if folder.is_dir() else ()


def update(package: str, lang: str) -> None:
    """Write a catalogue anew: what is no longer said goes, what is new waits for its translation."""
    before, after = _catalogue(package, lang), Catalog(locale=lang, fuzzy=False)
    kept = {(message.context, str(message.id)): message.string for message in before if message.id}
    said = words_in(package)
    for context, english in {*kept, *((None, words) for words in said)}:
        if english in said:
            after.add(english, kept.get((context, english), ""), context=context)
    with (_folder(package) / f"{lang}{SUFFIX}").open("wb") as file:
        file.write(
            f'msgid ""\nmsgstr ""\n"Language: {lang}\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n\n'.encode()
        )
        write_po(file, after, width=120, omit_header=True, sort_output=True)


def translations(package: str, lang: str) -> dict[str, str]:
    """Give what a catalogue says for each sentence, whatever it is said about."""
    return {str(message.id): str(message.string) for message in _catalogue(package, lang) if message.id}


def places(words: str) -> frozenset[str]:
    """Give the names of the places that values fill in a sentence."""
    return frozenset(name for _text, name, _spec, _conversion in Formatter().parse(words) if name)


# -- where words are ---------------------------------------------------------------------------------------------------


def _modules(package: str) -> Iterator[str]:
    root = importlib.import_module(package)
    yield package
    for module in pkgutil.walk_packages(root.__path__, f"{package}."):
        if package != PRODUCT or not module.name.startswith(_SILENT):
            yield module.name


def _templates(package: str, modules: Iterable[str]) -> Iterator[Path]:
    for name in (package, *modules):
        module = importlib.import_module(name)
        for path in getattr(module, "__path__", ()):
            yield from sorted(Path(path, "templates").glob("*.html"))


def _said_in_module(name: str) -> Iterator[str]:
    source = importlib.import_module(name).__file__
    if source is None:
        return
    with Path(source).open("rb") as file:
        for _line, _function, message, _comments in extract_python(file, _KEYWORDS, (), {}):
            yield _first(message)


def _said_in_template(file: Path) -> Iterator[str]:
    options = {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
    with file.open("rb") as stream:
        for _line, _function, message, _comments in babel_extract(stream, tuple(_KEYWORDS), (), options):
            yield _first(message)


def _first(message: object) -> str:
    found: object = message[0] if isinstance(message, tuple) else message  # pyright: ignore[reportUnknownVariableType]
    return found if isinstance(found, str) else ""


def _shown_errors() -> Iterator[type[GrowsoftError]]:
    """Give the errors whose own words people see; of all others they see that something went wrong."""
    for shown in (UserError, Conflict, DatabaseUnavailable, KeeperError, Busy):
        yield from (error for error in _below(shown) if "\n" not in error.default_message())


def _below(error: type[GrowsoftError]) -> Iterator[type[GrowsoftError]]:
    yield error
    for below in error.__subclasses__():
        yield from _below(below)


def _declared(name: str) -> Iterator[str]:
    """Give the words of what a module declares: an app, models, and views."""
    for value in vars(importlib.import_module(name)).values():
        match value:
            case type() if issubclass(value, Model) and value.__module__ == name:
                yield from _of_model(value)
            case App() if value.package == name:
                yield value.summary
                yield from (group.name for group in value.groups)
            case Menu():
                yield from (value.title, value.section)
            case Form():
                yield from (*value.titles, *_of_actions(value.actions))
            case Search():
                yield from (*(known.title for known in value.filters), *(known.title for known in value.groups))
            case Action() | List():
                yield from _of_actions(value.actions if isinstance(value, List) else (value,))
            case Filter() | GroupBy():
                yield value.title
            case Extension():
                yield from _of_extension(value)
            case _:
                pass


def _of_actions(actions: tuple[Action, ...]) -> Iterator[str]:
    """Give what buttons say, and what they ask."""
    for action in actions:
        yield from (action.title, action.confirm) if action.confirm else (action.title,)


def _of_extension(change: Extension) -> Iterator[str]:
    for item in (item for step in change.steps for item in step.items):
        if isinstance(item, Group | Tab):
            yield item.title
            yield from (part.title for part in (item.parts if isinstance(item, Tab) else ()) if isinstance(part, Group))


def _of_model(model: type[Model]) -> Iterator[str]:
    if model is not Model and "_description" in vars(model):
        yield model._description  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  what the class says of itself
    for member in vars(model).values():
        if isinstance(member, Check | Unique):
            yield member.message
        elif is_field(member):
            yield from _of_field(member)


def _of_field(field: AnyField) -> Iterator[str]:
    shape = field.shape if isinstance(field, Computed) else field
    yield from (str(field.label), field.help)
    if isinstance(field.unique, str):
        yield field.unique
    if isinstance(shape, Selection):
        yield from (choice_label(member) for member in shape.choices)


def _folder(package: str) -> Path:
    return Path(str(resources.files(package).joinpath(FOLDER)))


def _catalogue(package: str, lang: str) -> Catalog:
    file = _folder(package) / f"{lang}{SUFFIX}"
    if not file.is_file():
        return Catalog(locale=lang)
    with file.open("rb") as stream:
        return read_po(stream, locale=lang)


def main(arguments: list[str]) -> int:
    """Update or check catalogues; 1 when a check finds something."""
    check = "--check" in arguments
    wrong = False
    for package in [name for name in arguments if not name.startswith("-")] or OWN:
        for lang in languages_in(package):
            if not check:
                update(package, lang)
            state = state_of(package, lang)
            wrong = wrong or (check and bool(state))
            for kind, words in (("missing", state.missing), ("no longer said", state.stale)):
                sys.stdout.writelines(f"{package} {lang}: {kind}: {english!r}\n" for english in words)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
