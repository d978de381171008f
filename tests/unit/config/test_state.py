"""State: where things lie on disk, whoever starts Growsoft and however long the path is."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from growsoft.config import load
from growsoft.config.state import LONGEST_RUN, State, locate, open_to_others, run_folder, started_once
from growsoft.errors import ConfigError


@pytest.fixture
def open_home() -> Iterator[Path]:
    # Not tmp_path: pytest keeps other users out of it.
    with TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder) / "home"


def _closed(tmp_path: Path) -> Path:
    (tmp_path / "closed").mkdir(mode=0o700)
    return tmp_path / "closed" / "home"


def test_an_ordinary_users_state_is_his_home(tmp_path: Path) -> None:
    home = _closed(tmp_path)
    state = locate(home, uid=1000)
    assert (state.root, state.notice) == (home, "")
    assert state.primary == home / "cluster" / "primary"


def test_roots_state_is_the_home_when_other_users_can_reach_it(open_home: Path) -> None:
    assert open_to_others(open_home)
    assert locate(open_home, uid=0).root == open_home


def test_below_a_closed_folder_roots_state_lies_elsewhere_and_is_found_again(tmp_path: Path) -> None:
    home, homes = _closed(tmp_path), tmp_path / "homes"
    first = locate(home, uid=0, homes=homes)
    # The pointer belongs to whoever runs this test; for the second look he stands for root.
    second = locate(home, uid=os.geteuid(), homes=homes)
    assert first.root.parent == homes
    assert first.root.is_dir()
    assert second.root == first.root
    assert str(first.root) in first.notice
    assert second.notice == ""


def test_a_pointer_that_somebody_planted_is_refused(tmp_path: Path) -> None:
    home = _closed(tmp_path)
    home.mkdir()
    (home / "state").symlink_to("/etc")
    with pytest.raises(ConfigError, match="remove it and start again"):
        locate(home, uid=os.geteuid(), homes=tmp_path / "homes")
    (home / "state").unlink()
    (home / "state").symlink_to(tmp_path / "homes" / "planted")
    with pytest.raises(ConfigError, match="did not choose"):
        locate(home, uid=os.geteuid() + 1, homes=tmp_path / "homes")


@pytest.mark.parametrize(
    ("user", "runtime", "expected"),
    [
        (0, None, "/run/growsoft-"),
        (1000, Path("/run/user/1000"), "/run/user/1000/growsoft-"),
        (7, None, "/tmp/growsoft-7-"),  # noqa: S108 - only a path
    ],
)
def test_sockets_of_a_long_home_lie_in_a_short_folder(user: int, runtime: Path | None, expected: str) -> None:
    root = Path("/srv") / ("long" * 30)
    run = run_folder(root, runtime, user)
    assert str(run).startswith(expected)
    assert len(os.fsencode(run)) < LONGEST_RUN
    assert run == run_folder(root, runtime, user)
    assert run != run_folder(root / "other", runtime, user)


def test_sockets_of_a_short_home_lie_in_it() -> None:
    assert run_folder(Path("/srv/growsoft"), None, 1000) == Path("/srv/growsoft/run")


def test_the_run_folder_is_made_for_its_user_alone(tmp_path: Path) -> None:
    run = State(tmp_path, tmp_path / "run").make_run()
    assert run.stat().st_mode & 0o777 == 0o700
    assert State(tmp_path, run).make_run(0o711).stat().st_mode & 0o777 == 0o711


def test_a_run_folder_open_to_others_is_refused(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    run.chmod(0o777)
    with pytest.raises(ConfigError, match="open to others"):
        State(tmp_path, run).make_run()


def test_a_run_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "theirs")
    with pytest.raises(ConfigError, match="belongs to somebody else"):
        State(tmp_path, tmp_path / "run").make_run()


def test_settings_know_their_state(open_home: Path) -> None:
    state = load({"GROWSOFT_HOME": str(open_home)}).state()
    assert state.instance == open_home / "instance.json"
    assert state.keeper_socket.parent == state.run


def test_looking_whether_something_was_started_makes_nothing(tmp_path: Path) -> None:
    home = _closed(tmp_path)
    assert load({"GROWSOFT_HOME": str(home)}).known_state() is None
    assert not home.exists()


def test_a_state_or_a_pointer_to_one_is_known(tmp_path: Path) -> None:
    home, homes = _closed(tmp_path), tmp_path / "homes"
    locate(home, uid=0, homes=homes)
    assert started_once(home)
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "instance.json").write_text("{}")
    assert started_once(tmp_path / "open")
