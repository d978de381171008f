"""Other accounts of the machine: what a stranger with a shell and a worker that was taken over reach of an instance."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from growsoft.postgres.users import DATABASE_NAMES, WORKER_NAMES
from tests.support.instance import Home

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as other users of the machine")

# Runs as the other user: says for each path what it may do, by trying it.
TRY = """
import json, os, socket, sys
found = {}
for path in json.load(sys.stdin):
    can = ""
    for letter, flags in (("r", os.O_RDONLY), ("w", os.O_WRONLY)):
        try:
            os.close(os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW))
            can += letter
        except IsADirectoryError:
            can += letter if letter == "w" and os.access(path, os.W_OK) else ""
        except OSError as error:
            if error.errno == 6:  # a socket
                try:
                    socket.socket(socket.AF_UNIX).connect(path)
                    can += "" if "c" in can else "c"
                except OSError:
                    pass
    if can:
        found[path] = can
print(json.dumps(found))
"""
KNOCK = """
import json, psycopg, sys
answers = []
for door in json.load(sys.stdin):
    try:
        psycopg.connect(**door, connect_timeout=5).close()
        answers.append("let in")
    except psycopg.Error as error:
        answers.append(str(error))
print(json.dumps(answers))
"""
LOGINS = ("growsoft", "gs_replication", "gs_owner", "gs_definer", "gs_elevated", "postgres")
PUBLIC = {"ca/ca.pem", "instance.json", "openssl.cnf", "cluster/ports.json", "run/up.json"}
FOLDERS = {"ca", "binaries", "cluster"}


def _as(uid: int, *argv: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(argv), user=uid, group=uid, extra_groups=[], input=stdin, capture_output=True, text=True, check=False,
        cwd="/", timeout=60,
    )  # fmt: skip


def _reached(home: Home, uid: int, gid: int) -> dict[str, str]:
    """Try every path of an instance as somebody; give those he can do anything with, below the home."""
    roots = {home.state.root, home.state.run}
    skipped = {home.state.primary, home.state.standby}
    paths: list[str] = []
    for root in roots:
        for folder, names, files in os.walk(root):
            paths += [str(Path(folder, name)) for name in (*names, *files)]
            names[:] = [name for name in names if Path(folder, name) not in skipped]
    done = subprocess.run(
        [sys.executable, "-c", TRY], user=uid, group=gid, extra_groups=[], input=json.dumps(paths), capture_output=True,
        text=True, check=True, cwd="/", timeout=60,
    )  # fmt: skip
    found: Mapping[str, str] = json.loads(done.stdout)
    return {str(Path(path).relative_to(home.state.root)): can for path, can in found.items()}


@pytest.fixture(scope="module")
def nobody() -> pwd.struct_passwd:
    return pwd.getpwnam("nobody")


@pytest.fixture(scope="module")
def web(running_instance: Home) -> pwd.struct_passwd:
    found = pwd.getpwuid(Path(f"/proc/{running_instance.pid('web-1')}").stat().st_uid)
    if found.pw_uid == 0:
        pytest.skip("one-user mode: the service users cannot run this interpreter")
    return found


def test_the_attempt_finds_what_is_open(running_instance: Home, nobody: pwd.struct_passwd) -> None:
    opened = running_instance.state.keeper / "opened"
    opened.write_text("planted")
    opened.chmod(0o644)
    mode = running_instance.state.keeper.stat().st_mode
    running_instance.state.keeper.chmod(0o711)
    try:
        assert _reached(running_instance, nobody.pw_uid, nobody.pw_gid)["keeper/opened"] == "r"
    finally:
        running_instance.state.keeper.chmod(mode)
        opened.unlink()


def test_a_stranger_with_a_shell_reads_what_is_public_and_writes_nothing(
    running_instance: Home, nobody: pwd.struct_passwd
) -> None:
    reached = _reached(running_instance, nobody.pw_uid, nobody.pw_gid)
    sockets = {path for path, can in reached.items() if "c" in can}
    assert {path for path, can in reached.items() if "w" in can} == set()
    assert all(Path(path).name.startswith(".s.PGSQL.") for path in sockets)
    assert set(reached) - sockets <= PUBLIC | FOLDERS


def test_a_worker_that_was_taken_over_reaches_its_own_key_certificates_and_sealed_files_alone(
    running_instance: Home, web: pwd.struct_passwd
) -> None:
    reached = _reached(running_instance, web.pw_uid, web.pw_gid)
    private = {path for path in reached if path.partition("/")[0] in {"keeper", "sites", "log", "cluster"}}
    assert private <= {"cluster", "cluster/ports.json"}
    assert not any(path.endswith(("ca.key", "keeper.sock")) for path in reached)
    assert {path.partition("/")[0] for path, can in reached.items() if "w" in can} <= {"worker", "files"}
    assert reached["worker/worker.key"].startswith("r")
    assert reached["tls/localhost.key"] == "r"


def test_nobody_looks_into_the_processes(running_instance: Home, nobody: pwd.struct_passwd) -> None:
    names = [name for name in running_instance.up["processes"] if running_instance.pid(name)]
    for name in names:
        pid = running_instance.pid(name)
        for secret in ("environ", "mem", "maps", "fd"):
            assert _as(nobody.pw_uid, "/bin/ls", f"/proc/{pid}/{secret}/").returncode != 0
            assert _as(nobody.pw_uid, "/bin/cat", f"/proc/{pid}/{secret}").returncode != 0, (name, secret)
        assert _as(nobody.pw_uid, "/bin/kill", "-0", str(pid)).returncode != 0
        shown = Path(f"/proc/{pid}/cmdline").read_bytes() if Path(f"/proc/{pid}").exists() else b""
        assert b"password" not in shown.lower()
        assert b"secret" not in shown.lower()


def test_a_worker_can_do_nothing_to_the_keeper_and_the_servers(running_instance: Home, web: pwd.struct_passwd) -> None:
    for name in ("keeper", "primary", "standby"):
        pid = running_instance.pid(name)
        assert _as(web.pw_uid, "/bin/kill", "-0", str(pid)).returncode != 0
        assert _as(web.pw_uid, "/bin/cat", f"/proc/{pid}/environ").returncode != 0
    status = Path(f"/proc/{running_instance.pid('web-1')}/status").read_text()
    told = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert int(told["CapEff"], 16) == int(told["CapPrm"], 16) == int(told["CapInh"], 16) == 0
    assert told["NoNewPrivs"] == "1"
    assert pwd.getpwuid(int(told["Uid"].split()[0])).pw_name in WORKER_NAMES
    assert Path(f"/proc/{running_instance.pid('keeper')}").owner() in DATABASE_NAMES
    environ = Path(f"/proc/{running_instance.pid('web-1')}/environ").read_bytes()
    assert b"INSTANCE_KEY" not in environ


def test_no_login_of_the_server_lets_a_stranger_in(running_instance: Home, nobody: pwd.struct_passwd) -> None:
    ports = json.loads(running_instance.state.ports.read_text())
    own = json.loads(running_instance.state.instance.read_text())["control"]["name"]
    doors = [
        {"host": host, "port": port, "user": login, "dbname": database, "password": login}
        for port in ports.values()
        for host in (str(running_instance.state.run), "127.0.0.1")
        for login in (*LOGINS, own)
        for database in ("postgres", "template1", "replication", own)
    ]
    done = _as(nobody.pw_uid, sys.executable, "-c", KNOCK, stdin=json.dumps(doors))
    answers: list[str] = json.loads(done.stdout)
    assert len(answers) == len(doors)
    assert all("FATAL" in answer for answer in answers), answers
