"""Load: visitors who go on asking whatever happens, and remember what they were answered."""

from __future__ import annotations

import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException

from tests.support.https import Answer, Site

# What a client may meet while a process that it talks to is killed.
_BROKEN = (OSError, HTTPException, ssl.SSLError)


@dataclass
class Visitors:
    """What readers and writers met: answers by status, their words where something failed, and what was saved."""

    statuses: Counter[int] = field(default_factory=Counter[int])
    broken: int = 0
    sentences: set[str] = field(default_factory=set[str])
    saved: list[str] = field(default_factory=list[str])
    longest: float = 0
    stopping: threading.Event = field(default_factory=threading.Event)

    def met(self, answer: Answer) -> None:
        """Remember an answer."""
        self.statuses[answer.status] += 1
        if answer.status >= 400:
            self.sentences.add(answer.words)

    def again_and_again(self, act: Callable[[], None]) -> None:
        """Do something until the end, in spite of everything; remember how long it did not work."""
        worked = time.monotonic()
        while not self.stopping.is_set():
            try:
                act()
            except _BROKEN:
                self.broken += 1
            else:
                self.longest = max(self.longest, time.monotonic() - worked)
                worked = time.monotonic()


@contextmanager
def visited(site: Site, readers: int = 3) -> Generator[Visitors]:
    """Let visitors read lists and one of them write, with the session of a site, while the block runs."""
    seen = Visitors()

    def read() -> None:
        answer = Site(site.home, site.name, dict(site.cookies)).get("/app/res.partner")
        seen.met(answer)
        _expect(answer, 200)

    def write() -> None:
        name = f"written-{len(seen.saved)}-{time.monotonic_ns()}"
        writer = Site(site.home, site.name, dict(site.cookies))
        _expect(writer.get("/app/res.partner/new"), 200)
        answer = writer.post("/app/res.partner/new", {"v.name": name, "v.active": "1"})
        seen.met(answer)
        _expect(answer, 303)
        seen.saved.append(name)

    threads = [threading.Thread(target=seen.again_and_again, args=(act,)) for act in (*[read] * readers, write)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        seen.stopping.set()
        for thread in threads:
            thread.join()


def _expect(answer: Answer, status: int) -> None:
    """Treat an answer that is none as what it is for its visitor."""
    if answer.status != status:
        time.sleep(0.05)
        raise OSError(answer.status)
