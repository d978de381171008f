"""Previews: what an uploaded file may be shown as. Its bytes decide, never its name or what its sender said of it."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, Literal

Kind = Literal["image", "pdf", "text", ""]

# So much of a file is looked at; the size of a JPEG stands behind what its camera wrote.
HEAD: Final = 256 * 1024
# A browser unpacks four bytes for each pixel: what is larger than a good camera's picture is only downloaded.
MOST_PIXELS: Final = 50_000_000
LONGEST_NAME: Final = 200
NAMELESS: Final = "file"


@dataclass(frozen=True, slots=True)
class Preview:
    """How a file is shown, and the type it is served as; ``kind`` is empty for what is only downloaded."""

    kind: Kind = ""
    content_type: str = "application/octet-stream"


NOTHING: Final = Preview()
PDF: Final = Preview("pdf", "application/pdf")
TEXT: Final = Preview("text", "text/plain; charset=utf-8")


def preview_of(head: bytes) -> Preview:
    """Say how a file is shown by its first bytes: pictures of four kinds, PDF, and text as the letters it is made of.

    HTML and SVG are text here: they are shown as their source. Sources: the signatures of WHATWG MIME Sniffing, 6.1.
    """
    picture = _picture(head)
    if picture:
        pixels = _pixels(picture, head)
        return Preview("image", picture) if 0 < pixels <= MOST_PIXELS else NOTHING
    if head.startswith(b"%PDF-"):
        return PDF
    return TEXT if _is_text(head) else NOTHING


def text_of(content: bytes) -> str:
    """Return the letters of a text file; what is no UTF-8 becomes replacement characters."""
    return (
        content.decode("utf-8-sig", errors="replace").replace("\r\n", "\n").replace("\0", "\N{REPLACEMENT CHARACTER}")
    )


def safe_name(name: str) -> str:
    """Return a file's name without its folders, and without characters that are invisible or turn a text around.

    With U+202E in it, a program called "invoice fdp.exe" reads as "invoice exe.pdf".
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    plain = "".join(c for c in last if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
    plain = " ".join(plain.split()).strip(". ")
    if len(plain) > LONGEST_NAME:
        suffix = PurePosixPath(plain).suffix[:20]
        plain = plain[: LONGEST_NAME - len(suffix)] + suffix
    return plain or NAMELESS


def _picture(head: bytes) -> str:
    """Return the type of a picture by its signature."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return ""


def _pixels(kind: str, head: bytes) -> int:
    """Return how many pixels a picture says it has, 0 where it does not say so."""
    match kind:
        case "image/png":
            width, height = _number(head[16:20]), _number(head[20:24])
        case "image/gif":
            width, height = _little(head[6:8]), _little(head[8:10])
        case "image/webp":
            width, height = _webp(head)
        case _:
            width, height = _jpeg(head)
    return width * height


def _jpeg(head: bytes) -> tuple[int, int]:
    """Walk the segments of a JPEG to the frame that tells its size (ITU-T T.81, B.2.2)."""
    place = 2
    while place + 9 <= len(head) and head[place] == 0xFF:
        marker = head[place + 1]
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            return _number(head[place + 7 : place + 9]), _number(head[place + 5 : place + 7])
        place += 2 + _number(head[place + 2 : place + 4])
    return 0, 0


def _webp(head: bytes) -> tuple[int, int]:
    """Return the size of one of the three kinds of WebP (RFC 9649, section 2.5 to 2.7)."""
    match head[12:16]:
        case b"VP8X":
            return 1 + _little(head[24:27]), 1 + _little(head[27:30])
        case b"VP8L":
            bits = _little(head[21:25])
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 ":
            return _little(head[26:28]) & 0x3FFF, _little(head[28:30]) & 0x3FFF
        case _:
            return 0, 0


def _is_text(head: bytes) -> bool:
    """Say whether some bytes are UTF-8 without control characters; a letter may be cut off at their end."""
    if not head or any(byte < 32 and byte not in b"\t\n\r\f" for byte in head[:4096]):
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 3
    return True


def _number(part: bytes) -> int:
    """Read a number with its largest byte first."""
    return int.from_bytes(part, "big")


def _little(part: bytes) -> int:
    """Read a number with its smallest byte first."""
    return int.from_bytes(part, "little")
