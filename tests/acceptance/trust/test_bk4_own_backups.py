"""BK-4, BK-5: people of a database look after its own backups, and come by nobody else's.

Each test that asks does so by the pages, as somebody does; what must be refused is tried by rows too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from http.client import HTTPResponse

import pytest

from tests.support.https import Site
from tests.support.instance import Home, eventually

PASSWORD = "vier Segel auf dem See"
MANAGER, CLERK = "manager@example.com", "clerk@example.com"

# What PostgreSQL lets the group write that is the hosting's alone to write.
GRANTED = """
from growsoft.postgres.sql import sql
tables = ["backups_work", "backups_backup", "backups_database"]
print(json.dumps(env.execute(sql(
    "SELECT t || ' ' || v FROM unnest({tables}::text[]) t, unnest(ARRAY['INSERT', 'UPDATE', 'REFERENCES']) v"
    " WHERE has_any_column_privilege('g_backups_manager', t, v)"
    " OR has_table_privilege('g_backups_manager', t, 'DELETE')",
    tables=tables)).column(str)))
"""


@pytest.fixture(scope="module")
def house(running_instance: Home) -> Generator[Home]:
    """Two customers: demo, and another one whose backups are nobody else's business."""
    home = running_instance
    home.ok("db", "create", "rival")
    for name in ("demo", "rival"):
        if MANAGER not in home.ok("user", "list", name):
            home.ok("user", "add", name, MANAGER, "--group", "base.admin", "--password-stdin", stdin=PASSWORD)
            home.ok("user", "add", name, CLERK, "--group", "base.user", "--password-stdin", stdin=PASSWORD)
    yield home
    for row in home.json("db", "list"):
        if row["name"].startswith(("demo-", "rival")):
            home.run("db", "drop", row["name"], "--confirm", row["name"], "--without-backup")


def signed_in(home: Home, database: str, login: str = MANAGER) -> Site:
    site = Site(home, f"{database}.localhost")
    site.sign_in(login, PASSWORD)
    return site


def asked(site: Site, kind: str, **fields: str) -> str:
    """Ask for something and wait for the end of it; returns what the page says of the work then."""
    site.get("/backups")
    assert site.post("/backups/ask", {"kind": kind, **fields}).location == "/backups"
    eventually(lambda: "Look again" not in site.get("/backups").words, 120)
    return site.get("/backups").words


def whole(site: Site, path: str, **headers: str) -> tuple[HTTPResponse, bytes]:
    """Fetch a file as it is."""
    connection = site.connection()
    try:
        cookies = "; ".join(f"{name}={value}" for name, value in site.cookies.items())
        connection.request("GET", path, None, {"Host": site.host, "Cookie": cookies, **headers})
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def test_bk4_a_manager_takes_a_backup_and_downloads_it_in_parts(house: Home) -> None:
    site = signed_in(house, "demo")
    words = asked(site, "backup")
    newest = house.json("backup", "list", "demo")[0]
    assert f"Back up {newest['id']} is done." in words
    assert "Gravelines (Europe)" in words
    assert "Montréal (North America)" in words
    assert f"Download {newest['id']} is done." in asked(site, "download", backup=newest["id"])
    path = site.get("/backups").text.partition('href="/backups/download/')[2].partition('"')[0]
    answer, tar = whole(site, f"/backups/download/{path}")
    assert answer.headers["ETag"] == f'"{hashlib.sha256(tar).hexdigest()}"'
    assert tar[257:262] == b"ustar"
    part, piece = whole(site, f"/backups/download/{path}", Range="bytes=1000000-1000999")
    assert (part.status, piece) == (206, tar[1_000_000:1_001_000])
    # In the storage of the database it is ciphertext, and no backup of it holds it.
    stored = [file.read_bytes() for file in house.state.files.glob("db_*/*/*") if file.is_file()]
    assert stored
    assert not any(b"ustar" in data or tar[5000:5100] in data for data in stored)
    # Nobody else: not a clerk, not another customer's manager by the same address, not somebody who is not signed in.
    assert whole(signed_in(house, "demo", CLERK), f"/backups/download/{path}")[0].status in {403, 404}
    assert whole(signed_in(house, "rival"), f"/backups/download/{path}")[0].status == 404
    assert whole(Site(house, "demo.localhost"), f"/backups/download/{path}")[0].status == 303
    house.ok("shell", "demo", "-c", 'env["backups.work"].search([["address", "!=", ""]]).expires_at = "2020-01-01"')
    assert whole(site, f"/backups/download/{path}")[0].status == 404


def test_bk4_nobody_comes_by_another_customers_backups(house: Home) -> None:
    theirs = house.json("backup", "now", "demo")["id"]
    before = {row["name"] for row in house.json("db", "list")}
    site = signed_in(house, "rival")
    for kind, guess in (("download", theirs), ("restore", theirs), ("restore", theirs.replace("b-", ""))):
        assert "There is no backup of this id" in asked(site, kind, backup=guess)
    assert "There is no restored database" in asked(site, "discard", database="demo", confirm="demo")
    assert {row["name"] for row in house.json("db", "list")} == before
    assert theirs not in house.ok("shell", "rival", "-c", 'print(env["backups.backup"].search([]).mapped("short_id"))')


def test_bk4_who_is_no_manager_sees_and_asks_nothing(house: Home) -> None:
    clerk = signed_in(house, "demo", CLERK)
    assert clerk.get("/backups").status == 403
    clerk.get("/web/preferences")
    assert clerk.post("/backups/ask", {"kind": "backup"}).status == 403
    manager = signed_in(house, "demo")
    manager.get("/backups")
    manager.csrf = clerk.csrf
    assert manager.post("/backups/ask", {"kind": "backup"}).status == 403
    assert signed_in_control(house).get("/backups").status in {303, 404}


def test_bk4_a_manager_forges_no_outcome_and_no_backup(house: Home) -> None:
    site = signed_in(house, "demo")
    count = 'print(env["backups.work"].search_count([]) + env["backups.backup"].search_count([]))'
    before = house.ok("shell", "demo", "-c", count)
    site.get("/backups")
    for model, fields in (
        ("backups.work", {"kind": "download", "started_at": "2026-01-01 00:00", "address": "0" * 64}),
        ("backups.backup", {"short_id": "b-9", "uuid": "x", "taken_at": "2026-01-01 00:00"}),
        ("backups.database", {"name": "demo"}),
    ):
        assert site.post(f"/app/{model}/new", fields).status in {403, 404}
    assert house.ok("shell", "demo", "-c", count) == before
    assert house.shell("demo", GRANTED) == []


def test_bk5_a_restored_database_stands_beside_and_can_do_nothing_by_itself(house: Home) -> None:
    made = house.json("backup", "now", "rival")["id"]
    site = signed_in(house, "rival")
    assert f"Restore beside {made} rival-" in asked(site, "restore", backup=made)
    (beside,) = [row["name"] for row in house.json("db", "list") if row["name"].startswith("rival-")]
    # Whoever could sign in then need not be who may today: there he sees no other backup, and takes no place.
    old = signed_in(house, beside)
    assert made not in old.get("/backups").words
    for kind in ("restore", "undo"):
        assert "restored beside the one in use" in asked(old, kind, backup=made, confirm=beside)
    assert "The name that was typed" in asked(site, "swap", database=beside, confirm="rivals")
    assert f"Discard {beside} is done." in asked(site, "discard", database=beside, confirm=beside)
    assert beside not in {row["name"] for row in house.json("db", "list")}


def signed_in_control(home: Home) -> Site:
    return Site(home)
