"""Full-text search: a model declares which of its texts are searched by words, PostgreSQL keeps the words by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

from growsoft.errors import ConfigError
from growsoft.orm.domain import Condition, DomainError, Leaf
from growsoft.orm.fields import AnyField
from growsoft.orm.names import name_within
from growsoft.postgres.schema import Column, Index
from growsoft.postgres.sql import Sql, ident, join, literal, sql

if TYPE_CHECKING:
    from growsoft.orm.registry import ModelInfo

# How words are told apart and cut to their stems (PostgreSQL documentation, 12.1.3); "simple" takes them as they are.
Words = Literal["simple", "dutch", "english", "french", "german", "italian", "portuguese", "spanish"]
LONGEST: Final = 200_000  # characters of all texts of a record: a tsvector has a megabyte at most
MAX_ASKED: Final = 512  # bytes


@dataclass(frozen=True, slots=True, init=False)
class Fulltext:
    """Texts of a model that are searched by words: ``words = Fulltext(name, comment)``, then ``words.matches("a b")``.

    PostgreSQL keeps a column of this name with the words of the texts, and an index on it.
    """

    fields: tuple[AnyField, ...]
    words: Words
    name: str

    def __init__(self, *fields: AnyField, words: Words = "simple") -> None:
        """``fields`` are stored texts that every reader of the model may read."""
        if not fields or words not in get_args(Words):
            raise ValueError("Fulltext takes the fields to search, and the language of their words")
        object.__setattr__(self, "fields", fields)
        object.__setattr__(self, "words", words)

    def __set_name__(self, owner: type, name: str) -> None:
        """Learn the name."""
        object.__setattr__(self, "name", name)

    def matches(self, text: str) -> Condition:
        """Hold where all words of a text are found; ``"some words"``, ``or`` and ``-without`` as in web searches."""
        return Leaf((self.name,), "@@", text)


def fulltext_columns(info: ModelInfo) -> Iterator[Column]:
    """Give the columns that hold words; PostgreSQL works them out."""
    for name, fulltext in info.fulltexts.items():
        texts = join(" || ' ' || ", [ident(field.name) for field in fulltext.fields])
        made = sql(
            "to_tsvector({words}::regconfig, left({texts}, {longest}))",
            words=literal(fulltext.words), texts=texts, longest=literal(LONGEST),
        )  # fmt: skip
        yield Column(name, "tsvector", generated=made)


def fulltext_indexes(info: ModelInfo) -> Iterator[Index]:
    """Give their indexes."""
    for name in info.fulltexts:
        yield Index(name_within(f"{info.table}_{name}_words"), (ident(name),), method="gin")


def searched_words(info: ModelInfo, leaf: Leaf) -> tuple[Fulltext, str]:
    """Give what is searched and the text to search it for. Raises ``DomainError``."""
    found = info.fulltexts.get(leaf.names[0])
    if found is None or len(leaf.names) > 1:
        raise DomainError(f"{info.description} has no words {'.'.join(leaf.names)[:60]!r} to search.")
    text = leaf.value
    if not isinstance(text, str) or "\0" in text or len(text.encode("utf-8", "replace")) > MAX_ASKED:
        raise DomainError(f"Words are searched for by a text of {MAX_ASKED} bytes at most.")
    return found, text


def word_condition(table: Sql, fulltext: Fulltext, text: Sql) -> Sql:
    """Compare; the operator is marked leakproof (walls.sql), so that row security does not keep it from the index."""
    return sql(
        "{t}.{c} @@ websearch_to_tsquery({words}::regconfig, {text})",
        t=table, c=ident(fulltext.name), words=literal(fulltext.words), text=text,
    )  # fmt: skip


def check_fulltext(info: ModelInfo) -> None:
    """Refuse what could not be kept, or would show words of a text that its reader may not read."""
    for name, fulltext in info.fulltexts.items():
        for field in fulltext.fields:
            declared = info.fields.get(field.name)
            if declared is None or declared.storage != "text" or not declared.stored or declared.groups:
                raise ConfigError(
                    f"{info.name}.{name}: {field.name} is no stored text of {info.name} that all its readers may read."
                )
