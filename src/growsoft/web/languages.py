"""Languages of browsers: what a stranger reads, chosen from those that a database has by what his browser asks for."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from growsoft.orm import Registry
from growsoft.orm.languages import PRODUCT, languages_of, words_of
from growsoft.views.manner import Manner
from growsoft.web.http import Request
from growsoft.words import SOURCE

LONGEST = 500  # characters of a header field that anybody needs to say what he reads


def browser_manner(request: Request, registry: Registry | None = None) -> Manner:
    """Return how the owner of a browser reads; without a database in the languages of the product itself."""
    wanted = request.headers.get("accept-language", "")[:LONGEST]
    if registry is not None:
        return Manner(registry.terms(best_language(wanted, registry.languages)))
    return _own(best_language(wanted, languages_of((PRODUCT,))))


@lru_cache
def _own(lang: str) -> Manner:
    return Manner(words_of((), lang))


def best_language(wanted: str, known: Iterable[str]) -> str:
    """Return the language that fits an Accept-Language field best (RFC 9110, section 12.5.4), else the source."""
    names = {name.replace("_", "-"): name for name in known}
    found = parse_accept_header(wanted, LanguageAccept).best_match(list(names), default="")
    return names.get(found or "", SOURCE)
