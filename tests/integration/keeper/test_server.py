"""The keeper's socket: who may speak, what is understood, and what happens to everything else."""

import os
import socket
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from growsoft.errors import GrowsoftError
from growsoft.keeper.client import KeeperClient
from growsoft.keeper.server import MOST_CALLERS
from growsoft.keeper.verbs import (
    ApplyDeclarations,
    CreateDatabase,
    DropDatabase,
    Dump,
    Ensured,
    EnsureProfile,
    InstallApps,
    ListApps,
    ListCluster,
    Progress,
    RehearseUpgrade,
    UninstallApps,
    UpgradeApps,
    Verb,
)
from growsoft.postgres.connection import DatabaseUnavailable
from growsoft.postgres.keeper import (
    DatabaseMissing,
    KeeperUnavailable,
    RequestMalformed,
    StillWorking,
    VerbRefused,
    new_database_name,
)
from growsoft.postgres.pool import Pools
from growsoft.testing.cluster import ephemeral_cluster
from tests.integration.keeper.conftest import House
from tests.integration.keeper.product import Notes
from tests.integration.keeper.serving import Service, answer, asked, descriptors, failure, framed, serving

# Root only: a child that becomes somebody else.
AS_STRANGER = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--")
CONNECT = (
    "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); sys.stdout.buffer.write(s.recv(9999))"
)


@pytest.fixture
def service(house: House) -> Iterator[Service]:
    with serving(house, workers=2) as made:
        yield made


def test_every_verb_works_over_the_socket(service: Service, tmp_path: Path, pools: Pools) -> None:
    client, seen = service.client, list[Progress]()
    made = KeeperClient(service.path, seen.append).create_database(new_database_name(), uuid4(), ["base"])
    assert {progress.step for progress in seen} >= {"copying the template"}
    client.ensure_profile(made.name)
    assert client.apply_declarations(made.name).fingerprint == made.fingerprint
    client.rotate_keys(made.name, 2)
    copy = client.copy_database(made.name, new_database_name(), uuid4())
    with (tmp_path / "dump").open("w+b") as file:
        dumped = client.dump(copy.name, file.fileno())
        file.seek(0)
        restored = client.restore(
            new_database_name(), uuid4(), file.fileno(), roles=dumped.facts.roles, rows=dumped.facts.rows
        )
    database = service.house.served(restored, pools)
    with database.transaction(database.elevated("reading what came back")):
        pass
    assert {made.name, copy.name, restored.name} <= {entry.name for entry in client.list_cluster().databases}
    assert [client.drop_database(name) for name in (made.name, copy.name, restored.name, made.name)] == [True] * 3 + [
        False
    ]


def test_only_its_own_user_can_open_the_socket(service: Service) -> None:
    assert stat.S_IMODE(service.path.stat().st_mode) == 0o600
    assert service.path.stat().st_uid == os.geteuid()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user to be refused as")
def test_another_user_is_refused_by_what_the_kernel_says(service: Service) -> None:
    service.path.parent.chmod(0o755)
    shut = _stranger(service.path)
    assert (shut.returncode, b"PermissionError" in shut.stderr) == (1, True)
    service.path.chmod(0o666)  # as if somebody had opened it by mistake
    refused = _stranger(service.path)
    assert b"VerbRefused" in refused.stdout
    (line,) = [line for line in service.house.lines() if line.get("uid") == 65534]
    assert (line["event"], line["by"]) == ("refused", "socket")


NAME = "db_0123456789abcdef"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        b"\x93" * 30_000,
        msgspec.msgpack.encode([1]),
        msgspec.msgpack.encode([1, {"verb": "run_sql", "sql": "DROP DATABASE postgres"}]),
        msgspec.msgpack.encode([1, {"verb": "drop_database", "database": "postgres"}]),
        msgspec.msgpack.encode([1, {"verb": "drop_database", "database": "gs_template_0123456789ab"}]),
        msgspec.msgpack.encode([1, {"verb": "drop_database", "database": f'{NAME}"; DROP ROLE growsoft'}]),
        msgspec.msgpack.encode([1, {"verb": "drop_database", "database": f"{NAME}\n"}]),
        msgspec.msgpack.encode([1, {"verb": "dump", "database": "/etc/passwd"}]),
        msgspec.msgpack.encode([1, {"verb": "dump", "database": NAME, "path": "/etc/passwd"}]),
        msgspec.msgpack.encode([1, {"verb": "create_database", "name": NAME, "uuid": "x", "apps": ["base"]}]),
        msgspec.msgpack.encode([1, {"verb": "create_database", "name": NAME, "uuid": str(uuid4()), "apps": ["../x"]}]),
        msgspec.msgpack.encode([1, {"verb": "install_apps", "database": NAME, "apps": ["os.path"]}]),
        msgspec.msgpack.encode([1, {"verb": "install_apps", "database": NAME, "apps": ['x"; DROP ROLE gs_owner']}]),
        msgspec.msgpack.encode([1, {"verb": "install_apps", "database": NAME, "apps": []}]),
        msgspec.msgpack.encode([1, {"verb": "uninstall_apps", "database": NAME, "apps": ["sale\n"]}]),
        msgspec.msgpack.encode([1, {"verb": "upgrade_apps", "database": "gs_template_0123456789ab"}]),
        msgspec.msgpack.encode([1, {"verb": "upgrade_apps", "database": NAME, "package": "tests.support"}]),
    ],
    ids=range(19),
)
def test_what_is_no_verb_is_refused_before_anything_is_done(service: Service, body: bytes) -> None:
    before = service.house.names()
    with service.connection() as sock:
        sock.sendall(framed(body))
        assert failure(sock) == "RequestMalformed"
    assert service.house.names() == before


def test_a_huge_message_is_refused_by_its_length_alone(service: Service) -> None:
    with service.connection() as sock:
        sock.sendall(struct.pack(">I", 2**31))
        assert failure(sock) == "RequestMalformed"
        assert answer(sock) is None


def test_a_message_that_was_cut_off_is_refused(service: Service) -> None:
    for cut in (2, 10):
        with service.connection() as sock:
            sock.sendall(asked(ListCluster())[:cut])
            sock.shutdown(socket.SHUT_WR)
            assert failure(sock) == "RequestMalformed"
    assert service.client.list_cluster().server_version


def test_a_caller_who_says_nothing_holds_nobody_up(service: Service) -> None:
    with service.connection():
        assert service.client.list_cluster().server_version


def test_more_callers_than_places_are_told_to_come_again(service: Service) -> None:
    with ExitStack() as stack:
        for _ in range(MOST_CALLERS):
            stack.enter_context(service.connection())
        time.sleep(0.2)
        with pytest.raises(KeeperUnavailable, match="Too many callers"):
            service.client.list_cluster()
    time.sleep(0.2)
    assert service.client.list_cluster().server_version


def test_a_dump_without_a_descriptor_is_refused(service: Service) -> None:
    made = service.house.create()
    with service.connection() as sock:
        sock.sendall(asked(Dump(made.name)))
        assert failure(sock) == "RequestMalformed"


def test_descriptors_that_nobody_asked_for_are_refused_and_closed(service: Service, tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as one, (tmp_path / "b").open("wb") as two, service.connection() as sock:
        before = descriptors()
        socket.send_fds(sock, [asked(ListCluster())], [one.fileno()])
        assert failure(sock) == "RequestMalformed"
        socket.send_fds(sock, [asked(ListCluster())], [one.fileno(), two.fileno()])
        assert failure(sock) == "RequestMalformed"
        time.sleep(0.1)
        assert {d for d in descriptors() - before if str(tmp_path) in d} == set()


def test_a_caller_who_goes_away_gets_his_database_all_the_same(service: Service) -> None:
    name, uuid = new_database_name(), uuid4()
    with service.connection() as sock:
        sock.sendall(asked(CreateDatabase(name, uuid, ("base",))))
    assert _eventually(lambda: name in {entry.name for entry in service.client.list_cluster().databases})
    assert not service.client.create_database(name, uuid, ["base"]).new


def test_a_worker_has_two_verbs(service: Service) -> None:
    made = service.house.create()
    worker = service.worker()
    worker.ensure_profile(made.name)
    assert worker.apply_declarations(made.name).fingerprint == made.fingerprint


@pytest.mark.parametrize(
    "verb",
    [
        DropDatabase("db_0123456789abcdef"),
        CreateDatabase("db_0123456789abcdef", uuid4(), ("base",)),
        Dump("db_0123456789abcdef"),
        ListCluster(),
        ListApps("db_0123456789abcdef"),
        InstallApps("db_0123456789abcdef", ("base",)),
        UpgradeApps("db_0123456789abcdef"),
        UninstallApps("db_0123456789abcdef", ("base",)),
        RehearseUpgrade("db_0123456789abcdef"),
    ],
)
def test_a_worker_who_asks_for_more_is_refused_and_logged(service: Service, verb: Verb) -> None:
    with pytest.raises(VerbRefused):
        service.worker(1).ask(verb, Ensured)
    line = service.house.lines()[-1]
    assert (line["event"], line["by"]) == ("refused", "worker 1")
    assert "is not for workers" in str(line["reason"])


def test_a_worker_cannot_drop_a_database(service: Service) -> None:
    made = service.house.create()
    with pytest.raises(VerbRefused):
        service.worker().ask(DropDatabase(made.name), Ensured)
    assert made.name in {entry.name for entry in service.client.list_cluster().databases}


def test_a_workers_port_goes_on_after_nonsense(service: Service) -> None:
    made = service.house.create()
    line = service.lines[0]
    line.settimeout(20)
    for nonsense in (struct.pack(">I", 1 << 20) + b"x" * 5000, framed(b"\xc1" * 10)):
        line.sendall(nonsense)
        assert failure(line) == "RequestMalformed"
    service.worker().ensure_profile(made.name)


def test_what_was_answered_too_late_is_not_taken_for_the_next_answer(service: Service) -> None:
    made = service.house.create()
    worker = service.worker(seconds=0.0001)
    with pytest.raises(StillWorking):
        worker.ensure_profile(made.name)
    patient = service.worker()
    assert patient.apply_declarations(made.name).fingerprint == made.fingerprint


def test_after_two_seconds_a_worker_is_told_how_far_it_is(own_house: House) -> None:
    made = own_house.create()
    own_house.product.extra_columns = ("place",)
    own_house.product.pause = 3.0
    newer = House(own_house.cluster, own_house.product, own_house.log)
    with serving(newer) as service:
        worker = service.worker()
        began = time.monotonic()
        with pytest.raises(StillWorking) as told:
            worker.apply_declarations(made.name)
        assert 1.9 < time.monotonic() - began < 3.0
        assert told.value.step == "making the template"
        assert _eventually(lambda: not _error(lambda: worker.apply_declarations(made.name)))


def test_a_busy_worker_makes_its_threads_wait_no_longer_than_that(own_house: House) -> None:
    own_house.product.pause = 3.0
    with serving(own_house) as service, ThreadPoolExecutor(3) as executor:
        name = new_database_name()
        first = executor.submit(service.client.create_database, name, uuid4(), ["base"])
        own_house.product.filling.wait(10)
        worker = service.worker(seconds=0.5)
        began = time.monotonic()
        answers = [executor.submit(_error, lambda: worker.ensure_profile(name)) for _ in range(2)]
        assert {future.result() for future in answers} <= {"StillWorking", "DatabaseBusy", "DatabaseMissing"}
        assert time.monotonic() - began < 2.5
        assert first.result().new


def test_a_server_that_restarts_gives_an_answer_that_can_be_tried_again(tmp_path: Path) -> None:
    with ephemeral_cluster() as cluster:
        house = House(cluster, Notes(), tmp_path / "log")
        made = house.create()
        with serving(house) as service:
            cluster.server.stop()
            for ask in (service.client.list_cluster, lambda: service.worker().ensure_profile(made.name)):
                with pytest.raises(DatabaseUnavailable):
                    ask()
            with service.connection() as sock:
                sock.sendall(asked(ApplyDeclarations(made.name)))
                found = answer(sock)
                assert found is not None
                assert getattr(found.message, "retriable", False)
            cluster.server.start()
            service.worker().ensure_profile(made.name)
            with pytest.raises(DatabaseMissing):
                service.worker().ensure_profile(new_database_name())
        assert "busy" in {line.get("outcome") for line in house.lines()}


def test_a_server_that_dies_under_a_verb_leaves_nothing_that_the_next_sweep_does_not_take(tmp_path: Path) -> None:
    with ephemeral_cluster() as cluster:
        house = House(cluster, Notes(pause=30.0), tmp_path / "log")
        with ThreadPoolExecutor(1) as executor:
            making = executor.submit(house.create)
            assert house.product.filling.wait(20)
            cluster.server.stop("immediate")
            with pytest.raises(DatabaseUnavailable):
                making.result()
        cluster.server.start()
        assert any("unfinished" in str(name) for name in house.names())
        house.keeper.sweep()
        assert house.names() == set()


def test_stop_lets_the_keeper_end_after_its_answer(house: House) -> None:
    with serving(house) as service:
        service.client.stop()
        service.thread.join(10)
        assert not service.thread.is_alive()
        with pytest.raises(KeeperUnavailable):
            service.client.list_cluster()


def test_stop_waits_for_the_verbs_at_work(own_house: House) -> None:
    own_house.product.pause = 1.5
    name = new_database_name()
    with serving(own_house) as service, ThreadPoolExecutor(1) as executor:
        making = executor.submit(service.client.create_database, name, uuid4(), ["base"])
        assert own_house.product.filling.wait(10)
        service.server.stop()
        assert making.result().new


def test_malformed_answers_do_not_pass_for_the_keepers(service: Service) -> None:
    service.lines[1].close()
    with pytest.raises(KeeperUnavailable):
        service.worker(1).ensure_profile(new_database_name())
    with pytest.raises(RequestMalformed):
        service.client.ask(EnsureProfile("postgres"), Ensured)


def _stranger(path: Path) -> subprocess.CompletedProcess[bytes]:
    # The interpreter of the tests can lie in a closed home.
    python = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable
    command = [*AS_STRANGER, python, "-c", CONNECT, str(path)]
    return subprocess.run(command, capture_output=True, check=False, timeout=20, cwd="/")


def _eventually(is_so: Callable[[], bool], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if is_so():
            return True
        time.sleep(0.05)
    return False


def _error(work: Callable[[], object]) -> str:
    """Do something; returns the name of the error that came of it."""
    try:
        work()
    except GrowsoftError as error:
        return type(error).__name__
    return ""
