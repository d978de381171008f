"""Summing: records counted and added up by groups, as lists, boards, charts and pivots show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

from growsoft.errors import AccessError
from growsoft.orm.domain import Condition, from_wire
from growsoft.orm.env import Env
from growsoft.orm.fields import Computed, Monetary, Relation
from growsoft.orm.registry import ModelInfo
from growsoft.views.facets import NONE, Facet, Reach
from growsoft.views.fields import FieldView, ModelView, Money, Value
from growsoft.views.formats import shown
from growsoft.views.manner import PLAIN, Manner
from growsoft.views.query import COUNT
from growsoft.views.spans import span_text, span_words
from growsoft.words import _

MOST_CURRENCIES: Final = 10
NOTHING: Final = _("Not set")

# What is added up of one field: one number, or an amount in each currency.
Sums = Mapping[str, tuple[Value, ...]]


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums of all records of a list, and how many these are where adding up has counted them."""

    count: int | None
    sums: Sums


@dataclass(frozen=True, slots=True)
class Bucket:
    """Some records that have a value in common: what leads to them, how many they are and what they add up to."""

    facet: Facet
    label: str
    count: int
    sums: Sums
    condition: Condition
    raw: object = None
    start: date | None = None


@dataclass(frozen=True)
class Summing:
    """Counts and adds up the records of one model as one person may see them."""

    env: Env
    model: ModelView
    reach: Reach
    manner: Manner = PLAIN
    _currencies: dict[str, tuple[int, str] | None] = field(default_factory=dict[str, "tuple[int, str] | None"])

    def totals(self, condition: Condition, names: Sequence[str]) -> Totals:
        """Return the sums of some fields over all records that meet a condition; amounts once for each currency."""
        plain = [name for name in names if not self._currency_path(name)]
        row = self._rows(condition, (), plain)[0] if plain else {}
        sums: dict[str, tuple[Value, ...]] = {name: (row[name],) for name in plain}
        count: int | None = row.get(COUNT)
        for name in names:
            if path := self._currency_path(name):
                sums[name], counted = self._amounts(condition, name, path)
                count = counted if count is None else count
        return Totals(count, sums)

    def buckets(
        self, condition: Condition, key: str, names: Sequence[str] = (), *, limit: int, offset: int = 0, order: str = ""
    ) -> tuple[Bucket, ...]:
        """Return the groups by one key, with the sums of some fields whose `totals` were asked for before.

        Amounts in several currencies have no sum, so that is left out.
        """
        rows = self._rows(condition, (key,), names, limit=limit, offset=offset, order=order)
        return tuple(self._bucket(key, row, names) for row in rows)

    def pairs(
        self, condition: Condition, keys: tuple[str, str], names: Sequence[str], *, limit: int
    ) -> tuple[tuple[Bucket, Bucket], ...]:
        """Return the groups by two keys: each as a bucket by the first and one by the second, of the same records."""
        rows = self._rows(condition, keys, names, limit=limit)
        return tuple((self._bucket(keys[0], row, names), self._bucket(keys[1], row, names)) for row in rows)

    # -- one group -----------------------------------------------------------------------------------------------------

    def _bucket(self, key: str, row: Mapping[str, Any], names: Sequence[str]) -> Bucket:
        name, _colon, unit = key.partition(":")
        view = self.reach(name)
        if view is None:
            raise AccessError
        raw: object = row[key]
        return Bucket(
            facet=Facet(name, _facet_text(raw, unit)),
            label=self._label(view, raw, unit),
            count=int(row[COUNT]),
            sums={one: self._sum(one, row[one]) for one in names},
            condition=from_wire(row["__domain"]),
            raw=raw,
            start=raw if isinstance(raw, date) else None,
        )

    def _label(self, view: FieldView, raw: object, unit: str) -> str:
        match raw:
            case None | "":
                return self.manner.say(NOTHING)
            case (int(), str(name)):
                return name or self.manner.say(_("Untitled"))
            case date() if unit:
                return span_words(raw, unit, self.manner.terms.lang)
            case str() | bool() | int() | Decimal():
                return shown(view, raw, self.manner)
            case _:
                return str(getattr(raw, "value", raw))

    def _sum(self, name: str, raw: object) -> tuple[Value, ...]:
        if not isinstance(raw, int | Decimal):
            return ()
        if not self._currency_path(name):
            return (raw,)
        known = self._currencies.get(name)
        return (Money(Decimal(raw), *known),) if known is not None else ()

    # -- amounts -------------------------------------------------------------------------------------------------------

    def _currency_path(self, name: str) -> str:
        found = self._info.fields[name]
        return found.currency if isinstance(found, Monetary | Computed) else ""

    def _amounts(self, condition: Condition, name: str, path: str) -> tuple[tuple[Value, ...], int | None]:
        """Return the sum of amounts in each currency and how many records there are; remember a lone currency."""
        try:
            rows = self._rows(condition, (path,), (name,), limit=MOST_CURRENCIES)
        except AccessError:  # of a currency that is hidden from the reader he sees no sum
            return (), None
        known = [(self._currency(path, row[path]), row[name]) for row in rows]
        self._currencies[name] = known[0][0] if len(known) == 1 else None
        counted = sum(int(row[COUNT]) for row in rows) if len(rows) < MOST_CURRENCIES else None
        return tuple(Money(Decimal(amount), *currency) for currency, amount in known), counted

    def _currency(self, path: str, raw: object) -> tuple[int, str]:
        """Return the decimals and the symbol of a currency."""
        match raw:
            case (int(record), str(name)):
                one = self.env[self._end(path)].browse(record)
                places: int = getattr(one, "decimal_places", 2)
                symbol: str = getattr(one, "symbol", "") or name
                return places, symbol
            case _:
                return 2, ""

    def _end(self, path: str) -> str:
        here = self._info
        for name in path.split("."):
            link = here.fields[name]
            here = self.env.registry[link.comodel] if isinstance(link, Relation) else here
        return here.name

    @property
    def _info(self) -> ModelInfo:
        return self.env.registry.models[self.model.name]

    def _rows(
        self, condition: Condition, keys: Sequence[str], names: Sequence[str], *, limit: int | None = None,
        offset: int = 0, order: str = "",
    ) -> list[dict[str, Any]]:  # fmt: skip
        found = self.env[self.model.name]
        return found.read_group(condition, keys, names, limit=limit, offset=offset, order=order)


def _facet_text(raw: object, unit: str) -> str:
    """Return what leads to a group, as facets write it."""
    match raw:
        case None | "":
            return NONE
        case (int(record), str()):
            return f"#{record}"
        case bool():
            return "=yes" if raw else "=no"
        case date() if unit:
            return span_text(raw, unit)
        case _:
            return f"={getattr(raw, 'value', raw)}"
