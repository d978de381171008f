"""`growsoft db copy`: a database beside another one; a copy for tests says so and does nothing by itself."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from tests.support.https import Site
from tests.support.instance import Home

PASSWORD = "sieben Tassen im Schrank"
FILL = """
env["res.partner"].create({"name": "Atelier Nord"})
env["ir.attachment"].create({"name": "plan.txt", "datas": b"a plan of the house"})
env["ir.job"].create({"name": "bell", "model_name": "ir.job", "method_name": "sweep", "eta": "2099-01-01 00:00:00"})
"""
ASK = """
print(json.dumps({
    "partners": env["res.partner"].search_count([]),
    "plan": env["ir.attachment"].search([["name", "=", "plan.txt"]]).datas.read().decode(),
    "schedules": env["ir.cron"].search_count([["active", "=", True]]),
    "jobs": env["ir.job"].search_count([["state", "=", "waiting"], ["name", "=", "bell"]]),
    "companies": env["res.company"].search([]).mapped("name"),
}))
"""


@pytest.fixture(scope="module")
def atelier(running_instance: Home) -> Generator[Home]:
    home = running_instance
    home.ok("db", "create", "atelier")
    home.ok("shell", "atelier", "-c", FILL)
    home.ok("user", "add", "atelier", "kim", "--group", "base.admin", "--password-stdin", stdin=PASSWORD)
    yield home
    for name in ("atelier", "atelier-test"):
        home.run("db", "drop", name, "--confirm", name, "--without-backup")


def test_a_copy_for_tests_has_everything_and_does_nothing_by_itself(atelier: Home) -> None:
    before: dict[str, Any] = atelier.shell("atelier", ASK)
    signed_in = Site(atelier, "atelier.localhost")
    signed_in.sign_in("kim", PASSWORD)
    told = atelier.json("db", "copy", "atelier", "atelier-test", "--staging")
    copy: dict[str, Any] = atelier.shell("atelier-test", ASK)
    assert (told["files"], told["schedules"], copy["schedules"], copy["jobs"]) == (1, before["schedules"], 0, 0)
    assert before["schedules"] > 0
    assert (copy["partners"], copy["plan"]) == (before["partners"], "a plan of the house")
    assert copy["companies"] == [f"TEST {name}" for name in before["companies"]]
    assert atelier.shell("atelier", ASK) == before
    uuids = {row["name"]: row["uuid"] for row in atelier.json("db", "list")}
    assert uuids["atelier"] != uuids["atelier-test"] == told["uuid"]
    # Whoever is signed in at the original is nobody here, and every page says what this is.
    stranger = Site(atelier, "atelier-test.localhost", dict(signed_in.cookies))
    assert stranger.get("/app").status == 303
    assert "copy for tests" in stranger.get("/web/login").words
    known = Site(atelier, "atelier-test.localhost")
    assert "TEST This is a copy for tests" in known.sign_in("kim", PASSWORD).words
    assert "copy for tests" not in signed_in.get("/app").words


def test_a_copy_for_tests_says_so_in_its_name_and_no_name_is_taken_twice(atelier: Home) -> None:
    refused = atelier.run("db", "copy", "atelier", "atelier-two", "--staging")
    assert (refused.code, "atelier-two-test" in refused.err) == (2, True)
    assert atelier.run("db", "copy", "atelier", "demo").code == 1
    assert atelier.run("db", "copy", "control", "other").code == 2
    assert atelier.run("db", "copy", "nowhere", "other").code == 3
    assert {row["name"] for row in atelier.json("db", "list", "--all") if row["name"] == "other"} == set()
