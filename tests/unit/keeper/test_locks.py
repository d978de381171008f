"""Locks: who waits for whom."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from growsoft.keeper.locks import Locks
from growsoft.postgres.keeper import DatabaseBusy


def test_a_name_is_shared_by_those_who_only_read_it() -> None:
    locks = Locks()
    with locks.shared("a", 0), locks.shared("a", 0):
        pass


@pytest.mark.parametrize("first_alone", [True, False])
def test_whoever_changes_a_name_has_it_alone(first_alone: bool) -> None:
    locks = Locks()
    first, second = (locks.alone, locks.shared) if first_alone else (locks.shared, locks.alone)
    with first("a", 0):
        with pytest.raises(DatabaseBusy), second("a", 0.01):
            pass
        with locks.alone("b", 0):
            pass
    with second("a", 0):
        pass


def test_two_who_change_one_name_exclude_each_other() -> None:
    locks, inside, most = Locks(), 0, 0

    def work() -> None:
        nonlocal inside, most
        with locks.alone("a", 10):
            inside += 1
            most = max(most, inside)
            time.sleep(0.002)
            inside -= 1

    with ThreadPoolExecutor(8) as executor:
        for future in [executor.submit(work) for _ in range(40)]:
            future.result()
    assert most == 1


def test_waiting_ends_when_the_name_is_free() -> None:
    locks, entered = Locks(), threading.Event()

    def hold() -> None:
        with locks.alone("a", 0):
            entered.set()
            time.sleep(0.1)

    with ThreadPoolExecutor(1) as executor:
        holding = executor.submit(hold)
        assert entered.wait(5)
        began = time.monotonic()
        with locks.shared("a", 5):
            assert time.monotonic() - began < 4
        holding.result()


def test_an_error_frees_the_name() -> None:
    locks = Locks()
    with pytest.raises(LookupError), locks.alone("a", 0):
        raise LookupError
    with locks.alone("a", 0):
        pass


def test_nothing_is_kept_of_names_that_nobody_uses() -> None:
    locks = Locks()
    for number in range(100):
        with locks.alone(f"db{number}", 0), locks.shared("a", 0), locks.shared("a", 0):
            assert locks.names == {f"db{number}", "a"}
    assert locks.names == frozenset()
