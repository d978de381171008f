"""Fields as screens see them: what a model's field is called, what it holds and how it may be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from growsoft.orm.access import Verb

Kind = Literal[
    "char", "text", "integer", "decimal", "monetary", "boolean", "date", "datetime", "selection",
    "many2one", "one2many", "many2many", "html", "json", "reference", "binary",
]  # fmt: skip

NUMBERS: Final = frozenset[Kind](("integer", "decimal", "monetary"))
TEXTS: Final = frozenset[Kind](("char", "text"))
# What no form has an input for: it is looked at, and changed by code and by imports.
SHOWN_ONLY: Final = frozenset[Kind](("one2many", "json", "reference", "binary"))
MANY: Final = frozenset[Kind](("one2many", "many2many"))
UNSEARCHED: Final = frozenset[Kind](("json", "reference", "binary"))
GROUPED: Final = frozenset[Kind](
    ("char", "integer", "boolean", "date", "datetime", "selection", "many2one", "many2many")
)
UNSORTED: Final = UNSEARCHED | {"text", "html"}

# What every table has and no form of people's own shows by itself.
TECHNICAL: Final = frozenset({"id", "version", "create_uid", "create_date", "write_uid", "write_date"})


@dataclass(frozen=True, slots=True)
class Link:
    """Another record: its id, and its name as far as the reader may see it."""

    id: int
    name: str
    model: str = ""  # where the field itself does not say it


@dataclass(frozen=True, slots=True)
class Money:
    """An amount with the decimals and the symbol of its currency."""

    amount: Decimal
    places: int
    symbol: str


Value: TypeAlias = str | bool | int | Decimal | Money | date | datetime | Link | tuple[Link, ...] | None


@dataclass(frozen=True, slots=True)
class FieldView:
    """One field of a model, in the words of screens."""

    name: str
    label: str
    kind: Kind
    required: bool = False
    readonly: bool = False
    help: str = ""
    stored: bool = True
    choices: tuple[tuple[str, str], ...] = ()
    relation: str = ""
    inverse: str = ""
    size: int = 2000
    places: int | None = None

    @property
    def sortable(self) -> bool:
        """Whether lists can be ordered by it."""
        return self.stored and self.kind not in MANY | UNSORTED

    @property
    def searchable(self) -> bool:
        """Whether lists can be searched by it."""
        return (self.stored or self.kind in MANY) and self.kind not in UNSEARCHED

    @property
    def groupable(self) -> bool:
        """Whether lists can be grouped by it."""
        return self.kind in GROUPED and (self.stored or self.kind == "many2many")

    @property
    def numeric(self) -> bool:
        """Whether its values stand in line at their right."""
        return self.kind in NUMBERS

    @property
    def wide(self) -> bool:
        """Whether it takes the whole width of a form."""
        return self.kind in {"text", "html", "json"} or self.kind in MANY

    def choice_label(self, value: str) -> str:
        """Return the words for a value of a selection."""
        return dict(self.choices).get(value, value)


@dataclass(frozen=True, slots=True)
class ModelView:
    """One model as its reader sees it: fields he may read, and what he may do."""

    name: str
    title: str
    fields: Mapping[str, FieldView]
    rec_name: str = "name"
    order: str = "id"
    verbs: frozenset[Verb] = field(default_factory=frozenset[Verb])

    def may(self, verb: Verb) -> bool:
        """Say whether the reader may do this with at least some records."""
        return verb in self.verbs

    def known(self, names: tuple[str, ...]) -> tuple[FieldView, ...]:
        """Return those of some fields that the reader may see."""
        return tuple(self.fields[name] for name in names if name in self.fields)
