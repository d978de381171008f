"""People: who is signed in, in the words of screens. The data layer knows ids; which table names them, an app says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from growsoft.errors import GrowsoftError
from growsoft.orm import Env, ModelInfo


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in."""

    id: int
    name: str
    login: str = ""
    zone: tzinfo = UTC

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
        env.user_id, str(found[users.rec_name]), str(found.get("login", "")), zone_of(str(found.get("tz", "")))
    )


_WANTED = frozenset({"login", "tz"})


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
