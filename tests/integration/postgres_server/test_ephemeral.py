"""Ephemeral clusters: real servers that leave nothing behind, however a test run ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from growsoft.postgres.parameters import SUPERUSER
from growsoft.testing.cluster import Cluster, ephemeral_cluster
from tests.integration.postgres_server.conftest import login

pytestmark = pytest.mark.postgres

RUN = """
import time
from growsoft.testing.cluster import ephemeral_cluster
with ephemeral_cluster() as cluster:
    print(cluster.socket_dir, cluster.server.pid(), flush=True)
    time.sleep(60)
"""


def dsn(cluster: Cluster) -> str:
    return login(cluster.server, cluster.superuser, cluster.password, "postgres")


def test_a_cluster_is_there_for_its_block_and_gone_afterwards() -> None:
    with ephemeral_cluster() as cluster:
        assert cluster.superuser == SUPERUSER
        with psycopg.connect(dsn(cluster)) as connection:
            assert connection.execute("SHOW fsync").fetchone() == ("off",)
        assert cluster.password not in repr(cluster)
    assert not cluster.server.is_running()
    assert not cluster.socket_dir.exists()


def test_two_clusters_know_nothing_of_each_other() -> None:
    with ephemeral_cluster() as one, ephemeral_cluster() as other:
        assert one.socket_dir != other.socket_dir
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(login(other.server, one.superuser, one.password, "postgres"))


def test_a_run_that_is_killed_leaves_nothing_behind() -> None:
    with subprocess.Popen([sys.executable, "-c", RUN], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        folder, pid = run.stdout.readline().split()
        assert Path(f"/proc/{pid}/cwd").exists()
        os.kill(run.pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while Path(folder).exists() or Path(f"/proc/{pid}/cwd").exists():
        assert time.monotonic() < deadline, "the server or its folder is still there"
        time.sleep(0.05)
