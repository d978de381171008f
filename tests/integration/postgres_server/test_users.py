"""Users: nobody runs as root who does not have to, and it is found out by trying."""

import os
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from growsoft.config.folders import make_folders
from growsoft.config.state import State, locate
from growsoft.errors import AccessError, ConfigError
from growsoft.postgres.users import (
    Separation,
    ServiceUser,
    ServiceUsers,
    can_read,
    decide,
    plain_environ,
    run_as,
    service_users,
)

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else"),
]

_CLUSTER = """
import psycopg
from growsoft.testing.cluster import ephemeral_cluster
with ephemeral_cluster() as cluster:
    login = {"user": cluster.superuser, "password": cluster.password, "dbname": "postgres"}
    with psycopg.connect(host=str(cluster.socket_dir), port=cluster.port, **login) as connection:
        print(cluster.server.user, connection.execute("SELECT 6 * 7").fetchone())
"""


@pytest.fixture
def users() -> ServiceUsers:
    return service_users()


@pytest.fixture
def open_folder() -> Generator[Path]:
    """A folder that other users can pass through."""
    with TemporaryDirectory(prefix="gs-", dir="/tmp") as name:
        Path(name).chmod(0o711)
        yield Path(name)


def test_the_service_users_are_two_and_neither_is_root(users: ServiceUsers) -> None:
    assert 0 not in {users.database.uid, users.worker.uid}
    assert users.database.uid != users.worker.uid
    assert service_users() == users


def test_root_is_no_service_user() -> None:
    with pytest.raises(ConfigError, match="uid 0"):
        ServiceUser("root", 0, 0)


def test_separate_mode_needs_two_users(users: ServiceUsers) -> None:
    with pytest.raises(ConfigError, match="two different"):
        Separation(users.database, users.database, "separate", "")


def test_a_command_runs_as_the_user_with_none_of_our_groups(users: ServiceUsers) -> None:
    shown = run_as(users.worker, ["id", "-u"]).stdout + run_as(users.worker, ["id", "-G"]).stdout
    assert shown.split() == [str(users.worker.uid), str(users.worker.gid)]


def test_what_lies_below_a_closed_folder_cannot_be_read(users: ServiceUsers, open_folder: Path) -> None:
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    (closed / "file").write_text("")
    assert not can_read(users.worker, closed / "file")
    closed.chmod(0o711)
    assert can_read(users.worker, closed / "file")


def test_a_package_that_the_users_cannot_read_makes_one_user_mode(open_folder: Path) -> None:
    (open_folder / "hidden_package.py").write_text("")
    (open_folder / "hidden_package.py").chmod(0o600)
    environ = {**plain_environ(), "PYTHONPATH": str(open_folder)}
    separation = decide(["hidden_package"], environ)
    assert (separation.mode, separation.worker, separation.keeper) == ("one-user", None, None)
    assert separation.database is not None
    assert "hidden_package" in separation.why


def test_an_interpreter_that_the_users_can_read_makes_separate_mode(users: ServiceUsers) -> None:
    if run_as(users.worker, [sys.executable, "-c", ""]).returncode != 0:
        pytest.skip(f"{sys.executable} lies below a closed folder")
    separation = decide(["json"])
    assert separation == Separation(users.database, users.worker, "separate", separation.why)
    assert separation.keeper == users.database


def test_an_ordinary_user_runs_a_cluster_as_himself(users: ServiceUsers) -> None:
    if run_as(users.worker, [sys.executable, "-c", "import growsoft"], environ=_environ()).returncode != 0:
        pytest.skip(f"{sys.executable} or the package lies below a closed folder")
    done = run_as(users.worker, [sys.executable, "-W", "error", "-c", _CLUSTER], environ=_environ())
    assert (done.stdout, done.stderr) == ("None (42,)\n", "")


@dataclass(frozen=True)
class _Users:
    database: ServiceUser | None
    keeper: ServiceUser | None
    worker: ServiceUser | None


def test_each_user_reaches_its_own_folders_and_no_other(users: ServiceUsers, open_folder: Path) -> None:
    separate = _Users(users.database, users.database, users.worker)
    state = make_folders(locate(open_folder / "made" / "home"), separate)
    folders = [state.keeper, state.worker, state.tls, state.ca, state.cluster_tls, state.sites, state.log, state.run]
    for folder in folders:
        (folder / "file").write_text("")
    reached = {
        name: {folder.name for folder in folders if can_read(user, folder / "file")}
        for name, user in (("database", users.database), ("worker", users.worker))
    }
    # `tls` is the name of two folders, one of each user; which is which the next lines say.
    assert reached == {
        "database": {"keeper", "ca", "tls", "sites", "run"},
        "worker": {"worker", "ca", "tls", "run"},
    }
    assert can_read(users.database, state.cluster_tls)
    assert can_read(users.worker, state.tls)
    assert not can_read(users.worker, state.cluster_tls)


def test_in_one_user_mode_only_the_cluster_is_the_database_users(users: ServiceUsers, open_folder: Path) -> None:
    state = make_folders(locate(open_folder / "home"), _Users(users.database, None, None))
    assert can_read(users.database, state.cluster_tls)
    assert not can_read(users.database, state.keeper)
    assert state.keeper.stat().st_uid == 0


def test_folders_change_hands_with_what_is_in_them(users: ServiceUsers, open_folder: Path) -> None:
    one, two = _Users(users.database, None, None), _Users(users.database, users.database, users.worker)
    state = make_folders(locate(open_folder / "home"), one)
    outside = open_folder / "outside"
    outside.write_text("")
    (state.keeper / "sub").mkdir()
    (state.keeper / "sub" / "secret").write_text("")
    (state.keeper / "link").symlink_to(outside)
    make_folders(state, two)
    assert (state.keeper / "sub" / "secret").stat().st_uid == users.database.uid
    assert outside.stat().st_uid == 0


def test_the_database_user_adds_sockets_but_cannot_replace_the_supervisors_files(
    users: ServiceUsers, open_folder: Path
) -> None:
    state = make_folders(locate(open_folder / "home"), _Users(users.database, None, None))
    state.supervisor_pid.write_text("1")
    assert run_as(users.database, ["touch", str(state.run / "socket")]).returncode == 0
    assert run_as(users.database, ["mv", str(state.run / "socket"), str(state.supervisor_pid)]).returncode != 0
    assert run_as(users.database, ["rm", "-f", str(state.supervisor_pid)]).returncode != 0
    assert run_as(users.worker, ["touch", str(state.run / "theirs")]).returncode != 0
    assert make_folders(state, _Users(users.database, None, None)) == state


def test_a_state_below_a_closed_home_is_reached_by_its_users(users: ServiceUsers, open_folder: Path) -> None:
    previous = os.umask(0o077)
    try:
        (open_folder / "closed").mkdir()
        state = locate(open_folder / "closed" / "home", homes=open_folder / "a" / "homes")
        make_folders(state, _Users(users.database, users.database, users.worker))
    finally:
        os.umask(previous)
    assert state.root.parent == open_folder / "a" / "homes"
    assert can_read(users.database, state.keeper)
    assert can_read(users.worker, state.worker)


def test_a_state_of_another_user_is_refused(users: ServiceUsers, open_folder: Path) -> None:
    (open_folder / "theirs").mkdir()
    os.chown(open_folder / "theirs", users.worker.uid, users.worker.gid)
    with pytest.raises(AccessError, match="belongs to another user"):
        make_folders(State(open_folder / "theirs", open_folder / "run"), _Users(None, None, None))


def _environ() -> dict[str, str]:
    """Return an environment in which this test run's packages are found."""
    return {**plain_environ(), "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
