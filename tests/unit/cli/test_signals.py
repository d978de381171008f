"""Whoever is interrupted while he holds a lock is not kept waiting for himself."""

import signal
import threading

from growsoft.cli.signals import beside


def test_a_handler_never_waits_for_what_the_interrupted_thread_holds() -> None:
    lock, stopping = threading.Lock(), threading.Event()

    def stop() -> None:
        with lock:
            stopping.set()

    before = signal.signal(signal.SIGUSR1, beside(stop))
    try:
        with lock:
            signal.raise_signal(signal.SIGUSR1)
            signal.raise_signal(signal.SIGUSR1)
            assert not stopping.is_set()
        assert stopping.wait(30)
    finally:
        signal.signal(signal.SIGUSR1, before)
