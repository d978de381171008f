"""The apps of a database by the commands, in a running instance: after a backup, refused without one, served again."""

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest

from growsoft.postgres.local import superuser_endpoint
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import superuser
from tests.acceptance.test_commands import refused
from tests.support.https import Site
from tests.support.instance import Home, eventually


@pytest.fixture(scope="module")
def osaka(running_instance: Home) -> Generator[Home]:
    """An instance with a customer of this name."""
    running_instance.json("db", "create", "osaka")
    yield running_instance
    running_instance.run("db", "drop", "osaka", "--confirm", "osaka", "--without-backup")


def state(home: Home, app: str) -> str:
    return str(next(row["state"] for row in home.json("app", "list", "osaka") if row["name"] == app))


def pg_name(home: Home, name: str) -> str:
    domain = f"[['name', '=', '{name}'], ['state', '=', 'active']]"
    found: str = home.shell("control", f"print(json.dumps(env['instance.database'].search({domain}).pg_name))")
    return found


def test_an_app_goes_and_comes_back_each_time_after_a_backup(osaka: Home) -> None:
    assert state(osaka, "sale") == "installed"
    gone = osaka.json("app", "uninstall", "osaka", "sale", "--confirm", "sale")
    assert (gone["changed"], "sale" in gone["apps"]) == (True, False)
    assert state(osaka, "sale") == "available"
    came = osaka.json("app", "install", "osaka", "sale")
    assert (came["changed"], "sale" in came["apps"]) == (True, True)
    assert came["findings"] == [], "the rules of the built-in apps are in order"
    backups = {row["id"] for row in osaka.json("backup", "list", "osaka")}
    assert {gone["backup"], came["backup"]} <= backups
    again = osaka.json("app", "install", "osaka", "sale")
    assert again["changed"] is False
    assert Site(osaka, "osaka.localhost").get("/web/login").status == 200
    listed = next(row for row in osaka.json("db", "list") if row["name"] == "osaka")
    assert (listed["state"], "sale" in listed["apps"]) == ("active", True)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ("app list tokyo", 3, "growsoft db list"),
        ("app install osaka nothing", 3, "there are: backups, base, contacts"),
        ("app install osaka instance", 3, "There is no app 'instance'"),
        ("app install control sale", 2, "exactly the apps of the instance"),
        ("app install osaka ../x", 3, "There is no app"),
        ("app uninstall osaka sale", 5, "growsoft app uninstall osaka sale --confirm sale"),
        ("app uninstall osaka sale --confirm contacts", 5, "--confirm sale"),
        ("app uninstall osaka base --confirm base", 1, "depends on base; uninstall"),
        ("app upgrade osaka nothing", 1, "does not have nothing; install it"),
        ("db upgrade", 2, "growsoft db upgrade NAME"),
        ("db upgrade osaka --all", 2, "growsoft db upgrade NAME"),
        ("db upgrade tokyo", 3, "growsoft db list"),
    ],
)
def test_what_cannot_be_done_says_what_can(osaka: Home, arguments: str, code: int, says: str) -> None:
    refused(osaka.run(*arguments.split()), code, says)


def test_nothing_is_changed_where_no_backup_can_be_taken(osaka: Home) -> None:
    site = Path(osaka.state.sites) / "montreal"
    away = site.with_name("montreal-away")
    site.rename(away)
    try:
        refused(osaka.run("app", "uninstall", "osaka", "sale", "--confirm", "sale"), 1, "--without-backup")
        assert state(osaka, "sale") == "installed"
        done = osaka.json("app", "upgrade", "osaka", "--without-backup")
        assert done["backup"] == ""
    finally:
        away.rename(site)


def test_a_database_of_older_apps_is_not_served_but_says_so_until_it_is_upgraded(osaka: Home) -> None:
    osaka.json("db", "create", "older")
    name = pg_name(osaka, "older")
    with superuser(replace(superuser_endpoint(osaka.state), dbname=name)) as connection:
        new, old = '"sale":"1.0"', '"sale":"0.9"'
        connection.run(
            sql("UPDATE gs_priv.meta SET value = replace(value, {new}, {old}) WHERE key = 'apps'", new=new, old=old)
        )
    page = Site(osaka, "older.localhost").get("/web/login")
    assert (page.status, "growsoft db upgrade" in page.words) == (503, True)
    listed = {row["name"]: row["upgrade"] for row in osaka.json("db", "list")}
    assert (listed["older"], listed["osaka"]) == ("growsoft db upgrade older", "")
    doctor = osaka.run("doctor")
    assert doctor.code == 1
    assert "older not served" in doctor.out
    told = osaka.json("db", "upgrade", "older", "--rehearse")
    assert (told["before"]["sale"], told["apps"]["sale"]) == ("0.9", "1.0")
    (done,) = osaka.json("db", "upgrade", "--all")
    assert (done["database"], done["changed"], bool(done["backup"])) == ("older", True, True)
    assert osaka.json("db", "upgrade", "--all") == []
    eventually(lambda: Site(osaka, "older.localhost").get("/web/login").status == 200)
    osaka.ok("db", "drop", "older", "--confirm", "older", "--without-backup")
