"""Themes: light, dark, or as the device has it; a choice of one browser, so a cookie keeps it."""

from __future__ import annotations

from typing import Final

from growsoft.web.http import Request

COOKIE: Final = "__Host-theme"
THEMES: Final = ("light", "dark")
_YEAR: Final = 365 * 24 * 60 * 60


def theme_of(request: Request) -> str:
    """Return the theme that somebody chose in this browser, empty for that of his device."""
    chosen = request.cookies.get(COOKIE, "")
    return chosen if chosen in THEMES else ""


def theme_cookie(theme: str) -> tuple[str, str]:
    """Return the header that keeps a theme in a browser, or forgets it."""
    age = _YEAR if theme in THEMES else 0
    kept = theme if theme in THEMES else ""
    return ("set-cookie", f"{COOKIE}={kept}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={age}")
