"""BK-5: a restored backup takes the place of the live database, which is kept, comes back, and is nobody else's."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from datetime import UTC, datetime, timedelta

import pytest

from growsoft_cloud.backup.swap import KEPT
from tests.support.instance import Home

NAMES = """print(json.dumps(sorted(one.name for one in env["res.partner"].search([["city", "=", "Swaptown"]]))))"""


def partners(home: Home, database: str) -> list[str]:
    found: list[str] = home.shell(database, NAMES)
    return found


def add_partner(home: Home, database: str, name: str) -> None:
    home.ok("shell", database, "-c", f'env["res.partner"].create({{"name": {name!r}, "city": "Swaptown"}})')


def states(home: Home) -> dict[str, str]:
    return {row["name"]: row["state"] for row in home.json("db", "list", "--all")}


@pytest.fixture
def bakery(running_instance: Home) -> Generator[Home]:
    """A database in which something was lost since its backup, which was restored beside it."""
    home = running_instance
    clear(home)
    home.ok("db", "create", "bakery")
    try:
        add_partner(home, "bakery", "Before")
        made = home.json("backup", "now", "bakery")
        add_partner(home, "bakery", "After")
        home.ok("backup", "restore", made["id"], "--into", "bakery-then")
        yield home
    finally:
        for name in ("bakery", "bakery-then"):
            home.run("db", "drop", name, "--confirm", name, "--without-backup")
        clear(home)


def clear(home: Home) -> None:
    """Let those that earlier tests dropped have another name."""
    home.ok(
        "shell",
        "control",
        "-c",
        """
for one in env["instance.database"].search([["name", "=like", "bakery%"], ["state", "!=", "active"]]):
    one.write({"name": f"past-{one.id}", "replaced_name": ""})
""",
    )


def test_bk5_the_restored_database_takes_name_and_address_and_undo_brings_the_other_back(bakery: Home) -> None:
    home = bakery
    assert (partners(home, "bakery"), partners(home, "bakery-then")) == (["After", "Before"], ["Before"])
    unconfirmed = home.run("backup", "swap", "bakery-then", "--over", "bakery", "--json")
    assert unconfirmed.code == 5
    assert "--confirm bakery" in unconfirmed.err
    done = home.json("backup", "swap", "bakery-then", "--over", "bakery", "--confirm", "bakery")
    assert partners(home, "bakery") == ["Before"]
    assert states(home)[done["kept_as"]] == "replaced"
    assert "bakery-then" not in states(home)
    # What the live one held until then is in a backup of its own, and all of it is found by the one name.
    listed = {one["id"]: one["purpose"] for one in home.json("backup", "list", "bakery")}
    assert listed[done["backup"]] == "swap"
    assert "manual" in listed.values()
    back = home.json("backup", "undo", "bakery")
    assert back["uuid"] == done["kept_uuid"]
    assert partners(home, "bakery") == ["After", "Before"]
    told = home.shell("control", RUNS)
    assert [kind for kind, _ in told] == ["swap", "undo of a swap"]
    assert all(operator for _, operator in told)
    assert home.run("trust", "verify", "DB-1").code == 0


RUNS = """
runs = env["fleet.run"].search([["operator", "!=", ""], ["database_name", "=", "bakery"]], order="id")
print(json.dumps([[one.kind, one.operator] for one in runs]))
"""


def test_bk5_a_swap_over_another_customers_database_is_refused(bakery: Home) -> None:
    for new, over in (("bakery-then", "demo"), ("demo", "bakery"), ("bakery", "bakery"), ("bakery-then", "control")):
        done = bakery.run("backup", "swap", new, "--over", over, "--confirm", over)
        assert done.code in (1, 2), done
        assert partners(bakery, "bakery") == ["After", "Before"]
    assert bakery.run("backup", "swap", "nobody", "--over", "bakery", "--confirm", "bakery").code == 3


def test_bk5_a_swap_waits_for_the_end_of_an_upgrade(bakery: Home) -> None:
    upgrading = 'env["instance.database"].search([["name", "=", {!r}]]).write({{"state": {!r}}})'
    for name in ("bakery", "bakery-then"):
        bakery.ok("shell", "control", "-c", upgrading.format(name, "upgrading"))
        try:
            done = bakery.run("backup", "swap", "bakery-then", "--over", "bakery", "--confirm", "bakery")
        finally:
            bakery.ok("shell", "control", "-c", upgrading.format(name, "active"))
        assert done.code == 1
        assert "upgrading" in done.err


def test_bk5_after_seven_days_nothing_is_undone_and_the_replaced_database_goes(bakery: Home) -> None:
    home = bakery
    done = home.json("backup", "swap", "bakery-then", "--over", "bakery", "--confirm", "bakery")
    assert datetime.fromisoformat(done["kept_until"]) - datetime.now(UTC) > timedelta(days=6, hours=23)
    earlier = (datetime.now(UTC) - KEPT).isoformat()
    home.ok("shell", "control", "-c", f'env["instance.database"].search([["name", "=", {done["kept_as"]!r}]])'
            f'.write({{"replaced_at": {earlier!r}}})')  # fmt: skip
    refused = home.run("backup", "undo", "bakery")
    assert refused.code == 3
    assert "7 days" in refused.err
    # The operations worker drops it, as it would in its next hour; its backups stay.
    done_by_worker = subprocess.run([sys.executable, "-c", END_OF_LIFE], env=dict(home.environ), cwd="/",
                                    capture_output=True, text=True, check=False)  # fmt: skip
    assert done_by_worker.returncode == 0, done_by_worker.stderr
    assert states(home)[done["kept_as"]] == "dropped"
    assert done["backup"] in [one["id"] for one in home.json("backup", "list", "bakery")]


END_OF_LIFE = """
from datetime import UTC, datetime
from growsoft.cli.instance import open_instance
from growsoft_cloud.operations.fleet import open_fleet
from growsoft_cloud.operations.work import Work
with open_instance() as instance, open_fleet(instance) as fleet:
    Work(fleet, lambda: datetime.now(UTC), None).end_of_life()
"""


def test_bk5_only_the_database_comes_back_and_only_the_files_later(running_instance: Home) -> None:
    home = running_instance
    clear(home)
    home.ok("db", "create", "bakery")
    try:
        home.ok("shell", "bakery", "-c", 'env["ir.attachment"].create({"name": "dough.txt", "datas": b"flour, water"})')
        made = home.json("backup", "now", "bakery")
        home.ok("backup", "restore", made["id"], "--into", "bakery-then", "--only", "database")
        read = 'print(json.dumps(env["ir.attachment"].search([["name", "=", "dough.txt"]]).datas.read().decode()))'
        assert home.run("shell", "bakery-then", "-c", f"import json; {read}").code == 1
        told = home.json("backup", "restore", made["id"], "--into", "bakery-then", "--only", "files")
        assert (told["files"], told["missing"]) == (1, 0)
        assert home.shell("bakery-then", read) == "flour, water"
        strange = home.run("backup", "restore", made["id"], "--into", "demo", "--only", "files")
        assert (strange.code, "another customer" in strange.err) == (1, True)
        nowhere = home.run("backup", "restore", made["id"], "--into", "bakery-2", "--site", "atlantis")
        assert nowhere.code == 3
    finally:
        for name in ("bakery", "bakery-then"):
            home.run("db", "drop", name, "--confirm", name, "--without-backup")
        clear(home)


def test_bk5_a_drop_takes_a_last_backup_first(running_instance: Home) -> None:
    home = running_instance
    clear(home)
    home.ok("db", "create", "bakery")
    add_partner(home, "bakery", "Last words")
    last = home.json("db", "drop", "bakery", "--confirm", "bakery")["backup"]
    try:
        home.ok("backup", "restore", last, "--into", "bakery-then")
        assert partners(home, "bakery-then") == ["Last words"]
    finally:
        home.run("db", "drop", "bakery-then", "--confirm", "bakery-then", "--without-backup")
        clear(home)
