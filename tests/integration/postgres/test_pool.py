"""The pool: never more connections than its cap, the least used one gives way, and only clean ones serve again."""

import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace

import pytest

from growsoft.postgres.connection import DatabaseUnavailable, Endpoint
from growsoft.postgres.context import LoginDoor
from growsoft.postgres.database import Database
from growsoft.postgres.pool import PoolExhausted, Pools
from growsoft.postgres.provision import new_template
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import superuser
from growsoft.testing.cluster import Cluster, ephemeral_cluster
from tests.support.databases import database_from
from tests.support.notes import ANN, BOB, DECLARATIONS, Notes, fill

PID = sql("SELECT pg_backend_pid()")
FreshDatabase = Callable[[str], Database]


def _pid(database: Database) -> int:
    with database.transaction(LoginDoor()) as tx:
        return tx.execute(PID).scalar(int)


def _backends(server: Endpoint, names: list[str]) -> set[int]:
    with superuser(server) as connection:
        found = connection.run(sql("SELECT pid FROM pg_stat_activity WHERE datname = ANY ({names})", names=names))
        return set(found.column(int))


def _soon(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 5
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_the_cap_holds_under_thirty_threads_and_five_databases(
    server: Endpoint, notes_template: str, fresh_database: FreshDatabase
) -> None:
    cap, pools, lock = 7, Pools(7, wait_seconds=60), threading.Lock()
    databases = [replace(fresh_database(notes_template), pools=pools) for _ in range(5)]
    using = most = widest = 0

    def work(number: int) -> int:
        nonlocal using, most, widest
        for turn in range(8):
            database = databases[(number + turn) % 5]
            with database.transaction(database.signed(ANN)) as tx:
                with lock:
                    using += 1
                    most, widest = max(most, using), max(widest, pools.sizes[0])
                assert tx.execute(sql("SELECT id FROM note ORDER BY id")).column(int) == [1, 2]
                with lock:
                    using -= 1
        return number

    with ThreadPoolExecutor(30) as threads:
        assert sorted(threads.map(work, range(30))) == list(range(30))
    assert 3 <= most <= cap, "the test must crowd the pool"
    assert widest <= cap
    opened, idle = pools.sizes
    assert opened == idle <= cap
    assert _soon(lambda: len(_backends(server, [database.name for database in databases])) == opened)
    pools.close()
    assert pools.sizes == (0, 0)


def test_the_least_recently_used_connection_gives_way(
    server: Endpoint, notes_template: str, fresh_database: FreshDatabase
) -> None:
    pools = Pools(2)
    first, second, third = (replace(fresh_database(notes_template), pools=pools) for _ in range(3))
    _pid(first)
    kept = _pid(second)
    _pid(third)
    assert pools.sizes == (2, 2)
    assert _soon(lambda: not _backends(server, [first.name]))
    assert _pid(second) == kept
    pools.close()


def test_who_waits_too_long_is_told_so(notes: Notes) -> None:
    pools = Pools(1, wait_seconds=0.2)
    database = replace(notes.database, pools=pools)
    with database.transaction(LoginDoor()):
        started = time.monotonic()
        with pytest.raises(PoolExhausted, match="Too many requests"):
            _pid(database)
        assert 0.2 <= time.monotonic() - started < 2
    assert _pid(database)
    pools.close()


def test_who_waits_gets_the_first_that_comes_free(notes: Notes) -> None:
    pools = Pools(1, wait_seconds=10)
    database = replace(notes.database, pools=pools)
    with ThreadPoolExecutor(1) as threads:
        with database.transaction(LoginDoor()) as tx:
            mine = tx.execute(PID).scalar(int)
            waiting = threads.submit(_pid, database)
            time.sleep(0.1)
            assert not waiting.done()
        assert waiting.result(5) == mine
    pools.close()


def test_the_connection_that_served_the_same_profile_is_preferred(notes: Notes) -> None:
    database, pids = notes.database, dict[str, int]()
    with ExitStack() as both:
        for profile, door in ((ANN.profile, notes.door(ANN)), ("", LoginDoor())):
            tx = both.enter_context(database.transaction(door))
            pids[profile] = tx.execute(PID).scalar(int)
    for _ in range(3):
        with database.transaction(notes.door(BOB), profile=BOB.profile) as tx:
            assert tx.execute(PID).scalar(int) == pids[ANN.profile]


def test_idle_connections_are_closed(notes: Notes) -> None:
    pools = Pools(3, idle_seconds=0.05)
    database = replace(notes.database, pools=pools)
    _pid(database)
    pools.close_idle()
    assert pools.sizes == (1, 1)
    time.sleep(0.06)
    pools.close_idle()
    assert pools.sizes == (0, 0)


def test_a_failed_connection_gives_its_place_back(notes: Notes) -> None:
    pools = Pools(1, wait_seconds=0.5)
    nobody = replace(notes.database, pools=pools, endpoint=replace(notes.database.endpoint, password="wrong"))
    for _ in range(3):
        with pytest.raises(DatabaseUnavailable):
            _pid(nobody)
    assert pools.sizes == (0, 0)
    assert _pid(replace(notes.database, pools=pools))
    pools.close()


def test_a_connection_that_cannot_be_made_clean_is_closed(notes: Notes) -> None:
    with notes.database.transaction(notes.door(ANN)) as tx:
        pid = tx.execute(PID).scalar(int)
        tx.execute(sql("PREPARE left_behind AS SELECT 1"))
    assert notes.database.pools.sizes == (0, 0)
    assert _pid(notes.database) != pid


def test_a_pool_needs_room() -> None:
    with pytest.raises(ValueError, match="room"):
        Pools(0)


def _on_disk(server: Endpoint) -> None:
    # A throw-away cluster commits without waiting for its log, so a kill would take the database with it.
    with superuser(server) as connection:
        connection.run(sql("CHECKPOINT"))


@pytest.fixture(scope="module")
def own_cluster() -> Generator[tuple[Cluster, Endpoint]]:
    """A cluster that may be stopped and killed."""
    with ephemeral_cluster() as cluster:
        server = Endpoint(
            str(cluster.socket_dir), cluster.port, "postgres", cluster.superuser, password=cluster.password
        )
        with new_template(server, "t", DECLARATIONS), superuser(server, "t") as connection:
            fill(connection)
        yield cluster, server


@pytest.mark.parametrize("kill", [False, True], ids=["restarted", "killed"])
def test_connections_that_died_with_their_server_are_replaced(
    own_cluster: tuple[Cluster, Endpoint], kill: bool
) -> None:
    cluster, server = own_cluster
    pools = Pools(5)
    with database_from(server, "t", pools) as database:
        with ExitStack() as many:
            for _ in range(3):
                many.enter_context(database.transaction(database.signed(ANN)))
        assert pools.sizes == (3, 3)
        _on_disk(server)
        if kill:
            cluster.server.kill()
        else:
            cluster.server.stop("fast")
        with pytest.raises(DatabaseUnavailable):
            _pid(database)
        cluster.server.start(timeout=60)
        for _ in range(4):
            with database.transaction(database.signed(ANN)) as tx:
                assert tx.execute(sql("SELECT id FROM note ORDER BY id")).column(int) == [1, 2]
        assert pools.sizes == (1, 1)
    pools.close()


def test_a_server_that_dies_in_the_middle_costs_that_request_only(own_cluster: tuple[Cluster, Endpoint]) -> None:
    cluster, server = own_cluster
    pools = Pools(5)
    with database_from(server, "t", pools) as database:
        _on_disk(server)

        def interrupted() -> None:
            with database.transaction(database.signed(ANN)) as tx:
                tx.execute(sql("UPDATE note SET name = 'lost' WHERE id = 1"))
                cluster.server.kill()
                cluster.server.start(timeout=60)
                tx.execute(sql("SELECT 1"))

        with pytest.raises(DatabaseUnavailable):
            interrupted()
        with database.transaction(database.signed(ANN)) as tx:
            assert tx.execute(sql("SELECT name FROM note WHERE id = 1")).scalar(str) == "ann one"
    pools.close()
