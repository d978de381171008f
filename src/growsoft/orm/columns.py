"""Columns of translated text: read in the language of whoever asks, and written in his alone."""

from growsoft.postgres.sql import Sql, literal, sql
from growsoft.words import SOURCE


def in_language(column: Sql, lang: str) -> Sql:
    """Read a translated column: the text in a language, else in the source language.

    A language is part of the statement, never bound: only so it is the expression that its index was made of.
    """
    source = sql("({c} ->> {source})", c=column, source=literal(SOURCE))
    if lang == SOURCE:
        return source
    # No coalesce(): the planner takes that for a leak, and would keep it from its index under row security.
    text = sql("({c} ->> {lang})", c=column, lang=literal(lang))
    return sql("CASE WHEN {text} IS NULL THEN {source} ELSE {text} END", text=text, source=source)


def translated(before: Sql, value: Sql, lang: str) -> Sql:
    """Write the text of one language into what a translated column held ``before``."""
    return sql("gs.translated({before}, {lang}, {value})", before=before, lang=literal(lang), value=value)
