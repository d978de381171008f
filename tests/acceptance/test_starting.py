"""Starting and stopping: once and twice, in front and behind, on a taken port, and after whatever was killed."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import time
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest

from growsoft.cli import background
from tests.support.https import Site
from tests.support.instance import Home, eventually, new_home

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has a home that other users cannot enter")

BARE = {"GROWSOFT_DEMO": "0", "GROWSOFT_WEB_WORKERS": "1"}


@pytest.fixture(scope="module")
def home() -> Generator[Home]:
    """A home without a demo database. A test that needs it running starts it, one that does not stops it."""
    with new_home(**BARE) as made:
        yield made


@pytest.fixture
def fresh() -> Generator[Home]:
    """A home in which nothing was started yet."""
    with new_home(**BARE) as made:
        yield made


def alive(pid: int) -> bool:
    """Say whether a process lives; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def processes(home: Home) -> list[int]:
    """The process ids of everything that runs."""
    return [home.up["supervisor"], *(told["pid"] for told in home.up["processes"].values() if told["pid"])]


def serves(home: Home) -> bool:
    """Say whether the sign-in page is there."""
    return Site(home).get("/web/login").status == 200


@pytest.mark.parametrize(
    "arguments",
    ["db list", "db create kyoto", "user list kyoto", "shell kyoto -c 1", "backup now kyoto", "backup list"],
)
def test_where_nothing_was_started_commands_say_how_to_and_make_nothing(fresh: Home, arguments: str) -> None:
    done = fresh.run(*arguments.split())
    assert (done.code, done.out) == (1, "")
    assert "growsoft up --detach" in done.err
    assert not fresh.path.exists()


def test_stopping_what_was_never_started_is_no_error(fresh: Home) -> None:
    assert fresh.ok("down") == "Growsoft does not run in this home.\n"
    assert fresh.json("down") == {"stopped": False}
    assert not fresh.path.exists()


def test_a_first_start_tells_what_it_does_and_where_to_go(home: Home) -> None:
    done = home.run("up", "--detach", "--json")
    assert done.code == 0, done.err
    told = done.json
    assert "Made the control database." in done.err
    assert "Backed up control: b-0001, 3 copies" in done.err
    assert [(row["name"], row["url"]) for row in told["databases"]] == [("control", f"https://localhost:{home.port}")]
    assert told["databases"][0]["link"].startswith(f"https://localhost:{home.port}/web/link/")
    assert Path(told["authority"]).read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert told["databases"][0]["link"] not in (home.state.log / "up.log").read_text()
    assert serves(home)


def test_everything_ends_when_it_is_stopped(home: Home) -> None:
    home.ok("up", "--detach")
    running = processes(home)
    assert home.ok("down") == "Stopped.\n"
    deadline = time.monotonic() + 10  # the supervisor gives up its lock a moment before it ends itself
    while any(alive(pid) for pid in running) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [pid for pid in running if alive(pid)] == []
    done = home.run("db", "list")
    assert (done.code, done.out) == (1, "")
    assert "growsoft up --detach" in done.err


def test_a_taken_port_is_named_and_leaves_nothing_running(home: Home) -> None:
    home.ok("down")
    with closing(socket.socket()) as taker:
        taker.bind(("127.0.0.1", home.port))
        taker.listen()
        for arguments in (["up", "--detach"], ["up"]):
            done = home.run(*arguments)
            assert (done.code, done.out) == (1, "")
            assert re.search(rf"Port {home.port} of 127.0.0.1 is taken .*; set GROWSOFT_PORT to another", done.err)
            assert "Traceback" not in done.err
    assert home.json("down") == {"stopped": False}


def test_a_secret_that_is_missing_is_said_with_its_path(home: Home) -> None:
    home.ok("down")
    secret = home.state.keeper / "superuser.secret"
    kept = secret.rename(secret.with_name("kept"))
    done = home.run("up", "--detach")
    kept.rename(secret)
    assert (done.code, done.out) == (1, "")
    assert f"{secret} is missing" in done.err
    assert "Traceback" not in done.err


def test_a_setup_that_fails_is_said_in_a_sentence_and_leaves_nothing_running(home: Home) -> None:
    home.ok("down")
    facts = home.state.instance.read_text()
    told = json.loads(facts)
    told["control"]["uuid"] = "00000000-0000-4000-8000-000000000000"
    home.state.instance.write_text(json.dumps(told))
    done = home.run("up", "--detach")
    home.state.instance.write_text(facts)
    assert (done.code, done.out) == (1, "")
    assert "Error: setup: " in done.err
    assert "Traceback" not in done.err
    assert home.json("down") == {"stopped": False}


def test_in_one_user_mode_only_this_machine_is_served(home: Home) -> None:
    home.ok("down")
    if {row["check"]: row["detail"] for row in home.json("doctor")}["users"].startswith("separate"):
        pytest.skip("here the workers are users of their own")
    done = home.run("up", "--detach", environ={**home.environ, "GROWSOFT_BIND": "0.0.0.0"})  # noqa: S104 - is refused
    assert (done.code, done.out) == (1, "")
    assert "only this machine is served" in done.err
    assert home.json("down") == {"stopped": False}


def test_whoever_does_not_wait_is_told_that_it_goes_on(home: Home) -> None:
    home.ok("down")
    starting = home.start("up", "--detach")
    assert starting.stderr is not None
    assert starting.stderr.readline().startswith("Starting in")
    eventually(lambda: background.running(home.state) is not None)
    supervisor = background.running(home.state)
    assert supervisor is not None
    os.kill(supervisor, signal.SIGSTOP)  # so that it is not ready too soon for certain
    try:
        starting.send_signal(signal.SIGINT)
        out, err = starting.communicate(timeout=60)
    finally:
        os.kill(supervisor, signal.SIGCONT)
    assert (starting.returncode, out) == (130, "")
    assert (
        err == "It goes on in the background; see how far it is with `growsoft doctor`, stop it with `growsoft down`.\n"
    )
    assert home.json("up", "--detach")["state"] == "running"


def test_a_start_can_be_stopped_in_the_middle(home: Home) -> None:
    home.ok("down")
    starting = home.start("up", "--detach")
    eventually(lambda: background.running(home.state) is not None)
    assert home.json("down") == {"stopped": True}
    out, err = starting.communicate(timeout=60)
    assert (starting.returncode, out) == (1, "")
    assert "Traceback" not in err


def test_two_who_start_at_the_same_moment_start_one(home: Home) -> None:
    home.ok("down")
    starters = [home.start("up", "--detach", "--json") for _ in range(2)]
    told = [(starter.communicate(timeout=300), starter.returncode) for starter in starters]
    assert [code for _, code in told] == [0, 0], told
    assert sorted(json.loads(out)["state"] for (out, _), _ in told) == ["running", "started"]
    assert serves(home)


def test_when_the_supervisor_was_killed_the_next_start_takes_over(home: Home) -> None:
    home.ok("up", "--detach")
    before = processes(home)
    os.kill(home.up["supervisor"], signal.SIGKILL)
    home.ok("up", "--detach")
    assert serves(home)
    assert [pid for pid in before if alive(pid)] == []


def test_when_everything_was_killed_the_next_start_finds_it_all(home: Home) -> None:
    home.ok("up", "--detach")
    created = home.json("db", "create", "ise")
    for pid in processes(home):
        os.kill(pid, signal.SIGKILL)
    home.ok("up", "--detach")
    assert [row["url"] for row in home.json("db", "list")] == [created["url"]]
    assert Site(home, "ise.localhost").get("/web/login").status == 200
    home.ok("db", "drop", "ise", "--confirm", "ise", "--without-backup")


def test_when_the_supervisor_was_killed_down_ends_what_it_left(home: Home) -> None:
    home.ok("up", "--detach")
    primary, standby = home.pid("primary"), home.pid("standby")
    os.kill(home.up["supervisor"], signal.SIGKILL)
    assert primary is not None
    assert standby is not None
    assert alive(primary)
    assert home.ok("down") == "Stopped what had outlived its supervisor: standby, primary.\n"
    assert not alive(primary)
    assert not alive(standby)
    assert home.json("down") == {"stopped": False}


def test_in_the_foreground_the_keyboard_stops_it(home: Home) -> None:
    home.ok("down")
    process = home.start("up")
    eventually(lambda: home.state.up.exists() and home.up["supervisor"] == process.pid and home.up["ready"], within=120)
    running = processes(home)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in err) == (0, False), err
    assert out.startswith("Growsoft is up.")
    assert err.endswith("Stop with Ctrl-C.\n")
    assert [pid for pid in running if alive(pid)] == []


def test_settings_in_the_file_reach_every_process(home: Home) -> None:
    home.ok("down")
    environ = {name: value for name, value in home.environ.items() if name not in {"GROWSOFT_PORT", *BARE}}
    filed = Home(home.path, home.port, environ)
    (filed.path / "growsoft.toml").write_text(f"port = {home.port}\ndemo = false\nweb_workers = 3\n")
    told = filed.json("up", "--detach")
    assert [row["url"] for row in told["databases"]] == [f"https://localhost:{home.port}"]
    assert {name for name in filed.up["processes"] if name.startswith("web-")} == {"web-1", "web-2", "web-3"}
    origins = {row["name"]: row["origin"] for row in filed.json("config", "show")}
    assert (origins["port"], origins["pool_cap"]) == (str(filed.path / "growsoft.toml"), "default")


def test_what_was_interrupted_is_finished_by_the_next_start(home: Home) -> None:
    home.ok("up", "--detach")
    keeper = home.pid("keeper")
    assert keeper is not None
    os.kill(keeper, signal.SIGSTOP)  # so that the command is in the middle of it for certain
    creating = home.start("db", "create", "awaji")
    eventually(lambda: [row["state"] for row in home.json("db", "list")] == ["creating"])
    creating.kill()
    creating.communicate()
    os.kill(keeper, signal.SIGCONT)
    home.ok("down")
    done = home.run("up", "--detach")
    assert done.code == 0
    assert "Undid the interrupted creation of awaji." in done.err
    assert home.json("db", "list") == []
    home.ok("db", "create", "awaji")


@as_root
@pytest.mark.slow
def test_a_home_that_others_cannot_enter_keeps_its_data_elsewhere(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with new_home(**BARE) as made:
        closed = Home(tmp_path / "home", made.port, {**made.environ, "GROWSOFT_HOME": str(tmp_path / "home")})
        done = closed.run("up", "--detach")
        root = closed.state.root
        try:
            assert done.code == 0, done.err
            assert f"the data lies in {root}" in done.err
            assert serves(closed)
            assert closed.ok("down") == "Stopped.\n"
            second = closed.run("up", "--detach")
            assert (second.code, "the data lies in" in second.err) == (0, False)
            assert closed.json("db", "list") == []
        finally:
            closed.run("down")
            _remove(root)


def _remove(root: Path) -> None:
    """Remove a state that root chose; only one that lies where root chooses."""
    assert root.parent == Path("/var/lib/growsoft/homes")
    shutil.rmtree(root)
