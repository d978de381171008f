"""The log: one line for each verb, whole and readable whatever stands in it."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from growsoft.keeper.log import Caller, VerbLog


def _lines(path: Path) -> list[dict[str, object]]:
    return [msgspec.json.decode(line, type=dict[str, object]) for line in path.read_bytes().splitlines()]


def test_a_line_says_who_did_what_and_what_came_of_it(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    VerbLog(fd).verb("drop_database", "db_0123456789abcdef", Caller("socket", 7, 1000), 0.12345, "done")
    os.close(fd)
    (line,) = _lines(tmp_path / "log")
    assert line.pop("at")
    assert line == {
        "log": "keeper", "verb": "drop_database", "database": "db_0123456789abcdef", "by": "socket", "pid": 7,
        "uid": 1000, "seconds": 0.1235, "outcome": "done",
    }  # fmt: skip


def test_a_reason_cannot_forge_a_line_nor_fill_the_disk(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    VerbLog(fd).event("refused", reason='x\n{"outcome":"done"}' + "y" * 100_000)
    os.close(fd)
    (line,) = _lines(tmp_path / "log")
    assert str(line["reason"]).startswith('x\n{"outcome"')
    assert len((tmp_path / "log").read_bytes()) < 3000


def test_many_writers_never_mix_their_lines(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    logs = [VerbLog(fd), VerbLog(fd)]
    with ThreadPoolExecutor(8) as executor:
        for number in range(400):
            executor.submit(logs[number % 2].event, f"number {number}", None, "z" * 500)
    os.close(fd)
    assert {line["event"] for line in _lines(tmp_path / "log")} == {f"number {number}" for number in range(400)}
