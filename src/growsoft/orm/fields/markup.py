"""Formatted text: HTML that was cleaned before it is kept, so that nothing in it can ever run or load."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Unpack

import nh3

from growsoft.orm.fields.base import Field, TextConditions
from growsoft.orm.fields.options import Options
from growsoft.orm.fields.scalar import checked_text

if TYPE_CHECKING:
    from growsoft.postgres.schema import ColumnType

LONGEST: Final = 1_000_000  # characters, before and after cleaning
MOST_ROUNDS: Final = 8  # two are enough for whatever was tried; what needs more loses its tags

# What a person writes in a note or a letter. No pictures: one from elsewhere tells its owner who reads it, and when.
# No class, id or style: text must not look like a part of the page around it.
TAGS: Final = frozenset((
    "a", "abbr", "b", "blockquote", "br", "caption", "code", "dd", "del", "div", "dl", "dt", "em", "h1", "h2", "h3",
    "h4", "h5", "h6", "hr", "i", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s", "small", "span", "strong",
    "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul",
))  # fmt: skip
ATTRIBUTES: Final = {
    "*": {"dir", "lang", "title"},
    "a": {"href"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
}
SCHEMES: Final = frozenset(("http", "https", "mailto", "tel"))

_cleaner: Final = nh3.Cleaner(
    tags=set(TAGS),
    attributes=ATTRIBUTES,
    url_schemes=set(SCHEMES),
    url_relative="deny",
    link_rel="noopener noreferrer nofollow",
    strip_comments=True,
)
_words: Final = nh3.Cleaner(tags=set(), attributes={})


def cleaned(text: str) -> str:
    """Give HTML as it may be shown: other tags lose their brackets, scripts and styles go with all that is in them.

    Links lead to full addresses of the schemes above, and never tell where somebody came from. Text in which nothing
    can be read (``<p><br></p>``) is empty. Cleaning what was cleaned changes nothing.
    """
    if not text:
        return ""
    clean = _settled(text)
    return clean if words(clean) or "<hr>" in clean else ""


def _settled(text: str) -> str:
    # A parser moves what stands where it may not (a link in a link in a table), and then reads otherwise what it wrote.
    for _ in range(MOST_ROUNDS):
        clean = _cleaner.clean(text)
        if clean == text:
            return clean
        text = clean
    return _words.clean(text)


def words(text: str) -> str:
    """Give what of HTML can be read, still escaped and without any tag."""
    return _words.clean(text).replace("&nbsp;", " ").strip()


class Html(Field[str], TextConditions):
    """Formatted text, cleaned by an allow-list when it is written; unset is ``""``.

    The cleaning is that of ``cleaned``, by a parser of HTML. Screens clean once more what they show: a statement that
    did not come through the ORM could have stored anything.
    """

    column: ClassVar[ColumnType | None] = "text"
    kind = "html"

    def __init__(self, string: str = "", **options: Unpack[Options[str]]) -> None:
        """Take what every field takes."""
        super().__init__(string, **options)

    @property
    def unset(self) -> object:
        """Unset text is empty, never NULL."""
        return ""

    def to_raw(self, value: object) -> object:
        """Take HTML or plain text, and clean it."""
        if value is None or value is False:
            return ""
        text = self._fitting(checked_text(self, value))
        return self._fitting(cleaned(text))

    def to_operand(self, value: object) -> object:
        """Take a part of the text as it is kept: what is looked for is no HTML to clean."""
        return checked_text(self, value)

    def _fitting(self, text: str) -> str:
        if len(text) > LONGEST:
            raise self.refuse(text, f"at most {LONGEST:,} characters long")
        return text
