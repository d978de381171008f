"""Ranges: what a client gets of a download, as RFC 9110, section 14, has it."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from growsoft.web.http import Headers, Request, Response
from growsoft.web.ranges import Download, ranged

CONTENT = bytes(range(200))
WHAT = Download("a.tar", "application/x-tar", len(CONTENT), "ab" * 32)


def content(part: range) -> Generator[bytes]:
    yield CONTENT[part.start : part.stop]


def asked(**headers: str) -> Response:
    named = Headers((name.replace("_", "-"), value) for name, value in headers.items())
    return ranged(Request("GET", "/a.tar", headers=named), WHAT, content)


def body(answer: Response) -> bytes:
    found = b""
    while answer.stream is not None and (piece := answer.stream.take()):
        found += piece
    return found


@pytest.mark.parametrize(
    ("wanted", "told", "expected"),
    [
        ("bytes=0-9", "bytes 0-9/200", CONTENT[:10]),
        ("bytes=190-", "bytes 190-199/200", CONTENT[190:]),
        ("bytes=-5", "bytes 195-199/200", CONTENT[-5:]),
        ("bytes=-500", "bytes 0-199/200", CONTENT),
        ("bytes=150-900", "bytes 150-199/200", CONTENT[150:]),
    ],
)
def test_a_part_is_given(wanted: str, told: str, expected: bytes) -> None:
    answer = asked(range=wanted, if_range=WHAT.etag)
    headers = dict(answer.headers)
    assert (answer.status, headers["content-range"], headers["content-length"]) == (206, told, str(len(expected)))
    assert body(answer) == expected


@pytest.mark.parametrize("wanted", ["", "bytes=5-3", "bytes=0-1,5-9", "lines=1-2", "bytes=-", "bytes=x-"])
def test_what_is_no_single_part_is_answered_with_all_of_it(wanted: str) -> None:
    answer = asked(range=wanted)
    assert (answer.status, body(answer)) == (200, CONTENT)
    assert dict(answer.headers)["repr-digest"].startswith("sha-256=:q6ur")


def test_a_part_of_what_it_was_before_is_answered_with_all_of_it() -> None:
    assert asked(range="bytes=0-9", if_range='"other"').status == 200


def test_what_is_not_there_is_refused_and_what_is_known_not_sent_again() -> None:
    answer = asked(range="bytes=200-")
    assert (answer.status, dict(answer.headers)["content-range"]) == (416, "bytes */200")
    assert asked(range="bytes=-0").status == 416
    assert asked(if_none_match=WHAT.etag).status == 304
