"""Watch: when something is started again, and when it is not."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growsoft.cli.watch import Restarts, Watch
from growsoft.errors import GrowsoftError


@dataclass
class Lamp:
    """A unit that burns for a moment, as often as it is told, and fails to start after that."""

    burns: int
    name: str = "lamp"
    starts: int = 0
    stops: int = 0
    tending: Callable[[], None] = lambda: None
    ending: threading.Event = field(default_factory=threading.Event)

    def start(self, stopping: threading.Event) -> int:
        del stopping
        self.starts += 1
        if self.starts > self.burns:
            raise GrowsoftError("the lamp is broken")
        return self.starts

    def ended(self, timeout: float) -> bool:
        return self.ending.wait(min(timeout, 0.01)) or self.burns < 100

    def tend(self) -> None:
        self.tending()

    def stop(self) -> None:
        self.stops += 1
        self.ending.set()

    def tail(self) -> str:
        return "it went dark"


@dataclass
class Heard:
    """What a watch said and decided."""

    said: list[str] = field(default_factory=list[str])
    gave_up: list[str] = field(default_factory=list[str])


def watch(lamp: Lamp, heard: Heard, restarts: Restarts, *, essential: bool = True) -> Watch:
    return Watch(lamp, essential, heard.said.append, lambda: None, heard.gave_up.append, restarts)


def test_the_first_restart_is_at_once_the_next_ones_later_and_then_no_more() -> None:
    policy = Restarts((0, 1, 5), window=60)
    ends = [100.0, 101.0, 102.0, 103.0]
    assert [policy.delay(ends[:count], ends[count - 1]) for count in (1, 2, 3, 4)] == [0, 1, 5, None]


def test_what_ended_long_ago_is_forgotten() -> None:
    assert Restarts((0, 1), window=60).delay([1.0, 2.0, 100.0], 100.0) == 0


@given(st.lists(st.floats(0, 1e6), min_size=1).map(sorted))
def test_giving_up_needs_more_ends_within_the_window_than_there_are_delays(ends: list[float]) -> None:
    policy = Restarts()
    recent = [end for end in ends if ends[-1] - end < policy.window]
    assert (policy.delay(ends, ends[-1]) is None) == (len(recent) > len(policy.delays))


def test_what_ends_too_often_is_given_up_with_its_reason() -> None:
    lamp, heard = Lamp(burns=50), Heard()
    watched = watch(lamp, heard, Restarts((0, 0)))
    watched.start()
    eventually(lambda: heard.gave_up != [])
    assert lamp.starts == 3
    assert len(heard.said) == 2
    assert heard.gave_up == ["lamp: it ended. The end of its log:\nit went dark"]
    assert watched.condition == "gave up"


def test_what_never_started_is_given_up_at_once() -> None:
    lamp, heard = Lamp(burns=0), Heard()
    watch(lamp, heard, Restarts((0, 0))).start()
    eventually(lambda: heard.gave_up != [])
    assert (lamp.starts, heard.said, heard.gave_up) == (1, [], ["lamp: the lamp is broken"])


def test_what_is_not_essential_is_tried_for_ever() -> None:
    lamp, heard = Lamp(burns=0), Heard()
    watched = watch(lamp, heard, Restarts((0,), window=0.02), essential=False)
    watched.start()
    eventually(lambda: lamp.starts > 5)
    assert watched.stop(5)
    assert heard.gave_up == []
    assert watched.condition == "stopped"


def test_what_was_stopped_is_not_started_again() -> None:
    lamp, heard = Lamp(burns=100), Heard()
    watched = watch(lamp, heard, Restarts())
    watched.start()
    assert watched.ready.wait(5)
    assert (watched.condition, watched.pid) == ("running", 1)
    assert watched.stop(5)
    assert watched.stop(5)
    assert (lamp.starts, watched.condition, watched.pid, heard.said) == (1, "stopped", None, [])


def test_a_unit_that_meets_a_defect_is_started_again() -> None:
    lamp, heard = Lamp(burns=100), Heard()

    def broken() -> None:
        lamp.burns = 0
        raise ZeroDivisionError

    lamp.tending = broken
    watch(lamp, heard, Restarts((0,))).start()
    eventually(lambda: heard.gave_up != [])
    assert heard.said == ["lamp: ZeroDivisionError"]


def eventually(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        if time.monotonic() > deadline:
            pytest.fail("it did not become true within 10 seconds")
        time.sleep(0.005)
