"""The records base brings: currencies and countries (from the CLDR, by Babel), groups, a company, the system user."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final, cast

from babel import Locale
from babel.core import get_global
from babel.numbers import get_currency_precision, get_currency_symbol, get_territory_currencies

from growsoft.apps.base.reflection import reflect
from growsoft.orm import Env, Group, Model
from growsoft.orm.later import QUEUE_GROUP

# Not countries: the CLDR lists them among the territories.
_NO_COUNTRIES: Final = frozenset(("AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"))
# Codes that ISO 3166-1 has withdrawn; the CLDR still leads from them to a country.
_FORMER_ALPHA3: Final = frozenset(("BUR", "DDR", "FXX", "TMP", "YMD", "ZAR"))
_ALPHA2: Final = re.compile(r"[A-Z]{2}\Z")

# Names that people write and the CLDR does not give, in lower case. Alpha-3 codes come from the CLDR's aliases.
COUNTRY_ALIASES: Final = {
    "uk": "GB",
    "great britain": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "usa": "US",
    "u.s.a.": "US",
    "u.s.": "US",
    "united states of america": "US",
    "czech republic": "CZ",
    "holland": "NL",
    "the netherlands": "NL",
    "south korea": "KR",
    "republic of korea": "KR",
    "north korea": "KP",
    "russia": "RU",
    "russian federation": "RU",
    "turkey": "TR",
    "ivory coast": "CI",
    "burma": "MM",
    "macedonia": "MK",
    "swaziland": "SZ",
    "cape verde": "CV",
    "vietnam": "VN",
    "viet nam": "VN",
    "hong kong": "HK",
    "macau": "MO",
    "taiwan": "TW",
    "uae": "AE",
    "vatican": "VA",
    "palestine": "PS",
    "congo": "CG",
    "drc": "CD",
}


def load(env: Env) -> None:
    """Fill a new database."""
    _load_currencies(env)
    _load_countries(env)
    ensure_groups(env)
    company = env["res.company"].create({"name": "My Company", "currency_id": _by(env, "res.currency", "name", "USD")})
    env["res.users"].create(
        {"name": "System", "login": "__system__", "active": False, "company_id": company, "company_ids": company}
    )
    # Nobody can sign in as this user; he is there so that PostgreSQL has the profile in which the queue is written.
    queue = [(6, 0, group_ids(env, [QUEUE_GROUP]))]
    env["res.users"].create({"name": "Jobs", "login": "__jobs__", "active": False, "groups_id": queue})


def follow(env: Env) -> None:
    """Write down which groups, models and fields the apps of a database have by now."""
    ensure_groups(env)
    reflect(env)


def ensure_groups(env: Env) -> None:
    """Make the groups that the apps of the registry declare and the database lacks, with what they imply.

    Groups of apps that are gone go too; an administrator's own have no key.
    """
    declared = env.registry.groups
    groups = env["res.groups"]
    groups.search([["key", "!=", ""], ["key", "not in", sorted(declared)]]).unlink()
    present = {row["key"] for row in groups.search_read([["key", "!=", ""]], ["key"])}
    new = [group for key, group in declared.items() if key not in present]
    _translate_groups(groups.create([{"name": group.name, "key": group.key} for group in new]), new)
    by_key = {row["key"]: row["id"] for row in groups.search_read([["key", "!=", ""]], ["key"])}
    for group in declared.values():
        implied = [by_key[key] for key in group.implied]
        groups.browse(by_key[group.key]).write({"implied_ids": [(6, 0, implied)]})


def _translate_groups(records: Model, groups: Sequence[Group]) -> None:
    """Give new groups the names that the catalogues of their apps have."""
    registry = records.env.registry
    for lang in registry.languages[1:]:
        for record, group in zip(records.with_lang(lang), groups, strict=True):
            record.write({"name": registry.terms(lang).text(group.name)})


def group_ids(env: Env, keys: Iterable[str]) -> list[int]:
    """Give the ids of groups by their keys."""
    rows = env["res.groups"].search_read([["key", "in", list(keys)]], ["key"])
    return [row["id"] for row in rows]


def country_codes() -> dict[str, str]:
    """Give every way to write a country, in lower case, with its alpha-2 code."""
    names = {name.lower(): code for code, name in _countries()}
    names |= {code.lower(): code for code, _name in _countries()}
    names |= {alpha3.lower(): code for code, alpha3 in _alpha3().items()}
    return names | COUNTRY_ALIASES


def _countries() -> list[tuple[str, str]]:
    territories = cast("Mapping[str, str]", Locale("en").territories)
    return [
        (code, name) for code, name in sorted(territories.items()) if _ALPHA2.match(code) and code not in _NO_COUNTRIES
    ]


def _alpha3() -> dict[str, str]:
    aliases = get_global("territory_aliases")
    return {
        codes[0]: alias
        for alias, codes in aliases.items()
        if re.fullmatch(r"[A-Z]{3}", alias) and len(codes) == 1 and alias not in _FORMER_ALPHA3
    }


def _load_currencies(env: Env) -> None:
    locale = Locale("en")
    names = cast("Mapping[str, str]", locale.currencies)
    today = date.today()  # noqa: DTZ011  which currencies are in use differs by the day, not by the hour
    used = {code for country, _name in _countries() for code in get_territory_currencies(country, today, today)}
    env["res.currency"].create(
        [
            {
                "name": code,
                "full_name": names.get(code, code),
                "symbol": get_currency_symbol(code, locale=locale),
                "decimal_places": get_currency_precision(code),
            }
            for code in sorted(used)
        ]
    )
    _translate(env, "res.currency", "name", "full_name", "currencies")


def _load_countries(env: Env) -> None:
    currencies = {row["name"]: row["id"] for row in env["res.currency"].search_read([], ["name"])}
    today = date.today()  # noqa: DTZ011  as above
    alpha3 = _alpha3()
    env["res.country"].create(
        [
            {
                "name": name,
                "code": code,
                "alpha3": alpha3.get(code, ""),
                "currency_id": next((currencies[c] for c in get_territory_currencies(code, today, today)), None),
            }
            for code, name in _countries()
        ]
    )
    _translate(env, "res.country", "code", "name", "territories")


def _translate(env: Env, model: str, code: str, name: str, terms: str) -> None:
    """Give records the names that the CLDR has for their codes in the other languages."""
    codes = {row["id"]: row[code] for row in env[model].search_read([], [code])}
    for lang in env.registry.languages[1:]:
        names = cast("Mapping[str, str]", getattr(Locale.parse(lang), terms))
        for record in env[model].browse(codes).with_lang(lang):
            if codes[record.id] in names:
                record.write({name: names[codes[record.id]]})


def _by(env: Env, model: str, field: str, value: str) -> int:
    return env[model].search([[field, "=", value]]).ensure_one().id
