"""The overlay: what an administrator adds to one database at run time, as values, read from what he wrote down.

A declaration that does not fit is left out and named, so that it can never keep a database from being served. Keeper
and workers read the same rows by the same rules and come to the same result.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from growsoft.errors import ValidationError
from growsoft.orm.access import VERBS, Verb

if TYPE_CHECKING:
    from growsoft.orm.registry import Registry

Row = Mapping[str, object]

PREFIX: Final = "x_"  # of every name that an administrator gives: no app's name ever begins so
KINDS: Final = (
    "char", "text", "integer", "decimal", "monetary", "boolean", "date", "datetime", "selection", "many2one",
)  # fmt: skip
INDEXED: Final = frozenset({"char", "integer", "decimal", "date", "datetime", "selection"})
# Rows that are there already have no such value, and none could be made up for them.
NEVER_REQUIRED: Final = frozenset({"date", "datetime", "many2one", "boolean"})
# What decides about declarations is not itself declared upon.
CLOSED: Final = frozenset({"ir.model", "ir.model.fields"})
RECORD_NAME: Final = "x_name"

MAX_MODELS: Final = 100
MAX_FIELDS: Final = 1000
MAX_CHOICES: Final = 200

# Tables and their parts share one list of names: what could be taken for a part of another table is no name.
_NAME: Final = re.compile(r"x_[a-z](?:(?!_x_)[a-z0-9_]){0,45}(?<!_)(?<!_(?:rel|seq|idx|key))(?<!_pkey)\Z")
_VALUE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_. -]{0,59}\Z")


@dataclass(frozen=True, slots=True)
class CustomField:
    """A field that an administrator added to a model; without ``active`` its values are kept and shown to nobody."""

    model: str
    name: str
    kind: str
    label: str
    help: str = ""
    required: bool = False
    readonly: bool = False
    index: bool = False
    groups: tuple[str, ...] = ()
    relation: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    size: int = 2000
    digits: int = 2
    active: bool = True


@dataclass(frozen=True, slots=True)
class CustomModel:
    """A model that an administrator made; members of the groups may do with its records what the verbs say."""

    name: str
    label: str
    access: tuple[tuple[str, tuple[Verb, ...]], ...] = ()
    active: bool = True


@dataclass(frozen=True, slots=True)
class Overlay:
    """All of it; ``left_out`` says of declarations that do not fit what is wrong with each."""

    models: tuple[CustomModel, ...] = ()
    fields: tuple[CustomField, ...] = ()
    left_out: tuple[str, ...] = field(default=(), compare=False)

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.models or self.fields)


def read_overlay(registry: Registry, models: Iterable[Row], fields: Iterable[Row]) -> Overlay:
    """Read declarations as the rows of ``ir.model`` and ``ir.model.fields`` have them."""
    left_out: list[str] = []

    def known(read: Callable[[Row], None], rows: Iterable[Row], most: int) -> None:
        for count, row in enumerate(rows):
            try:
                if count >= most:
                    raise ValidationError(f"There are more than {most} of its kind.")  # noqa: TRY301  said of this row
                read(row)
            except ValidationError as error:
                left_out.append(f"{row.get('model', '')} {row.get('name', '')}: {error.message}"[:300])

    made: dict[str, CustomModel] = {}
    added: dict[tuple[str, str], CustomField] = {}

    def take_model(row: Row) -> None:
        model = custom_model(registry, row)
        _refuse(model.name in made, f"There is another model {model.name}.")
        made[model.name] = model

    def take_field(row: Row) -> None:
        one = custom_field(registry, made, row)
        _refuse((one.model, one.name) in added, f"There is another field {one.name}.")
        added[one.model, one.name] = one

    known(take_model, models, MAX_MODELS)
    known(take_field, fields, MAX_FIELDS)
    return Overlay(tuple(made.values()), tuple(added.values()), tuple(left_out))


def custom_model(registry: Registry, row: Row) -> CustomModel:
    """Read one model; raises ``ValidationError`` with a sentence for people."""
    name = checked_name(row.get("model"))
    _refuse(name in {info.table for info in registry.models.values()}, f"There is a model {name} already.")
    readers, writers = _groups(registry, row.get("reader_groups")), _groups(registry, row.get("writer_groups"))
    access: dict[str, tuple[Verb, ...]] = dict.fromkeys(readers, ("read",))
    access |= dict.fromkeys((*writers, "base.admin"), VERBS)
    return CustomModel(name, _label(row.get("name"), "name"), tuple(sorted(access.items())), row.get("active") is True)


def custom_field(registry: Registry, made: Mapping[str, CustomModel], row: Row) -> CustomField:
    """Read one field of a model of the registry, or of one that is made here."""
    name, model, kind = checked_name(row.get("name")), str(row.get("model") or ""), str(row.get("ttype") or "")
    _refuse(kind not in KINDS, f"Choose one of these kinds: {', '.join(KINDS)}.")
    info = registry.models.get(model)
    _refuse(info is None and model not in made, f"There is no model {model[:60]!r}.")
    _refuse(model in CLOSED or (info is not None and info.transient), "This model takes no fields of yours.")
    taken = info.fields if info is not None else (RECORD_NAME,)
    _refuse(name in taken, f"The model has a field {name} already.")
    required, index = row.get("required") is True, row.get("index") is True
    _refuse(required and kind in NEVER_REQUIRED, "Records that are there already would lack it: leave it optional.")
    _refuse(index and kind not in INDEXED, f"A field of the kind {kind} has no index of its own to choose.")
    _refuse(kind == "monetary" and (info is None or "currency_id" not in info.fields), "The model has no currency.")
    groups = _groups(registry, row.get("groups"))
    return CustomField(
        model, name, kind, _label(row.get("field_description"), "label"),
        help=_text(row.get("help"), 2000),
        required=required,
        readonly=False,
        index=index,
        groups=groups,
        relation=_relation(registry, made, row.get("relation")) if kind == "many2one" else "",
        choices=_choices(row.get("selection")) if kind == "selection" else (),
        size=_number(row.get("size"), 1, 10_000, 2000),
        digits=_number(row.get("digits"), 0, 12, 2),
        active=row.get("active") is True and bool(groups or not _keys(row.get("groups"))),
    )  # fmt: skip


def checked_name(name: object) -> str:
    """Refuse what is no name of an administrator's: it becomes one of a table or a column."""
    text = name if isinstance(name, str) else ""
    _refuse(
        _NAME.match(text) is None,
        "A technical name begins with x_ and goes on with small letters, digits and _, such as x_colour.",
    )
    return text


def _choices(text: object) -> tuple[tuple[str, str], ...]:
    """Read choices, one a line: the value that is stored, a colon, the words for people."""
    lines = [line for line in _text(text, 20_000).splitlines() if line.strip()]
    pairs = [tuple(part.strip() for part in line.partition(":")[::2]) for line in lines]
    choices = tuple((value, words or value) for value, words in pairs)
    values = {value for value, _words in choices}
    _refuse(not choices or len(choices) > MAX_CHOICES, f"Write one to {MAX_CHOICES} choices, one a line.")
    _refuse(len(values) < len(choices), "Two choices have the same value.")
    _refuse(
        not all(_VALUE.match(value) and len(words) <= 200 for value, words in choices),
        "A choice is a value of letters, digits and _, a colon and its words, such as 'red: Bright red'.",
    )
    return choices


def _relation(registry: Registry, made: Mapping[str, CustomModel], name: object) -> str:
    target = registry.models.get(str(name))
    fits = (target is not None and not target.transient) or (str(name) in made and made[str(name)].active)
    _refuse(not fits, "Choose the model to which it links.")
    return str(name)


def refuse_unknown_groups(registry: Registry, *texts: object) -> None:
    """Refuse groups that nobody has, while somebody is there to read it."""
    for key in (key for text in texts for key in _keys(text)):
        _refuse(key not in registry.groups, f"There is no group {key[:60]!r}; groups are written like base.user.")


def _groups(registry: Registry, text: object) -> tuple[str, ...]:
    """Give those groups that are there: what is kept for the group of an app that was uninstalled is for nobody."""
    return tuple(key for key in _keys(text) if key in registry.groups)


def _keys(text: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(key.strip() for key in _text(text, 2000).split(",") if key.strip()))


def _label(value: object, what: str) -> str:
    text = _text(value, 200).strip()
    _refuse(not text, f"Give it a {what}.")
    return text


def _text(value: object, longest: int) -> str:
    text = value if isinstance(value, str) else ""
    _refuse(len(text) > longest, f"A text is longer than {longest} characters.")
    return text


def _number(value: object, least: int, most: int, otherwise: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or (value == 0 and least > 0):
        return otherwise
    _refuse(not least <= value <= most, f"A number must be between {least} and {most}.")
    return value


def _refuse(wrong: bool, sentence: str) -> None:
    if wrong:
        raise ValidationError(sentence)
