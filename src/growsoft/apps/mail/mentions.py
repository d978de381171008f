"""Mentions: who is meant by an `@` in a note: a login, a full name, or a first name that only one person has."""

from __future__ import annotations

import re
from typing import Final

from growsoft.orm import Env
from growsoft.orm.compile import escaped
from growsoft.orm.domain import Leaf

MOST: Final = 20
_CANDIDATES: Final = 20
_AT: Final = re.compile(r"(?<![\w@.])@(?=\w)")
_WORD: Final = re.compile(r"[^\s,;:!?()]{1,100}")


def mentioned(env: Env, body: str) -> list[int]:
    """Return the ids of the users whom a note names, as far as whoever writes it may see them."""
    found: list[int] = []
    for at in list(_AT.finditer(body))[:MOST]:
        user = _meant(env, body[at.end() :])
        if user and user not in found:
            found.append(user)
    return found


def _meant(env: Env, text: str) -> int:
    """Return whom the text after an `@` begins with, 0 for nobody or for several."""
    word = _WORD.match(text)
    plain = word.group().rstrip(".") if word else ""
    if not plain:
        return 0
    begins = Leaf(("name",), "=ilike", escaped(plain) + "%") | Leaf(("login",), "=ilike", escaped(plain))
    rows = env["res.users"].search_read(begins & Leaf(("active",), "=", True), ["name", "login"], limit=_CANDIDATES)
    low = text.casefold()
    whole = [row for row in rows if row["login"].casefold() == plain.casefold() or _starts(low, row["name"].casefold())]
    first = [row for row in rows if row["name"].split()[:1] and row["name"].split()[0].casefold() == plain.casefold()]
    chosen = max(whole, key=lambda row: len(row["name"])) if whole else first[0] if len(first) == 1 else None
    return int(chosen["id"]) if chosen else 0


def _starts(text: str, name: str) -> bool:
    """Say whether a text begins with a name that ends there."""
    return bool(name) and text.startswith(name) and not text[len(name) : len(name) + 1].isalnum()
