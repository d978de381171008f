"""People: who is signed in, how he reads and where he works. Which table names people, an app says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from growsoft.errors import AccessError, GrowsoftError
from growsoft.orm import Env, Locale, ModelInfo
from growsoft.orm.fields import Many2many
from growsoft.views.fields import Link
from growsoft.views.manner import Manner


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in."""

    id: int
    name: str
    login: str = ""
    lang: str = ""
    tz: str = "UTC"

    @property
    def zone(self) -> tzinfo:
        """His time zone."""
        return zone_of(self.tz)

    @property
    def locale(self) -> Locale:
        """Language and time zone as the data layer takes them."""
        return Locale(self.lang, self.tz if self.zone is not UTC else "UTC")

    @property
    def initials(self) -> str:
        """Two letters for a picture that nobody uploaded."""
        words = self.name.split()
        return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"


def person_of(env: Env) -> Person:
    """Return whoever acts in an environment; without a readable record he has only a number."""
    users = users_of(env)
    unnamed = Person(env.user_id, f"User {env.user_id}")
    if users is None:
        return unnamed
    try:
        row = (
            env[users.name]
            .browse(env.user_id)
            .read([name for name in users.fields if name in _WANTED | {users.rec_name}])
        )
    except GrowsoftError:
        return unnamed
    found = row[0]
    return Person(
        id=env.user_id,
        name=str(found[users.rec_name]),
        login=str(found.get("login", "")),
        lang=str(found.get("lang", "")),
        tz=str(found.get("tz", "")),
    )


def manner_of(env: Env) -> Manner:
    """Return how whoever acts in an environment reads."""
    return Manner(env.terms, zone_of(env.tz))


# What everybody may change of himself, besides his password.
PREFERENCES: Final = ("lang", "tz")
_WANTED: Final = frozenset({"login", *PREFERENCES})


def prefer(env: Env, values: Mapping[str, str]) -> None:
    """Change the language and the time zone of whoever acts, and nothing else of anybody."""
    users = users_of(env)
    if users is None or not set(values) <= set(PREFERENCES):
        raise AccessError
    mine = env[users.name].browse(env.user_id).sudo("people choose their own language and time zone")
    mine.write(values)


def companies_of(env: Env) -> tuple[Link, ...]:
    """Return the companies that whoever acts may work in, those he works in first; none when there is no choice."""
    allowed = env.allowed_companies
    users = users_of(env)
    if len(allowed) < 2 or users is None:
        return ()
    accounts = next(app.accounts for app in env.registry.apps if app.accounts is not None)
    fields = (field for field in users.fields.values() if isinstance(field, Many2many))
    model = next(field.comodel for field in fields if field.relation(users.table) == accounts.companies)
    info = env.registry[model]
    rows = env[model].browse(dict.fromkeys((*env.companies, *allowed))).exists().read([info.rec_name])
    return tuple(Link(int(row["id"]), str(row[info.rec_name])) for row in rows)


def users_of(env: Env) -> ModelInfo | None:
    """Return the model of the users, when an app of this database has one."""
    accounts = next((app.accounts for app in env.registry.apps if app.accounts is not None), None)
    if accounts is None:
        return None
    return next(info for info in env.registry.models.values() if info.table == accounts.users)


def zone_of(name: str) -> tzinfo:
    """Return a time zone by its IANA name; UTC for one that is not known here."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
