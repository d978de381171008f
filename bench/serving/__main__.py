"""`python -m bench.serving`: a running instance, asked over HTTPS with a key; a table and JSON."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bench.instance import Running, instance

DATABASE = "demo"
FIELDS = ("name", "ref", "company_name", "email", "phone", "street", "city", "zip", "country_id", "customer_rank")
CLIENTS = (1, 8, 32)
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Served:
    """One run: what the server spent on a call and how its clients fared."""

    call: str
    clients: int
    idle: int
    per_second: float
    p50_ms: float
    p99_ms: float
    python_ms: float
    postgres_ms: float

    def row(self) -> dict[str, object]:
        """Give what is printed."""
        cpu = self.python_ms + self.postgres_ms
        return {
            "call": self.call, "clients": self.clients, "neighbours": self.idle, "per_second": round(self.per_second),
            "p50_ms": round(self.p50_ms, 2), "p99_ms": round(self.p99_ms, 2), "cpu_ms": round(cpu, 3),
            "outside_postgres": round(self.python_ms / cpu, 2),
        }  # fmt: skip


def main() -> int:
    """Run and report."""
    parser = argparse.ArgumentParser(prog="make bench-serving", description="The API over HTTPS.")
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--idle", type=int, default=900, help="idle connections; one worker takes 1,000 in all")
    asked = parser.parse_args()
    with instance() as running:
        rows = [one.row() for one in _runs(running, asked.seconds, asked.idle)]
    for row in rows:
        sys.stderr.write("  ".join(f"{name} {value}" for name, value in row.items()) + "\n")
    json.dump({"load": os.getloadavg()[0], "rows": rows}, sys.stdout, indent=2)
    sys.stdout.write("\n")
    return 0


def _runs(running: Running, seconds: float, idle: int) -> Iterable[Served]:
    running.growsoft(
        "user", "add", DATABASE, "bench", "--group", "contacts.user", "--password", "a password of a bench"
    )
    key = json.loads(running.growsoft("user", "key", "add", DATABASE, "bench", "--name", "bench", "--json"))["key"]
    found = running.call_api(DATABASE, key, "/json/2/res.partner/search", {"domain": [], "limit": 80})
    ids = msgspec.convert(found, list[int])
    calls: Mapping[str, tuple[str, Sequence[object]]] = {
        "get": ("read", [{"ids": [one], "fields": FIELDS} for one in ids]),
        "search_read 80": ("search_read", [{"domain": [], "fields": FIELDS, "limit": 80}]),
    }
    for name, (method, bodies) in calls.items():
        details = {"path": f"/json/2/res.partner/{method}", "bodies": [json.dumps(one) for one in bodies]}
        _load(running, key, details, 1, 1)  # what is made on first use is not measured
        for clients in CLIENTS:
            yield _measured(running, key, name, details, clients, seconds)
        yield _measured(running, key, name, details, 8, seconds, idle)


def _measured(
    running: Running, key: str, name: str, details: Mapping[str, object], clients: int, seconds: float, idle: int = 0
) -> Served:
    pids = _processes(running)
    before = {kind: _cpu(found) for kind, found in pids.items()}
    told = _load(running, key, details, clients, seconds, idle)
    spent = {kind: (_cpu(_processes(running)[kind]) - before[kind]) * 1000 / told["calls"] for kind in pids}
    return Served(
        name, clients, idle, told["calls"] / told["seconds"], told["p50_ms"], told["p99_ms"], spent["web"],
        spent["postgres"],
    )  # fmt: skip


def _load(
    running: Running, key: str, details: Mapping[str, object], clients: int, seconds: float, idle: int = 0
) -> dict[str, float]:
    asked = {
        **details, "key": key, "host": f"{DATABASE}.localhost", "port": running.port, "clients": clients, "idle": idle,
        "seconds": seconds, "ca": str(running.home / "ca" / "ca.pem"),
    }  # fmt: skip
    command = [sys.executable, "-m", "bench.serving.client"]
    done = subprocess.run(command, input=json.dumps(asked), stdout=subprocess.PIPE, text=True, check=True)
    told: dict[str, float] = json.loads(done.stdout)
    return told


def _processes(running: Running) -> dict[str, list[int]]:
    """Give the web workers, and all processes of the primary server."""
    told = json.loads((running.home / "run" / "up.json").read_text("utf-8"))["processes"]
    web = [process["pid"] for name, process in told.items() if name.startswith("web-")]
    primary = [process["pid"] for name, process in told.items() if name in ("postgres", "primary")]
    return {"web": web, "postgres": [*primary, *(pid for parent in primary for pid in _children(parent))]}


def _children(parent: int) -> list[int]:
    return [
        int(pid)
        for task in Path(f"/proc/{parent}/task").iterdir()
        for pid in (task / "children").read_text("ascii").split()
    ]


def _cpu(pids: Iterable[int]) -> float:
    """Give the seconds of processor that processes have used."""
    spent = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
        spent += int(fields[11]) + int(fields[12])
    return spent / _TICK


if __name__ == "__main__":
    sys.exit(main())
