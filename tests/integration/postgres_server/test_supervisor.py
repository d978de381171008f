"""Supervisor: whatever dies is started again, whatever cannot run is said, and everything ends when asked."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from growsoft.cli import background
from growsoft.cli.background import AlreadyRunning, DidNotStart
from growsoft.config import State
from growsoft.config.state import locate
from growsoft.postgres.local import stop_left_over, superuser_endpoint
from growsoft.postgres.standby import lag
from growsoft.postgres.users import ServiceUser, plain_environ, run_as, service_users
from growsoft.testing.cluster import server_user
from tests.integration.postgres_server.house import MODULE

pytestmark = pytest.mark.postgres

# What takes a second or two on a machine that has nothing else to do.
SECONDS = 15

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has capabilities to lose")


@dataclass(frozen=True)
class House:
    """A running `growsoft up` in small."""

    state: State
    environ: dict[str, str]
    user: ServiceUser | None

    def up(self, **more: str) -> int:
        log = self.state.root.parent / "up.log"
        told = background.detach([sys.executable, "-m", MODULE, "up"], {**self.environ, **more}, log, timeout=60)
        return int(json.loads(told)["pid"])

    def pid(self, name: str) -> int | None:
        return self._processes()[name]["pid"]

    def running(self, name: str, other_than: int | None = None) -> int:
        """Wait until a process runs, and is another one than before."""
        eventually(lambda: self.pid(name) not in (None, other_than))
        found = self.pid(name)
        assert found is not None
        return found

    def said(self, name: str) -> str:
        return (self.state.log / f"{name}.log").read_text()

    def execute(self, query: str) -> tuple[object, ...] | None:
        with psycopg.connect(superuser_endpoint(self.state).dsn(), autocommit=True) as connection:
            cursor = connection.execute(query.encode())
            return cursor.fetchone() if cursor.description else None

    def close(self) -> None:
        background.down(self.state, timeout=60)
        stop_left_over(self.state, self.user)

    def _processes(self) -> dict[str, dict[str, int | None]]:
        found: dict[str, dict[str, int | None]] = json.loads(self.state.up.read_text())["processes"]
        return found


@contextmanager
def open_home() -> Generator[Path]:
    """Give a home that does not exist yet, below a folder that other users can pass through."""
    with TemporaryDirectory(prefix="gs-", dir="/tmp") as name:
        Path(name).chmod(0o711)
        yield Path(name) / "home"


@pytest.fixture
def house() -> Generator[House]:
    """A house that was never started."""
    yield from _house()


@pytest.fixture(scope="module")
def standing() -> Generator[House]:
    """A house that runs, and mends whatever a test breaks in it."""
    for house in _house():
        house.up()
        yield house


def _house() -> Generator[House]:
    with open_home() as home:
        root = Path(__file__).parents[3]
        environ = {**plain_environ(), "GROWSOFT_HOME": str(home), "PYTHONPATH": f"{root}:{root}/src"}
        house = House(locate(home), environ, server_user())
        try:
            yield house
        finally:
            house.close()


def test_everything_runs_and_everything_ends(house: House) -> None:
    pid = house.up()
    assert background.running(house.state) == pid
    pids = [house.running(name) for name in ("primary", "standby", "keeper", "web-1", "web-2")]
    assert lag(superuser_endpoint(house.state).dsn()).state == "streaming"
    with pytest.raises(DidNotStart, match="runs already"):
        house.up()
    assert background.down(house.state) is True
    assert background.down(house.state) is False
    eventually(lambda: [process for process in (pid, *pids) if is_alive(process)] == [])


def test_a_second_start_finds_what_the_first_made_and_takes_seconds(house: House) -> None:
    house.up()
    house.execute("CREATE TABLE kept AS SELECT 1")
    background.down(house.state)
    began = time.monotonic()
    house.up()
    assert time.monotonic() - began < SECONDS
    assert house.execute("SELECT count(*) FROM kept") == (1,)


def test_a_killed_primary_is_back_in_seconds_and_its_standby_follows_again(standing: House) -> None:
    standing.execute("CREATE TABLE kept AS SELECT 1")
    killed = standing.running("primary")
    began = time.monotonic()
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: answers(standing))
    assert time.monotonic() - began < SECONDS
    assert standing.running("primary", other_than=killed) != killed
    assert standing.execute("SELECT count(*) FROM kept") == (1,)
    eventually(lambda: lag(superuser_endpoint(standing.state).dsn()).state == "streaming")


def test_a_killed_standby_is_back(standing: House) -> None:
    killed = standing.running("standby")
    os.kill(killed, signal.SIGKILL)
    standing.running("standby", other_than=killed)
    eventually(lambda: lag(superuser_endpoint(standing.state).dsn()).state == "streaming")


def test_a_standby_whose_slot_is_lost_is_built_anew_while_it_runs(standing: House) -> None:
    copy = standing.state.standby.stat().st_ino
    standing.execute("SELECT pg_terminate_backend(active_pid), pg_sleep(0.05) FROM pg_replication_slots")
    eventually(lambda: dropped(standing))
    eventually(lambda: standing.state.standby.exists() and standing.state.standby.stat().st_ino != copy)
    eventually(lambda: lag(superuser_endpoint(standing.state).dsn()).state == "streaming")


def test_killed_keeper_and_workers_are_back_and_find_each_other(standing: House) -> None:
    keeper, worker = standing.running("keeper"), standing.running("web-1")
    eventually(lambda: f"keeper={keeper} {worker}" in standing.said("web-1"))
    os.kill(keeper, signal.SIGKILL)
    keeper = standing.running("keeper", other_than=keeper)
    eventually(lambda: f"keeper={keeper} {worker}" in standing.said("web-1"))
    os.kill(worker, signal.SIGKILL)
    worker = standing.running("web-1", other_than=worker)
    eventually(lambda: f"keeper={keeper} {worker}" in standing.said("web-1"))


def test_a_worker_that_cannot_go_on_ends_everything_with_its_reason(house: House) -> None:
    pid = house.up(WORKERS_DIE="1")
    eventually(lambda: not is_alive(pid))
    log = (house.state.root.parent / "up.log").read_text()
    assert "GaveUp" in log
    assert "this worker cannot go on" in log
    assert background.running(house.state) is None
    assert stop_left_over(house.state, house.user) == []


def test_a_server_that_cannot_start_is_reported_at_once(house: House) -> None:
    house.up()
    background.down(house.state)
    (house.state.primary / "global" / "pg_control").unlink()
    began = time.monotonic()
    with pytest.raises(DidNotStart, match="could not find the database system"):
        house.up()
    assert time.monotonic() - began < SECONDS


def test_when_the_supervisor_is_killed_its_children_end_and_the_next_one_takes_the_servers_over(house: House) -> None:
    pid = house.up()
    primary, keeper, worker = (house.running(name) for name in ("primary", "keeper", "web-1"))
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not is_alive(keeper) and not is_alive(worker))
    assert is_alive(primary)
    eventually(lambda: background.running(house.state) is None)
    house.up()
    assert house.running("primary") == primary
    background.down(house.state)
    assert not is_alive(primary)


def test_servers_that_outlived_their_supervisor_can_be_stopped(house: House) -> None:
    os.kill(house.up(), signal.SIGKILL)
    assert stop_left_over(house.state, house.user) == ["standby", "primary"]
    assert stop_left_over(house.state, house.user) == []


def test_only_one_supervisor_holds_a_home(standing: House) -> None:
    with pytest.raises(AlreadyRunning), background.only_one(standing.state):
        pass


def test_a_number_in_the_pid_file_without_the_lock_is_nobody(house: House) -> None:
    house.state.run.mkdir(parents=True)
    house.state.supervisor_pid.write_text(f"{os.getpid()}\n")
    assert background.running(house.state) is None
    assert background.down(house.state) is False


@as_root
def test_workers_of_root_are_another_user_or_have_no_capabilities(house: House) -> None:
    users = service_users()
    if run_as(users.worker, [sys.executable, "-c", "import growsoft"], environ=house.environ).returncode == 0:
        house.up()
        eventually(lambda: f"uid={users.worker.uid} capabilities=0000000000000000" in house.said("web-1"))
        background.down(house.state)
    house.up(ONE_USER="1")
    eventually(lambda: "uid=0 capabilities=0000000000000000 no_new_privs=1" in house.said("web-1"))
    assert json.loads(house.state.up.read_text())["mode"] == "one-user"


def answers(house: House) -> bool:
    try:
        return house.execute("SELECT 1") == (1,)
    except psycopg.OperationalError:
        return False


def dropped(house: House) -> bool:
    """Drop the standby's slot, in a moment in which it is not used."""
    try:
        house.execute(
            "SELECT pg_terminate_backend(active_pid, 1000) FROM pg_replication_slots WHERE active_pid IS NOT NULL"
        )
        house.execute("SELECT pg_drop_replication_slot('gs_standby')")
    except psycopg.errors.ObjectInUse:
        return False
    return True


def is_alive(pid: int) -> bool:
    """Say whether a process lives; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def eventually(true: Callable[[], bool], within: float = 20) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, f"it did not become true within {within} seconds"
        time.sleep(0.02)
