"""The log says what happened and to whom, and quotes nobody."""

from __future__ import annotations

import io
import logging

import msgspec
import pytest

from growsoft.web import log


@pytest.fixture
def written() -> io.StringIO:
    stream = io.StringIO()
    log.configure(stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [msgspec.json.decode(line, type=dict[str, object]) for line in stream.getvalue().splitlines()]


def test_a_line_is_json(written: io.StringIO) -> None:
    log.logger().info("request", id="ab", user=7)
    found = lines(written)[0]
    assert (found["event"], found["id"], found["user"], found["level"]) == ("request", "ab", 7, "info")
    assert str(found["timestamp"]).endswith("Z")


def test_an_error_is_described_by_places_and_not_by_words() -> None:
    def deeper() -> None:
        raise ValueError("card 4111 1111 1111 1111")

    def higher() -> None:
        try:
            deeper()
        except ValueError as error:
            raise RuntimeError("for ada@example.com") from error

    with pytest.raises(RuntimeError) as raised:
        higher()
    text = log.described(raised.value)
    assert "RuntimeError at" in text
    assert "ValueError at" in text
    assert "deeper" in text
    assert "4111" not in text
    assert "ada@" not in text


def test_libraries_cannot_write_what_they_were_given(written: io.StringIO) -> None:
    try:
        int("password hunter2")
    except ValueError:
        logging.getLogger("library").exception("could not open %s", "/home/ada")
    found = lines(written)[0]
    assert found["message"] == "could not open %s"
    assert "hunter2" not in written.getvalue()
    assert "ada" not in written.getvalue()


def test_a_line_break_in_a_value_starts_no_line(written: io.StringIO) -> None:
    log.logger().info("request", route='x\n{"event":"forged"}')
    assert len(lines(written)) == 1
