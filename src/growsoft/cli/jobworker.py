"""`python -m growsoft.cli.jobworker`: the job worker, started by the supervisor with its keeper line."""

from __future__ import annotations

import os
import signal
import sys
import threading

from growsoft.apps.instance.dispatch import Announcer, ControlBook
from growsoft.cli.children import tell_ready
from growsoft.cli.signals import beside
from growsoft.cli.worker import directory_of, patiently
from growsoft.config import load
from growsoft.errors import GrowsoftError
from growsoft.jobs import Worker
from growsoft.keeper.client import WorkerPort
from growsoft.orm.later import announcing
from growsoft.postgres.pool import Pools


def main() -> int:
    """Work until SIGTERM; what keeps us from it goes into the log as a sentence."""
    try:
        work()
    except GrowsoftError as error:
        sys.stderr.write(f"Error: {error.message}\n")
        return 1
    return 0


def work() -> None:
    """Run jobs until SIGTERM; those that run by then are finished, or run again after the next start."""
    settings = load(os.environ)
    pools = Pools(settings.pool_cap)
    keeper = WorkerPort.inherited(os.environ)
    directory = directory_of(settings.state(), keeper, pools)
    control = patiently(directory.control)
    announcing.append(Announcer(control.database).announce)
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, beside(stopping.set))
    tell_ready(os.environ)
    Worker(ControlBook(directory), keeper.ensure_profile, idle=pools.close_idle).run(stopping)


if __name__ == "__main__":
    sys.exit(main())
