"""Previews: the bytes of a file decide what it is shown as, whatever it is called."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growsoft.views.previews import LONGEST_NAME, MOST_PIXELS, preview_of, safe_name, text_of
from growsoft.web.pages.files import disposition

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
GIF = b"GIF89a"


def png(width: int, height: int) -> bytes:
    return PNG + struct.pack(">II", width, height) + b"\x08\x06\0\0\0"


def jpeg(width: int, height: int, *, before: bytes = b"\xff\xe0\0\x04ab") -> bytes:
    return b"\xff\xd8" + before + b"\xff\xc0\0\x11\x08" + struct.pack(">HH", height, width) + b"\x03" + b"\0" * 9


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (png(10, 10), "image"), (jpeg(10, 10), "image"), (GIF + b"\x0a\0\x0a\0", "image"),
        (b"RIFF\0\0\0\0WEBPVP8X" + b"\0" * 8 + b"\x09\0\0\x09\0\0", "image"),
        (b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\x09\x40\x02\0", "image"), (b"%PDF-1.7", "pdf"),
        (b"a,b\n1,\xc3\xa9", "text"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "text"), (b"<html><script>", "text"),
        (b"\0\1\2", ""), (b"", ""), (b"\xff\xfe<\0s\0", ""), (b"MZ\x90\0", ""), (b" %PDF-1.7\n\0", ""),
        (b"RIFF\0\0\0\0WAVE", ""), (b"\x89PNG", ""),
    ],
)  # fmt: skip
def test_the_bytes_decide(head: bytes, kind: str) -> None:
    assert preview_of(head).kind == kind


@pytest.mark.parametrize("head", [png(50_000, 50_000), png(0, 5), jpeg(60_000, 60_000), GIF + b"\xff" * 4, PNG])
def test_a_picture_that_would_fill_the_memory_is_only_downloaded(head: bytes) -> None:
    assert preview_of(head).kind == ""


def test_a_picture_of_a_good_camera_is_shown() -> None:
    assert MOST_PIXELS > 8_256 * 5_504
    assert preview_of(jpeg(8_256, 5_504)).kind == "image"


@given(st.binary(max_size=400))
def test_any_bytes_have_a_kind(head: bytes) -> None:
    for start in (b"", PNG, b"\xff\xd8\xff", b"GIF87a", b"RIFF\0\0\0\0WEBP"):
        assert preview_of(start + head).kind in {"image", "pdf", "text", ""}


def test_a_letter_that_is_cut_off_makes_no_text_something_else() -> None:
    whole = "ä" * 100
    assert preview_of(whole.encode()[:-1]).kind == "text"
    assert text_of(whole.encode()[:-1]).startswith("ä" * 99)
    assert text_of(b"\xef\xbb\xbfa\r\nb") == "a\nb"


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("../../etc/passwd", "passwd"), ("C:\\Users\\ada\\report.pdf", "report.pdf"),
        ("a\r\nSet-Cookie: x.txt", "aSet-Cookie: x.txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"), ("..", "file"), ("", "file"), (".htaccess", "htaccess"),
        ("a/", "file"), ("x\0.txt", "x.txt"), ("  two   words .txt ", "two words .txt"), ("日本.pdf", "日本.pdf"),
    ],
)  # fmt: skip
def test_a_name_is_a_name_and_nothing_else(given_name: str, kept: str) -> None:
    assert safe_name(given_name) == kept


@given(st.text())
def test_no_name_breaks_out_of_its_header(name: str) -> None:
    kept = safe_name(name)
    assert 0 < len(kept) <= LONGEST_NAME
    assert not set(kept) & set("/\\\r\n\0")
    header = disposition("attachment", kept)
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2


def test_a_long_name_keeps_its_end() -> None:
    assert safe_name("x" * 400 + ".pdf") == "x" * (LONGEST_NAME - 4) + ".pdf"
