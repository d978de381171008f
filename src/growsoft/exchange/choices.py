"""Choices: the columns that people may choose for a file of a model, in their language, and what a heading means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from growsoft.exchange.columns import NOT_IN_CELLS
from growsoft.exchange.plan import importable
from growsoft.exchange.targets import EXTERNAL
from growsoft.orm import Env, ModelInfo
from growsoft.orm.fields import AnyField, Many2many, Many2one, One2many
from growsoft.orm.fields.stamps import STAMPS
from growsoft.words import _

HIDDEN: Final = frozenset(("id", "version", "create_uid", "write_uid"))
_EXTERNAL_ID: Final = _("External id")


@dataclass(frozen=True, slots=True)
class Choice:
    """One column: its path, its words, and the words of the list of lines or links that it belongs to (else empty)."""

    path: str
    label: str
    group: str = ""

    @property
    def title(self) -> str:
        """The words by themselves: ``Lines/Product``."""
        return f"{self.group}/{self.label}" if self.group else self.label


def exportable(env: Env, info: ModelInfo) -> tuple[Choice, ...]:
    """Give the columns that whoever asks may read: fields, external ids, what links lead to, and lines."""
    return (Choice(EXTERNAL, env.terms.say(_EXTERNAL_ID)), *_fields(env, info), *_linked(env, info), *_lines(env, info))


def fillable(env: Env, info: ModelInfo) -> tuple[Choice, ...]:
    """Give the columns that a file may fill, as far as whoever asks may write them."""
    names = _fillable(env, info)
    return (
        Choice(EXTERNAL, env.terms.say(_EXTERNAL_ID)),
        *(_choice(env, info.fields[name]) for name in names),
        *_linked(env, info, names),
        *_lines(env, info, filled=True),
    )


def guessed(header: Iterable[str], choices: Iterable[Choice]) -> Mapping[str, str]:
    """Tell which column means which field: by its path, its words, or both with other signs and capitals.

    No field is guessed twice; columns without a guess are not mentioned.
    """
    known: dict[str, str] = {}
    for choice in choices:
        for name in (choice.path, choice.title):
            known.setdefault(_bare(name), choice.path)
    for choice in choices:
        known.setdefault(_bare(choice.path.removesuffix("_ids").removesuffix("_id")), choice.path)
    found: dict[str, str] = {}
    for column in header:
        path = known.get(_bare(column), "")
        if path and path not in found.values():
            found[column] = path
    return found


def titles(choices: Iterable[Choice]) -> Mapping[str, str]:
    """Give the words by path; those of several columns say the path, too."""
    words: dict[str, str] = {}
    for choice in choices:
        words[choice.path] = choice.title if choice.title not in words.values() else f"{choice.title} ({choice.path})"
    return words


def _bare(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum() or c == "/")


def _fields(env: Env, info: ModelInfo) -> Iterator[Choice]:
    for field in info.fields.values():
        shown = field.name not in HIDDEN and field.kind not in NOT_IN_CELLS and not isinstance(field, One2many)
        if shown and env.sees(info, field):
            yield _choice(env, field)


def _fillable(env: Env, info: ModelInfo) -> list[str]:
    writable = env.rights.insertable(info) | env.rights.updatable(info)
    return [
        name
        for name in importable(info)
        if (field := info.fields[name]).kind not in NOT_IN_CELLS
        and env.sees(info, field)
        and (field.name in writable if field.storage is not None else bool(writable))
    ]


def _linked(env: Env, info: ModelInfo, names: Iterable[str] | None = None) -> Iterator[Choice]:
    """Give the external ids of linked records, and the texts by which they can be told apart."""
    for name in info.fields if names is None else names:
        field = info.fields[name]
        if isinstance(field, Many2one | Many2many) and name not in STAMPS and env.sees(info, field):
            group = env.terms.say(field.label)
            yield Choice(f"{name}/{EXTERNAL}", env.terms.say(_EXTERNAL_ID), group)
            linked = env.registry[field.comodel]
            for one in linked.columns.values():
                if one.kind == "char" and one.unique and env.sees(linked, one):
                    yield Choice(f"{name}/{one.name}", env.terms.say(one.label), group)


def _lines(env: Env, info: ModelInfo, *, filled: bool = False) -> Iterator[Choice]:
    for field in info.fields.values():
        if not isinstance(field, One2many) or not env.sees(info, field):
            continue
        lines, group = env.registry[field.comodel], env.terms.say(field.label)
        names = _fillable(env, lines) if filled else [c.path for c in _fields(env, lines)]
        yield Choice(f"{field.name}/{EXTERNAL}", env.terms.say(_EXTERNAL_ID), group)
        for name in names:
            if name != field.inverse:
                yield _choice(env, lines.fields[name], field.name, group)


def _choice(env: Env, field: AnyField, within: str = "", group: str = "") -> Choice:
    return Choice(f"{within}/{field.name}" if within else field.name, env.terms.say(field.label), group)
