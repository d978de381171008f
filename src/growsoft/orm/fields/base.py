"""What all fields share: their declaration, their value on a record, and their comparison in a condition."""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeAlias, TypeGuard, TypeVar, overload

from growsoft.errors import ValidationError
from growsoft.orm.domain import Condition, Leaf
from growsoft.words import Words, _

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.model import Model
    from growsoft.postgres.schema import ColumnType

V = TypeVar("V")

_SHOWN = 10**18  # larger numbers are not written out: Python refuses to at some thousand digits


class Field(Generic[V]):
    """A field of a model: on the class it builds conditions, on a record it is the value (of type ``V``).

    ``groups`` keeps the column from everybody else, ``readonly`` from everybody but elevated code (both in PostgreSQL,
    by grants); ``index`` is ``True`` or ``"trigram"`` (substring search). ``unique_per`` names the link within whose
    records a value is unique: ``company_id``.

    ``company_dependent`` gives each company a value of its own: read and written is that of the current company, the
    first of ``env.companies``; where it has none, ``default`` holds, which must be a constant. ``related`` is a path
    through links to one record (``partner_id.country_id``): the field shows what is at its end, read-only unless
    ``readonly=False``; with ``store=True`` a copy is kept, and can be sorted by.
    """

    column: ClassVar[ColumnType | None] = None
    kind: ClassVar[str] = ""
    translate: bool = False  # whether each language has a value of its own

    name: str
    model_name: str
    _said: tuple[tuple[object, ...], dict[str, object]]

    if not TYPE_CHECKING:  # type checkers would look at this signature instead of those of __init__

        def __new__(cls, *args: object, **options: object) -> Self:
            """Remember what was said, so that an extension can change some of it and keep the rest."""
            made = object.__new__(cls)
            made._said = (args, options)
            return made

    def __init__(  # noqa: PLR0913  these keywords are the vocabulary of the field
        self,
        string: str = "",
        *,
        required: bool = False,
        default: V | Callable[[Env], V] | None = None,
        help: str = "",  # noqa: A002  the field's standard term
        readonly: bool | None = None,
        index: bool | str = False,
        groups: str | tuple[str, ...] = (),
        unique: bool | str = False,
        unique_per: str = "",
        copy: bool = True,
        company_dependent: bool = False,
        related: str = "",
        store: bool = False,
    ) -> None:
        """Take what every field may say; ``unique`` may be the sentence for people."""
        self.string = string
        self.required = required
        self.default = default
        self.help = help
        self.readonly = bool(related) if readonly is None else readonly
        self.index = index
        self.groups = (groups,) if isinstance(groups, str) else groups
        self.unique = unique
        self.unique_per = unique_per
        self.copy = copy
        self.compute: Callable[[Any], V] | None = None
        self.company_dependent = company_dependent
        self.related: tuple[str, ...] = tuple(related.split(".")) if related else ()
        self.store = store
        self.depends: tuple[str, ...] = (related,) if related else ()
        self.name = ""
        self.model_name = ""

    def __set_name__(self, owner: type[Model], name: str) -> None:
        """Learn the name, and where the field was declared."""
        self.name = name
        self.model_name = owner.__name__

    @property
    def said(self) -> dict[str, Any]:
        """What the declaration says, by the names of the parameters, without what it leaves to the defaults."""
        args, options = self._said
        signature = inspect.signature(type(self).__init__)
        said = dict(signature.bind(self, *args, **options).arguments)
        rest = next((p.name for p in signature.parameters.values() if p.kind is p.VAR_KEYWORD), "")
        said |= said.pop(rest, {})
        return {name: value for name, value in said.items() if name != "self"}

    @property
    def stored(self) -> bool:
        """Whether the field is a column of its model's table."""
        return self.column is not None and (self.store or not self.related)

    @property
    def storage(self) -> ColumnType | None:
        """The type of the column; that of a value for each company or language is not the type of the value."""
        return "jsonb" if self.company_dependent or self.translate else self.column

    @property
    def worked_out(self) -> bool:
        """Whether the value comes from other fields."""
        return self.compute is not None or bool(self.related)

    @property
    def writes_through(self) -> bool:
        """Whether a value that is written goes to where the field's own value comes from."""
        return bool(self.related) and not self.readonly

    @property
    def editable(self) -> bool:
        """Whether a value may be given at all: one that is worked out may be corrected only where the field says so."""
        return self.writes_through or not self.worked_out or (self.stored and not self.readonly)

    @property
    def fallback(self) -> object:
        """What the column holds when nothing was given and nothing is worked out for each new record."""
        fixed = self.default is not None and not callable(self.default)
        return self.to_raw(self.default) if fixed else self.unset

    @property
    def label(self) -> Words:
        """The words for people: the declared ones, else made from the name."""
        made = self.name.removesuffix("_id").removesuffix("_ids").replace("_", " ").capitalize()
        return Words(self.string or made, context=self.name)

    # -- values ------------------------------------------------------------------------------------------------------

    @overload
    def __get__(self, instance: None, owner: type[Model]) -> Self: ...
    @overload
    def __get__(self, instance: Model, owner: type[Model]) -> V: ...
    def __get__(self, instance: Model | None, owner: type[Model]) -> Self | V:
        """Give the field on a class, the value on a record (the unset value on an empty recordset)."""
        if instance is None:
            return self
        return self.to_python(instance._value(self.name), instance)  # a field is a model's own part

    def __set__(self, instance: Model, value: V) -> None:
        """Write the value; it is kept back and sent with others, before anything needs it."""
        instance._assign({self.name: value})

    def to_python(self, raw: Any, records: Model) -> V:  # noqa: ANN401  raw is what the driver gives
        """Turn what the column holds into the value that code sees."""
        del records
        value: V = raw
        return value

    def to_raw(self, value: object) -> object:
        """Turn a value into what the column holds. Raises ``ValidationError`` naming the field."""
        return value

    def to_column(self, env: Env, value: object) -> object:
        """Turn a value that is written into what the column holds; most need to know nothing of where that is."""
        del env
        return self.to_raw(value)

    def to_operand(self, value: object) -> object:
        """Turn a value of a condition into what the column is compared with: the same, but never rounded or cut."""
        return self.to_raw(value)

    @property
    def unset(self) -> object:
        """What the column holds when nothing was given; None means NULL."""
        return None

    def work_out(self, record: Model) -> object:
        """Give what the column of one record would hold, from what the value comes from."""
        if self.compute is not None:
            return self.to_raw(self.compute(record))
        here = record
        for name in self.related[:-1]:
            here = getattr(here, name)
        return here._value(self.related[-1]) if here else self.unset

    def refuse(self, value: object, wanted: str) -> ValidationError:
        """Say that a value does not fit."""
        shown = repr(value[:60]) if isinstance(value, str) else f"a {type(value).__name__}"
        if isinstance(value, bool | float | Decimal) or (isinstance(value, int) and abs(value) < _SHOWN):
            shown = str(value)
        return ValidationError(_("{label}: {value} is not {wanted}.", label=self.label, value=shown, wanted=wanted))

    # -- conditions --------------------------------------------------------------------------------------------------

    @overload  # type: ignore[override]  # a condition, not a truth value: that is the point
    def __eq__(self: Field[Decimal], other: Decimal | int) -> Condition: ...
    @overload
    def __eq__(self, other: V | None) -> Condition: ...
    def __eq__(self, other: object) -> Condition:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Hold where the field has this value; ``None`` asks for unset ones."""
        return Leaf((self,), "=", other)

    @overload  # type: ignore[override]  # as above
    def __ne__(self: Field[Decimal], other: Decimal | int) -> Condition: ...
    @overload
    def __ne__(self, other: V | None) -> Condition: ...
    def __ne__(self, other: object) -> Condition:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Hold where the field has another value."""
        return Leaf((self,), "!=", other)

    @overload
    def __lt__(self: Field[Decimal], other: Decimal | int) -> Condition: ...
    @overload
    def __lt__(self, other: V) -> Condition: ...
    def __lt__(self, other: object) -> Condition:
        """Hold where the value is smaller."""
        return Leaf((self,), "<", other)

    @overload
    def __le__(self: Field[Decimal], other: Decimal | int) -> Condition: ...
    @overload
    def __le__(self, other: V) -> Condition: ...
    def __le__(self, other: object) -> Condition:
        """Hold where the value is smaller or equal."""
        return Leaf((self,), "<=", other)

    @overload
    def __gt__(self: Field[Decimal], other: Decimal | int) -> Condition: ...
    @overload
    def __gt__(self, other: V) -> Condition: ...
    def __gt__(self, other: object) -> Condition:
        """Hold where the value is greater."""
        return Leaf((self,), ">", other)

    @overload
    def __ge__(self: Field[Decimal], other: Decimal | int) -> Condition: ...
    @overload
    def __ge__(self, other: V) -> Condition: ...
    def __ge__(self, other: object) -> Condition:
        """Hold where the value is greater or equal."""
        return Leaf((self,), ">=", other)

    def in_(self, values: Collection[V]) -> Condition:
        """Hold where the value is one of these."""
        return Leaf((self,), "in", tuple(values))

    def not_in(self, values: Collection[V]) -> Condition:
        """Hold where the value is none of these."""
        return Leaf((self,), "not in", tuple(values))

    __hash__ = object.__hash__


class TextConditions:
    """Comparisons of text by patterns."""

    def like(self, part: str) -> Condition:
        """Hold where the text contains this part, upper and lower case told apart."""
        return Leaf((self,), "like", part)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  mixed into fields

    def ilike(self, part: str) -> Condition:
        """Hold where the text contains this part in upper or lower case."""
        return Leaf((self,), "ilike", part)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  mixed into fields


AnyField: TypeAlias = Field[Any]


def is_field(value: object) -> TypeGuard[AnyField]:
    """Whether something that stands in a class body is a field."""
    return isinstance(value, Field)
