"""`python -m growsoft_cloud.operations`: the operations worker, started by the supervisor as the keeper's user."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from prometheus_client import CollectorRegistry, start_http_server

from growsoft.cli.children import tell_ready
from growsoft.cli.instance import Instance, open_instance
from growsoft.cli.signals import beside
from growsoft.errors import GrowsoftError
from growsoft.keeper.client import KeeperClient
from growsoft.postgres.local import LOOPBACK
from growsoft.postgres.users import decide
from growsoft_cloud.operations.alerts import tell
from growsoft_cloud.operations.channels import channels_of
from growsoft_cloud.operations.fleet import InstanceFleet, open_fleet
from growsoft_cloud.operations.metrics import PictureCollector
from growsoft_cloud.operations.requests import Requests
from growsoft_cloud.operations.scratch import scratch_cluster
from growsoft_cloud.operations.sealing import keep_seals
from growsoft_cloud.operations.watching import Picture, look, note, told
from growsoft_cloud.operations.work import Work
from growsoft_cloud.pitr.instance import archiver_of
from growsoft_cloud.pitr.rounds import look_after

log: Final = logging.getLogger("growsoft.operations")

# Seconds between two looks at what is due, and between two of each other kind of work.
ROUND: Final = 15.0
ASK_EVERY: Final = 2.0
WATCH_EVERY: Final = 120.0
MEND_EVERY: Final = 3600.0
PROVE_EVERY: Final = 3600.0
SEAL_EVERY: Final = 3600.0
BASE_EVERY: Final = 600.0
# The first start of an instance has other things to do at first.
CALM: Final = 60.0
# At its end the worker waits so long for the last WAL to reach the sites.
LAST_WAL: Final = 10.0


def now() -> datetime:
    """Return the present, in UTC."""
    return datetime.now(UTC)


@dataclass
class Worker:
    """The rounds of an operations worker: backups in its pools, everything else in a thread for each kind."""

    instance: Instance
    stopping: threading.Event
    picture: Picture | None = field(default=None, init=False)

    def run(self) -> None:
        """Work until somebody wants the end."""
        threads = [
            threading.Thread(target=self._every, args=(seconds, work), name=work.__name__, daemon=True)
            for seconds, work in (
                (MEND_EVERY, self._mend), (PROVE_EVERY, self._prove), (SEAL_EVERY, self._seal),
                (BASE_EVERY, self._bases), (WATCH_EVERY, self._watch),
            )
        ]  # fmt: skip
        archiving = threading.Thread(target=self._archive, name="archive", daemon=True)
        archiving.start()
        with open_fleet(self.instance) as fleet:
            if left := fleet.interrupted(now()):
                log.warning("%d pieces of work were interrupted; they are done anew", left)
            work = self._work(fleet)
            for thread in threads:
                thread.start()
            requests = Requests(self.instance)
            asking = threading.Thread(target=self._ask, args=(requests,), name="requests", daemon=True)
            asking.start()
            while not self.stopping.wait(ROUND):
                self._guarded("backups", work.back_up_due)
            archiving.join(LAST_WAL)
            work.close()
            requests.close()

    def _ask(self, requests: Requests) -> None:
        while not self.stopping.wait(ASK_EVERY):
            self._guarded("requests", requests.round)

    def _every(self, seconds: float, work: Callable[[], object]) -> None:
        if self.stopping.wait(CALM):
            return
        while True:
            began = time.monotonic()
            self._guarded(work.__name__, work)
            if self.stopping.wait(max(seconds - (time.monotonic() - began), 1.0)):
                return

    def _archive(self) -> None:
        """Keep the WAL of the primary at the sites, from the first moment on."""
        while not self.stopping.is_set():
            self._guarded("archive", lambda: archiver_of(self.instance).run(self.stopping))
            self.stopping.wait(ROUND)

    def _bases(self) -> None:
        with open_fleet(self.instance) as fleet:
            look_after(self.instance, fleet, now())

    def _mend(self) -> None:
        with open_fleet(self.instance) as fleet:
            work = self._work(fleet)
            work.mend()
            work.prune()

    def _seal(self) -> None:
        with open_fleet(self.instance) as fleet:
            databases = [fleet.subject(subscriber) for subscriber in fleet.subscribers()]
            keeper = KeeperClient(self.instance.state.keeper_socket)
            for trouble in keep_seals(keeper, databases, fleet.service.policy.sites):
                log.error("seals: %s", trouble)

    def _prove(self) -> None:
        with open_fleet(self.instance) as fleet:
            self._work(fleet).prove_due()

    def _watch(self) -> None:
        with open_fleet(self.instance) as fleet:
            self.picture = picture = look(fleet, now())
            found = note(fleet, picture)
            if not found:
                return
            with self.instance.env(self.instance.facts.control, "the addresses of alerts are looked up") as env:
                channels = channels_of(env, self.instance.keyring)
            failures = tell(found, channels)
            for failure in failures:
                log.error("%s", failure.message)
            told(fleet, found, now(), reached=len(failures) < len(channels) or not channels)

    def _work(self, fleet: InstanceFleet) -> Work:
        return Work(fleet, now, lambda: scratch_cluster(self.instance.state, decide().database))

    def _guarded(self, what: str, work: Callable[[], object]) -> None:
        """Do some work; whatever is in its way today is not in the way of tomorrow."""
        try:
            work()
        except GrowsoftError as error:
            log.error("%s: %s", what, error.message)  # noqa: TRY400 - a sentence is enough
        except Exception:
            log.exception("%s", what)


def main() -> int:
    """Work until SIGTERM."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, beside(stopping.set))
    try:
        with open_instance() as instance:
            worker = Worker(instance, stopping)
            if instance.settings.metrics_port:
                registry = CollectorRegistry()
                registry.register(PictureCollector(lambda: worker.picture))
                start_http_server(instance.settings.metrics_port, LOOPBACK, registry)
            tell_ready(os.environ)
            worker.run()
    except GrowsoftError as error:
        sys.stderr.write(f"Error: {error.message}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
