"""Rendering: Jinja with escaping always on, templates by fixed names from installed packages only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from importlib.resources import files
from typing import Final

from jinja2 import DictLoader, Environment, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from growsoft.orm.fields.markup import cleaned
from growsoft.views.formats import size
from growsoft.views.manner import PLAIN, Manner
from growsoft.views.paths import file_path, files_path, list_path, options_path, record_path
from growsoft.views.screens import tabbed

SUFFIXES: Final = (".html", ".txt")


class Templates:
    """The templates of some packages, read once: a name that was not there then does not exist (claim SW-11)."""

    def __init__(self, packages: Iterable[str], known: Mapping[str, object]) -> None:
        """Read the templates; `known` is what all of them may use beside their own context."""
        self._known: dict[str, object] = {
            "hx": hx, "markup": markup, "file_path": file_path, "files_path": files_path,
            "tabbed": tabbed,
            "list_path": list_path, "record_path": record_path, "options_path": options_path, **known,
        }  # fmt: skip
        self._environment = Environment(
            loader=DictLoader({name: text for package in packages for name, text in _templates(package)}),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=-1,
        )

    def render(self, name: str, context: Mapping[str, object], manner: Manner = PLAIN) -> str:
        """Fill a template in for a reader; a name that its context does not have is an error and not an empty text."""
        read = {"_": partial(said, manner), "manner": manner, "lang": manner.lang, "size": partial(size, manner=manner)}
        return self._environment.get_template(name).render({**self._known, **read, **context})


def said(manner: Manner, words: str, **values: object) -> str:
    """Say a sentence in the reader's language; markup among its values stays markup, all else is escaped."""
    if not any(isinstance(value, Markup) for value in values.values()):
        return manner.say(words, **values)
    terms = manner.terms
    parts = {name: value if isinstance(value, Markup) else terms.shown(value) for name, value in values.items()}
    return escape(manner.say(words)).format(**parts)


def _templates(package: str) -> Iterable[tuple[str, str]]:
    """Return the names and texts of the templates in a package."""
    for file in files(package).joinpath("templates").iterdir():
        if file.name.endswith(SUFFIXES):
            yield file.name, file.read_text(encoding="utf-8")


def markup(text: object) -> Markup:
    """Show formatted text as such, cleaned once more: whoever stored it may not have come through the ORM."""
    text = cleaned(text) if isinstance(text, str) else ""
    return Markup(text)  # noqa: S704  # nosec B704 - cleaned just before  # safe: what an allow-list of tags and attributes leaves


@pass_context
def hx(context: Context) -> Markup:
    """Stamp an element whose htmx attributes are ours: the client strips them from every other (hx-csp)."""
    nonce = context.get("nonce")
    if not isinstance(nonce, str) or not nonce:
        raise ValueError("A page with htmx needs a nonce.")
    return Markup('hx-nonce="{}"').format(escape(nonce))  # safe: a constant, its one value escaped
