"""Dialects: in what way a file is a table, where that is not UTF-8 with commas."""

from __future__ import annotations

import codecs
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

from growsoft.errors import UserError
from growsoft.exchange.report import FileRefused, RowError
from growsoft.orm.notation import PLAIN, Notation

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

UTF_8: Final = "utf-8"
# What people's programs write: the names that are offered, and what Python calls them.
ENCODINGS: Final[Mapping[str, str]] = {
    UTF_8: "utf-8",
    "utf-16": "utf-16",
    "windows-1252": "cp1252",
    "windows-1250": "cp1250",
    "windows-1251": "cp1251",
    "iso-8859-1": "latin-1",
    "iso-8859-15": "iso8859-15",
    "macintosh": "mac-roman",
}
SEPARATORS: Final[Mapping[str, str]] = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
_MARKS: Final = ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
                 (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))  # fmt: skip


class NoDialect(UserError):
    """This is no way in which files are written."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """``encoding`` and ``separator`` by their names, empty where the file itself says it; ``sheet`` of a workbook.

    Raises ``NoDialect`` for names that are none.
    """

    sheet: str = ""
    encoding: str = ""
    separator: str = ""
    notation: Notation = PLAIN

    def __post_init__(self) -> None:
        """Check the names."""
        if self.encoding and self.encoding not in ENCODINGS:
            raise NoDialect(f"There is no encoding {self.encoding[:40]!r}; there is: {', '.join(ENCODINGS)}.")
        if self.separator and self.separator not in SEPARATORS:
            raise NoDialect(f"There is no separator {self.separator[:40]!r}; there is: {', '.join(SEPARATORS)}.")


STANDARD: Final = Dialect()


def separator_of(line: str) -> str:
    """Tell what parts the cells of a header: what is there most often outside of quotation marks, else the comma."""
    outside = "".join(line.split('"')[::2])
    return max(SEPARATORS.values(), key=lambda sign: (outside.count(sign), sign == ","))


class Recoded:
    """The lines of a file in another encoding, as UTF-8. Raises ``FileRefused`` where it is not in that one."""

    def __init__(self, first: bytes, rest: IO[bytes], encoding: str) -> None:
        """``first`` are bytes that were read already."""
        self._name = encoding
        whole = io.BufferedReader(_Whole(first, rest), 64 * 1024)
        self._text = io.TextIOWrapper(whole, encoding=ENCODINGS.get(encoding, encoding), newline="")
        self._lines = 0

    def readline(self, size: int = -1, /) -> bytes:
        """Read a line; of one that is too long, so much that it is seen to be."""
        self._lines += 1
        try:
            return self._text.readline(size).encode("utf-8", "surrogatepass")
        except UnicodeError:
            reason = f"From here on the file is not in {self._name.upper()}; choose another encoding, or UTF-8."
            raise FileRefused([RowError(self._lines, "", "", reason)]) from None


def encoding_said_by(first: bytes) -> str:
    """Give the encoding that the first bytes of a file tell by their mark, empty without one of another than UTF-8."""
    return next((name for mark, name in _MARKS if first.startswith(mark)), "")


class _Whole(io.RawIOBase):
    """A stream with the bytes that were read of it already."""

    def __init__(self, first: bytes, rest: IO[bytes]) -> None:
        self._first = first
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer)
        part = self._first or self._rest.read(len(view))
        size = min(len(part), len(view))
        view[:size] = part[:size]
        self._first = part[size:] if self._first else b""
        return size
