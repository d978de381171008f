"""A pipe gives what a program writes, in large pieces and little memory, and tells its error."""

import os
import subprocess
import sys

import pytest

from growsoft_cloud.backup.archive import CHUNK
from growsoft_cloud.backup.pipes import written_by

# What an archive of 256 MiB costs a process that has loaded everything it needs; prints kilobytes.
LARGE = """
import os, resource
from growsoft.security.streams import new_data_key
from growsoft_cloud.backup.archive import pack
from growsoft_cloud.backup.pipes import written_by

PIECE = os.urandom(4096) * 2

class Nowhere:
    def write(self, data, /):
        return len(data)

def packed(pieces):
    with written_by(lambda fd: [os.write(fd, PIECE) for _ in range(pieces)] and pieces) as dump:
        found = pack(dump.stream, Nowhere(), new_data_key(), b"")
        assert found.plain.bytes == pieces * len(PIECE) == dump.result() * len(PIECE)

packed(1)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
packed(256 * 128)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_what_a_program_writes_in_small_pieces_is_read_in_large_ones() -> None:
    def dribble(fd: int) -> str:
        for _ in range(3 * 256 + 1):
            os.write(fd, b"x" * 4096)
        return "done"

    with written_by(dribble) as dump:
        pieces = [len(piece) for piece in iter(lambda: dump.stream.read(CHUNK), b"")]
        assert dump.result() == "done"
    assert pieces == [CHUNK, CHUNK, CHUNK, 4096]


def test_what_is_there_at_the_end_is_given_though_it_is_little() -> None:
    with written_by(lambda fd: os.write(fd, b"one")) as dump:
        assert dump.stream.read() == b"one"
        assert dump.result() == 3


def test_a_writer_that_nobody_reads_from_ends() -> None:
    stopped: list[OSError] = []

    def endless(fd: int) -> None:
        try:
            while True:
                os.write(fd, b"x" * CHUNK)
        except BrokenPipeError as error:
            stopped.append(error)
            raise

    with written_by(endless) as dump:
        assert dump.stream.read(1) == b"x"
    assert stopped


def test_an_error_of_the_writer_is_told_as_it_is() -> None:
    def failing(fd: int) -> None:
        os.write(fd, b"half")
        raise OSError(28, "No space left on device")

    with written_by(failing) as dump, pytest.raises(OSError, match="No space left"):
        dump.result()


def test_an_archive_of_any_size_needs_little_memory() -> None:
    """All of it, what the compressor and the cipher take outside Python as well."""
    done = subprocess.run([sys.executable, "-c", LARGE], check=True, capture_output=True, text=True)
    assert int(done.stdout) < 64 * 1024
