"""A home that an older version made, upgraded by this one: everything is there afterwards, and again nothing to do.

`python3 tests/acceptance/upgrade_from.py REVISION...` needs nothing but Python, git, and a network or a cache of the
packages. Each revision is cloned and started with its demo database; then this version takes its home over. Ends with
1 when one of them fails; the others are still tried.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[2]
# What would lead a version to another instance than its own.
NOT_OURS = ("GROWSOFT_", "VIRTUAL_ENV", "XDG_RUNTIME_DIR", "MAKE", "MFLAGS")
# What people entered, as rows that are the same in every version; a model that a version does not have is left out.
CONTENT = """
import hashlib, json
asked = {
    "res.partner": ["name", "ref", "email"], "product.product": ["name", "list_price"], "res.users": ["login", "name"],
    "sale.order": ["name", "amount_total", "note"], "sale.order.line": ["name", "product_uom_qty", "price_subtotal"],
    "res.company": ["name"], "res.country": ["code"], "res.currency": ["name"],
}
told = {}
for model, names in asked.items():
    if model in env.registry.models:
        rows = env[model].search_read([], names, order="id")
        text = repr([[row["id"], *(str(row[name]) for name in names)] for row in rows])
        told[model] = [len(rows), hashlib.sha256(text.encode()).hexdigest()]
print(json.dumps(told))
"""


class Failed(Exception):
    """A step did not do what it should."""


@dataclass(frozen=True)
class Version:
    """The commands of one version on the home of an instance."""

    growsoft: Path
    home: Path
    port: int

    def run(self, *arguments: str) -> str:
        """Run a command; give what it printed. Raises ``Failed`` with all that it said."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_OURS)}
        environ = {**kept, "GROWSOFT_HOME": str(self.home), "GROWSOFT_PORT": str(self.port)}
        done = subprocess.run(
            [str(self.growsoft), *arguments], env=environ, cwd="/", capture_output=True, text=True, check=False
        )
        if done.returncode:
            said = f"{done.stdout}\n{done.stderr}".strip()
            raise Failed(f"growsoft {' '.join(arguments)[:60]} ended with {done.returncode}:\n{said[-6000:]}")
        return done.stdout

    def databases(self) -> list[str]:
        """Name the customers' databases."""
        return [row["name"] for row in json.loads(self.run("db", "list", "--json"))]

    def content(self) -> dict[str, Mapping[str, list[object]]]:
        """Give what people entered, for each database."""
        return {name: json.loads(self.run("shell", name, "-c", CONTENT).splitlines()[-1]) for name in self.databases()}

    def signs_in(self) -> None:
        """See the sign-in page, by a certificate of the instance's own authority."""
        context = ssl.create_default_context(cafile=str(self.home / "ca" / "ca.pem"))
        with urlopen(f"https://localhost:{self.port}/web/login", context=context) as answer:
            if b'name="password"' not in answer.read():
                raise Failed("the sign-in page is none")


def main(revisions: Sequence[str]) -> int:
    """Go through each revision."""
    if not revisions:
        sys.stderr.write("Say from which revisions: upgrade_from.py REVISION...\n")
        return 2
    failed = 0
    for revision in revisions:
        work = Path(tempfile.mkdtemp(prefix="gs-from-", dir="/tmp"))
        work.chmod(0o711)
        began = time.monotonic()
        try:
            _upgrade_from(revision, work)
        except Failed as error:
            failed += 1
            sys.stdout.write(f"{revision}: FAILED after {time.monotonic() - began:.0f} s\n{error}\n")
        else:
            sys.stdout.write(f"{revision}: upgraded, all data there ({time.monotonic() - began:.0f} s)\n")
            shutil.rmtree(work, ignore_errors=True)
        sys.stdout.flush()
    return 1 if failed else 0


def _upgrade_from(revision: str, work: Path) -> None:
    clone, home, port = work / "clone", work / "home", _free_port()
    _git("clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone))
    _git("-C", str(clone), "checkout", "--quiet", revision)
    subprocess.run([str(clone / "scripts/venv"), ".venv", "runtime", "build"], cwd=clone, check=True)
    old, new = (Version(folder / ".venv/bin/growsoft", home, port) for folder in (clone, ROOT))
    try:
        old.run("up", "--detach")
        before = old.content()
    finally:
        old.run("down")
    if not before:
        raise Failed("the older version made no demo database")
    try:
        new.run("up", "--detach")
        new.run("db", "upgrade", "--all")
        _compare(before, new.content())
        again = json.loads(new.run("db", "upgrade", "--all", "--json"))
        if again:
            raise Failed(f"the second upgrade found something to do: {again}")
        new.signs_in()
        new.run("down")
        new.run("up", "--detach")
        _compare(before, new.content())
        new.signs_in()
    finally:
        new.run("down")


def _compare(before: Mapping[str, Mapping[str, object]], after: Mapping[str, Mapping[str, object]]) -> None:
    for database, told in before.items():
        for model, rows in told.items():
            if after.get(database, {}).get(model) != rows:
                raise Failed(f"{model} of {database} was {rows} and is {after.get(database, {}).get(model)}")


def _git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=ROOT, check=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
