"""Naming: how files name the records of a model, declared in the model's class body."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from growsoft.orm import ModelInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """How a cell names a record.

    ``keys`` are text fields that are tried one after the other. ``words`` gives other words (in lower case) for
    values of the first key. ``within`` is a link that the record shares with the row: a state is looked for in the
    row's country. ``made`` gives the values of a new record for a name that nothing has.
    """

    keys: tuple[str, ...]
    words: Callable[[], Mapping[str, str]] | None = None
    within: str = ""
    made: Callable[[str], Mapping[str, object]] | None = None


def naming_of(info: ModelInfo) -> Naming:
    """Give what a model declares; without that its unique texts are tried, then the field that names it."""
    declared = getattr(info.cls, "naming", None)
    if isinstance(declared, Naming):
        return declared
    texts = [name for name, field in info.columns.items() if field.kind == "char" and field.unique]
    named = [info.rec_name] if info.fields[info.rec_name].column == "text" else []
    return Naming(keys=tuple(dict.fromkeys((*texts, *named))))
