"""`growsoft trust verify`: what it prints, how it ends, and that it tells nobody's secrets."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from growsoft.trust.find import all_claims
from tests.acceptance.trust.conftest import Planted
from tests.support.instance import Home

KEYS = ["id", "promise", "state", "evidence", "checked_at", "seconds", "enforced_by", "tests", "todo"]
QUICK = ("DB-1", "DB-2", "PW-1", "PW-3", "EN-1", "EN-3", "SW-2", "SW-7", "BK-2", "HA-1")


@pytest.fixture(scope="module")
def everything(running_instance: Home) -> list[dict[str, Any]]:
    """All claims as `--json` tells them, within a minute."""
    began = time.monotonic()
    done = running_instance.run("trust", "verify", "--json")
    assert time.monotonic() - began < 60
    assert done.code == 0, done.err
    found: list[dict[str, Any]] = json.loads(done.out)
    return found


def test_all_claims_are_told_in_order(everything: list[dict[str, Any]]) -> None:
    assert [row["id"] for row in everything] == [claim.id for claim in all_claims()]
    assert all(list(row) == KEYS for row in everything)


def test_states_are_what_the_instance_can_show(everything: list[dict[str, Any]]) -> None:
    states = {row["id"]: row["state"] for row in everything}
    met = ("DB-1", "DB-2", "PW-1", "PW-3", "EN-1", "SW-2", "SW-7")
    assert {name: states[name] for name in met} == dict.fromkeys(met, "met")
    assert (states["BK-2"], states["EN-3"], states["HA-1"]) == ("simulated", "simulated", "not met")
    for claim in all_claims():
        assert claim.is_checked or states[claim.id] == "not met"


def test_what_is_not_met_says_what_to_do(everything: list[dict[str, Any]]) -> None:
    assert [row["id"] for row in everything if (row["state"] == "not met") != bool(row["todo"])] == []
    assert [row["id"] for row in everything if not row["evidence"]] == []


def test_evidence_holds_no_secret_and_no_customers_name(running_instance: Home, planted: Planted) -> None:
    told = running_instance.run("trust", "verify", *QUICK, "--json").out
    files = [path for path in running_instance.state.keeper.rglob("*") if path.is_file() and path.suffix != ".log"]
    secrets = [path.read_bytes().decode("latin-1").strip() for path in files]
    secrets += [running_instance.json("db", "dsn", name)["password"] for name in ("demo", planted.name)]
    assert [secret for secret in [*secrets, planted.name] if secret and secret in told] == []


def test_a_pipe_gets_tab_separated_values(running_instance: Home) -> None:
    done = running_instance.run("trust", "verify", "DB-1", "sw-2")
    lines = [line.split("\t") for line in done.out.splitlines()]
    assert [line[:2] for line in lines] == [["DB-1", "met"], ["SW-2", "met"]]
    assert {len(line) for line in lines} == {5}
    assert done.code == 0


def test_an_asked_claim_that_is_not_met_fails(running_instance: Home) -> None:
    assert running_instance.run("trust", "verify", "DB-1", "HA-1").code == 1


def test_an_unknown_claim_is_not_found(running_instance: Home) -> None:
    done = running_instance.run("trust", "verify", "XX-9")
    assert done.code == 3
    assert "There is no claim XX-9" in done.err


def test_too_little_time_is_no_pass(running_instance: Home) -> None:
    done = running_instance.run("trust", "verify", "SW-1", "--seconds", "1", "--json")
    (found,) = json.loads(done.out)
    assert (found["state"], done.code) == ("not met", 1)
    assert "--seconds" in found["todo"] or "in a clone" in found["todo"]


@pytest.mark.slow
def test_without_a_running_system_nothing_is_met(running_instance: Home) -> None:
    running_instance.ok("down")
    try:
        done = running_instance.run("trust", "verify", *QUICK, "--json")
    finally:
        running_instance.ok("up", "--detach")
    assert done.code == 1
    assert {row["state"] for row in json.loads(done.out)} == {"not met"}
    assert "start it with `growsoft up`" in done.err
