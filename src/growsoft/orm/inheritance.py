"""How the classes of a model come together: its definition, extensions in place, and the models it is built upon."""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from growsoft.errors import ConfigError
from growsoft.orm.access import Access, Check, Follows, Indexed, Rule
from growsoft.orm.api import CONSTRAINS, PUBLIC
from growsoft.orm.delegation import ShownList, delegated, refuse_wrong_link
from growsoft.orm.domain import ContextValue, Leaf
from growsoft.orm.fields import AnyField, Computed, Relation, Selection
from growsoft.orm.fields.added import AddedChoices, is_added
from growsoft.orm.fields.base import is_field
from growsoft.orm.fulltext import Fulltext
from growsoft.orm.model import Model
from growsoft.orm.registry import ModelInfo

MADE: Final = "_made"

# What a transient model is protected by besides its own rules: PostgreSQL shows a row to whoever made it.
OWN_ROWS: Final = Rule(Leaf(("create_uid",), "=", ContextValue("user")))


@dataclass(frozen=True, slots=True)
class Part:
    """One class of a model, and the app that brings it."""

    app: str
    cls: type[Model]


@dataclass(frozen=True, slots=True)
class Family:
    """All classes of one model in the order of installation, and the models it is built upon.

    ``whole`` are the models whose classes count fully: itself and the abstract ones it is made of. Of the others it has
    a copy: fields, methods, checks and rules that narrow, but no rights: a new table is open to nobody by itself.
    ``apart`` are those of which it has a record instead: its class has their methods, its table nothing of theirs.
    """

    name: str
    parts: tuple[Part, ...]
    parents: tuple[str, ...]
    whole: frozenset[str]
    delegates: Mapping[str, str]
    apart: frozenset[str]

    @property
    def definition(self) -> type[Model]:
        """The class that the others extend."""
        return self.parts[0].cls


def assembled(parts: Mapping[str, Iterable[Part]]) -> dict[str, ModelInfo]:
    """Make the models of a registry from the classes of its apps, by name; abstract ones have no place among them.

    Raises ``ConfigError`` for what does not fit together.
    """
    families = _families({name: tuple(found) for name, found in parts.items()})
    infos: dict[str, ModelInfo] = {}
    for name in _in_order(families):
        infos[name] = _info(families[name], infos)
    return {name: infos[name] for name, family in families.items() if not family.definition._abstract}


# -- families ----------------------------------------------------------------------------------------------------------


def _families(parts: Mapping[str, tuple[Part, ...]]) -> dict[str, Family]:
    known = {part.cls for found in parts.values() for part in found}
    parents = {name: _parents(name, found, known) for name, found in parts.items()}
    abstract = {name for name, found in parts.items() if found[0].cls._abstract}
    for name in abstract:
        for parent in set(parents[name]) - abstract:
            raise ConfigError(f"{name} is abstract, so it cannot be built upon {parent}, which has a table.")
    delegates = {name: dict(_delegates(name, found, parents[name])) for name, found in parts.items()}
    return {
        name: Family(
            name,
            found,
            parents[name],
            whole=frozenset({name, *_above(name, parents, abstract)}),
            delegates=delegates[name],
            apart=_apart(name, parents, frozenset(delegates[name].values())),
        )
        for name, found in parts.items()
    }


def _delegates(name: str, parts: tuple[Part, ...], parents: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Give the links by which a model delegates, and to which models."""
    for part in parts:
        for link in vars(part.cls).get("_delegates", ()):
            field = _found(part.cls, link)
            checked = refuse_wrong_link(name, link, field if is_field(field) else None, parents)
            yield link, checked.comodel


def _apart(name: str, parents: Mapping[str, tuple[str, ...]], delegated: frozenset[str]) -> frozenset[str]:
    """Give the models whose classes are reached through delegation alone."""
    everything = frozenset(parents)
    copied = {
        above for parent in set(parents[name]) - delegated for above in (parent, *_above(parent, parents, everything))
    }
    there = {above for parent in delegated for above in (parent, *_above(parent, parents, everything))}
    return frozenset(there - copied)


def _parents(name: str, parts: tuple[Part, ...], known: Collection[type]) -> tuple[str, ...]:
    """Give the models that a model is built upon, and refuse classes that do not belong together."""
    first = parts[0].cls
    if first._extends:
        raise ConfigError(f"{first.__qualname__} extends {name}, which none of the apps before it defines.")
    for part in parts[1:]:
        if not part.cls._extends:
            raise ConfigError(f"{part.cls.__qualname__} defines {name} once more; extend it with extend=True.")
    for part in parts:
        for base in _models_of(part.cls):
            if base not in known:
                raise ConfigError(
                    f"{part.cls.__qualname__} of the app {part.app} is built upon {base.__qualname__}, whose app is not"
                    f" among those that {part.app} depends on."
                )
    bases = (base for part in parts for base in part.cls.__bases__ if base in known)
    return tuple(dict.fromkeys(base._name for base in bases if issubclass(base, Model) and base._name != name))


def _models_of(cls: type[Model]) -> Iterator[type[Model]]:
    return (base for base in cls.__mro__ if issubclass(base, Model) and base is not Model)


def _above(name: str, parents: Mapping[str, tuple[str, ...]], among: Collection[str]) -> Iterator[str]:
    """Give the models above one that are reached through nothing but certain ones."""
    for parent in parents[name]:
        if parent in among:
            yield parent
            yield from _above(parent, parents, among)


def _in_order(families: Mapping[str, Family]) -> Iterator[str]:
    try:
        return iter(tuple(TopologicalSorter({n: family.parents for n, family in families.items()}).static_order()))
    except CycleError as error:
        raise ConfigError(f"These models are built upon each other: {' -> '.join(error.args[1])}.") from None


# -- one model ---------------------------------------------------------------------------------------------------------


def _info(family: Family, infos: Mapping[str, ModelInfo]) -> ModelInfo:
    cls = _made(family, infos)
    declaring = tuple(_declaring(family, cls))
    members = {name: member for klass in declaring for name, member in vars(klass).items()}
    own = {name: m for klass in declaring if klass._name in family.whole for name, m in vars(klass).items()}
    narrowing = {name: m for name, m in members.items() if isinstance(m, Rule) and not m.group}
    rules = narrowing | {name: m for name, m in own.items() if isinstance(m, Rule)}
    return ModelInfo(
        name=family.name,
        app=family.parts[0].app,
        cls=cls,
        fields=_with_shown(family, cls, _fields(family, cls), infos),
        access=tuple(m for m in own.values() if isinstance(m, Access)),
        rules=rules | ({"maker": OWN_ROWS} if cls._transient else {}),
        checks={n: m for n, m in members.items() if isinstance(m, Check)},
        follows=next((m for m in members.values() if isinstance(m, Follows)), None),
        constraints=tuple(_constraints(declaring).items()),
        public={n: getattr(m, PUBLIC) for n, m in members.items() if hasattr(m, PUBLIC)},
        indexes={n: m for n, m in members.items() if isinstance(m, Indexed)},
        fulltexts={n: m for n, m in members.items() if isinstance(m, Fulltext)},
        delegates=family.delegates,
    )


def _made(family: Family, infos: Mapping[str, ModelInfo]) -> type[Model]:
    """Make the class of a model: the last extension comes first, so that super() leads through all of them.

    Models it is built upon come last, with all that extends those.
    """
    extensions = tuple(part.cls for part in reversed(family.parts[1:]))
    bases = (*(extensions or (family.definition,)), *(infos[parent].cls for parent in family.parents))
    try:
        return type(family.definition.__name__, bases, {"__module__": family.definition.__module__, MADE: True})
    except TypeError as error:
        raise ConfigError(f"The classes of {family.name} do not fit together: {error}") from None


def _with_shown(
    family: Family, cls: type[Model], own: dict[str, AnyField], infos: Mapping[str, ModelInfo]
) -> dict[str, AnyField]:
    """Add the fields of parent records, and let what was changed by extensions hold for everybody."""
    found = dict(own)
    for link, parent in family.delegates.items():
        found |= dict(delegated(found[link].name, infos[parent], found))
        for name in infos[parent].fields:
            if name not in found:
                setattr(cls, name, ShownList(link, name))
    for name, field in found.items():
        if field is not _found(cls, name):
            setattr(cls, name, field)
    return found


def _declaring(family: Family, cls: type[Model]) -> Iterator[type[Model]]:
    """Give the classes in which people declared something, from the first word on each name to the last."""
    for klass in reversed(cls.__mro__):
        if issubclass(klass, Model) and MADE not in vars(klass) and klass._name not in family.apart:
            yield klass


def _found(cls: type, name: str) -> object:
    return next((vars(klass)[name] for klass in cls.__mro__ if name in vars(klass)), None)


def _constraints(declaring: Iterable[type[Model]]) -> dict[str, frozenset[str]]:
    """Give the checking methods with all that any of their definitions watches: an extension cannot forget one."""
    found: dict[str, frozenset[str]] = {}
    for klass in declaring:
        for name, member in vars(klass).items():
            watched: tuple[str, ...] = getattr(member, CONSTRAINS, ())
            if watched:
                found[name] = found.get(name, frozenset()) | frozenset(watched)
    return found


# -- fields ------------------------------------------------------------------------------------------------------------


def _fields(family: Family, cls: type[Model]) -> dict[str, AnyField]:
    """Give the fields of a model; a field that is declared again keeps what the new declaration does not say."""
    found: dict[str, AnyField] = {}
    for klass in _declaring(family, cls):
        for name, member in vars(klass).items():
            if is_added(member):
                found[member.name] = _with_choices(family, found.get(member.name), member)
            elif is_field(member):
                found[name] = merged(family.name, found[name], member, klass) if name in found else member
            elif name in found:
                del found[name]
    return found


def merged(model: str, old: AnyField, new: AnyField, owner: type[Model]) -> AnyField:
    """Give a field that says what ``new`` says, and for the rest what ``old`` said.

    A computed field, or one of another kind, stands for itself; its column must not change its type.
    """
    if new.stored and old.stored and new.column != old.column:
        raise ConfigError(f"{model}.{new.name} holds {old.kind} and cannot become {new.kind}; take another name.")
    if type(new) is not type(old) or isinstance(new, Computed):
        return new
    if isinstance(new, Relation) and isinstance(old, Relation) and new.comodel != old.comodel:
        raise ConfigError(f"{model}.{new.name} links to {old.comodel} and cannot link to {new.comodel} instead.")
    field: AnyField = type(new)(**(old.said | new.said))
    field.__set_name__(owner, new.name)
    if isinstance(field, Selection) and isinstance(old, Selection):
        if strange := [str(member.value) for member in field.choices if member not in old.choices]:
            raise ConfigError(f"{model}.{new.name}: the choice {strange[0]} is added by {new.name}.adding(...).")
        field.choices = old.choices
    return field


def _with_choices(family: Family, old: AnyField | None, more: AddedChoices[Any]) -> AnyField:
    if not isinstance(old, Selection):
        raise ConfigError(f"{family.name}.{more.name} has no choices to which some could be added.")
    field = type(old)(**old.said)
    field.__set_name__(family.definition, old.name)
    field.choices = old.choices.with_more(more.more, more.after)
    return field
