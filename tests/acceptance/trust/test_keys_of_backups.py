"""Keys of backups: rotated without losing one, handed out, destroyed for ever by order or by the clock."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from growsoft.security import open_escrow
from tests.support.instance import Home

PASSPHRASE = "vier Saiten und ein Bogen"

# Everything that is left of a purged customer: stolen objects of a site, this instance's key, and its registry.
STEAL = """
import json, sys
from pathlib import Path
from uuid import UUID
from growsoft.cli.instance import open_instance
from growsoft.security.keyring import KeyUnusable, WrappedKey
from growsoft_cloud.backup.catalogue import ControlKeys
from growsoft_cloud.backup.manifest import read_manifest
data = Path(sys.argv[1]).read_bytes()
with open_instance() as instance:
    manifest = read_manifest(data, [instance.keyring])
    try:
        wrapped = ControlKeys(instance).find(manifest.database.uuid, manifest.keys.customer_key_id)
        key = instance.keyring.unwrap(WrappedKey.from_text(manifest.keys.data_key), wrapped)
        print(json.dumps("opened"))
    except KeyUnusable as error:
        print(json.dumps(error.message))
"""
LATER = """
from datetime import UTC, datetime, timedelta
from growsoft.cli.instance import open_instance
from growsoft_cloud.operations.fleet import open_fleet
from growsoft_cloud.operations.work import Work
import sys
with open_instance() as instance, open_fleet(instance) as fleet:
    Work(fleet, lambda: datetime.now(UTC) + timedelta(days=int(sys.argv[1])), None).end_of_life()
"""


def script(home: Home, text: str, *words: str | Path) -> str:
    done = subprocess.run([sys.executable, "-c", text, *map(str, words)], env=dict(home.environ), cwd="/",
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def row(home: Home, name: str) -> dict[str, Any]:
    (found,) = [one for one in home.json("db", "list", "--all") if one["name"] == name]
    return dict(found)


def stolen(home: Home, backup: str, folder: Path) -> Path:
    """Copy the manifest of a backup from a site, as a thief would."""
    there = (home.state.sites / "frankfurt" / "manifest").iterdir()
    (manifest,) = [path for path in there if backup.encode() in path.read_bytes().partition(b"\n")[0]]
    shutil.copy(manifest, folder / "manifest")
    (folder / "manifest").chmod(0o644)
    for parent in (folder, folder.parent):
        parent.chmod(0o755)
    return folder / "manifest"


def test_a_rotated_key_leaves_older_backups_readable_and_an_escrow_opens_both(
    running_instance: Home, tmp_path: Path
) -> None:
    home = running_instance
    home.ok("db", "create", "rotating")
    first = home.json("backup", "now", "rotating")
    manifest = stolen(home, first["uuid"], tmp_path)
    assert home.json("backup", "rotate-key", "rotating") == {"database": "rotating", "key_id": 2}
    home.json("backup", "now", "rotating")
    assert all(one["readable"] for one in home.json("backup", "list", "rotating"))
    home.ok("backup", "restore", first["id"], "--into", "rotated")
    short = home.run("backup", "escrow", "rotating", "--output", tmp_path / "no", stdin="short\n")
    assert short.code == 1
    told = home.ok("backup", "escrow", "rotating", "--output", tmp_path / "escrow", "--json", stdin=f"{PASSPHRASE}\n")
    assert json.loads(told)["key_ids"] == [2, 1]
    keys = open_escrow.customer_keys((tmp_path / "escrow").read_bytes(), PASSPHRASE)
    assert len(open_escrow.data_key(manifest.read_bytes(), keys)) == 32
    # A key that is lost is not found out at the restore.
    home.ok(
        "shell",
        "control",
        "-c",
        """
row = env["instance.database"].search([["name", "=", "rotating"]])
row.write({"backup_key": row.backup_key.split()[0]})
""",
    )
    listed = {one["id"]: one["readable"] for one in home.json("backup", "list", "rotating")}
    assert listed[first["id"]] is False
    assert sorted(set(listed.values())) == [False, True]
    for name in ("rotating", "rotated"):
        home.ok("db", "drop", name, "--confirm", name, "--without-backup")


def test_what_was_purged_cannot_be_opened_with_the_instance_key(running_instance: Home, tmp_path: Path) -> None:
    home = running_instance
    home.ok("db", "create", "doomed")
    made = home.json("backup", "now", "doomed")
    manifest = stolen(home, made["uuid"], tmp_path)
    assert json.loads(script(home, STEAL, manifest)) == "opened"
    refused = home.run("db", "purge", "doomed")
    assert refused.code == 5
    assert row(home, "doomed")["state"] == "active"
    done = home.json("db", "purge", "doomed", "--confirm", "doomed")
    assert made["id"] in done["backups"]
    assert done["control_backups"]
    assert done["control_until"]
    assert row(home, "doomed")["state"] == "purged"
    assert "destroyed" in json.loads(script(home, STEAL, manifest))
    assert home.run("backup", "restore", made["id"], "--into", "risen").code == 3
    assert home.run("db", "purge", "doomed", "--confirm", "doomed").code == 3


def test_a_dropped_database_is_purged_by_itself_after_92_days_and_not_before(running_instance: Home) -> None:
    home = running_instance
    home.ok("db", "create", "fading")
    home.json("backup", "now", "fading")
    home.ok("db", "drop", "fading", "--confirm", "fading", "--without-backup")
    script(home, LATER, "91")
    assert row(home, "fading")["state"] == "dropped"
    assert home.json("backup", "list", "fading")
    script(home, LATER, "93")
    assert row(home, "fading")["state"] == "purged"
    assert home.json("backup", "list", "fading") == []
