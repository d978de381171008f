"""A whole instance: how long a customer's database takes, and what one more costs a serving process."""

from __future__ import annotations

import json
import os
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPSConnection
from pathlib import Path

DATABASES = 20


@dataclass(frozen=True, slots=True)
class Running:
    """A running instance and how to reach it."""

    environ: Mapping[str, str]
    home: Path
    port: int

    def growsoft(self, *argv: str) -> str:
        """Run a command; give what it prints."""
        command = [sys.executable, "-m", "growsoft.cli.main", *argv]
        return subprocess.run(command, env=self.environ, check=True, capture_output=True, text=True).stdout

    def open_page(self, name: str) -> int:
        """Ask for a sign-in page; give the status."""
        connection = self._connect(name)
        connection.request("GET", "/web/login", headers={"Connection": "close"})
        return connection.getresponse().status

    def call_api(self, name: str, key: str, path: str, body: object) -> object:
        """Call a method by JSON-2; give its result."""
        connection = self._connect(name)
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Connection": "close"}
        connection.request("POST", path, json.dumps(body), headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != HTTPStatus.OK:
            raise RuntimeError(said.decode())
        return json.loads(said)

    def _connect(self, name: str) -> HTTPSConnection:
        host = f"{name}.localhost"
        context = ssl.create_default_context(cafile=str(self.home / "ca" / "ca.pem"))
        raw = socket.create_connection(("127.0.0.1", self.port))
        connection = HTTPSConnection(host, self.port, context=context)
        connection.sock = context.wrap_socket(raw, server_hostname=host)
        return connection

    def worker_pss(self) -> float:
        """Give the proportional memory of the heaviest web worker, in MB."""
        told = json.loads((self.home / "run" / "up.json").read_text("utf-8"))
        pids = [process["pid"] for name, process in told["processes"].items() if name.startswith("web-")]
        return max(_pss(pid) for pid in pids)


@contextmanager
def instance() -> Generator[Running]:
    """Start an instance of its own, and stop it."""
    with tempfile.TemporaryDirectory(prefix="gs-bench-") as folder:
        Path(folder).chmod(0o755)
        home, port = Path(folder, "home"), _free_port()
        passed = {key: value for key, value in os.environ.items() if not key.startswith("GROWSOFT_")}
        environ = {**passed, "GROWSOFT_HOME": str(home), "GROWSOFT_PORT": str(port), "GROWSOFT_WEB_WORKERS": "1"}
        running = Running(environ, home, port)
        running.growsoft("up", "--detach")
        try:
            yield running
        finally:
            running.growsoft("down")


def run(databases: int = DATABASES) -> dict[str, object]:
    """Create databases one after the other, open each in the one worker, and weigh the worker."""
    with instance() as running:
        first = json.loads(running.growsoft("db", "create", "bench-1", "--json"))
        running.open_page("bench-1")
        with_one = running.worker_pss()
        seconds: list[float] = []
        for number in range(2, databases + 1):
            made = json.loads(running.growsoft("db", "create", f"bench-{number}", "--json"))
            seconds.append(float(made["seconds"]))
            running.open_page(f"bench-{number}")
        with_all = running.worker_pss()
    return {
        "first_database_s": round(float(first["seconds"]), 3),
        "database_s": round(statistics.median(seconds), 3),
        "databases": databases,
        "worker_pss_mb_1": round(with_one, 1),
        f"worker_pss_mb_{databases}": round(with_all, 1),
        "mb_per_database": round((with_all - with_one) / (databases - 1), 2),
    }


def _pss(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise LookupError(f"the kernel does not tell the memory of process {pid}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
