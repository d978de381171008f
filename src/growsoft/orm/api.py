"""What decorates a model's methods: computed fields, constraints, jobs, and what the outside may call."""

from collections.abc import Callable
from typing import Any, Final, TypeVar, overload

from growsoft.orm.fields.computed import Computed
from growsoft.orm.later import job

__all__ = ["CONSTRAINS", "PUBLIC", "computed", "constrains", "job", "public"]

V = TypeVar("V")
C = TypeVar("C", bound=Callable[..., Any])

PUBLIC: Final = "_growsoft_public"
CONSTRAINS: Final = "_growsoft_constrains"


def computed(
    *depends: str,
    store: bool = False,
    currency: str = "",
    string: str = "",
    groups: str | tuple[str, ...] = (),
    unique: bool | str = False,
    readonly: bool = True,
    recursive: bool = False,
    multiline: bool = False,
) -> Callable[[Callable[[Any], V]], Computed[V]]:
    """Make a method the value of a field; it sees one record and returns the value.

    ``depends`` are the fields it reads, also through links (``order_line.price_subtotal``); ``currency`` makes it an
    amount, rounded half up to the decimals of the currency at that path; ``unique`` is as for other fields. What is
    stored is worked out in elevated hands, since it must be the same whoever changed something; what is not stored,
    with the rights of its reader.

    With ``readonly=False`` people may overwrite a stored value; it stays until something it depends on changes.
    ``recursive=True`` lets a stored field depend on itself along a hierarchy (``child_ids.total``), which must have no
    circles. ``multiline`` makes text one of several lines. The field itself takes two more methods::

        @full_price.inverse
        def _set_full_price(self, value: Decimal) -> None: ...

        @full_price.search
        def _search_full_price(self, operator: Operator, value: object) -> Condition: ...
    """

    def made(method: Callable[[Any], V]) -> Computed[V]:
        return Computed(
            method, depends, store=store, currency=currency, string=string, groups=groups, unique=unique,
            readonly=readonly, recursive=recursive, multiline=multiline,
        )  # fmt: skip

    return made


def constrains(*names: str) -> Callable[[C], C]:
    """Run a method on the records whose fields ``names`` were written, before the transaction can be committed.

    It raises ``ValidationError`` with a sentence for people.
    """

    def marked(method: C) -> C:
        setattr(method, CONSTRAINS, names)
        return method

    return marked


@overload
def public(method: C) -> C: ...
@overload
def public(*, readonly: bool = False) -> Callable[[C], C]: ...
def public(method: C | None = None, *, readonly: bool = False) -> C | Callable[[C], C]:
    """Let the outside call a method, on records that the caller may read. Nothing is reachable without it.

    ``readonly=True`` promises that it only reads: the transaction is READ ONLY.
    """

    def marked(function: C) -> C:
        setattr(function, PUBLIC, "read" if readonly else "write")
        return function

    return marked if method is None else marked(method)
