"""Delegation: a record has a parent record of another model and shows its fields; they stay the parent's."""

# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from growsoft.errors import ConfigError
from growsoft.orm.fields import AnyField, Computed, Many2one, Relation, Selection

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.model import Model
    from growsoft.orm.registry import ModelInfo

Values = Mapping[str, object]

# What a field that shows another one says for itself: nothing of how that one is stored, filled or kept apart.
_OF_THE_OTHER: Final = frozenset((
    "default", "required", "index", "unique", "unique_per", "company_dependent", "translate", "related", "store",
    "readonly", "ondelete",
))  # fmt: skip


def delegated(link: str, parent: ModelInfo, own: Mapping[str, AnyField]) -> Iterator[tuple[str, AnyField]]:
    """Give fields that show those of the parent record, for whatever the model does not have itself."""
    for name, target in parent.fields.items():
        if name not in own:
            field = _showing(link, target)
            if field is not None:
                field.__set_name__(parent.cls, name)
                yield name, field


def refuse_wrong_link(model: str, name: str, link: AnyField | None, parents: Iterable[str]) -> Many2one[Any]:
    """Give the link by which a model delegates. Raises ``ConfigError`` where it is none."""
    if not isinstance(link, Many2one) or not link.required or not link.stored or link.company_dependent:
        raise ConfigError(f"{model} delegates by {name}, which is no required link to one record.")
    if link.comodel not in parents:
        raise ConfigError(f"{model} delegates by {name} to {link.comodel}, so its class is built upon that model.")
    return link


def with_parents(env: Env, info: ModelInfo, many: Sequence[Values]) -> Sequence[Values]:
    """Make the parent records of records that are made without one, all at once, from the values that are theirs."""
    for link in info.delegates:
        names = info.shown_by(link)
        alone = [place for place, values in enumerate(many) if not values.get(link)]
        parents = env[info.delegates[link]].create(
            [{names[name]: value for name, value in many[place].items() if name in names} for place in alone]
        )
        made = dict(zip(alone, parents.ids, strict=True))
        many = [
            {**{name: v for name, v in values.items() if name not in names}, link: made[place]}
            if place in made
            else values
            for place, values in enumerate(many)
        ]
    return many


class ShownList:
    """Lines and links of a parent record, on the record that delegates to it: code reads and writes them there."""

    def __init__(self, link: str, name: str) -> None:
        """Take the way."""
        self._link = link
        self._name = name

    def __get__(self, instance: Model | None, owner: type[Model]) -> object:
        """Give the records that the parent record lists."""
        return self if instance is None else getattr(getattr(instance, self._link), self._name)

    def __set__(self, instance: Model, value: object) -> None:
        """Write them there."""
        setattr(getattr(instance, self._link), self._name, value)


def _showing(link: str, target: AnyField) -> AnyField | None:
    shape = target.shape if isinstance(target, Computed) else target
    if isinstance(target, Relation) and not isinstance(target, Many2one):
        return None
    said = {name: value for name, value in shape.said.items() if name not in _OF_THE_OTHER}
    said |= {"string": target.label, "help": target.help, "groups": target.groups, "copy": False}
    said |= {"related": f"{link}.{target.name}", "readonly": not target.editable or target.readonly}
    field: AnyField = type(shape)(**said)
    if isinstance(field, Selection) and isinstance(shape, Selection):
        field.choices = shape.choices
    return field
