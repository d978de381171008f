"""Companies: in which of his companies somebody works, as his browser remembers it; PostgreSQL says whether he may."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from growsoft.web.http import Request
from growsoft.web.session import set_cookie

COOKIE: Final = "__Host-gs-companies"
MOST: Final = 100
YEAR: Final = 365 * 24 * 60 * 60
_CHOICE: Final = re.compile(r"[1-9][0-9]{0,17}(\.[1-9][0-9]{0,17})*")


def chosen_companies(request: Request) -> tuple[int, ...]:
    """Return the companies that a browser asks to work in, the current one first; none when it asks for nothing."""
    text = request.cookies.get(COOKIE, "")
    if len(text) > 20 * MOST or not _CHOICE.fullmatch(text):
        return ()
    return tuple(dict.fromkeys(int(part) for part in text.split(".")))[:MOST]


def companies_cookie(companies: Iterable[int]) -> tuple[str, str]:
    """Return the header field by which a browser remembers the choice, or forgets it when there is none."""
    text = ".".join(str(company) for company in companies)
    return set_cookie(COOKIE, text, max_age=YEAR if text else 0)
