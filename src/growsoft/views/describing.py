"""Describing: a model of the registry in the words of screens, cut down to what one profile may read."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Final, TypeGuard, get_args
from weakref import WeakKeyDictionary

from growsoft.errors import MissingError
from growsoft.orm.access import Verb
from growsoft.orm.declare import Rights
from growsoft.orm.env import Env
from growsoft.orm.fields import AnyField, Char, Computed, Decimal, Many2many, One2many, Relation, Selection
from growsoft.orm.fields.markup import LONGEST
from growsoft.orm.registry import ModelInfo, Registry
from growsoft.views.fields import TECHNICAL, FieldView, Kind, ModelView

_KINDS: Final = frozenset[str](get_args(Kind))

# Up to here figures of a column keep their zeros and stand in line; beyond they would only be long.
MOST_FIXED_PLACES: Final = 2

# Registries are immutable and profiles are named by their content, so what was worked out once holds for as long as the
# registry is in use: that of a database goes when an administrator adds another field.
_described: WeakKeyDictionary[Registry, dict[tuple[str, str, str], ModelView | None]] = WeakKeyDictionary()


def model_view(env: Env, name: str) -> ModelView:
    """Return a model as whoever acts may see it. Raises `MissingError` for one that is not there or not for him."""
    known = _described.setdefault(env.registry, {})
    key = (env.context.profile, env.lang, name)
    if key not in known:
        info = env.registry.models.get(name)
        if info is None:
            raise MissingError
        known[key] = _described_for(env, info)
    found = known[key]
    if found is None:
        raise MissingError
    return found


def readable_models(env: Env) -> Iterator[ModelView]:
    """Return the models that whoever acts may read, in the order of their apps."""
    for name in env.registry.models:
        try:
            yield model_view(env, name)
        except MissingError:
            continue


def _described_for(env: Env, info: ModelInfo) -> ModelView | None:
    """Describe a model, unless nothing of it may be read."""
    rights = env.registry.rights(env.context.profile, env.groups)
    if not rights.readable(info):
        return None
    fields = {
        name: _field_view(env, info, field, rights)
        for name, field in info.fields.items()
        if _visible(env, info, field, rights)
    }
    return ModelView(
        info.name, env.terms.say(info.description), fields, info.rec_name, info.order, frozenset(_verbs(info, rights))
    )


def _visible(env: Env, info: ModelInfo, field: AnyField, rights: Rights) -> bool:
    """Say whether a field may be read: a column by its grants, links to many by those of the other table."""
    if not _known(field.kind) or (field.name in TECHNICAL and field.name not in {"create_date", "write_date"}):
        return False
    if isinstance(field, One2many):
        return field.inverse in rights.readable(env.registry[field.comodel])
    if isinstance(field, Many2many):
        return bool(rights.readable(env.registry[field.comodel]))
    if not field.stored:
        return env.sees(info, field)
    return field.name in rights.readable(info)


def _field_view(env: Env, info: ModelInfo, field: AnyField, rights: Rights) -> FieldView:
    """Describe one field."""
    shape: AnyField = field.shape if isinstance(field, Computed) else field
    places = shape.digits if isinstance(shape, Decimal) else None
    return FieldView(
        name=field.name,
        label=env.terms.say(field.label),
        kind=_kind(field.kind),
        required=field.required,
        readonly=not field.editable or _is_kept(field) or not _changeable(env, info, field, rights),
        help=env.terms.text(field.help, field.name),
        stored=field.stored,
        choices=_choices(env, shape),
        relation=field.comodel if isinstance(field, Relation) else "",
        inverse=field.inverse if isinstance(field, One2many) else "",
        size=shape.size if isinstance(shape, Char) else LONGEST,
        places=places if places is not None and places <= MOST_FIXED_PLACES else None,
    )


def _is_kept(field: AnyField) -> bool:
    """Say whether only elevated code gives a field a value."""
    return field.readonly and not field.writes_through


def _changeable(env: Env, info: ModelInfo, field: AnyField, rights: Rights) -> bool:
    """Say whether a form may have an input for a field: for links to many, whether their records may change."""
    if isinstance(field, One2many):
        lines = env.registry[field.comodel]
        return bool(rights.insertable(lines) or rights.updatable(lines) or rights.deletable(lines))
    if isinstance(field, Many2many):
        return bool(rights.insertable(info) or rights.updatable(info))
    if field.writes_through:
        return bool(rights.updatable(info))
    return field.name in rights.insertable(info) | rights.updatable(info)


def _choices(env: Env, field: AnyField) -> tuple[tuple[str, str], ...]:
    """Return the values of a selection with their words."""
    if not isinstance(field, Selection):
        return ()
    return tuple((member.value, env.terms.text(choice_label(member), field.name)) for member in field.choices)


def choice_label(member: Enum) -> str:
    """Return the words for a choice: its label where it has one, else made from its value."""
    label = getattr(member, "label", "")
    return label if isinstance(label, str) and label else str(member.value).replace("_", " ").capitalize()


def _verbs(info: ModelInfo, rights: Rights) -> Iterator[Verb]:
    """Return what may be done with at least some records."""
    yield "read"
    if rights.insertable(info):
        yield "create"
    if rights.updatable(info):
        yield "write"
    if rights.deletable(info):
        yield "unlink"


def _known(kind: str) -> TypeGuard[Kind]:
    """Say whether screens know a kind of field."""
    return kind in _KINDS


def _kind(kind: str) -> Kind:
    """Return a kind that screens know."""
    if not _known(kind):
        raise TypeError(f"Screens do not know fields of the kind {kind}.")
    return kind
