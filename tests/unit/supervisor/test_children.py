"""Children: processes that tell when they are ready, and have no more than they need."""

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from growsoft.cli.children import (
    KEEPER_VARIABLE,
    READY_VARIABLE,
    Child,
    ChildDidNotStart,
    ChildProcess,
    lines,
    reduced,
    tell_ready,
)
from growsoft.errors import ConfigError
from growsoft.postgres.files import rotate
from growsoft.postgres.users import plain_environ

READY = f"import os; os.write(int(os.environ['{READY_VARIABLE}']), b'ready')\n"
WAIT = "import time; time.sleep(60)\n"


def process(tmp_path: Path, script: str, ready_within: float = 60, stop_within: float = 20) -> ChildProcess:
    argv = (sys.executable, "-c", script)
    child = Child("child", argv, None, plain_environ(), ready_within=ready_within, stop_within=stop_within)
    return ChildProcess(child, tmp_path / "child.log")


def test_a_child_is_ready_when_it_says_so(tmp_path: Path) -> None:
    made = process(tmp_path, f"import time; time.sleep(0.3)\n{READY}{WAIT}")
    began = time.monotonic()
    pid = made.start(threading.Event())
    assert time.monotonic() - began > 0.3
    assert not made.ended(0)
    os.kill(pid, 0)
    made.stop()
    assert made.ended(0)


def test_a_child_that_ends_before_it_is_ready_says_why(tmp_path: Path) -> None:
    (tmp_path / "child.log").write_text("of last time\n")
    made = process(tmp_path, "raise SystemExit('the key is missing')")
    with pytest.raises(ChildDidNotStart, match="the key is missing") as raised:
        made.start(threading.Event())
    assert "of last time" not in raised.value.message


def test_a_child_that_never_becomes_ready_is_ended(tmp_path: Path) -> None:
    made = process(tmp_path, WAIT, ready_within=0.3)
    with pytest.raises(ChildDidNotStart, match="did not become ready"):
        made.start(threading.Event())
    assert made.ended(0)


def test_a_child_that_is_not_wanted_any_more_is_not_waited_for(tmp_path: Path) -> None:
    made = process(tmp_path, WAIT)
    stopping = threading.Event()
    stopping.set()
    made.start(stopping)
    assert made.ended(0)


def test_a_child_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    made = process(tmp_path, f"{deaf}{READY}{WAIT}", stop_within=0.2)
    made.start(threading.Event())
    made.stop()
    assert made.ended(0)


def test_a_program_that_is_not_there_is_reported(tmp_path: Path) -> None:
    made = ChildProcess(Child("child", (str(tmp_path / "nothing"),), None, plain_environ()), tmp_path / "child.log")
    with pytest.raises(ChildDidNotStart, match=r"did not become ready|cannot be run"):
        made.start(threading.Event())


def test_a_child_inherits_the_descriptors_it_is_given_and_no_other(tmp_path: Path) -> None:
    script = f"import os\nprint(sorted(int(fd) for fd in os.listdir('/proc/self/fd')), flush=True)\n{READY}{WAIT}"
    with lines(2) as (first, second):
        os.set_inheritable(second.worker.fileno(), True)
        given = first.worker.fileno()
        environ = {**plain_environ(), KEEPER_VARIABLE: str(given)}
        child = Child("child", (sys.executable, "-c", script), None, environ, (given,))
        made = ChildProcess(child, tmp_path / "child.log")
        made.start(threading.Event())
        made.stop()
        passed = {int(fd) for fd in made.tail().strip("[]").split(", ")}
        assert given in passed
        assert {first.keeper.fileno(), second.worker.fileno(), second.keeper.fileno()} & passed == set()


def test_a_line_outlives_both_ends_and_forgets_answers_for_the_dead() -> None:
    with lines(1) as (line,):
        line.keeper.sendall(b"an answer for a worker that is dead")
        line.drain()
        line.keeper.sendall(b"new")
        assert line.worker.recv(100) == b"new"


def test_a_worker_that_must_be_root_loses_every_capability() -> None:
    child = Child("web", ("python",), None, {})
    assert reduced(child, "setpriv", is_root=True) == [
        *("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", "--pdeathsig=TERM", "--", "python")
    ]
    with pytest.raises(ConfigError, match="install util-linux"):
        reduced(child, None, is_root=True)


def test_an_ordinary_user_runs_without_setpriv_too() -> None:
    child = Child("web", ("python",), None, {})
    assert reduced(child, "setpriv", is_root=False)[1:3] == ["--no-new-privs", "--pdeathsig=TERM"]
    assert reduced(child, None, is_root=False) == ["python"]


def test_telling_nobody_is_nothing() -> None:
    tell_ready({})
    tell_ready({READY_VARIABLE: "999999"})


def test_a_log_that_grew_too_large_is_kept_once_while_it_is_appended_to(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"x" * 100)
        assert rotate(log, 100) is False
        writer.write(b"y")
        assert rotate(log, 100) is True
        writer.write(b"z")
    assert log.read_bytes() == b"z"
    assert (tmp_path / "log.1").read_bytes() == b"x" * 100 + b"y"
