"""Commands on a running instance: what they refuse, with which sentence, and which exit code a script sees."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Generator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.https import Site
from tests.support.instance import Done, Home

WEAK = "short"
GOOD = "ein Wort und noch eins"

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")


@pytest.fixture(scope="module")
def kyoto(running_instance: Home) -> Generator[Home]:
    """An instance with a customer of this name."""
    running_instance.json("db", "create", "kyoto")
    yield running_instance
    running_instance.run("db", "drop", "kyoto", "--confirm", "kyoto")


def refused(done: Done, code: int, says: str) -> None:
    """See that a command was refused as promised: an exit code, one sentence, no output, no traceback."""
    assert (done.code, done.out) == (code, ""), done
    assert re.search(says, done.err), done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ("db create Kyoto", 1, "lower-case letters"),
        ("db create -- -kyoto", 1, "lower-case letters"),
        ("db create kyoto", 1, "already; choose another name"),
        ("db create control", 1, "reserved; choose another"),
        ("db create localhost", 1, "reserved; choose another"),
        ("db create tokyo --plan gold", 2, "'gold' is not one of 'paid', 'trial', 'education', 'freemium'"),
        ("db create", 2, "Missing argument 'NAME'.|growsoft db create --help"),
        ("db drop kyoto", 5, "growsoft db drop kyoto --confirm kyoto"),
        ("db drop kyoto --confirm tokyo", 5, "growsoft db drop kyoto --confirm kyoto"),
        ("db drop tokyo --confirm tokyo", 3, "growsoft db list"),
        ("db drop control --confirm control", 2, "cannot be dropped"),
        ("db dsn tokyo", 3, "growsoft db list"),
        ("db dsn kyoto --role growsoft", 2, "'growsoft' is not 'app'"),
        ("user add tokyo ada", 3, "growsoft db list"),
        ("user add kyoto admin", 1, "choose another login"),
        ("user add kyoto ada --group nobody", 3, "there are: backups.manager, base.admin"),
        (f"user add kyoto ada --password {WEAK}", 1, "at least 12 characters"),
        (f"user add kyoto ada --password {WEAK} --password-stdin", 2, "not both"),
        ("user add kyoto ada --password-stdin", 2, "no password on standard input"),
        ("user reset-link kyoto ada", 3, "growsoft user list kyoto"),
        ("user list tokyo", 3, "growsoft db list"),
        ("shell tokyo -c 1", 3, "growsoft db list"),
        ("shell kyoto -c 1 -f x", 2, "not both"),
        ("shell kyoto -f /nowhere/x.py", 3, "no file"),
        ("import tokyo res.partner /etc/hostname --map a=name", 3, "growsoft db list"),
        ("import kyoto res.nothing /etc/hostname --map a=name", 3, "there are: "),
        ("import kyoto res.partner /nowhere --map a=name", 3, "no file"),
        ("backup now tokyo", 3, "growsoft db list"),
        ("backup list tokyo", 3, "growsoft db list"),
        ("backup info b-9999", 3, "growsoft backup list"),
        ("backup restore b-9999 --into tokyo", 3, "growsoft backup list"),
        ("backup restore b-0001 --into kyoto", 1, "restore into a new name"),
        ("backup restore b-0001 --into www", 1, "reserved"),
        ("db nonsense", 2, "growsoft db --help"),
    ],
)
def test_what_cannot_be_done_is_refused_with_what_to_do_instead(
    kyoto: Home, arguments: str, code: int, says: str
) -> None:
    refused(kyoto.run(*arguments.split()), code, says)


def test_what_was_refused_has_changed_nothing(kyoto: Home) -> None:
    assert [row["login"] for row in kyoto.json("user", "list", "kyoto")] == ["admin"]
    assert sorted(row["name"] for row in kyoto.json("db", "list")) == ["demo", "kyoto"]


def test_two_who_want_one_name_at_the_same_moment_do_not_both_get_it(kyoto: Home) -> None:
    rivals = [kyoto.start("db", "create", "nara", "--json") for _ in range(3)]
    ended = [(rival.communicate(timeout=120), rival.returncode) for rival in rivals]
    assert sorted(code for _, code in ended) == [0, 1, 1], ended
    assert all("choose another name" in err for (_, err), code in ended if code), ended
    assert [row["state"] for row in kyoto.json("db", "list") if row["name"] == "nara"] == ["active"]
    assert kyoto.shell("nara", 'print(env["res.users"].search_count([["login", "=", "admin"]]))') == 1
    kyoto.ok("db", "drop", "nara", "--confirm", "nara")


def test_several_databases_are_made_at_the_same_moment(kyoto: Home) -> None:
    names = ("osaka", "kobe", "himeji")
    makers = [kyoto.start("db", "create", name) for name in names]
    told = [maker.communicate(timeout=180) for maker in makers]
    assert [maker.returncode for maker in makers] == [0, 0, 0], told
    for name in names:
        assert Site(kyoto, f"{name}.localhost").get("/web/login").status == 200
        kyoto.ok("db", "drop", name, "--confirm", name, "--without-backup")


def test_a_dropped_name_can_be_had_again_and_the_old_record_stays(kyoto: Home) -> None:
    first = kyoto.json("db", "create", "uji")
    kyoto.json("db", "drop", "uji", "--confirm", "uji")
    second = kyoto.json("db", "create", "uji", "--plan", "trial")
    assert first["admin_link"] != second["admin_link"]
    states = [(row["state"], row["plan"]) for row in kyoto.json("db", "list", "--all") if row["name"] == "uji"]
    assert states == [("dropped", "paid"), ("active", "trial")]
    kyoto.ok("db", "drop", "uji", "--confirm", "uji")


def test_the_login_of_a_dropped_database_is_gone_at_once(kyoto: Home) -> None:
    kyoto.ok("db", "create", "otsu")
    told = kyoto.json("db", "dsn", "otsu")
    assert _has_login(kyoto, told["user"])
    kyoto.ok("db", "drop", "otsu", "--confirm", "otsu")
    assert not _has_login(kyoto, told["user"])


def _has_login(home: Home, name: str) -> bool:
    """Ask the control database's own login what every login may know."""
    lines = (
        "from growsoft.postgres.sql import sql",
        'query = sql("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = {name}::text)", name=NAME)',
        "print(json.dumps(env.execute(query).scalar()))",
    )
    return bool(home.shell("control", "\n".join(lines).replace("NAME", repr(name))))


def test_a_user_gets_in_by_a_link_that_works_once(kyoto: Home) -> None:
    added = kyoto.json("user", "add", "kyoto", "emi@example.com", "--group", "sale.manager")
    assert added["groups"] == ["sale.manager"]
    site, path = Site(kyoto, "kyoto.localhost"), urlsplit(str(added["link"])).path
    assert site.get(path).status == 200
    assert site.post(path, {}).location == "/web/password"
    site.get("/web/password")
    assert site.post("/web/password", {"new": GOOD, "again": GOOD}).location == "/app"
    again = Site(kyoto, "kyoto.localhost")
    again.get(path)
    assert again.post(path, {}).status == 410
    assert Site(kyoto, "kyoto.localhost").sign_in("emi@example.com", GOOD).status == 200
    kyoto.shell("kyoto", 'env["res.users"].search([["login", "=", "emi@example.com"]]).active = False; print(0)')


def test_the_shell_commits_what_ends_well(kyoto: Home) -> None:
    done = kyoto.run("shell", "kyoto", "-c", 'print(env["res.partner"].create({"name": "Hana", "ref": "H"}).name)')
    assert (done.code, done.out) == (0, "Hana\n")
    assert "Elevated" in done.err
    assert kyoto.shell("kyoto", 'print(env["res.partner"].search_count([["ref", "=", "H"]]))') == 1


def test_the_shell_shows_the_statements_and_warns_of_those_that_a_line_repeats(kyoto: Home) -> None:
    source = "for number in range(12):\n    env['res.partner'].search_count([['name', '=', f'a secret {number}']])"
    done = kyoto.run("shell", "kyoto", "--log-queries", "-c", source)
    assert done.code == 0
    assert "<shell>:2" in done.err
    assert "RepeatedStatement: the same statement ran 11 times from this line" in done.err
    assert "12 times from <shell>:2 (<module>): SELECT" in done.err
    assert "a secret" not in done.err


def test_the_shell_undoes_what_raises_and_shows_the_operators_own_lines(kyoto: Home) -> None:
    source = 'def fill():\n    env["res.partner"].create({"name": "Half"})\n    raise LookupError("no")\nfill()'
    done = kyoto.run("shell", "kyoto", "-c", source)
    assert (done.code, done.out) == (1, "")
    assert 'File "<shell>", line 3, in fill\nLookupError: no\nNothing was changed.' in done.err
    assert "growsoft/cli" not in done.err
    assert kyoto.shell("kyoto", 'print(env["res.partner"].search_count([["name", "=", "Half"]]))') == 0


def test_what_only_the_end_of_the_shell_finds_wrong_is_said_too(kyoto: Home) -> None:
    done = kyoto.run("shell", "kyoto", "-c", 'one = env["res.partner"].create({"name": "Ring"})\none.parent_id = one')
    refused(done, 1, "a record cannot be below itself")
    assert kyoto.shell("kyoto", 'print(env["res.partner"].search_count([["name", "=", "Ring"]]))') == 0


def test_the_shell_runs_files_that_only_its_caller_can_read(kyoto: Home, tmp_path: Path) -> None:
    script = tmp_path / "count.py"
    script.write_text('print(env["res.users"].search_count([["login", "=", "admin"]]))', encoding="utf-8")
    script.chmod(0o600)
    assert kyoto.ok("shell", "kyoto", "--file", script) == "1\n"


def test_whoever_stops_reading_gets_no_complaint(kyoto: Home) -> None:
    line = f"{' '.join(kyoto.argv('db', 'list', '--all', '--json'))} | head -c 1"
    done = subprocess.run(["/bin/sh", "-c", line], env=dict(kyoto.environ), capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[", "")


def test_doctor_finds_a_running_instance_well(kyoto: Home) -> None:
    found = {row["check"]: row for row in kyoto.json("doctor")}
    assert {"primary", "standby", "keeper", "setup", "web-1", "web-2", "certificate", "disk"} <= set(found)
    assert not [row for row in found.values() if row["state"] == "bad"]


def test_a_second_start_says_that_it_runs(kyoto: Home) -> None:
    for arguments in (["up"], ["up", "--detach"]):
        told = kyoto.json(*arguments)
        assert (told["state"], told["databases"][0]["url"]) == ("running", f"https://localhost:{kyoto.port}")
    assert "growsoft down" in kyoto.ok("up")


def test_lists_are_arrays_with_every_column(kyoto: Home) -> None:
    (row,) = [row for row in kyoto.json("db", "list") if row["name"] == "kyoto"]
    assert set(row) == {"name", "uuid", "plan", "state", "url", "apps", "created", "dropped", "upgrade"}
    assert (row["plan"], row["state"], row["dropped"], row["upgrade"]) == ("paid", "active", None, "")
    assert "sale" in row["apps"]
    line = next(line for line in kyoto.ok("db", "list").splitlines() if line.startswith("kyoto\t"))
    assert line.split("\t")[2:4] == ["paid", "active"]
    backup = kyoto.json("backup", "list", "demo")[0]
    assert {"id", "bytes", "sha256", "copies"} <= set(backup)
    assert {"site", "continent", "verified_at"} <= set(backup["copies"][0])


@pytest.fixture
def as_nobody(kyoto: Home) -> Callable[..., Done]:
    """Run a command as a user whose instance this is not."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("setpriv is missing: apt-get install util-linux")

    def run(*arguments: str) -> Done:
        command = [setpriv, "--reuid=65534", "--regid=65534", "--clear-groups", "--", *kyoto.argv(*arguments)]
        done = subprocess.run(command, env=dict(kyoto.environ), capture_output=True, text=True, check=False, cwd="/")
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@as_root
@pytest.mark.parametrize(
    "arguments", ["db list", "db create nara", "shell kyoto -c 1", "backup now kyoto", "down", "up", "up --detach"]
)
def test_another_user_of_the_machine_is_denied(as_nobody: Callable[..., Done], kyoto: Home, arguments: str) -> None:
    if as_nobody("--version").code:
        pytest.skip("the interpreter of these tests can be run by root only")
    refused(as_nobody(*arguments.split()), 4, "as root|of your own")
    assert kyoto.json("up")["state"] == "running"
