"""What people choose for themselves: language and time zone, and the companies they work in."""

from __future__ import annotations

from functools import cache
from typing import Final
from zoneinfo import available_timezones

from babel import Locale

from growsoft.errors import ValidationError
from growsoft.postgres.transaction import CompanyRefused
from growsoft.views.people import PREFERENCES, prefer
from growsoft.web.companies import companies_cookie
from growsoft.web.http import Response, local_path
from growsoft.web.pages.routes import SIGNED_IN_ROUTES
from growsoft.web.themes import theme_cookie
from growsoft.web.visit import SignedInVisit

PATH: Final = "/web/preferences"
HOME: Final = "/app"


@SIGNED_IN_ROUTES.get(PATH)
def show(visit: SignedInVisit) -> Response:
    """Show the form."""
    return _page(visit, visit.person.lang, visit.person.tz, "")


@SIGNED_IN_ROUTES.post(PATH)
def save(visit: SignedInVisit) -> Response:
    """Keep what was chosen; the next page is in the new language."""
    chosen = {name: visit.form.get(name, "") for name in PREFERENCES}
    try:
        with visit.env.savepoint():
            prefer(visit.env, chosen)
    except ValidationError as error:
        return _page(visit, chosen["lang"], chosen["tz"], error.words)
    return visit.go(PATH).with_headers(theme_cookie(visit.form.get("theme", "")))


@SIGNED_IN_ROUTES.post("/web/companies")
def work_in(visit: SignedInVisit) -> Response:
    """Work in other companies from now on: in the one whose button was pressed first, and in those that are ticked."""
    wanted = [visit.form.get("current", ""), *visit.form.every("active")]
    companies = tuple(
        dict.fromkeys(int(text) for text in wanted if text.isascii() and text.isdigit() and len(text) < 19)
    )
    if not companies or not set(companies) <= set(visit.env.allowed_companies):
        raise CompanyRefused
    back = visit.form.get("next", "")
    return visit.go(back if local_path(back) else HOME).with_headers(companies_cookie(companies))


def _page(visit: SignedInVisit, lang: str, tz: str, problem: str) -> Response:
    context = {
        "languages": [(name, language_name(name)) for name in visit.env.registry.languages],
        "zones": zones(),
        "chosen": {"lang": lang, "tz": tz},
        "problem": problem,
    }
    return visit.page("preferences.html", context, status=422 if problem else 200)


@cache
def language_name(name: str) -> str:
    """Return what a language calls itself."""
    return (Locale.parse(name).get_language_name(name) or name).capitalize()


@cache
def zones() -> tuple[str, ...]:
    """Return the time zones that people live in, by their IANA names."""
    return ("UTC", *sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/")))
