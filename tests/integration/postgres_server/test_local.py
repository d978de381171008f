"""Local cluster: ports and secrets are made once, kept, and missed when they are gone."""

import os
import socket
import sys
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest

from growsoft.config import Settings, State
from growsoft.config.folders import make_folders
from growsoft.config.state import locate
from growsoft.errors import ConfigError
from growsoft.postgres.binaries import Binaries
from growsoft.postgres.local import LocalCluster, local_cluster, superuser_endpoint
from growsoft.postgres.parameters import ServerTls
from growsoft.postgres.users import Separation, plain_environ, run_as, service_users
from growsoft.testing.cluster import server_user
from tests.integration.postgres_server.house import MODULE
from tests.integration.postgres_server.test_supervisor import House, open_home

pytestmark = pytest.mark.postgres


@pytest.fixture
def users() -> Separation:
    return Separation(server_user(), None, "one-user", "")


@pytest.fixture
def state(users: Separation) -> Generator[State]:
    with open_home() as home:
        yield make_folders(locate(home), users)


@pytest.fixture
def cluster(state: State, users: Separation, binaries: Binaries) -> LocalCluster:
    return describe(state, users, binaries)


def describe(state: State, users: Separation, binaries: Binaries) -> LocalCluster:
    """Describe a cluster whose certificates nobody reads, since it is not started."""
    nowhere = state.cluster_tls / "server.pem"
    return local_cluster(Settings(home=state.root), state, users, binaries, ServerTls(nowhere, nowhere, nowhere))


def test_ports_and_passwords_stay(cluster: LocalCluster, state: State, users: Separation, binaries: Binaries) -> None:
    again = describe(state, users, binaries)
    assert (again.primary.port, again.standby.server.port) == (cluster.primary.port, cluster.standby.server.port)
    assert again.superuser == cluster.superuser == superuser_endpoint(state)
    assert again.standby.source.password == cluster.standby.source.password != cluster.superuser.password
    assert cluster.primary.port != cluster.standby.server.port
    assert cluster.superuser.password not in repr(cluster)
    for secret in (state.superuser_secret, state.replication_secret):
        assert secret.stat().st_mode & 0o777 == 0o600


def test_a_port_that_a_stranger_took_is_left_to_him(
    cluster: LocalCluster, state: State, users: Separation, binaries: Binaries
) -> None:
    with socket.create_server(("127.0.0.1", cluster.primary.port)):
        again = describe(state, users, binaries)
    assert again.primary.port not in (cluster.primary.port, cluster.standby.server.port)
    assert again.standby.server.port == cluster.standby.server.port
    assert superuser_endpoint(state).port == again.primary.port


def test_a_cluster_whose_password_is_gone_is_not_given_a_new_one(
    cluster: LocalCluster, state: State, users: Separation, binaries: Binaries
) -> None:
    cluster.primary.initialise(password=cluster.superuser.password, sync=False)
    state.superuser_secret.unlink()
    with pytest.raises(ConfigError, match="restore it"):
        describe(state, users, binaries)


def test_an_instance_that_never_started_says_so(state: State) -> None:
    with pytest.raises(ConfigError, match="start Growsoft once"):
        superuser_endpoint(state)


def test_a_build_without_tls_is_refused(state: State, users: Separation, binaries: Binaries) -> None:
    plain = replace(binaries, capabilities=binaries.capabilities - {"tls"})
    with pytest.raises(ConfigError, match="built without TLS"):
        describe(state, users, plain)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_an_ordinary_user_runs_the_whole_house() -> None:
    user = service_users().worker
    with open_home() as home:
        house = House(locate(home, uid=user.uid), {}, None)
        root = Path(__file__).parents[3]
        paths = f"{root}:{root}/src"
        environ = {**plain_environ(), "GROWSOFT_HOME": str(home), "PYTHONPATH": paths, "HOME": "/nonexistent"}
        if run_as(user, [sys.executable, "-c", f"import {MODULE}"], environ=environ).returncode != 0:
            pytest.skip(f"{sys.executable} or this repository lies below a closed folder")
        home.parent.chmod(0o777)
        done = run_as(user, [sys.executable, "-c", ORDINARY], environ=environ)
        assert done.stdout.splitlines() == ["streaming", "one-user", "True"], done.stderr
        assert house.state.root.stat().st_uid == user.uid
        assert house.state.root.stat().st_mode & 0o777 == 0o700


ORDINARY = f"""
import json, os, sys, time
from pathlib import Path
from growsoft.cli import background
from growsoft.config import load
from growsoft.postgres.local import superuser_endpoint
from growsoft.postgres.standby import lag
state = load(os.environ).state()
background.detach([sys.executable, "-m", "{MODULE}", "up"], os.environ, Path(os.environ["GROWSOFT_HOME"] + ".log"))
print(lag(superuser_endpoint(state).dsn()).state)
print(json.loads(state.up.read_text())["mode"])
print(background.down(state))
"""
