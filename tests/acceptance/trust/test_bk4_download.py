"""BK-4: a downloaded backup is restored by psql and pg_restore alone, and holds nothing that signs anybody in."""

from __future__ import annotations

import csv
import hashlib
import os
import subprocess
from collections.abc import Generator, Mapping
from pathlib import Path

import pytest

from growsoft.postgres.connection import Endpoint
from growsoft.postgres.sql import ident, sql
from growsoft.postgres.superuser import superuser
from growsoft.testing.cluster import Cluster, ephemeral_cluster
from tests.support.instance import Home

PASSWORD = "vier Saiten und ein Bogen"
DATABASES = 'print(json.dumps(env["instance.database"].search_read([], ["pg_name"])))'
COUNTS = """
print(json.dumps({name: env[name].search_count([]) for name in ("res.partner", "sale.order", "sale.order.line")}))
"""

LETTER = b"%PDF-1.4 a letter to Brasserie de l'Abbaye, " + bytes(range(256)) * 700
ATTACH = f"""
if not env["ir.attachment"].search_count([["name", "=", "=letter.pdf"]]):
    partner = env["res.partner"].search([], limit=1)
    letter = {LETTER[:44]!r} + bytes(range(256)) * 700
    for name in ("=letter.pdf", "the same again.pdf"):
        env["ir.attachment"].create({{"name": name, "res_model": "res.partner", "res_id": partner.id, "datas": letter}})
"""


@pytest.fixture
def stock() -> Generator[Cluster]:
    """A PostgreSQL that has never heard of us."""
    with ephemeral_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def downloaded(running_instance: Home, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], Path]:
    """The demo database, with a user who has a password and a partner with two files, as its customer gets it."""
    home = running_instance
    home.ok("shell", "demo", "-c", ATTACH)
    if "stock@example.com" not in home.ok("user", "list", "demo"):
        home.ok("user", "add", "demo", "stock@example.com", "--group", "base.user", "--password-stdin", stdin=PASSWORD)
    made = home.json("backup", "now", "demo")
    folder = tmp_path_factory.mktemp("downloaded")
    folder.parent.chmod(0o755)
    told = home.json("backup", "download", made["id"], "--output", folder / "demo.tar")
    return told, folder / "demo.tar"


def test_bk4_a_download_is_restored_with_stock_tools_without_an_error(
    running_instance: Home, downloaded: tuple[dict[str, object], Path], stock: Cluster, tmp_path: Path
) -> None:
    told, file = downloaded
    assert hashlib.sha256(file.read_bytes()).hexdigest() == told["sha256"]
    checksum = file.with_name("demo.tar.sha256").read_text()
    assert checksum == f"{told['sha256']}  demo.tar\n"
    assert file.stat().st_mode & 0o077 == 0
    subprocess.run(["tar", "-xf", file, "-C", tmp_path], check=True)
    folder = tmp_path / f"demo-{told['backup']}"
    subprocess.run(["sha256sum", "--quiet", "--check", "SHA256SUMS"], cwd=folder, check=True)
    typed = [line.split() for line in (folder / "README.txt").read_text().splitlines() if line.startswith("    ")][1:]
    assert [words[0] for words in typed] == ["createdb", "psql", "pg_restore"]
    for words in typed:
        done = subprocess.run(
            [stock.server.binaries.bindir / words[0], *words[1:]],
            cwd=folder, env=of(stock), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "error" not in done.stderr.lower(), done.stderr
    expected = running_instance.shell("demo", COUNTS)
    with superuser(at(stock, "NEW")) as connection:
        for model, rows in expected.items():
            table = ident(model.replace(".", "_"))
            assert connection.run(sql("SELECT count(*) FROM {table}", table=table)).scalar() == rows
        # The wall came along: policies with their roles, and forced on the owner too.
        forced = connection.run(sql("SELECT relforcerowsecurity FROM pg_class WHERE relname = 'sale_order'")).scalar()
        assert forced is True
        assert connection.run(sql("SELECT count(*) FROM gs_priv.audit")).scalar() > 0


def test_bk4_nothing_that_signs_anybody_in_leaves_with_a_download(
    downloaded: tuple[dict[str, object], Path], stock: Cluster, tmp_path: Path
) -> None:
    _told, file = downloaded
    subprocess.run(["tar", "-xf", file, "-C", tmp_path], check=True)
    (folder,) = tmp_path.glob("demo-b-*")
    bindir = stock.server.binaries.bindir
    listed = subprocess.run([bindir / "pg_restore", "--list", folder / "database.dump"], capture_output=True,
                            text=True, check=True).stdout  # fmt: skip
    data = {line.split(" TABLE DATA ")[1].split()[1] for line in listed.splitlines() if " TABLE DATA gs_priv " in line}
    assert data == {"audit", "seal"}
    assert "TABLE DATA public sale_order" in listed


def test_bk4_attached_files_are_in_a_download_as_their_owner_knows_them(
    downloaded: tuple[dict[str, object], Path], tmp_path: Path
) -> None:
    told, file = downloaded
    subprocess.run(["tar", "-xf", file, "-C", tmp_path], check=True)
    folder = tmp_path / f"demo-{told['backup']}"
    with (folder / "files.csv").open(newline="") as text:
        rows = [row for row in csv.DictReader(text) if row["name"] in {"'=letter.pdf", "the same again.pdf"}]
    assert [row["table"] for row in rows] == ["public.ir_attachment"] * 2
    (path,) = {row["file"] for row in rows}  # the same content lies there once
    assert (folder / path).read_bytes() == LETTER
    assert told["missing"] == 0
    assert "Files: " in (folder / "README.txt").read_text()


def test_bk4_a_download_leaves_nothing_decrypted_or_half_made_behind(
    running_instance: Home, downloaded: tuple[dict[str, object], Path]
) -> None:
    del downloaded
    state = running_instance.state
    served = {row["pg_name"] for row in running_instance.shell("control", DATABASES)}
    assert {path.name for path in state.files.iterdir()} <= served
    assert not list((state.scratch / "download").glob("**/*"))


def test_bk4_a_download_overwrites_no_file_and_leaves_nothing_when_it_fails(
    running_instance: Home, tmp_path: Path
) -> None:
    there = tmp_path / "there.tar"
    there.write_text("mine")
    refused = running_instance.run("backup", "download", "b-0001", "--output", there)
    assert (refused.code, there.read_text()) == (2, "mine")
    missing = running_instance.run("backup", "download", "b-9999", "--output", tmp_path / "missing.tar")
    assert missing.code == 3
    assert not any(path.stat().st_size for path in tmp_path.glob("missing.tar*"))


def test_bk4_the_registry_of_all_customers_is_never_downloaded(running_instance: Home, tmp_path: Path) -> None:
    control = running_instance.json("backup", "list", "control")[0]["id"]
    refused = running_instance.run("backup", "download", control, "--output", tmp_path / "control.tar")
    assert refused.code == 1
    assert "keys of all customers" in refused.err


def test_bk4_who_downloaded_what_is_written_down(
    running_instance: Home, downloaded: tuple[dict[str, object], Path]
) -> None:
    runs = 'env["fleet.run"].search([["kind", "=", "download"]])'
    told = running_instance.shell("control", f"print(json.dumps([[r.backup, r.operator, r.message] for r in {runs}]))")
    (entry,) = [row for row in told if row[0] == downloaded[0]["backup"]]
    assert entry[1]
    assert str(downloaded[0]["sha256"]) in entry[2]


def of(stock: Cluster) -> Mapping[str, str]:
    return {
        **os.environ, "PGPASSWORD": stock.password, "PGHOST": str(stock.socket_dir), "PGPORT": str(stock.port),
        "PGUSER": stock.superuser,
    }  # fmt: skip


def at(stock: Cluster, dbname: str) -> Endpoint:
    return Endpoint(str(stock.socket_dir), stock.port, dbname, stock.superuser, stock.password)
