"""BK-4: with the key and stock tools alone an archive becomes a database: our script, zstd, psql and pg_restore."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest

from growsoft.postgres.sql import ident, sql
from growsoft.postgres.superuser import superuser
from growsoft.security import decrypt_stream
from growsoft.security.keyring import WrappedKey
from growsoft_cloud.backup.folder import FolderSite
from growsoft_cloud.backup.guard import FileGuard
from growsoft_cloud.backup.manifest import open_contents, read_unproven
from growsoft_cloud.backup.records import SiteCatalogue
from growsoft_cloud.backup.service import BackupService
from growsoft_cloud.fleet import BackupPolicy, Retention
from tests.integration.backup.conftest import SHOP, Place
from tests.integration.backup.local import BareCluster
from tests.integration.backup.small import Keys, subject_of
from tests.unit.backup.cases import KEYRING
from tests.unit.backup.places import GRAVELINES, three_sites

pytestmark = pytest.mark.postgres


def test_bk4_an_archive_is_restored_with_the_key_and_stock_tools_alone(
    home: Place, fresh: Place, shop: str, tmp_path: Path
) -> None:
    sites, keys = three_sites(tmp_path), Keys()
    service = BackupService(
        instance=UUID(int=3), keyring=KEYRING, policy=BackupPolicy(Retention(), sites, GRAVELINES),
        cluster=BareCluster(home), catalogue=SiteCatalogue(sites, [KEYRING]), customer_keys=keys,
        guard=FileGuard(tmp_path / "guard"),
    )  # fmt: skip
    record = service.backup_now(subject_of(shop, SHOP))
    # All that is taken from us: one site's two objects, and the key.
    manifest = read_unproven((sites[2].path / record.manifest_object.name).read_bytes())
    data_key = KEYRING.unwrap(WrappedKey.from_text(manifest.keys.data_key), keys.current(SHOP))
    dump = decrypted(sites[2], manifest.archive.name, data_key, f"growsoft-backup-1/archive/{manifest.id}", tmp_path)
    roles = open_contents(manifest, data_key).roles_sql
    with superuser(fresh.endpoint()) as connection:
        connection.run(sql("CREATE DATABASE copy TEMPLATE template0"))
    at = fresh.endpoint("copy")
    environ = {**os.environ, "PGPASSWORD": at.password, "PGHOST": at.host, "PGPORT": str(at.port), "PGUSER": at.user}
    bindir = fresh.binaries.bindir
    subprocess.run([bindir / "psql", "-X", "-v", "ON_ERROR_STOP=1", "-d", "copy"], input=roles.encode(), env=environ,
                   check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    subprocess.run([bindir / "pg_restore", "--exit-on-error", "-d", "copy", dump], env=environ, check=True)
    assert rows(fresh, "copy") == rows(home, shop)


def decrypted(site: FolderSite, archive: str, data_key: bytes, bound: str, folder: Path) -> Path:
    """Run the script as anybody would, then decompress what it wrote."""
    key, plain, dump = folder / "key", folder / "archive.zst", folder / "archive.dump"
    key.write_text(data_key.hex())
    script = folder / "decrypt_stream.py"  # away from the product: it must need nothing of it
    shutil.copy(decrypt_stream.__file__, script)
    subprocess.run([sys.executable, "-I", script, key, site.path / archive, plain, bound], check=True)
    tool = shutil.which("zstd")
    if tool is None:
        pytest.skip("this system has no zstd, a stock tool that the test is about")
    subprocess.run([tool, "-q", "-d", plain, "-o", dump], check=True)
    return dump


def rows(place: Place, name: str) -> list[object]:
    with superuser(place.endpoint(name)) as connection:
        tables = ("partner", "sale_order")
        found = [connection.run(sql("SELECT * FROM {t} ORDER BY id", t=ident(table))).all() for table in tables]
        return [
            *found,
            connection.run(sql("SELECT polname, polroles::regrole[]::text FROM pg_policy ORDER BY 1")).all(),
        ]
