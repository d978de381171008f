"""A peer's side of the conversation: JSON lines in, JSON lines out, times taken where the work is done."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Opened:
    """An open database: its operations by the name of their row, each doing one call with the next input."""

    backend: int
    operations: Mapping[str, Callable[[], object]]


class Framework(Protocol):
    """What each peer has to do; ``server`` holds host, port, user and password."""

    def start(self, server: Mapping[str, str]) -> None:
        """Get ready; connect to nothing yet."""
        ...

    def make(self, database: str) -> Mapping[str, object]:
        """Make the framework's own tables in an empty database; tell which of them take the rows.

        ``partner``, ``country``: tables; ``columns``: names of columns that differ; ``constants``: by table, values of
        columns that only the framework has.
        """
        ...

    def open(self, database: str, told: Mapping[str, object]) -> Opened:
        """Open one transaction in a filled database."""
        ...

    def answers(self, told: Mapping[str, object]) -> Mapping[str, object]:
        """Answer some questions with known inputs, to be compared with the rows themselves."""
        ...

    def import_file(self, path: str) -> int:
        """Import a CSV file and undo it; give the number of rows."""
        ...

    def touch(self, database: str) -> None:
        """Answer one question in another database, as a worker that serves many does."""
        ...


def serve(framework: Framework) -> None:
    """Answer until the end of the input."""
    # What a framework prints is no answer.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    talk = _Talk(framework)
    for line in sys.stdin:
        asked = json.loads(line)
        answer = getattr(talk, asked.pop("do"))(**asked)
        out.write(json.dumps(answer) + "\n")
        out.flush()


class _Talk:
    """One method for each thing that can be asked."""

    def __init__(self, framework: Framework) -> None:
        self._framework = framework
        self._operations: Mapping[str, Callable[[], object]] = {}

    def start(self, server: Mapping[str, str]) -> object:
        self._framework.start(server)
        return {}

    def make(self, database: str) -> object:
        began = time.perf_counter()
        told = self._framework.make(database)
        return {**told, "seconds": time.perf_counter() - began}

    def open(self, database: str, told: Mapping[str, object]) -> object:
        opened = self._framework.open(database, told)
        self._operations = opened.operations
        return {"backend": opened.backend, "operations": list(opened.operations)}

    def answers(self, told: Mapping[str, object]) -> object:
        return self._framework.answers(told)

    def turn(self, operation: str, calls: int) -> object:
        call = self._operations[operation]
        began = time.perf_counter()
        for _ in range(calls):
            call()
        return {"seconds": (time.perf_counter() - began) / calls}

    def import_file(self, path: str) -> object:
        began = time.perf_counter()
        rows = self._framework.import_file(path)
        return {"seconds": time.perf_counter() - began, "rows": rows, "peak_mb": _peak_mb()}

    def touch(self, database: str) -> object:
        before, began = _pss_mb(), time.perf_counter()
        self._framework.touch(database)
        seconds = time.perf_counter() - began
        return {"seconds": seconds, "mb": _pss_mb() - before}


def _pss_mb() -> float:
    with open("/proc/self/smaps_rollup", encoding="ascii") as rollup:  # noqa: PTH123 - a file of the kernel
        return next(int(line.split()[1]) for line in rollup if line.startswith("Pss:")) / 1024


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
