"""The unit that sets up: it runs once, to its end, between the servers and the workers."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from growsoft.cli.children import ChildDidNotStart
from growsoft.cli.watch import Say
from growsoft.postgres.files import append_to
from growsoft.postgres.users import ServiceUser

# A first start that fills a demo database takes seconds; a machine may be a hundred times slower.
SETUP_SECONDS: Final = 600


class Told(msgspec.Struct, omit_defaults=True):
    """One line of a setup: how far it is, what went wrong, or at its end the one-time link of each database."""

    step: str = ""
    error: str = ""
    links: dict[str, str] | None = None


@dataclass(eq=False)
class SetupUnit:
    """`growsoft.cli.setup` as a unit: started again with the supervisor only, and standing for itself until the stop.

    What it writes to standard error, a traceback perhaps, goes to its log.
    """

    argv: tuple[str, ...]
    user: ServiceUser | None
    environ: Mapping[str, str]
    log: Path
    say: Say
    name: str = "setup"
    links: dict[str, str] = field(default_factory=dict[str, str], init=False)
    _over: threading.Event = field(default_factory=threading.Event, init=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self, stopping: threading.Event) -> None:
        """Run it to its end; raises `ChildDidNotStart` with its own words."""
        with self._spawn() as process:
            self._process = process
            patience = threading.Timer(SETUP_SECONDS, process.kill)
            patience.start()
            try:
                done = self._heard(process)
            finally:
                patience.cancel()
        if (process.returncode or done is None) and not stopping.is_set():
            raise ChildDidNotStart(f"The instance could not be set up; {self.log} says why.")
        self.links = done or {}

    def ended(self, timeout: float) -> bool:
        """It never ends by itself."""
        return self._over.wait(timeout)

    def tend(self) -> None:
        """Nothing to look after."""

    def stop(self) -> None:
        """End it, also when it still runs."""
        self._over.set()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait()

    def tail(self) -> str:
        """It has said what there was to say."""
        return ""

    def _heard(self, process: subprocess.Popen[bytes]) -> dict[str, str] | None:
        """Pass on what it tells, line by line; returns its links, None when it ended without."""
        links = None
        for line in process.stdout or ():
            try:
                told = msgspec.json.decode(line, type=Told)
            except msgspec.DecodeError:
                continue  # some library's own words; whether there are links at the end decides
            if told.error:
                raise ChildDidNotStart(told.error)
            if told.step:
                self.say(told.step)
            links = told.links if told.links is not None else links
        return links

    def _spawn(self) -> subprocess.Popen[bytes]:
        log = append_to(self.log)
        with contextlib.ExitStack() as stack:
            stack.callback(os.close, log)
            return subprocess.Popen(
                list(self.argv),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd="/",
                env=dict(self.environ),
                user=None if self.user is None else self.user.uid,
                group=None if self.user is None else self.user.gid,
                extra_groups=None if self.user is None else [],
                umask=0o077,
                start_new_session=True,
            )
