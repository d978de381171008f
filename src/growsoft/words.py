"""Words: sentences for people that know how they were made, and catalogues of what other languages say for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cached_property, lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Final, LiteralString, Self, cast

if TYPE_CHECKING:
    from babel import Locale

SOURCE: Final = "en_US"
FOLDER: Final = "i18n"
SUFFIX: Final = ".po"


class Words(str):
    """A sentence: English as it reads, which it is for everybody who knows no better, and what it was made of.

    ``pattern`` is how it stands in catalogues (``{label} is required.``), ``values`` fill it, ``context`` tells words
    apart that are the same in English.
    """

    __slots__ = ("context", "pattern", "values")

    pattern: str
    values: Mapping[str, object]
    context: str

    def __new__(cls, pattern: str, values: Mapping[str, object] | None = None, context: str = "") -> Self:
        """Fill the pattern in; one without values may have braces of its own."""
        made = super().__new__(cls, pattern.format_map(_english(values)) if values else pattern)
        made.pattern, made.values, made.context = pattern, values or {}, context
        return made


def _(pattern: LiteralString, /, **values: object) -> Words:
    """Say a sentence that is translated when somebody reads it: ``_("{label} is required.", label=field.label)``.

    Whole numbers are grouped as the reader writes them; give years and ids as text.
    """
    return Words(pattern, values)


class Terms:
    """What one language says for the words of some packages."""

    def __init__(self, lang: str, words: Mapping[tuple[str, str], str]) -> None:
        """``words`` by context and English."""
        self.lang = lang
        self._words = words

    @cached_property
    def locale(self) -> Locale:
        """How numbers, days and names are written in the language (CLDR)."""
        from babel import Locale

        return Locale.parse(self.lang)

    @cached_property
    def signs(self) -> tuple[str, str]:
        """The decimal sign, and the one between groups of digits."""
        symbols = cast("Mapping[str, Mapping[str, str]]", self.locale.number_symbols)["latn"]
        return symbols["decimal"], symbols["group"]

    def text(self, english: str, context: str = "") -> str:
        """Give the words for English ones; these themselves where the language has none."""
        return (context and self._words.get((context, english))) or self._words.get(("", english)) or english

    def say(self, words: str, **values: object) -> str:
        """Say a sentence in this language, with the words in it."""
        if isinstance(words, Words):
            values = dict(words.values)
        pattern, context = (words.pattern, words.context) if isinstance(words, Words) else (words, "")
        said = self.text(pattern, context)
        return said.format_map({name: self.shown(value) for name, value in values.items()}) if values else said

    def shown(self, value: object) -> str:
        """Write a value that stands in a sentence."""
        match value:
            case Words():
                return self.say(value)
            case bool() | str():
                return str(value)
            case int() | Decimal():
                return self.number(value)
            case _:
                return str(value)

    def number(self, value: int | Decimal) -> str:
        """Write a number with all its digits, in groups of three."""
        decimal, group = self.signs
        written = f"{value:,f}" if isinstance(value, Decimal) else f"{value:,}"
        return written.translate({ord(","): group, ord("."): decimal})


ENGLISH: Final = Terms(SOURCE, {})


def _english(values: Mapping[str, object] | None) -> dict[str, object]:
    return {
        name: f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else value
        for name, value in (values or {}).items()
    }


def terms_of(packages: Iterable[str], lang: str) -> Terms:
    """Read the catalogues of some packages; a later one has the last word."""
    if lang == SOURCE:
        return ENGLISH
    words: dict[tuple[str, str], str] = {}
    for package in packages:
        words |= catalogue(package, lang)
    return Terms(lang, words)


@lru_cache(maxsize=500)
def catalogue(package: str, lang: str) -> dict[tuple[str, str], str]:
    """Read the catalogue of one package, if it has one."""
    from babel.messages.pofile import read_po

    file = resources.files(package).joinpath(FOLDER, lang + SUFFIX)
    if not file.is_file():
        return {}
    with file.open("rb") as stream:
        messages = read_po(stream, locale=lang)
    return {
        (message.context or "", message.id): message.string
        for message in messages
        if isinstance(message.id, str) and message.id and isinstance(message.string, str) and message.string
    }
