"""Somebody with a key in the demo database, and the tools that read the description of the API."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.instance import Home, new_instance

ROOT = Path(__file__).parents[3]
TOOLS = ROOT / ".venv-clients" / "bin"


@dataclass(frozen=True)
class Holder:
    """Who holds a key, and where he shows it."""

    home: Home
    key: str
    description: Path

    @property
    def url(self) -> str:
        """By this name every resolver knows this machine; the database is named by the Host field."""
        return f"https://localhost:{self.home.port}"

    @property
    def host(self) -> str:
        return f"demo.localhost:{self.home.port}"

    @property
    def authority(self) -> Path:
        return self.home.state.ca / "ca.pem"


@pytest.fixture(scope="session")
def holder(tmp_path_factory: pytest.TempPathFactory) -> Generator[Holder]:
    """A sales manager of the demo database with a key, and what the API tells him of itself."""
    with new_instance() as home:
        home.ok(
            "user", "add", "demo", "api", "--group", "admin", "--group", "sale.manager", "--password", "for a test 1"
        )
        key = str(home.json("user", "key", "add", "demo", "api", "--name", "tools")["key"])
        description = tmp_path_factory.mktemp("api") / "openapi.json"
        holder = Holder(home, key, description)
        description.write_bytes(ask(holder, "GET", "/api/1/openapi.json", {}).body)
        yield holder


class Said(NamedTuple):
    """What came back."""

    status: int
    kind: str
    body: bytes


def ask(holder: Holder, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Said:
    """Send a request, and read what comes back."""
    trust = ssl.create_default_context(cafile=str(holder.authority))
    connection = HTTPSConnection("localhost", holder.home.port, context=trust, timeout=60)
    with closing(connection):
        connection.putrequest(method, path, skip_host=True)
        for name, value in {"host": holder.host, "authorization": f"Bearer {holder.key}", **headers}.items():
            connection.putheader(name, value)
        if body:
            connection.putheader("content-length", str(len(body)))
        connection.endheaders(body or None)
        with connection.getresponse() as answer:
            return Said(answer.status, answer.getheader("content-type", ""), answer.read())


def run_tool(name: str, *arguments: str, cwd: Path) -> str:
    """Run one of the tools; an error of it fails the test with what it said."""
    done = subprocess.run([TOOLS / name, *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    said = done.stdout[-6000:] + done.stderr[-2000:]
    assert done.returncode == 0, said
    return said
