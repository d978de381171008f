"""Fields that are one column: text, numbers, truth, dates and choices."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Context, InvalidOperation
from decimal import Decimal as Number
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, Unpack, overload

from growsoft.orm.fields.base import AnyField, Field, TextConditions
from growsoft.orm.fields.choices import Choices
from growsoft.orm.fields.options import Options, Single
from growsoft.words import _

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.fields.added import AddedChoices
    from growsoft.orm.model import Model
    from growsoft.postgres.schema import ColumnType

E = TypeVar("E", bound=Enum)
EV = TypeVar("EV")
DV = TypeVar("DV", date, date | None)
TV = TypeVar("TV", datetime, datetime | None)

_INTEGER_LIMIT = 2**31 - 1
_TEXT_LIMIT = 1_000_000  # characters: what a person can have meant
# Digits before and after the point: more than money, weights and measures need.
_WHOLE_DIGITS = 30
_FRACTION_DIGITS = 400
# A day away from what Python can tell: each moment has a date in every time zone, so each can be shown to everybody.
_FIRST_DAY = date(1, 1, 2)
_LAST_DAY = date(9999, 12, 30)
_EXACT = Context(prec=_WHOLE_DIGITS + _FRACTION_DIGITS + 1, rounding=ROUND_HALF_UP)


class Char(Field[str], TextConditions):
    """One line of text; unset is ``""``."""

    column: ClassVar[ColumnType | None] = "text"
    kind = "char"

    def __init__(
        self, string: str = "", *, size: int = 2000, translate: bool = False, **options: Unpack[Options[str]]
    ) -> None:
        """``size`` is the greatest length in characters; with ``translate`` each language has a text of its own."""
        super().__init__(string, **options)
        if translate and (self.unique or self.company_dependent):
            raise ValueError("A translated text is neither unique nor of one company: which language would decide?")
        self.size = size
        self.translate = translate

    @property
    def unset(self) -> object:
        """Unset text is empty, never NULL."""
        return ""

    def to_raw(self, value: object) -> object:
        """Take text; ``None`` is unset."""
        if value is None or value is False:
            return ""
        text = checked_text(self, value)
        if len(text) > self.size:
            raise self.refuse(text, _("at most {count} characters long", count=self.size))
        return text

    def to_operand(self, value: object) -> object:
        """Take text of any length: no row holds what is too long, but to ask is no mistake."""
        return checked_text(self, value)


class Text(Char):
    """Text of several lines; unset is ``""``."""

    kind = "text"

    def __init__(self, string: str = "", *, translate: bool = False, **options: Unpack[Options[str]]) -> None:
        """Like ``Char`` without a limit that a person would meet."""
        super().__init__(string, size=_TEXT_LIMIT, translate=translate, **options)


class Integer(Field[int]):
    """A whole number of 32 bits; unset is 0."""

    column: ClassVar[ColumnType | None] = "integer"
    kind = "integer"

    @property
    def unset(self) -> object:
        """Unset is zero."""
        return 0

    def to_raw(self, value: object) -> object:
        """Take a whole number within 32 bits."""
        if value is None or value is False:
            return 0
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.refuse(value, _("a whole number"))
        if abs(value) > _INTEGER_LIMIT:
            raise self.refuse(value, _("between {least} and {most}", least=-_INTEGER_LIMIT, most=_INTEGER_LIMIT))
        return value


class Decimal(Field[Number]):
    """An exact number, never a float; unset is 0. ``digits`` after the point: more are rounded half up."""

    column: ClassVar[ColumnType | None] = "numeric"
    kind = "decimal"

    def __init__(self, string: str = "", *, digits: int | None = 6, **options: Unpack[Options[Number]]) -> None:
        """``digits`` = None keeps all that come."""
        super().__init__(string, **options)
        self.digits = digits

    @property
    def unset(self) -> object:
        """Unset is zero."""
        return Number(0)

    def to_raw(self, value: object) -> object:
        """Take an exact number; a float is taken by its shortest text (0.1 is one tenth)."""
        number = self.to_operand(value)
        return number if self.digits is None or not isinstance(number, Number) else rounded(number, self.digits)

    def to_operand(self, value: object) -> object:
        """Take an exact number as it is."""
        if value is None or value is False:
            return Number(0)
        if isinstance(value, bool) or not isinstance(value, int | float | str | Number):
            raise self.refuse(value, _("a number"))
        if isinstance(value, int) and abs(value) >= 10**_WHOLE_DIGITS:
            raise self.refuse(value, _("a number that can be stored"))
        try:
            number = Number(repr(value)) if isinstance(value, float) else Number(value)
        except InvalidOperation:
            raise self.refuse(value, _("a number")) from None
        if not number.is_finite() or number.adjusted() >= _WHOLE_DIGITS or exponent(number) < -_FRACTION_DIGITS:
            raise self.refuse(value, _("a number that can be stored"))
        return number


class Monetary(Decimal):
    """An amount in a currency; rounded half up to the currency's decimals when it is written.

    ``currency`` is the path to the currency on the same record (``currency_id``, ``order_id.currency_id``); the
    currency's model has an integer field ``decimal_places``.
    """

    kind = "monetary"

    def __init__(self, string: str = "", *, currency: str = "currency_id", **options: Unpack[Options[Number]]) -> None:
        """``currency`` names where the decimals come from."""
        super().__init__(string, digits=None, **options)
        self.currency = currency


class Boolean(Field[bool]):
    """Yes or no; unset is no."""

    column: ClassVar[ColumnType | None] = "boolean"
    kind = "boolean"

    @property
    def unset(self) -> object:
        """Unset is no."""
        return False

    def to_raw(self, value: object) -> object:
        """Take a truth value."""
        if value is None:
            return False
        if not isinstance(value, bool):
            raise self.refuse(value, _("yes or no"))
        return value


class Date(Field[DV]):
    """A day; unset is ``None``, and a required one is never unset."""

    column: ClassVar[ColumnType | None] = "date"
    kind = "date"

    @overload
    def __init__(
        self: Date[date],
        string: str = "",
        *,
        required: Literal[True],
        default: date | Callable[[Env], date] | None = None,
        **options: Unpack[Single],
    ) -> None: ...
    @overload
    def __init__(
        self: Date[date | None],
        string: str = "",
        *,
        default: date | Callable[[Env], date] | None = None,
        **options: Unpack[Single],
    ) -> None: ...
    def __init__(self, string: str = "", **options: Any) -> None:  # the overloads are the signature
        """Take what every field takes."""
        super().__init__(string, **options)

    def to_raw(self, value: object) -> object:
        """Take a date or ISO text."""
        match value:
            case None | False | "":
                return None
            case datetime():
                raise self.refuse(value, _("a day without a time"))
            case date():
                return value
            case str():
                try:
                    return date.fromisoformat(value)
                except ValueError:
                    raise self.refuse(value, _("a date like 2026-12-31")) from None
            case _:
                raise self.refuse(value, _("a date like 2026-12-31"))


class Datetime(Field[TV]):
    """A moment, aware and in UTC; people see it in their own time zone. Unset is ``None``."""

    column: ClassVar[ColumnType | None] = "timestamptz"
    kind = "datetime"

    @overload
    def __init__(
        self: Datetime[datetime],
        string: str = "",
        *,
        required: Literal[True],
        default: datetime | Callable[[Env], datetime] | None = None,
        **options: Unpack[Single],
    ) -> None: ...
    @overload
    def __init__(
        self: Datetime[datetime | None],
        string: str = "",
        *,
        default: datetime | Callable[[Env], datetime] | None = None,
        **options: Unpack[Single],
    ) -> None: ...
    def __init__(self, string: str = "", **options: Any) -> None:  # the overloads are the signature
        """Take what every field takes."""
        super().__init__(string, **options)

    def to_raw(self, value: object) -> object:
        """Take an aware datetime, or ISO text (without a zone: UTC)."""
        return moment_of(self, value)


class Selection(Field[EV]):
    """One of the members of an ``Enum`` whose values are text; unset is ``None`` unless a default rules that out."""

    column: ClassVar[ColumnType | None] = "text"
    kind = "selection"

    @overload
    def __init__(
        self: Selection[E],
        choices: type[E],
        string: str = "",
        *,
        default: E | Callable[[Env], E],
        required: bool = False,
        **options: Unpack[Single],
    ) -> None: ...
    @overload
    def __init__(
        self: Selection[E], choices: type[E], string: str = "", *, required: Literal[True], **options: Unpack[Single]
    ) -> None: ...
    @overload
    def __init__(self: Selection[E | None], choices: type[E], string: str = "", **options: Unpack[Single]) -> None: ...
    def __init__(
        self, choices: type[Enum], string: str = "", **options: Any
    ) -> None:  # the overloads are the signature
        """``choices`` in the order in which people see them."""
        super().__init__(string, **options)
        self.choices = Choices(tuple(choices))

    def adding(self, more: type[E], *, after: Enum | None = None) -> AddedChoices[EV | E]:
        """Add choices to this field of a model that is extended in place; stand it in the extension under a new name.

        Under that name the field has the wider type; under its own it stays what code that knew less was written for.
        """
        from growsoft.orm.fields.added import AddedChoices

        return AddedChoices(self, more, after)

    @property
    def unset(self) -> object:
        """Unset is empty text."""
        return ""

    def to_python(self, raw: Any, records: Model) -> EV:  # noqa: ANN401
        """Give the member."""
        del records
        value: EV = self.choices(raw) if raw else None  # type: ignore[assignment]  # the overloads say when it is None
        return value

    def to_raw(self, value: object) -> object:
        """Take a member or its value."""
        match value:
            case None | False | "":
                return ""
            case Enum() if value in self.choices:
                return value.value
            case str():
                try:
                    return self.choices(value).value
                except ValueError:
                    pass
            case _:
                pass
        raise self.refuse(value, _("one of {choices}", choices=", ".join(str(member.value) for member in self.choices)))


def checked_text(field: AnyField, value: object) -> str:
    """Take text that PostgreSQL can hold."""
    if not isinstance(value, str):
        raise field.refuse(value, _("text"))
    if "\0" in value or not (value.isascii() or _is_utf8(value)):
        raise field.refuse(value, _("text without NUL and broken characters"))
    return value


def moment_of(field: AnyField, value: object) -> datetime | None:
    """Take an aware datetime, or ISO text (without a zone: UTC), in UTC."""
    match value:
        case None | False | "":
            return None
        case datetime():
            if value.tzinfo is None:
                raise field.refuse(str(value), _("a moment with a time zone; use UTC"))
            moment = value
        case str():
            moment = _parsed(field, value)
        case _:
            raise field.refuse(value, _("a moment like 2026-12-31 12:00:00"))
    try:
        utc = moment.astimezone(UTC)
    except OverflowError:
        utc = None
    if utc is None or not _FIRST_DAY <= utc.date() <= _LAST_DAY:
        raise field.refuse(str(moment), _("a moment between the years 1 and 9999"))
    return utc


def _parsed(field: AnyField, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise field.refuse(text, _("a moment like 2026-12-31 12:00:00")) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def rounded(number: Number, digits: int) -> Number:
    """Round half up (away from zero, as people do on paper) to so many digits after the point."""
    return number.quantize(Number(1).scaleb(-digits), context=_EXACT)


def exponent(number: Number) -> int:
    """Give the position of the last digit: -2 for 1.25."""
    last = number.as_tuple().exponent
    return last if isinstance(last, int) else 0


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True
