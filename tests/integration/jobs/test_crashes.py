"""Workers that are killed at any moment: every job has its effects once, and none is forgotten."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from growsoft.jobs import Due, Limits, Place, Worker
from growsoft.jobs.queue import MOST_LOST
from growsoft.postgres.pool import Pools
from growsoft.postgres.sql import sql
from tests.integration.jobs.errands import Errand
from tests.integration.jobs.house import House

LIMITS = Limits(
    threads=3, per_database=3, per_user=2, poll=timedelta(milliseconds=5), lease=timedelta(milliseconds=150)
)


class AlwaysDue:
    """A book in which one database is due whenever nobody visits it."""

    def __init__(self, place: Place) -> None:
        """Begin unvisited."""
        self._place = place
        self._visited = threading.Event()
        self._visited.set()

    def due(self, most: int) -> Sequence[Due]:
        """Give it."""
        del most
        if not self._visited.is_set():
            return ()
        self._visited.clear()
        return (Due(self._place),)

    def visited(self, due: Due, again: datetime | None) -> None:
        """Let it be visited again."""
        del due, again
        self._visited.set()


def _work(house: House) -> None:
    """Be a worker, in a process that was just forked: nothing of the parent's connections may be used."""
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123  a device
        sys.stderr = nowhere
        place = Place(replace(house.database, pools=Pools(10)), house.place.registry)
        Worker(AlwaysDue(place), lambda _name: None, limits=LIMITS).run(threading.Event())


def _killed(work: Callable[[], None], seconds: float) -> None:
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            work()
        os._exit(1)
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _crash(house: House, jobs: int, kills: int) -> int:
    """Enqueue jobs, kill workers while they do them, and let the last one finish; give the number of lost runs."""
    chance = random.Random(kills)  # noqa: S311  moments, no secrets
    for login in ("ann", "bob"):
        errand = house.errand(login, login)
        with house.acting(login) as env:
            for _ in range(jobs // 2):
                env[Errand].browse(errand).delayed().do()
    house.database.pools.forget(house.database.endpoint)
    for _ in range(kills):
        _killed(lambda: _work(house), chance.uniform(0.01, 0.25))
    time.sleep(LIMITS.lease.total_seconds() * 2)
    while house.work():
        pass
    return sum(job["lost"] for job in house.jobs())


def _assert_exactly_once(house: House, jobs: int) -> None:
    assert [job["state"] for job in house.jobs()] == ["done"] * jobs
    rows = house.as_owner(sql("SELECT name, count(*) FROM errand_trace GROUP BY name ORDER BY name"))
    assert rows == [("ann", jobs // 2), ("bob", jobs // 2)]
    assert house.as_owner(sql("SELECT sum(times) FROM errand")) == [(jobs,)]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_killed_workers_do_every_job_exactly_once(house: House) -> None:
    _crash(house, jobs=60, kills=15)
    _assert_exactly_once(house, 60)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_hundreds_of_killed_workers_do_every_job_exactly_once(house: House) -> None:
    lost = _crash(house, jobs=3000, kills=300)
    _assert_exactly_once(house, 3000)
    assert lost > 50, "the moments were well chosen"


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_job_that_takes_its_worker_with_it_is_given_up(house: House) -> None:
    errand = house.errand("ann")
    with house.acting("ann") as env:
        env[Errand].browse(errand).delayed().vanish()
        env[Errand].browse(errand).delayed(priority=50).do()
    house.database.pools.forget(house.database.endpoint)
    house.as_owner(sql("UPDATE ir_job SET lost = {lost} WHERE method_name = 'vanish' RETURNING id", lost=MOST_LOST - 1))
    for _ in range(2):
        _killed(lambda: _work(house), 0.6)
        time.sleep(LIMITS.lease.total_seconds() * 2)
    house.work()
    found = {job["method_name"]: job for job in house.jobs()}
    assert (found["vanish"]["state"], found["vanish"]["message"][:22]) == ("failed", "The worker that ran it")
    assert found["do"]["state"] == "done"


def test_a_run_that_outlives_its_lease_is_not_taken_again(house: House) -> None:
    errand = house.errand("ann")
    with house.acting("ann") as env:
        env[Errand].browse(errand).delayed().tell(1.5)
    threads = [threading.Thread(target=_turns, args=(house, time.monotonic() + 2.5)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (house.job()["state"], house.job()["lost"]) == ("done", 0)
    assert house.read(errand).times == 1


def _turns(house: House, until: float) -> None:
    worker = replace(house.worker, limits=replace(LIMITS, lease=timedelta(milliseconds=50)))
    while time.monotonic() < until:
        worker.work_off(house.place)
        time.sleep(0.05)


def test_a_database_that_went_away_is_no_fault_of_a_job(house: House) -> None:
    errand = house.errand("ann")
    with house.acting("ann") as env:
        env[Errand].browse(errand).delayed().lose_the_database()
    house.work()
    job = house.job()
    assert (job["state"], job["failures"]) == ("waiting", 1)
    assert job["eta"] > datetime.now(UTC)
