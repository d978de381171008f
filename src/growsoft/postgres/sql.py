"""The SQL composer: statements are made of literals, identifiers and bound values, and of nothing else."""

import re
import sys
from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from importlib import resources
from string import Formatter
from types import FrameType
from typing import Final, LiteralString, Self, final

# PostgreSQL cuts longer identifiers off silently, which would let two names become one.
_IDENTIFIER: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}\Z")

# Templates that were seen as constants of the code that used them. Keyed by identity; the value keeps the object alive,
# so that no other text can ever take its address.
_proven: dict[int, str] = {}


@final
class Sql:
    """A statement or a piece of one: text in psycopg's ``%s`` style and the values bound to it, in order.

    Only the functions of this module make one. A plain ``str`` is refused wherever an ``Sql`` is expected.
    """

    __slots__ = ("params", "text")

    text: str
    params: tuple[object, ...]

    def __new__(cls) -> Self:
        """Refuse: text would become a statement without having been composed."""
        raise TypeError("Sql is made by sql(), ident(), literal(), join() and script(), never directly")

    def __repr__(self) -> str:
        """Show the text only: values may be personal data."""
        return f"<Sql {self.text!r}>"

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse: a statement never changes after it was composed."""
        raise AttributeError(f"Sql.{name} is fixed; compose another statement")

    def rebind(self, params: tuple[object, ...]) -> "Sql":
        """Give the same statement other values, as many as it has places: hot paths compose a statement only once."""
        if len(params) != len(self.params):
            raise ValueError(f"the statement has {len(self.params)} places, not {len(params)}")
        return _made(self.text, params)

    def __eq__(self, other: object) -> bool:
        """Two pieces are equal when their text and their values are."""
        return isinstance(other, Sql) and (self.text, self.params) == (other.text, other.params)

    def __hash__(self) -> int:
        """Agree with ``__eq__``."""
        return hash((self.text, self.params))


def sql(template: LiteralString, /, **parts: object) -> Sql:
    """Compose a statement from a literal template with ``{name}`` places.

    A part that is an ``Sql`` is composed in; any other value becomes a bound parameter, text included, so that
    a value can never turn into syntax. The template must be a constant of the calling code: a type checker sees it by
    ``LiteralString``, and at run time anything else (an f-string, a sum of strings) raises ``TypeError``.
    """
    if _proven.get(id(template), "") is not template:
        _prove(template)
    places, names = _places(template)
    if parts.keys() != names:
        raise TypeError(f"the statement has places for {sorted(names)}, not for {sorted(parts)}")
    texts: list[str] = []
    params: list[object] = []
    for text, name in places:
        texts.append(text)
        if name is None:
            continue
        part = parts[name]
        if isinstance(part, Sql):
            texts.append(part.text)
            params.extend(part.params)
        else:
            texts.append("%s")
            params.append(part)
    return _made("".join(texts), tuple(params))


def ident(name: str, /) -> Sql:
    """Quote an identifier from the registry: lower-case letters, digits and ``_``, 63 characters at most."""
    if not _IDENTIFIER.match(name):
        raise ValueError(f"{name!r} is no identifier: use lower-case letters, digits and _ (63 at most)")
    return _made(f'"{name}"', ())


def literal(value: str | int | bool | Decimal | bytes | None, /) -> Sql:
    """Write a constant into DDL, where PostgreSQL takes no bound parameters (CREATE POLICY, DEFAULT, PASSWORD)."""
    match value:
        case None:
            text = "NULL"
        case bool():
            text = "true" if value else "false"
        case int() | Decimal():
            text = _number(value)
        case bytes():
            text = f"{_quoted(chr(92) + 'x' + value.hex())}::bytea"
        case str():
            text = _quoted(value)
        case _:  # pyright: ignore[reportUnnecessaryComparison]  callers that no type checker reads
            raise TypeError(f"{type(value).__name__} cannot be written as a constant")
    return _made(text.replace("%", "%%"), ())


def join(separator: LiteralString, parts: Iterable[Sql], /) -> Sql:
    """Join pieces with a literal separator, such as ``", "`` or ``" AND "``."""
    if _proven.get(id(separator), "") is not separator:
        _prove(separator)
    pieces = [checked(part) for part in parts]
    text = separator.replace("%", "%%").join(piece.text for piece in pieces)
    return _made(text, tuple(value for piece in pieces for value in piece.params))


def idents(names: Iterable[str], /) -> Sql:
    """Write a comma-separated list of identifiers."""
    return join(", ", (ident(name) for name in names))


def script(package: LiteralString, name: LiteralString, /) -> Sql:
    """Read a named SQL script that is shipped inside a package of the product."""
    for text in (package, name):
        if _proven.get(id(text), "") is not text:
            _prove(text)
    return _made(resources.files(package).joinpath(name).read_text("utf-8").replace("%", "%%"), ())


def plain(query: Sql, /) -> str:
    """Give the text of a statement without bound values, as DDL scripts need it (one message, many statements)."""
    if checked(query).params:
        raise ValueError("this statement has bound values and cannot be sent as a script")
    return query.text.replace("%%", "%")


def proven_literal(text: object, frame: FrameType) -> None:
    """Raise ``TypeError`` unless a text is a constant of the code that runs in ``frame``: what was computed is not."""
    if _proven.get(id(text), "") is text:
        return
    if not isinstance(text, str) or not any(constant is text for constant in frame.f_code.co_consts):
        raise TypeError("this text must be a literal at the place of the call: bind values, quote names with ident()")
    _proven[id(text)] = text


def checked(part: object, /) -> Sql:
    """Let an ``Sql`` pass; anything else is a ``TypeError``, for callers that no type checker reads."""
    if not isinstance(part, Sql):
        raise TypeError(f"expected Sql, got {type(part).__name__}: write it with sql(), ident() or literal()")
    return part


def _prove(template: object) -> None:
    # The code that called sql(), join() or script().
    frame = sys._getframe(2)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]  the public way builds a whole stack
    proven_literal(template, frame)


def _made(text: str, params: tuple[object, ...]) -> Sql:
    query = object.__new__(Sql)
    object.__setattr__(query, "text", text)
    object.__setattr__(query, "params", params)
    return query


def _number(value: int | Decimal) -> str:
    if isinstance(value, Decimal) and not value.is_finite():
        raise ValueError(f"{value} is no number that a column could hold")
    # In parentheses, because a minus after another minus would begin a comment.
    return f"({value:f})" if isinstance(value, Decimal) else f"({int(value):d})"


def _quoted(value: str) -> str:
    if "\0" in value:
        raise ValueError("PostgreSQL text cannot hold NUL")
    body = value.replace("'", "''")
    # E'' is needed as soon as a backslash appears: it reads the same whatever standard_conforming_strings says. The
    # blank keeps it apart from a letter or a quote before it, which would change its meaning.
    return f" E'{body.replace(chr(92), chr(92) * 2)}'" if "\\" in body else f" '{body}'"


@lru_cache(maxsize=4096)
def _places(template: str) -> tuple[tuple[tuple[str, str | None], ...], frozenset[str]]:
    parsed = tuple(Formatter().parse(template))
    if any(spec or conversion for _text, _name, spec, conversion in parsed):
        raise ValueError(f"a place is a plain {{name}}: {template!r}")
    names = frozenset(name for _text, name, _spec, _conversion in parsed if name is not None)
    return tuple((text.replace("%", "%%"), name) for text, name, _spec, _conversion in parsed), names
