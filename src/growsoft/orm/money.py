"""Amounts are rounded half up to the decimals of their currency, when they are written."""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from growsoft.orm.fields import AnyField, Computed, Many2one, Monetary
from growsoft.orm.fields.scalar import rounded

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.registry import ModelInfo

DEFAULT_DIGITS: Final = 2  # of an amount without a currency

Rows = Mapping[int, dict[str, Any]]


def currency_path(field: AnyField) -> tuple[str, ...]:
    """Give the path from a record to the currency of an amount; empty for what is no amount."""
    path = field.currency if isinstance(field, Monetary | Computed) else ""
    return tuple(path.split(".")) if path else ()


def currency_links(models: Mapping[str, ModelInfo]) -> dict[tuple[str, str], tuple[tuple[str, AnyField, str], ...]]:
    """Give the links (model, field) by which amounts come to their currency, each with the amounts that hang on it.

    Of an amount: its model, itself, and the path from its record to that of the link (empty: the same record). Computed
    amounts are left out; they are worked out again by what they depend on.
    """
    found: defaultdict[tuple[str, str], list[tuple[str, AnyField, str]]] = defaultdict(list)
    for info in models.values():
        for amount in info.amounts:
            path, here = currency_path(amount), info
            for number, name in enumerate(path if isinstance(amount, Monetary) else ()):
                found[here.name, name].append((info.name, amount, ".".join(path[:number])))
                link = here.fields[name]
                here = models[link.comodel] if isinstance(link, Many2one) else here
    return {link: tuple(amounts) for link, amounts in found.items()}


def round_new(env: Env, info: ModelInfo, rows: Iterable[dict[str, Any]]) -> None:
    """Round the amounts of rows that are about to be made."""
    for field in info.amounts:
        link = currency_path(field)[0]
        filled = [row for row in rows if row.get(field.name)]
        digits = _digits(env, info, field, {row[link] for row in filled})
        for row in filled:
            row[field.name] = rounded(Decimal(row[field.name]), digits.get(row[link], DEFAULT_DIGITS))


def round_changed(env: Env, info: ModelInfo, rows: Rows) -> None:
    """Round the amounts of changed rows, in the cache as well."""
    cache = env.cache.records[info.name]
    for field in info.amounts:
        changed = {key: row[field.name] for key, row in rows.items() if row.get(field.name)}
        for key, amount in in_currency(env, info, field, changed).items():
            rows[key][field.name] = cache[key][field.name] = amount


def in_currency(env: Env, info: ModelInfo, field: AnyField, amounts: Mapping[int, Any]) -> dict[int, Decimal]:
    """Round amounts by record."""
    if not amounts:
        return {}
    first = currency_path(field)[0]
    records = env.registry.models[info.name].cls._of(env, tuple(amounts))
    links = {record._ids[0]: record._value(first) for record in records}
    digits = _digits(env, info, field, set(links.values()))
    return {key: rounded(Decimal(amount), digits.get(links[key], DEFAULT_DIGITS)) for key, amount in amounts.items()}


def _digits(env: Env, info: ModelInfo, field: AnyField, links: Iterable[int | None]) -> dict[int | None, int]:
    """Give the decimals by the first link of the way to the currency, for all at once."""
    first, *rest = currency_path(field)
    link = info.fields[first]
    if not isinstance(link, Many2one):
        raise TypeError(f"{info.name}.{first} leads to no currency")
    found: dict[int | None, int] = {None: DEFAULT_DIGITS}
    for record in env[link.comodel]._of(env, tuple(i for i in links if i)):
        currency: Any = record
        for name in rest:
            currency = getattr(currency, name)
        found[record._ids[0]] = currency.decimal_places if currency else DEFAULT_DIGITS
    return found
